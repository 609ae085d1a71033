"""Linear outputs over features: support-vector machines by a few recipes, cross-fitted values, and their 8-bit form.

A recipe may weight every feature by the log ratio of its share inside and outside the label before the machine is
fitted (NB-SVM: Wang & Manning 2012, Baselines and Bigrams); the product of both is again one linear weight.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from os import cpu_count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.features import IDF_UNIT
from model.kernel import LANES
from model.solver import add_masses, count_columns, decide_rows, descend, row_scales

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["HUGE", "PLENTY", "RECIPES", "Blend", "Recipe", "cross_fit", "fit_blend", "fit_outputs", "quantise"]


@dataclass(frozen=True)
class Recipe:
    """How a machine is fitted: its C; what is added to the NB ratio's counts (0: no ratio); whether these count
    presence rather than tf-idf; and the power of the labels' imbalance that is made good (0 none, 1 all)."""

    strength: float
    smooth: float = 0.0
    presence: bool = False
    balance: float = 0.5


class Blend(NamedTuple):
    """A head's machines as one: weights (features, outputs), biases (outputs,), the recipes blended, and the decision
    values (len(rows), outputs) of `rows` by machines that had not seen them."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float64]
    recipes: tuple[Recipe, ...]
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]


RECIPES = (
    Recipe(0.5),
    Recipe(0.2, balance=1.0),
    Recipe(1.0, 0.1),
    Recipe(0.3, 0.1),
    Recipe(3.0, 1.0, presence=True),
    Recipe(0.3, 1.0, presence=True),
)
_THREE = (RECIPES[1], RECIPES[3], RECIPES[5])  # on many rows this mean is as good as the best choice, on few it is not
PLENTY = 12_000
HUGE = 200_000  # rows from which one fold is set aside for calibration rather than all cross-fitted
_EPOCHS, _EPOCHS_OF_HUGE = 10, 5  # twice as many change no figure of the benchmarks by more than their noise
_BLOCK = 16  # outputs fitted together: one cache line of weights a feature

Judge = Callable[[NDArray[np.float64], NDArray[np.int64]], float]
Part = tuple[NDArray[np.float32], NDArray[np.float64]]


def fit_outputs(
    matrix: "csr_matrix", targets: NDArray[np.bool_], recipe: Recipe, rows: NDArray[np.int64] | None = None
) -> Part:
    """One machine an output, fitted to `rows` (all without): weights (features, outputs), biases (outputs,).

    `targets` (matrix rows, outputs). An output without a row on both sides has weight 0 and says no, or yes when every
    row has it. Of some rows only, features found in fewer than two of them are not used, as for a text that is new.
    """
    return _fit(matrix, targets, recipe, *_chosen(matrix, rows))


def cross_fit(
    matrix: "csr_matrix",
    targets: NDArray[np.bool_],
    fold: NDArray[np.int64],
    recipe: Recipe,
    only: Sequence[int] | None = None,
    unseen: "csr_matrix | None" = None,
) -> NDArray[np.float64]:
    """Decision values (rows, outputs) of each row from machines that have not seen its fold; `only` these folds'.

    `unseen` is the matrix as it is for rows that are judged, where this is not the one that is learnt from.
    """
    scores = np.zeros(targets.shape)

    def one(held: int) -> None:
        here = np.flatnonzero(fold == held)
        rows, scales, known = _chosen(matrix, np.flatnonzero(fold != held))
        weights, bias = _fit(matrix, targets, recipe, rows, scales, known)
        if unseen is not None:
            scales = _scales(unseen, known)
        scores[here] = _decide(matrix if unseen is None else unseen, here, scales, weights, bias)

    _at_once(one, only if only is not None else np.unique(fold).tolist())
    return scores


def fit_blend(
    matrix: "csr_matrix",
    targets: NDArray[np.bool_],
    fold: NDArray[np.int64],
    judge: Judge,
    chosen: tuple[Recipe, ...] = (),
    unseen: "csr_matrix | None" = None,
) -> Blend:
    """The mean of a few machines by different recipes, fitted on all rows; on `HUGE` data, on all but one fold.

    Many rows get three recipes that go well together; for fewer, the best recipe or mean of two is found by
    cross-fitting: `judge` scores the decision values (len(rows), outputs) of some rows, higher is better. `chosen`
    recipes are taken without it, and `unseen` is as for `cross_fit`. A mean of linear machines is a linear machine: a
    blend costs nothing in use.
    """
    chosen = chosen if chosen or len(fold) < PLENTY else _THREE
    recipes = chosen or RECIPES
    huge = len(fold) >= HUGE
    seen = np.flatnonzero(fold == fold[0]) if huge else np.arange(len(fold))
    if huge:
        rows, scales, known = _chosen(matrix, np.flatnonzero(fold != fold[0]))
        with ThreadPoolExecutor(cpu_count()) as pool:
            parts = list(pool.map(lambda recipe: _fit(matrix, targets, recipe, rows, scales, known), recipes))
        values = [_decide(matrix, seen, scales, *part) for part in parts]
    else:
        values = [cross_fit(matrix, targets, fold, recipe, unseen=unseen) for recipe in recipes]
    sizes = [max(float(value.std()), 1e-9) for value in values]
    best = tuple(range(len(recipes))) if chosen else _best(values, sizes, seen, judge)
    if not huge:
        parts = [fit_outputs(matrix, targets, recipes[one]) for one in best]
    weights, bias = _mean_part(parts, [sizes[one] for one in best])
    return Blend(weights, bias, tuple(recipes[one] for one in best), seen, _mean(values, sizes, best))


def _best(
    values: list[NDArray[np.float64]], sizes: list[float], seen: NDArray[np.int64], judge: Judge
) -> tuple[int, ...]:
    blends: list[tuple[int, ...]] = [(one,) for one in range(len(values))] + list(combinations(range(len(values)), 2))
    return max(blends, key=lambda blend: judge(_mean(values, sizes, blend), seen))


def _mean(values: list[NDArray[np.float64]], sizes: list[float], blend: tuple[int, ...]) -> NDArray[np.float64]:
    total = np.zeros(values[blend[0]].shape)
    for one in blend:
        total += values[one] / (sizes[one] * len(blend))
    return total


def _mean_part(parts: list[Part], sizes: list[float]) -> Part:
    weights, bias = np.zeros_like(parts[0][0]), np.zeros_like(parts[0][1])
    for (part, offset), size in zip(parts, sizes, strict=True):
        weights += part / np.float32(size * len(parts))
        bias += offset / (size * len(parts))
    return weights, bias


def quantise(weights: NDArray[np.float32], idf: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """The kernel's rows (features, lanes) with idf in column 0 and idf × weight behind it, and each output's unit.

    >>> rows, unit = quantise(np.array([[0.5], [-1.0]], np.float32), np.array([2.0, 1.0], np.float32))
    >>> rows[:, :2].tolist(), (rows[:, 1] * unit[0] / 10).round(2).tolist()
    ([[20, 127], [10, -127]], [1.0, -1.0])
    """
    features, outputs = weights.shape
    lanes = -(-(outputs + 1) // LANES) * LANES
    rows = np.zeros((features, lanes), np.int8)
    rows[:, 0] = np.rint(idf * IDF_UNIT)
    unit = np.empty(outputs)
    for output in range(outputs):
        full = weights[:, output] * idf
        top = float(np.abs(full).max(initial=0.0))
        unit[output] = IDF_UNIT * top / 127 if top > 0 else 1.0
        rows[:, output + 1] = np.rint(full * (IDF_UNIT / unit[output]))
    return rows, unit


def _chosen(
    matrix: "csr_matrix", rows: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
    """The rows, what scales each row of the matrix to length 1 over the columns that these rows know, and those."""
    if rows is None:
        return np.arange(matrix.shape[0]), np.ones(matrix.shape[0], np.float32), np.ones(matrix.shape[1], np.bool_)
    ends, columns, _ = _arrays(matrix)
    found = np.zeros(matrix.shape[1], np.int32)
    count_columns(ends, columns, rows, found)
    known = found >= 2
    return rows, _scales(matrix, known), known


def _scales(matrix: "csr_matrix", known: NDArray[np.bool_]) -> NDArray[np.float32]:
    scales = np.empty(matrix.shape[0], np.float32)
    row_scales(*_arrays(matrix), known, scales)
    return scales


def _fit(
    matrix: "csr_matrix",
    targets: NDArray[np.bool_],
    recipe: Recipe,
    rows: NDArray[np.int64],
    scales: NDArray[np.float32],
    known: NDArray[np.bool_],
) -> Part:
    arrays = _arrays(matrix)
    weights, bias = np.zeros((matrix.shape[1], targets.shape[1]), np.float32), np.zeros(targets.shape[1])
    epochs = _EPOCHS if matrix.shape[0] < HUGE else _EPOCHS_OF_HUGE

    def block(first: int) -> None:
        wanted = targets[rows, first : first + _BLOCK]
        share = wanted.mean(0)
        mixed = np.flatnonzero((share > 0) & (share < 1))
        bias[first : first + _BLOCK] = np.where(share > 0, 1.0, -1.0)
        if len(mixed):
            wanted, share = np.ascontiguousarray(wanted[:, mixed]), share[mixed]
            sides = np.stack((0.5 / (1 - share), 0.5 / share)) ** recipe.balance
            found, offset = np.zeros((matrix.shape[1], len(mixed)), np.float32), np.zeros(len(mixed), np.float32)
            ratio = _ratio(arrays, rows, scales, known, wanted, recipe)
            costs = (recipe.strength * sides).astype(np.float32)
            descend(*arrays, rows, scales, wanted, costs, ratio, epochs, found, offset)
            weights[:, first + mixed], bias[first + mixed] = found, offset

    _at_once(block, range(0, targets.shape[1], _BLOCK))
    return weights, bias


def _ratio(
    arrays: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]],
    rows: NDArray[np.int64],
    scales: NDArray[np.float32],
    known: NDArray[np.bool_],
    targets: NDArray[np.bool_],
    recipe: Recipe,
) -> NDArray[np.float32]:
    """What `descend` takes: the squared log ratio of each column (columns, outputs), 0 for one that is not known."""
    if recipe.smooth == 0:
        return known.astype(np.float32)[:, None]
    inside, total = np.zeros((len(known), targets.shape[1]), np.float32), np.zeros(len(known), np.float32)
    add_masses(*arrays, rows, scales, targets, recipe.presence, inside, total)
    outside = total[:, None] - inside
    inside, outside = inside[known] + np.float32(recipe.smooth), outside[known] + np.float32(recipe.smooth)
    ratio = np.zeros((len(known), targets.shape[1]), np.float32)
    ratio[known] = np.log((inside / inside.sum(0)) / (np.maximum(outside, 1e-9) / outside.sum(0))) ** 2
    return ratio


def _decide(
    matrix: "csr_matrix",
    rows: NDArray[np.int64],
    scales: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float64],
) -> NDArray[np.float64]:
    scores = np.empty((len(rows), weights.shape[1]))
    decide_rows(*_arrays(matrix), rows, scales, weights, bias.astype(np.float32), scores)
    return scores


def _arrays(matrix: "csr_matrix") -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    return matrix.indptr.astype(np.int64, copy=False), matrix.indices.astype(np.int32, copy=False), matrix.data


def _at_once(task: Callable[[int], None], over: Sequence[int]) -> None:
    """Run `task` for each of `over` on all cores: what it computes does not depend on how many there are."""
    if len(over) == 1:
        task(over[0])
        return
    with ThreadPoolExecutor(cpu_count()) as pool:
        list(pool.map(task, over))
