"""From decision values to probabilities that mean what they say, and from probabilities to accepted labels.

One temperature and one shift a label turn a head's bent decision values into a softmax (for a head with several labels
into sigmoids, given that a complaint has one label at least), fitted on cross-fitted values, which the model they come
from has not seen. A threshold a label is the lowest confidence above which a share of `precision` of those rows was
right.
"""

from enum import StrEnum
from math import exp, expm1, log1p

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "BEYOND",
    "PAIR",
    "REASONS",
    "SEVERAL",
    "SINGLE",
    "TOP",
    "Reason",
    "bent",
    "best_cut",
    "calibrate",
    "decide",
    "fit_sigmoids",
    "fit_softmax",
    "thresholds",
]

SINGLE, PAIR, SEVERAL = 0, 1, 2  # one output a label, one output for two labels, one sigmoid a label
TOP = 4
BEYOND = 0.3  # what counts of a score above 0: a yes twice as loud is not twice as sure
_CLOSE = 0.2  # a lead smaller than this is called close
_LEANING = 300.0  # rows of all labels that a label's own are counted with
_FIRST = 10  # rows of all labels: fewer say nothing about a share


class Reason(StrEnum):
    """Why a label is not accepted without a person."""

    LOW_CONFIDENCE = "low_confidence"
    CLOSE_SECOND = "close_second"
    OUT_OF_SCOPE = "out_of_scope"
    TOO_SHORT = "too_short"
    RULE = "rule"
    CLOSED = "closed"


REASONS = (Reason.LOW_CONFIDENCE, Reason.CLOSE_SECOND, Reason.OUT_OF_SCOPE, Reason.TOO_SHORT)  # of `decide`, from 1


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
                none = 0.0  # the logarithm of the chance of no label at all
                for label in range(labels):
                    score = scores[text, output + label]
                    value = slope[first + label] * min(score, BEYOND * score) + shift[first + label]
                    value = min(max(value, -50.0), 50.0)
                    chances[text, first + label] = 1.0 / (1.0 + exp(-value))
                    none -= log1p(exp(value))
                for label in range(labels):
                    chances[text, first + label] = min(chances[text, first + label] / -expm1(none), 1.0)
                continue
            top = -1e300
            for label in range(labels):
                if kind == PAIR:
                    score = scores[text, output] if label else -scores[text, output]
                else:
                    score = scores[text, output + label]
                value = slope[first + label] * min(score, BEYOND * score) + shift[first + label]
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
    scores: NDArray[np.float64],
    limits: NDArray[np.float64],
    best: NDArray[np.int64],
    reason: NDArray[np.int64],
) -> None:
    """Fill `best` (texts, heads, 4) with the likeliest labels, -1 where there are fewer, and `reason` (texts, heads).

    0 accepted, then in the order of `REASONS`. `reads` (texts, 2) are lengths and known shares of features, the last
    of `scores` (texts, outputs) says how much a text is one of the bundle's; `limits` (3,) are the least of the three
    that is not refused.
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
            if reads[text, 0] < limits[0]:
                reason[text, head] = 4
            elif reads[text, 1] < limits[1] or scores[text, scores.shape[1] - 1] < limits[2]:
                reason[text, head] = 3
            elif sure >= threshold[first + top]:
                reason[text, head] = 0
            elif heads[head, 0] != SEVERAL and sure - second < _CLOSE:
                reason[text, head] = 2
            else:
                reason[text, head] = 1


def bent(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decision values as `calibrate` reads them: machines learn to go over 0, not how far, so the rest counts less.

    >>> bent(np.array([-2.0, 0.0, 2.0])).tolist()
    [-2.0, 0.0, 0.6]
    """
    return np.minimum(scores, BEYOND * scores)


