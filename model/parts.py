"""The clauses of a complaint → its parts: neighbours are joined until what is left side by side is different matters.

Two neighbouring runs of clauses stay apart when their best categories, each its own, explain them so much better than
any one category explains both (agglomerative segmentation). A joined run is scored from the decision values of its
clauses: a linear form of a longer text is, but for its length, the sum of those of its pieces. Category and department
are judged together: how alike the weights of two labels are says how well they go together.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.calibration import PAIR, calibrate
from model.classifier import ComplaintClassifier

__all__ = ["PartFinder"]

_APART = 2.0  # what a part more must explain, in units of log chance,
_ADDED = 0.5  # less where its words say that they add another matter,
_MANY = 0.6  # and more, times the logarithm of the clauses, where there are many places to part at
_DOUBT = 0.05  # a clause may be about any category whatever it scores
_SOFTER = 1.5  # the temperature of a clause: a text of its own is clearer than a piece of one
_SPOKEN = 0.7  # the share of what the department's head says
_ALIKE = 3.0  # of how alike the weights of a category and a department are
_ROWS, _BLOCK = 50_000, 5_000  # features to compare weights by: their order is by hash, so the first do


class PartFinder:
    """Joins clauses to parts by what they score; made once for a fitted classifier with the heads numbered here.

    `department` is -1 where there is no such head.
    """

    def __init__(self, classifier: ComplaintClassifier, category: int, department: int) -> None:
        self._classifier = classifier
        self._heads = classifier.layout_[[category, department] if department >= 0 else [category]]
        self._fit = np.exp(_ALIKE * likeness(classifier, category, department)) if department >= 0 else np.ones((0, 0))

    def find(
        self,
        scores: NDArray[np.float64],
        reads: NDArray[np.float64],
        adds: NDArray[np.int64],
        bounds: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The parts (parts, 4): first and last clause, category, department; and where each text's begin (texts + 1,).

        `scores` and `reads` are of all clauses, as `score_spans` gives them; `adds` (clauses,) says which add a matter
        and `bounds` (texts + 1,) where each text's clauses begin. A text about one matter has no parts.
        """
        classifier = self._classifier
        runs, ends = np.empty((len(scores), 4), np.int64), np.zeros(len(bounds), np.int64)
        _join(
            scores, reads, adds, bounds, self._heads, classifier.slope_, classifier.shift_, classifier.bias_, self._fit,
            runs, ends,
        )  # fmt: skip
        return runs[: ends[-1]], ends


def likeness(classifier: ComplaintClassifier, one: int, other: int) -> NDArray[np.float64]:
    """How alike the weights of the labels of two heads are: their correlation over features, (labels, labels).

    Sums of whole numbers, so the same on every machine.
    """
    sides, count = classifier.layout_[[one, other], 3], min(len(classifier.weights_), _ROWS)
    moments, sums = np.zeros((sides.sum(), sides.sum())), np.zeros(sides.sum())
    for at in range(0, count, _BLOCK):
        rows = classifier.weights_[at : min(at + _BLOCK, count), 1:].astype(np.float64)
        both = np.hstack([_columns(rows, head) for head in classifier.layout_[[one, other]].tolist()])
        moments, sums = moments + both.T @ both, sums + both.sum(0)
    spread = count * moments - np.outer(sums, sums)
    lengths = np.sqrt(np.maximum(np.diag(spread), 1.0))
    alike: NDArray[np.float64] = (spread / np.outer(lengths, lengths))[: sides[0], sides[0] :]
    return alike


def _columns(rows: NDArray[np.float64], head: list[int]) -> NDArray[np.float64]:
    """The weights of one head, a column a label; two labels share an output."""
    kind, output, _, labels = head
    if kind == PAIR:
        return np.stack((-rows[:, output], rows[:, output]), 1)
    return rows[:, output : output + labels]


