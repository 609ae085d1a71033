"""One head of a classifier: its labels, and how its outputs, probabilities and thresholds are learnt from rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.calibration import (
    PAIR,
    SEVERAL,
    SINGLE,
    bent,
    best_cut,
    calibrate,
    fit_sigmoids,
    fit_softmax,
    thresholds,
)
from model.labels import split_cell
from model.linear import Recipe, fit_blend

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["FittedHead", "HeadSpec", "Held", "fit_head", "layout_of", "macro_f1"]

_MATTERS = 0.005  # macro-F1 that shifts towards frequent labels may cost before they are left out


@dataclass(frozen=True)
class HeadSpec:
    """A head: its labels in output order, whether a complaint may have several, whether they are ordered.

    `cut` is the probability from which a label beside the likeliest is named, where a complaint may have several.
    """

    name: str
    labels: tuple[str, ...]
    several: bool = False
    ordered: bool = False
    cut: float = 0.5

    @property
    def kind(self) -> int:
        return SEVERAL if self.several else PAIR if len(self.labels) == 2 else SINGLE

    @property
    def outputs(self) -> int:
        return 1 if self.kind == PAIR else len(self.labels)


@dataclass(frozen=True)
class Held:
    """Cross-fitted probabilities of one head: `rows` of the fit, `chances` and `truth` (rows, labels), its recipes."""

    rows: NDArray[np.int64]
    chances: NDArray[np.float64]
    truth: NDArray[np.bool_]
    recipes: tuple[Recipe, ...]


@dataclass(frozen=True)
class FittedHead:
    """What one head has learnt: weights (features, outputs), bias (outputs,), slope, shift, threshold (labels,), the
    cut of a several-labels head, its cross-fitted probabilities, and what these were made of, `scores` (rows, outputs).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float64]
    slope: NDArray[np.float64]
    shift: NDArray[np.float64]
    threshold: NDArray[np.float64]
    cut: float
    held: Held
    scores: NDArray[np.float64]

    @property
    def macro_f1(self) -> float:
        """The macro-F1 of the likeliest labels on rows that their machines had not seen."""
        return macro_f1(self.held.truth, self.held.chances.argmax(1))


def fit_head(
    spec: HeadSpec,
    matrix: "csr_matrix",
    fold: NDArray[np.int64],
    cells: Sequence[str],
    precision: NDArray[np.float64],
    recipes: tuple[Recipe, ...] = (),
    unseen: "csr_matrix | None" = None,
) -> FittedHead:
    """Learn a head from the rows of `matrix` whose cell is not empty.

    `precision` (labels,) is asked of what is accepted; `recipes` are taken instead of a choice. `unseen` is the matrix
    as it is for a row whose labels are not known, where this is not the same.
    """
    split = [split_cell(cell) for cell in cells]
    rows = np.flatnonzero([bool(labels) for labels in split])
    place = {label: at for at, label in enumerate(spec.labels)}
    truth = np.zeros((len(rows), len(spec.labels)), np.bool_)
    for at, row in enumerate(rows.tolist()):
        truth[at, [place[label] for label in split[row]]] = True
    whole = len(rows) == len(cells)
    blend = fit_blend(
        matrix if whole else matrix[rows],
        truth[:, 1:] if spec.kind == PAIR else truth,
        fold[rows],
        lambda values, seen: _values_f1(spec, values, truth[seen]),
        recipes,
        unseen if whole or unseen is None else unseen[rows],
    )
    rows, truth, scores = rows[blend.rows], truth[blend.rows], blend.scores
    if spec.several:
        slope, shift = fit_sigmoids(scores, truth)
    else:
        sides, wanted = _sides(spec, scores), truth.argmax(1)
        steepness, shift = fit_softmax(sides, wanted)
        plain, still = fit_softmax(sides, wanted, shifts=False)
        if _values_f1(spec, sides, truth) > _values_f1(spec, steepness * bent(sides) + shift, truth) + _MATTERS:
            steepness, shift = plain, still
        slope = np.full(len(spec.labels), steepness)
    chances = np.empty(truth.shape)
    calibrate(scores, np.array([[spec.kind, 0, 0, len(spec.labels)]]), slope, shift, chances)
    best = chances.argmax(1)
    right = truth[np.arange(len(best)), best]
    limit = thresholds(chances.max(1), right, best, precision)
    cut = best_cut(chances, truth) if spec.several else 0.5
    held = Held(rows, chances, truth, blend.recipes)
    return FittedHead(blend.weights, blend.bias, slope, shift, limit, cut, held, scores)


def layout_of(heads: Sequence[HeadSpec]) -> NDArray[np.int64]:
    """For each head its kind, first output, first label and number of labels, shape (heads, 4).

    >>> layout_of([HeadSpec("sentiment", ("好", "差")), HeadSpec("category", ("甲", "乙", "丙"))]).tolist()
    [[1, 0, 0, 2], [0, 1, 2, 3]]
    """
    output, label, rows = 0, 0, []
    for spec in heads:
        rows.append((spec.kind, output, label, len(spec.labels)))
        output, label = output + spec.outputs, label + len(spec.labels)
    return np.array(rows, np.int64).reshape(-1, 4)


def macro_f1(truth: NDArray[np.bool_], best: NDArray[np.int64]) -> float:
    """The mean of the labels' F1 where each row is said to have its label `best` (rows,); `truth` (rows, labels)."""
    said = np.zeros(truth.shape, np.bool_)
    said[np.arange(len(said)), best] = True
    return _f1(truth, said)


def _values_f1(spec: HeadSpec, scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    if spec.several:
        return _f1(truth, scores > 0)
    return macro_f1(truth, (scores if scores.shape[1] == len(spec.labels) else _sides(spec, scores)).argmax(1))


def _f1(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    return float(np.mean(2 * (said & truth).sum(0) / np.maximum(said.sum(0) + truth.sum(0), 1)))


def _sides(spec: HeadSpec, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """One decision value a label: a pair's single output speaks for its second label and against its first."""
    return np.hstack((-scores, scores)) if spec.kind == PAIR else scores
