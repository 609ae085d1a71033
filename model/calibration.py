"""From decision values to probabilities that mean what they say, and from probabilities to accepted labels.

One temperature and one shift a label turn a head's decision values into a softmax (Platt's sigmoid for a head with
several labels), fitted on cross-fitted values, which the model they come from has not seen. A threshold a label is
the lowest confidence above which a share of `precision` of those rows was right.
"""

from enum import StrEnum
from math import exp

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "PAIR",
    "SEVERAL",
    "SINGLE",
    "TOP",
    "Reason",
    "calibrate",
    "decide",
    "fit_sigmoids",
    "fit_softmax",
    "thresholds",
]

SINGLE, PAIR, SEVERAL = 0, 1, 2  # one output a label, one output for two labels, one sigmoid a label
TOP = 4


class Reason(StrEnum):
    """Why a label is not accepted without a person."""

    LOW_CONFIDENCE = "low_confidence"
    CLOSE_SECOND = "close_second"
    OUT_OF_SCOPE = "out_of_scope"
    TOO_SHORT = "too_short"


@njit(cache=True, nogil=True)
def calibrate(
    scores: NDArray[np.float64],
    heads: NDArray[np.int64],
    slope: NDArray[np.float64],
    shift: NDArray[np.float64],
    chances: NDArray[np.float64],
) -> None:
    """Fill `chances` (texts, labels) from `scores` (texts, outputs).

    `heads` (heads, 4) holds kind, first output, first label, labels; `slope` and `shift` have one value a label.
    """
    for text in range(scores.shape[0]):
        for head in range(heads.shape[0]):
            kind, output, first, labels = heads[head, 0], heads[head, 1], heads[head, 2], heads[head, 3]
            if kind == SEVERAL:
                for label in range(labels):
                    value = slope[first + label] * scores[text, output + label] + shift[first + label]
                    chances[text, first + label] = 1.0 / (1.0 + exp(-min(max(value, -50.0), 50.0)))
                continue
            top = -1e300
            for label in range(labels):
                if kind == PAIR:
                    score = scores[text, output] if label else -scores[text, output]
                else:
                    score = scores[text, output + label]
                value = slope[first + label] * score + shift[first + label]
                chances[text, first + label] = value
                top = max(top, value)
            total = 0.0
            for label in range(labels):
                value = exp(chances[text, first + label] - top)
                chances[text, first + label] = value
                total += value
            for label in range(labels):
                chances[text, first + label] /= total


@njit(cache=True, nogil=True)
def decide(
    chances: NDArray[np.float64],
    heads: NDArray[np.int64],
    threshold: NDArray[np.float64],
    reads: NDArray[np.float64],
    known: float,
    close: float,
    best: NDArray[np.int64],
    reason: NDArray[np.int64],
) -> None:
    """Fill `best` (texts, heads, 4) with the likeliest labels, -1 where there are fewer, and `reason` (texts, heads).

    0 accepted, then in the order of `Reason`. `reads` (texts, 2) are lengths and known shares of n-grams.
    """
    for text in range(chances.shape[0]):
        for head in range(heads.shape[0]):
            first, labels = heads[head, 2], heads[head, 3]
            for place in range(TOP):
                best[text, head, place] = -1
                for label in range(labels):
                    taken = False
                    for earlier in range(place):
                        taken |= best[text, head, earlier] == label
                    held = best[text, head, place]
                    if not taken and (held < 0 or chances[text, first + label] > chances[text, first + held]):
                        best[text, head, place] = label
            top = best[text, head, 0]
            sure = chances[text, first + top]
            second = chances[text, first + best[text, head, 1]] if labels > 1 else 0.0
            if reads[text, 0] < 2:
                reason[text, head] = 4
            elif reads[text, 1] < known:
                reason[text, head] = 3
            elif sure >= threshold[first + top]:
                reason[text, head] = 0
            elif heads[head, 0] != SEVERAL and sure - second < close:
                reason[text, head] = 2
            else:
                reason[text, head] = 1


