"""Linear outputs over n-grams: support-vector machines by a few recipes, cross-fitted values, and their 8-bit form.

A recipe may weight every n-gram by the log ratio of its share inside and outside the label before the machine is
fitted (NB-SVM: Wang & Manning 2012, Baselines and Bigrams); the product of both is again one linear weight.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from model.features import IDF_UNIT
from model.kernel import LANES

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["RECIPES", "Recipe", "cross_fit", "fit_blend", "fit_outputs", "quantise"]


@dataclass(frozen=True)
class Recipe:
    """How a machine is fitted: its C; what is added to the NB ratio's counts (0: no ratio); whether these count
    presence rather than tf-idf; and the power of the labels' imbalance that is made good (0 none, 1 all)."""

    strength: float
    smooth: float = 0.0
    presence: bool = False
    balance: float = 0.5


RECIPES = (
    Recipe(0.5),
    Recipe(0.2, balance=1.0),
    Recipe(1.0, 0.1),
    Recipe(3.0, 1.0, presence=True),  # slow on many rows, and best only on few
)
_MANY = 12_000  # rows from which one fold and three recipes are enough to choose from


def fit_outputs(
    matrix: "csr_matrix", targets: NDArray[np.bool_], recipe: Recipe
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """One machine an output: weights (outputs, features) and biases (outputs,); targets (rows, outputs).

    An output without a row on both sides has weight 0 and says no, or yes when every row has it.
    """
    weights = np.zeros((targets.shape[1], matrix.shape[1]), np.float32)
    bias = np.zeros(targets.shape[1])
    for output, target in enumerate(targets.T):
        if target.all() or not target.any():
            bias[output] = 1.0 if target.any() else -1.0
        else:
            weights[output], bias[output] = _fit_output(matrix, target, recipe)
    return weights, bias


def cross_fit(
    matrix: "csr_matrix", targets: NDArray[np.bool_], fold: NDArray[np.int64], recipe: Recipe, only: int | None = None
) -> NDArray[np.float64]:
    """Decision values (rows, outputs) of each row from machines that have not seen its fold; `only` one fold's.

    N-grams found in fewer than two rows of the other folds are dropped, as they would be for a text that is new.
    """
    scores = np.zeros(targets.shape)
    for one in np.unique(fold).tolist() if only is None else [only]:
        here = fold == one
        kept = _only_known(matrix, ~here)
        weights, bias = fit_outputs(kept[~here], targets[~here], recipe)
        scores[here] = kept[here] @ weights.T + bias
    return scores


def fit_blend(
    matrix: "csr_matrix",
    targets: NDArray[np.bool_],
    fold: NDArray[np.int64],
    judge: Callable[[NDArray[np.float64], NDArray[np.bool_]], float],
    chosen: tuple[Recipe, ...] = (),
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64], tuple[Recipe, ...]]:
    """The best recipe or mean of two, fitted on all rows: weights, biases, cross-fitted values, and its recipes.

    `judge` scores cross-fitted values (rows, outputs) of some rows, a mask (all rows,): higher is better; `chosen`
    recipes are taken without it. The mean of two linear machines is a linear machine: a blend costs nothing in use.
    """
    many = len(fold) >= _MANY
    recipes = chosen if chosen else RECIPES[:3] if many else RECIPES
    seen = fold == fold[0] if many else np.ones(len(fold), np.bool_)
    values = [cross_fit(matrix, targets, fold, recipe, int(fold[0]) if many else None) for recipe in recipes]
    sizes = [max(float(value[seen].std()), 1e-9) for value in values]
    blends: list[tuple[int, ...]] = [(one,) for one in range(len(recipes))] + list(combinations(range(len(recipes)), 2))
    if chosen:
        best: tuple[int, ...] = tuple(range(len(chosen)))
    else:
        best = max(blends, key=lambda blend: judge(_mean(values, sizes, blend)[seen], seen))
    for one in best if many else ():
        for other in np.unique(fold[~seen]).tolist():
            values[one] += cross_fit(matrix, targets, fold, recipes[one], other)
    weights, bias = np.zeros((targets.shape[1], matrix.shape[1]), np.float32), np.zeros(targets.shape[1])
    for one in best:
        part, offset = fit_outputs(matrix, targets, recipes[one])
        weights += part / np.float32(sizes[one] * len(best))
        bias += offset / (sizes[one] * len(best))
    return weights, bias, _mean(values, sizes, best), tuple(recipes[one] for one in best)


