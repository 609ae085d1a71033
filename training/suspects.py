"""Rows that are likely mislabelled, by the cross-fitted chances of the fit.

How many: confident learning (Northcutt et al. 2021). Which: those with the smallest chance of the label they were
given, which finds more planted errors than the margin to the likeliest label does.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.heads import HeadSpec, Held
from model.labels import SEPARATOR
from training.findings import Cell, Finding, Kind, Place

__all__ = ["suspects"]

_ENOUGH = 50  # texts; the chances of fewer say little
_DOUBTFUL = 0.2  # a given label that is likelier than this is not called wrong


def suspects(
    spec: HeadSpec, held: Held, places: Sequence[Sequence[Place]], column: str = "", most: int | None = None
) -> list[Finding]:
    """The rows that are most likely mislabelled in one head, the surest first; `places` are the rows behind each text.

    `column` is what the head is called in the files. `held` are cross-fitted chances; texts beyond `places` are left
    out. Rows are taken among those whose likeliest label is another than the given one, by the chance of the given
    label: as many as confident learning estimates to be wrong, if that chance is below a fifth, or `most`. None for
    fewer than 50 texts.
    """
    here = held.rows < len(places)
    at, chances, truth = held.rows[here].tolist(), held.chances[here], held.truth[here]
    if len(at) < _ENOUGH:
        return []
    said = chances >= 0.5 if spec.several else np.zeros(truth.shape, np.bool_)
    said[np.arange(len(said)), chances.argmax(1)] = True
    given = np.where(truth, chances, 1 - chances).min(1) if spec.several else chances[truth]
    wrong = np.flatnonzero((said != truth).any(1))
    if most is None:
        wrong, most = wrong[given[wrong] < _DOUBTFUL], _estimate(spec, chances, truth, said)
    found = []
    for row in wrong[np.argsort(given[wrong], kind="stable")][:most].tolist():
        label, likelier = (SEPARATOR.join(np.array(spec.labels)[side[row]].tolist()) for side in (truth, said))
        sure = float(1 - given[row])
        what = f"“{column or spec.name}”标为“{label}”，更像“{likelier}”（是“{label}”的可能只有 {1 - sure:.1%}）"
        cells = tuple(Cell(place, label) for place in places[at[row]])
        found.append(Finding(Kind.SUSPECT, what, "请人再看一眼", column or spec.name, cells, likelier, sure))
    return found


def _estimate(spec: HeadSpec, chances: NDArray[np.float64], truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> int:
    """How many rows confident learning calls wrong: a label not given is as sure as it usually is where it is given.

    With several labels also: a given one is as unsure as it usually is where it is not given.
    """
    usual = (chances * truth).sum(0) / np.maximum(truth.sum(0), 1)
    wrong = (chances >= usual) & said & ~truth
    if spec.several:
        wrong |= (chances <= (chances * ~truth).sum(0) / np.maximum((~truth).sum(0), 1)) & ~said & truth
    return int(wrong.any(1).sum())