def fit_softmax(
    scores: NDArray[np.float64], truth: NDArray[np.int64], shifts: bool = True
) -> tuple[float, NDArray[np.float64]]:
    """The slope (inverse temperature) and a shift a label that make softmax(slope · bent(scores) + shift) likeliest.

    `scores` (rows, labels), `truth` (rows,). Newton's method with a light pull towards no shift, so that a label
    with three rows keeps a sane one (Guo et al. 2017, with the shifts of vector scaling; none without `shifts`).

    >>> rows = np.array([[2.0, -2], [2, -2], [-2, 2], [1, -1]])
    >>> slope, shift = fit_softmax(rows, np.array([0, 0, 1, 1]))
    >>> 0 < slope < 5, shift.shape
    (True, (2,))
    """
    scores, labels = bent(scores), scores.shape[1]
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
    """A sigmoid for each label of a several-labels head: slopes and shifts (labels,); scores and truth (rows, labels).

    They make the labels likeliest given that a row has one at least, as every labelled row has: `calibrate` says the
    same of a text. Newton's method, label by label, with a light pull towards slope 1 and no shift.

    >>> slopes, shifts = fit_sigmoids(np.array([[2.0, 0.0], [-1.0, 1.0]]), np.array([[True, True], [False, True]]))
    >>> slopes.shape, shifts.shape
    ((2,), (2,))
    """
    scores, labels = bent(scores), scores.shape[1]
    slopes, shifts = np.ones(labels), np.zeros(labels)
    for _ in range(100):
        chances = 1 / (1 + np.exp(-np.clip(slopes * scores + shifts, -50, 50)))
        some = -np.expm1(np.log1p(-np.minimum(chances, 1 - 1e-12)).sum(1, keepdims=True))
        given = chances / some
        wrong, curve = given - truth, given * (1 - given) + 1e-12
        steep, level = (wrong * scores).sum(0) + 1e-3 * (slopes - 1), wrong.sum(0) + shifts
        twice, cross, once = (curve * scores**2).sum(0) + 1e-3, (curve * scores).sum(0), curve.sum(0) + 1.0
        size = twice * once - cross**2
        step = np.stack((once * steep - cross * level, twice * level - cross * steep)) / size
        step *= np.minimum(1.0, 2.0 / np.maximum(np.abs(step).max(0), 1e-12))
        slopes, shifts = np.maximum(slopes - step[0], 1e-3), shifts - step[1]
        if float(np.abs(step).max()) < 1e-6:
            break
    return slopes, shifts


def best_cut(chances: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The probability from which labels of a several-labels head are named with the best micro-F1; both (rows, labels).

    The likeliest label is always named.

    >>> best_cut(np.array([[0.9, 0.3], [0.2, 0.8]]), np.array([[True, True], [False, True]]))
    0.3
    """
    steps = np.round(np.arange(0.1, 0.71, 0.05), 2)
    top = np.zeros(truth.shape, np.bool_)
    top[np.arange(len(top)), chances.argmax(1)] = True
    said = [(chances >= step) | top for step in steps]
    scores = [2 * (one & truth).sum() / max(int(one.sum() + truth.sum()), 1) for one in said]
    return float(steps[len(steps) - 1 - int(np.argmax(scores[::-1]))])


def thresholds(
    chances: NDArray[np.float64],
    right: NDArray[np.bool_],
    label: NDArray[np.int64],
    precision: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The lowest confidence a label, shape (labels,), at or above which its `precision` (labels,) of the rows is right.

    `chances`, `right` and `label` (rows,): each row's best label, its confidence, and whether it is true. A label's
    own rows count together with three hundred that are right as often as those of all labels are above the same
    confidence, because the lowest of many thresholds that seem to do is mostly too low: a label with few rows leans
    on the others. 2.0 (never) where no threshold reaches the precision.

    >>> sure = np.linspace(0, 1, 1001)
    >>> thresholds(sure, sure > 0.5, np.zeros(1001, int), np.array([0.99])).round(2).tolist()
    [0.5]
    """
    order = np.argsort(-chances, kind="stable")
    sure, together = chances[order], np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    out = np.full(len(precision), 2.0)
    for one in range(len(precision)):
        known = bool((label == one).any())
        mine = order[label[order] == one] if known else order
        above = np.searchsorted(-sure, -chances[mine], side="right")  # rows of all labels that are as sure
        good, rows = known * np.cumsum(right[mine]), known * np.arange(1, len(mine) + 1)
        share = (good + _LEANING * together[above - 1]) / (rows + _LEANING)
        last = np.append(np.diff(chances[mine]) < 0, True)  # a threshold takes all rows of an equal confidence
        enough = np.flatnonzero((share >= precision[one]) & last & (above >= min(_FIRST, len(order))))
        if len(enough):
            out[one] = chances[mine[enough[-1]]]
    return out
