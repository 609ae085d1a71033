"""Heads that lean on another: 轻 is praise of a laptop and blame of a book, so words may count by another label.

A leaning head has, beside its own weights, a set of further ones for each label of its gate, the other head; a text's
decision value is that of its own weights plus that of the set of the gate's likeliest label (Daumé 2007, Frustratingly
Easy Domain Adaptation, with the domain recognised from the text). Given that label it is still one linear form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.calibration import PAIR
from model.heads import FittedHead, HeadSpec, fit_head, layout_of
from model.kernel import likeliest
from model.labels import split_cell
from model.linear import HUGE, PLENTY
from model.solver import decide_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Leaning", "fit_leanings", "leanings_layout", "spread"]

_SETS = 16  # further outputs of a bundle at most: they cost time in use
_GAIN = 0.002  # of cross-fitted macro-F1, for which a head leans


@dataclass(frozen=True)
class Leaning:
    """`head` leans on `gate`, both numbers of heads; `weights` (features, gate's labels x head's outputs)."""

    head: int
    gate: int
    weights: NDArray[np.float32]


def fit_leanings(
    specs: Sequence[HeadSpec],
    fitted: list[FittedHead],
    matrix: "csr_matrix",
    fold: NDArray[np.int64],
    labels: Mapping[str, Sequence[str]],
    precision: Sequence[NDArray[np.float64]],
) -> list[Leaning]:
    """Let heads lean where that raises their cross-fitted macro-F1 by .2 points; changes `fitted` in place.

    Each head, those of few outputs first, is tried with the head of most labels that fits: with few rows or very many
    none is. The gate's label of a row is the true one where machines learn, the cross-fitted one where they are judged.
    """
    leanings: list[Leaning] = []
    taken: set[int] = set()
    left = _SETS
    for at in sorted(range(len(specs)), key=lambda one: specs[one].outputs):
        able = [
            one
            for one in range(len(specs))
            if one != at
            and not (specs[one].several or specs[at].several)
            and specs[at].outputs * len(specs[one].labels) <= left
            and PLENTY <= min(len(fitted[one].held.rows), len(fitted[at].held.rows)) <= len(fold) < HUGE
            and all(one != leaning.head for leaning in leanings)
        ]
        if not able or at in taken:
            continue
        gate = max(able, key=lambda one: len(specs[one].labels))
        true, told = _gates(specs[gate], fitted[gate], matrix, labels[specs[gate].name])
        count, name = len(specs[gate].labels), specs[at].name
        recipes = fitted[at].held.recipes
        found = fit_head(
            specs[at], _widen(matrix, true, count), fold, labels[name], precision[at], recipes,
            _widen(matrix, told, count),
        )  # fmt: skip
        if found.macro_f1 >= fitted[at].macro_f1 + _GAIN:
            features, root = matrix.shape[1], np.float32(np.sqrt(0.5))
            sets = (found.weights[features:] * root).reshape(count, features, -1).transpose(1, 0, 2)
            leanings.append(Leaning(at, gate, np.ascontiguousarray(sets.reshape(features, -1))))
            fitted[at] = FittedHead(
                found.weights[:features] * root, found.bias, found.slope, found.shift, found.threshold, found.cut,
                found.held, found.scores,
            )  # fmt: skip
            taken.add(gate)
            left -= leanings[-1].weights.shape[1]
    return leanings


def leanings_layout(specs: Sequence[HeadSpec], pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """For each (head, gate): the head's first output and outputs, the gate's and its labels, and the first of the sets'
    outputs, which follow those of the heads and one more; shape (pairs, 5).

    >>> leanings_layout([HeadSpec("sentiment", ("好", "差")), HeadSpec("product", ("书", "水果", "酒店"))], [(0, 1)])
    array([[0, 1, 1, 3, 5]])
    """
    layout = layout_of(specs)
    first = sum(spec.outputs for spec in specs) + 1
    rows = []
    for head, gate in pairs:
        rows.append((layout[head, 1], specs[head].outputs, layout[gate, 1], len(specs[gate].labels), first))
        first += specs[head].outputs * len(specs[gate].labels)
    return np.array(rows, np.int64).reshape(-1, 5)


def spread(direction: NDArray[np.float64], scores: NDArray[np.float64], leanings: NDArray[np.int64]) -> None:
    """Give the sets that one text uses, `scores` its decision values (outputs,), the directions of their heads."""
    for output, outputs, gate, labels, first in leanings.tolist():
        chosen = first + outputs * likeliest(scores, gate, labels)
        direction[chosen : chosen + outputs] = direction[output : output + outputs]


def _gates(
    spec: HeadSpec, fitted: FittedHead, matrix: "csr_matrix", cells: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The gate's label of each row: the true one where there is one, and the one that is told from the text alone."""
    scores = np.empty((matrix.shape[0], fitted.weights.shape[1]))
    rows, ones = np.arange(len(scores)), np.ones(len(scores), np.float32)
    ends, columns = matrix.indptr.astype(np.int64, copy=False), matrix.indices.astype(np.int32, copy=False)
    decide_rows(ends, columns, matrix.data, rows, ones, fitted.weights, fitted.bias.astype(np.float32), scores)
    scores[fitted.held.rows] = fitted.scores
    told = (scores[:, 0] > 0).astype(np.int64) if spec.kind == PAIR else scores.argmax(1)
    place = {label: at for at, label in enumerate(spec.labels)}
    named = [split_cell(cell) for cell in cells]
    true = [place[names[0]] if names else one for names, one in zip(named, told.tolist(), strict=True)]
    return np.array(true, np.int64), told


def _widen(matrix: "csr_matrix", gates: NDArray[np.int64], count: int) -> "csr_matrix":
    """Each row twice beside itself: its features, and again as those of its gate's label; of length 1 as before."""
    from scipy.sparse import csr_matrix

    rows, features = matrix.shape
    columns = np.empty((matrix.nnz, 2), np.int32)
    columns[:, 0] = matrix.indices
    columns[:, 1] = matrix.indices + features * (1 + np.repeat(gates, np.diff(matrix.indptr)))
    values = np.repeat(matrix.data * np.float32(np.sqrt(0.5)), 2)
    ends = matrix.indptr.astype(np.int64) * 2
    return csr_matrix((values, columns.ravel(), ends), shape=(rows, features * (1 + count)))
