"""Linear outputs over n-grams: NB-weighted support-vector machines, their cross-fitted values, their 8-bit form.

Source: Wang & Manning (2012), Baselines and Bigrams. A feature is multiplied by the log ratio of its share inside and
outside the label before a squared-hinge machine is fitted; the product of both is again one linear weight.
"""

from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from model.features import IDF_UNIT, LANES

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["cross_fit", "fit_outputs", "quantise"]


def fit_outputs(
    matrix: "csr_matrix", targets: NDArray[np.bool_], strength: float, smooth: float
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
            weights[output], bias[output] = _fit_output(matrix, target, strength, smooth)
    return weights, bias


def cross_fit(
    matrix: "csr_matrix",
    targets: NDArray[np.bool_],
    fold: NDArray[np.int64],
    at_least: int,
    strength: float,
    smooth: float,
) -> NDArray[np.float64]:
    """Decision values (rows, outputs) of each row from machines that have not seen its fold.

    N-grams found in fewer than `at_least` rows of the other folds are dropped, as for a text that is really new.
    """
    scores = np.zeros(targets.shape)
    for one in np.unique(fold).tolist():
        here = fold == one
        kept = _only_known(matrix, ~here, at_least)
        weights, bias = fit_outputs(kept[~here], targets[~here], strength, smooth)
        scores[here] = kept[here] @ weights.T + bias
    return scores


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


def _fit_output(
    matrix: "csr_matrix", target: NDArray[np.bool_], strength: float, smooth: float
) -> tuple[NDArray[np.float32], float]:
    from scipy.sparse import csr_matrix
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    inside = np.asarray(matrix[target].sum(0), np.float64).ravel() + smooth
    outside = np.asarray(matrix[~target].sum(0), np.float64).ravel() + smooth
    ratio = np.log((inside / inside.sum()) / (outside / outside.sum())).astype(np.float32)
    scaled = csr_matrix((matrix.data * ratio[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
    machine = LinearSVC(C=strength, tol=1e-2, max_iter=300, random_state=0)
    with catch_warnings():
        simplefilter("ignore", ConvergenceWarning)  # a value near the optimum serves as well
        machine.fit(scaled, target)
    return machine.coef_[0].astype(np.float32) * ratio, float(machine.intercept_[0])


def _only_known(matrix: "csr_matrix", rows: NDArray[np.bool_], at_least: int) -> "csr_matrix":
    """`matrix` with the features found in fewer than `at_least` of `rows` set to 0, rows of length 1 again."""
    from scipy.sparse import csr_matrix

    known = (np.bincount(matrix[rows].indices, minlength=matrix.shape[1]) >= at_least).astype(np.float32)
    values = matrix.data * known[matrix.indices]
    sizes = np.sqrt(np.asarray(csr_matrix((values * values, matrix.indices, matrix.indptr), matrix.shape).sum(1))).ravel()
    sizes[sizes == 0] = 1
    values /= np.repeat(sizes, np.diff(matrix.indptr)).astype(np.float32)
    kept = csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape, copy=True)
    kept.eliminate_zeros()
    return kept