@njit(inline="always")
def _weigh(
    sums: NDArray[np.float64],
    size: float,
    length: float,
    heads: NDArray[np.int64],
    slope: NDArray[np.float64],
    shift: NDArray[np.float64],
    bias: NDArray[np.float64],
    fit: NDArray[np.float64],
    score: NDArray[np.float64],
    chance: NDArray[np.float64],
    evidence: NDArray[np.float64],
) -> None:
    """Fill `evidence` (categories,), the log chance of each, and `chance` of a run of clauses from its summed scores.

    The department's chances are those to the power of `_SPOKEN`.
    """
    for output in range(len(sums)):
        score[0, output] = bias[output] + sums[output] / np.sqrt(size)
    calibrate(score, heads, slope, shift, chance)
    first, labels = heads[0, 2], heads[0, 3]
    for other in range(heads[1, 3] if len(heads) > 1 else 0):
        chance[0, heads[1, 2] + other] = (chance[0, heads[1, 2] + other] + 1e-6) ** _SPOKEN
    total = 0.0
    for label in range(labels):
        likely = chance[0, first + label] + 1e-6
        if len(heads) > 1:
            together = 0.0
            for other in range(heads[1, 3]):
                together += chance[0, heads[1, 2] + other] * fit[label, other]
            likely *= together
        evidence[label] = likely ** (1.0 / _SOFTER)
        total += evidence[label]
    weight = (min(length, 20.0) / 10.0) ** 0.25
    for label in range(labels):
        evidence[label] = weight * np.log((1.0 - _DOUBT) * evidence[label] / total + _DOUBT / labels)


@njit(inline="always")
def _gain(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """What two categories explain better than the best single one does."""
    first, second, both = -np.inf, -np.inf, -np.inf
    for label in range(len(one)):
        first, second = max(first, one[label]), max(second, other[label])
        both = max(both, one[label] + other[label])
    return first + second - both


@njit(inline="always")
def _need(adds: int, clauses: int) -> float:
    return (_ADDED if adds else _APART) + _MANY * float(np.log(clauses))


@njit(cache=True, nogil=True)
def _join(
    scores: NDArray[np.float64],
    reads: NDArray[np.float64],
    adds: NDArray[np.int64],
    bounds: NDArray[np.int64],
    heads: NDArray[np.int64],
    slope: NDArray[np.float64],
    shift: NDArray[np.float64],
    bias: NDArray[np.float64],
    fit: NDArray[np.float64],
    runs: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> None:
    outputs = scores.shape[1]
    score, chance = np.empty((1, outputs)), np.empty((1, len(slope)))
    count = 0
    for text in range(len(bounds) - 1):
        begin = bounds[text]
        clauses = left = bounds[text + 1] - begin
        sums, evidence = np.empty((clauses, outputs)), np.empty((clauses, heads[0, 3]))
        sizes, lengths = np.empty(clauses), np.empty(clauses)
        gains = np.full(clauses, np.inf)  # of a run's first clause and the run behind it
        last, before = np.arange(clauses), np.arange(clauses) - 1
        for at in range(clauses):
            lengths[at] = reads[begin + at, 0]
            sizes[at] = max(lengths[at] * reads[begin + at, 1], 0.5)
            for output in range(outputs):
                sums[at, output] = (scores[begin + at, output] - bias[output]) * np.sqrt(sizes[at])
            _weigh(sums[at], sizes[at], lengths[at], heads, slope, shift, bias, fit, score, chance, evidence[at])
            if at:
                gains[at - 1] = _gain(evidence[at - 1], evidence[at]) - _need(adds[begin + at], clauses)
        while left > 1:
            one = int(np.argmin(gains))
            if gains[one] > 0.0:
                break
            other = last[one] + 1
            sums[one] += sums[other]
            sizes[one] += sizes[other]
            lengths[one] += lengths[other]
            last[one], gains[other], gains[one] = last[other], np.inf, np.inf
            left -= 1
            _weigh(sums[one], sizes[one], lengths[one], heads, slope, shift, bias, fit, score, chance, evidence[one])
            if before[one] >= 0:
                gains[before[one]] = _gain(evidence[before[one]], evidence[one]) - _need(adds[begin + one], clauses)
            if last[one] + 1 < clauses:
                other = last[one] + 1
                before[other] = one
                gains[one] = _gain(evidence[one], evidence[other]) - _need(adds[begin + other], clauses)
        at = 0 if left > 1 else clauses
        while at < clauses:
            _weigh(sums[at], sizes[at], lengths[at], heads, slope, shift, bias, fit, score, chance, evidence[at])
            label, department, best = int(np.argmax(evidence[at])), -1, -1.0
            for other in range(heads[1, 3] if len(heads) > 1 else 0):
                likely = (chance[0, heads[1, 2] + other] + 1e-6) ** _SPOKEN * fit[label, other]
                if likely > best:
                    best, department = likely, other
            runs[count] = begin + at, begin + last[at], label, department
            count += 1
            at = last[at] + 1
        ends[text + 1] = count