def fit_softmax(
    scores: NDArray[np.float64], truth: NDArray[np.int64], shifts: bool = True
) -> tuple[float, NDArray[np.float64]]:
    """The slope (inverse temperature) and a shift a label that make softmax(slope · scores + shift) likeliest.

    `scores` (rows, labels), `truth` (rows,). Newton's method with a light pull towards no shift, so that a label
    with three rows keeps a sane one (Guo et al. 2017, with the shifts of vector scaling; none without `shifts`).

    >>> rows = np.array([[2.0, -2], [2, -2], [-2, 2], [1, -1]])
    >>> slope, shift = fit_softmax(rows, np.array([0, 0, 1, 1]))
    >>> 0 < slope < 5, shift.shape
    (True, (2,))
    """
    labels = scores.shape[1]
    hits = np.eye(labels)[truth]
    weights = np.append(1.0, np.zeros(labels))
    pull = np.append(1e-3, np.full(labels, 1.0 if shifts else 1e12))
    for _ in range(50):
        values = weights[0] * scores + weights[1:]
        chances = np.exp(values - values.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        wrong = chances - hits
        gradient = np.append((wrong * scores).sum(), wrong.sum(0)) + pull * (weights - np.append(1.0, np.zeros(labels)))
        mean = (chances * scores).sum(1, keepdims=True)
        cross = (chances * (scores - mean)).sum(0)
        curve = np.empty((labels + 1, labels + 1))
        curve[0, 0] = (chances * (scores - mean) ** 2).sum()
        curve[0, 1:] = curve[1:, 0] = cross
        curve[1:, 1:] = np.diag(chances.sum(0)) - chances.T @ chances
        curve[np.diag_indices(labels + 1)] += pull
        step = np.linalg.solve(curve, gradient)
        weights = weights - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        weights[0] = max(weights[0], 1e-3)
        if float(np.abs(step).max()) < 1e-6:
            break
    return float(weights[0]), weights[1:].copy()


def fit_sigmoids(
    scores: NDArray[np.float64], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Platt's sigmoid for each label of a several-labels head: slopes and shifts; scores and truth (rows, labels).

    >>> fit_sigmoids(np.array([[2.0], [1.0], [-1.0], [-2.0]]), np.array([[True], [False], [True], [False]]))[0].shape
    (1,)
    """
    slopes, shifts = np.empty(scores.shape[1]), np.empty(scores.shape[1])
    for label in range(scores.shape[1]):
        pair = np.stack((np.zeros(len(scores)), scores[:, label]), 1)
        slope, shift = fit_softmax(pair, truth[:, label].astype(np.int64))
        slopes[label], shifts[label] = slope, shift[1] - shift[0]
    return slopes, shifts


def thresholds(
    chances: NDArray[np.float64], right: NDArray[np.bool_], label: NDArray[np.int64], labels: int, precision: float
) -> NDArray[np.float64]:
    """The lowest confidence a label, shape (labels,), at or above which at least `precision` of the rows were right.

    `chances`, `right` and `label` (rows,): each row's best label, its confidence, and whether it is true. A label
    with fewer than 20 rows uses the threshold of all labels together; 2.0 (never) where no threshold reaches it.

    >>> sure = np.linspace(0, 1, 100)
    >>> thresholds(sure, sure > 0.5, np.zeros(100, int), 1, 1.0).round(2).tolist()
    [0.51]
    """
    pooled = _lowest(chances, right, precision)
    out = np.full(labels, pooled)
    for one in range(labels):
        mine = label == one
        if int(mine.sum()) >= 20:
            out[one] = _lowest(chances[mine], right[mine], precision)
    return out


def _lowest(chances: NDArray[np.float64], right: NDArray[np.bool_], precision: float) -> float:
    order = np.argsort(-chances, kind="stable")
    good = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    last = np.append(np.diff(chances[order]) < 0, True)  # a threshold takes all rows of an equal confidence
    enough = np.flatnonzero((good >= precision) & last)
    enough = enough[enough >= min(9, len(order) - 1)]  # the first few rows say nothing about a share
    return float(chances[order[enough[-1]]]) if len(enough) else 2.0
