"""Linear support-vector machines, many outputs at once, by coordinate descent in the dual; compiled by numba.

L2-regularised squared hinge loss as in LIBLINEAR (Hsieh et al. 2008, A Dual Coordinate Descent Method for Large-scale
Linear SVM). A row is read once for all outputs, nothing is copied, and a fold of a cross-fit is a list of its rows: a
million complaints fit in little more memory than their features take.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["add_masses", "count_columns", "decide_rows", "descend", "row_scales"]

_STILL = 1e-12


@njit(cache=True, nogil=True)
def count_columns(
    ends: NDArray[np.int64], columns: NDArray[np.int32], rows: NDArray[np.int64], found: NDArray[np.int32]
) -> None:
    """Add to `found` (columns,) in how many of `rows` each column occurs."""
    for row in rows:
        for at in range(ends[row], ends[row + 1]):
            found[columns[at]] += 1


@njit(cache=True, nogil=True)
def row_scales(
    ends: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
    scales: NDArray[np.float32],
) -> None:
    """Fill `scales` (rows,) with what makes each row's known part length 1, 0 for a row without any."""
    for row in range(len(scales)):
        square = 0.0
        for at in range(ends[row], ends[row + 1]):
            if known[columns[at]]:
                square += values[at] * values[at]
        scales[row] = 1.0 / np.sqrt(square) if square > 0 else 0.0


@njit(cache=True, nogil=True)
def add_masses(
    ends: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    rows: NDArray[np.int64],
    scales: NDArray[np.float32],
    targets: NDArray[np.bool_],
    presence: bool,
    inside: NDArray[np.float32],
    total: NDArray[np.float32],
) -> None:
    """Add each column's mass over `rows` to `total` (columns,), and to `inside` (columns, outputs) where it counts.

    The mass is the sum of its values, or with `presence` the number of rows it occurs in.
    """
    for place in range(len(rows)):
        row = rows[place]
        for at in range(ends[row], ends[row + 1]):
            mass = np.float32(1.0) if presence else values[at] * scales[row]
            total[columns[at]] += mass
            for output in range(targets.shape[1]):
                if targets[place, output]:
                    inside[columns[at], output] += mass


@njit(cache=True, nogil=True)
def descend(
    ends: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    rows: NDArray[np.int64],
    scales: NDArray[np.float32],
    targets: NDArray[np.bool_],
    costs: NDArray[np.float32],
    ratio: NDArray[np.float32],
    epochs: int,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> None:
    """Fit `weights` (columns, outputs) and `bias` (outputs,), zeros at the start, to `rows` of a CSR matrix.

    Row `r` counts as its values times `scales[r]`. `targets` (len(rows), outputs); `costs` (2, outputs): C of the rows
    without and with the label. `ratio` (columns, outputs) or (columns, 1): the square of what each column is multiplied
    by; a column with 0 is not used. The weights are those of the columns before that multiplication.
    """
    count, outputs = targets.shape
    own = ratio.shape[1] == outputs
    alpha = np.zeros((count, outputs), np.float32)
    length = np.ones((count, outputs), np.float32)
    for place in range(count):
        row = rows[place]
        for at in range(ends[row], ends[row + 1]):
            value = values[at] * scales[row]
            for output in range(outputs):
                length[place, output] += value * value * ratio[columns[at], output if own else 0]
    order = np.arange(count)
    state = np.uint64(88172645463325252)
    decided, step = np.empty(outputs, np.float32), np.empty(outputs, np.float32)
    for _ in range(epochs):
        for place in range(count - 1, 0, -1):
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            other = np.int64(state % np.uint64(place + 1))
            order[place], order[other] = order[other], order[place]
        for at_place in range(count):
            place = order[at_place]
            row = rows[place]
            scale = scales[row]
            decided[:] = 0
            for at in range(ends[row], ends[row + 1]):
                value, column = values[at], columns[at]
                for output in range(outputs):
                    decided[output] += value * weights[column, output]
            moved = False
            for output in range(outputs):
                side = np.float32(1.0) if targets[place, output] else np.float32(-1.0)
                slack = np.float32(0.5) / costs[1 if targets[place, output] else 0, output]
                old = alpha[place, output]
                gradient = side * (decided[output] * scale + bias[output]) - np.float32(1.0) + old * slack
                step[output] = 0
                if old > 0 or gradient < 0:
                    new = max(old - gradient / (length[place, output] + slack), np.float32(0))
                    if abs(new - old) > _STILL:
                        alpha[place, output] = new
                        step[output] = (new - old) * side
                        bias[output] += step[output]
                        step[output] *= scale
                        moved = True
            if moved and own:
                for at in range(ends[row], ends[row + 1]):
                    value, column = values[at], columns[at]
                    for output in range(outputs):
                        weights[column, output] += step[output] * value * ratio[column, output]
            elif moved:
                for at in range(ends[row], ends[row + 1]):
                    value, column = values[at] * ratio[columns[at], 0], columns[at]
                    for output in range(outputs):
                        weights[column, output] += step[output] * value


@njit(cache=True, nogil=True)
def decide_rows(
    ends: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    rows: NDArray[np.int64],
    scales: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    scores: NDArray[np.float64],
) -> None:
    """Fill `scores` (len(rows), outputs) with the decision values of `rows`."""
    for place in range(len(rows)):
        row = rows[place]
        scores[place] = 0
        for at in range(ends[row], ends[row + 1]):
            for output in range(weights.shape[1]):
                scores[place, output] += values[at] * weights[columns[at], output]
        for output in range(weights.shape[1]):
            scores[place, output] = scores[place, output] * scales[row] + bias[output]