def _mean(values: list[NDArray[np.float64]], sizes: list[float], blend: tuple[int, ...]) -> NDArray[np.float64]:
    total = np.zeros(values[blend[0]].shape)
    for one in blend:
        total += values[one] / (sizes[one] * len(blend))
    return total


def quantise(weights: NDArray[np.float32], idf: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """The kernel's rows (features, lanes) with idf in column 0 and idf × weight behind it, and each output's unit.

    >>> rows, unit = quantise(np.array([[0.5, -1.0]], np.float32), np.array([2.0, 1.0], np.float32))
    >>> rows[:, :2].tolist(), (rows[:, 1] * unit[0] / 10).round(2).tolist()
    ([[20, 127], [10, -127]], [1.0, -1.0])
    """
    outputs, features = weights.shape
    lanes = -(-(outputs + 1) // LANES) * LANES
    rows = np.zeros((features, lanes), np.int8)
    rows[:, 0] = np.rint(idf * IDF_UNIT)
    unit = np.empty(outputs)
    for output in range(outputs):
        full = weights[output] * idf
        top = float(np.abs(full).max(initial=0.0))
        unit[output] = IDF_UNIT * top / 127 if top > 0 else 1.0
        rows[:, output + 1] = np.rint(full * (IDF_UNIT / unit[output]))
    return rows, unit


def _fit_output(matrix: "csr_matrix", target: NDArray[np.bool_], recipe: Recipe) -> tuple[NDArray[np.float32], float]:
    from scipy.sparse import csr_matrix
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    ratio = _ratio(matrix, target, recipe)
    scaled = csr_matrix((matrix.data * ratio[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
    share = float(target.mean())
    costs = {True: (0.5 / share) ** recipe.balance, False: (0.5 / (1 - share)) ** recipe.balance}
    machine = LinearSVC(C=recipe.strength, class_weight=costs, tol=1e-2, max_iter=300, random_state=0)
    with catch_warnings():
        simplefilter("ignore", ConvergenceWarning)  # a value near the optimum serves as well
        machine.fit(scaled, target)
    return machine.coef_[0].astype(np.float32) * ratio, float(machine.intercept_[0])


def _ratio(matrix: "csr_matrix", target: NDArray[np.bool_], recipe: Recipe) -> NDArray[np.float32]:
    if recipe.smooth == 0:
        return np.ones(matrix.shape[1], np.float32)
    inside, outside = (_mass(matrix[side], recipe) + recipe.smooth for side in (target, ~target))
    ratio: NDArray[np.float64] = np.log((inside / inside.sum()) / (outside / outside.sum()))
    return ratio.astype(np.float32)


def _mass(matrix: "csr_matrix", recipe: Recipe) -> NDArray[np.float64]:
    counted = None if recipe.presence else matrix.data
    return np.bincount(matrix.indices, counted, matrix.shape[1]).astype(np.float64)


def _only_known(matrix: "csr_matrix", rows: NDArray[np.bool_], at_least: int = 2) -> "csr_matrix":
    """`matrix` without the features found in fewer than `at_least` of `rows`, its rows of length 1 again."""
    from scipy.sparse import csr_matrix

    known = (np.bincount(matrix[rows].indices, minlength=matrix.shape[1]) >= at_least).astype(np.float32)
    values = matrix.data * known[matrix.indices]
    sizes = np.sqrt(
        np.asarray(csr_matrix((values * values, matrix.indices, matrix.indptr), matrix.shape).sum(1))
    ).ravel()
    sizes[sizes == 0] = 1
    values /= np.repeat(sizes, np.diff(matrix.indptr)).astype(np.float32)
    kept = csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape, copy=True)
    kept.eliminate_zeros()
    return kept
