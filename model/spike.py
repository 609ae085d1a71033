"""Is this count a surprise worth telling? A negative binomial surprise under a false-alarm budget that tunes itself."""

from collections.abc import Sequence
from math import exp, inf, lgamma, log
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["FAST", "SLOW", "SPREAD", "SUSPECT", "Spike", "Tail", "judge", "surprise"]

FAST = (12, 24, 48)  # hours
SLOW = (24, 72, 168)
SPREAD = 0.08  # variance of a day's level around its mean: days shake, and a Poisson count would call that news
_BIN = 0.25
_BINS = 240
_KEPT = 0.5 ** (1 / 56)  # of yesterday's histogram
_RARE, _OFTEN = 30.0, 240.0  # alerts a day of 2,000 keys between which the tail is fitted
_FLATTEST = 0.5  # fits of few scores may be flatter by chance, and would ask for the impossible
SUSPECT = 0.75  # of the threshold: a key that came so near teaches nothing
_MARGIN = 0.75  # of the budget: levels drift after the nights that taught the tail, measured on quiet streams
_LEAST = 4.5  # no budget is so large that a count this usual is told
_NIGHT = 0.02  # a night moves a threshold by at most this share


class Spike(NamedTuple):
    """The window that surprises most: its length in hours, the count, what was expected, the score in nats."""

    window: int
    customers: int
    expected: float
    score: float


@njit(cache=True)
def surprise(count: float, mean: float, size: float) -> float:
    """−ln P(N ≥ count) for a negative binomial N with this mean and size (variance mean + mean²/size).

    >>> round(surprise(1.0, 0.1, 1e9), 3)  # Poisson: 1 - exp(-0.1) = 0.0952
    2.352
    >>> surprise(3.0, 5.0, 2.0)
    0.0
    """
    if count <= mean or count < 1.0 or mean <= 0.0:
        return 0.0
    share = mean / (size + mean)
    head = lgamma(size + count) - lgamma(size) - lgamma(count + 1.0)
    if size > 1e6:  # the Poisson limit: the gamma functions of a huge size would cancel to noise
        head = count * log(size) - lgamma(count + 1.0)
    first = head + size * log(size / (size + mean)) + count * log(share)
    if size > 1e6:
        first = count * log(mean) - lgamma(count + 1.0) - mean
    total, term, k = 1.0, 1.0, count
    while term > 1e-9 * total and k < count + 5000.0:
        term *= (k + size) / (k + 1.0) * share
        total += term
        k += 1.0
    return max(0.0, -(first + log(total)))


def judge(
    counts: Sequence[int], expected: Sequence[float], windows: Sequence[int], shape: float, spread: float = SPREAD
) -> Spike:
    """The most surprising of several windows that end now; a shorter window pays for having had more chances.

    `counts`, `expected`: one a window. `shape`: how many counts the level was learnt from (its Gamma shape).

    >>> judge([4, 4, 5], [0.1, 0.2, 0.4], FAST, 6.0).window
    12
    """
    best = Spike(windows[-1], counts[-1], expected[-1], 0.0)
    size = 1.0 / (1.0 / shape + spread)
    for window, count, mean in zip(windows, counts, expected, strict=True):
        if count <= mean:
            continue
        score = surprise(float(count), mean, size) - log(windows[-1] / window)
        if score > best.score:
            best = Spike(window, count, mean, score)
    return best


class Tail:
    """How often a quiet family reaches a score, from its own days: the threshold for a budget of false alarms a day.

    `learn` takes each quiet key's highest score of a day. Scores near the threshold may be real and are not seen, so
    every bin keeps the days on which it could be. Rates between 30 and 240 a day for 2,000 keys are fitted
    log-linearly and extrapolated to the budget: higher up, small bursts that stay under the threshold would teach it
    to look away. The first week, and with too few scores, the threshold is ln(3·keys/budget).

    >>> tail = Tail()
    >>> round(tail.tune(budget=0.5, keys=100).threshold, 2)
    6.4
    >>> round(tail.one_in_days(6.4, keys=100), 1)
    2.0
    """

    def __init__(self) -> None:
        self.histogram: NDArray[np.float64] = np.zeros(_BINS)
        self.days: NDArray[np.float64] = np.zeros(_BINS)
        self.nights = 0
        self.threshold = inf
        self.slope_: float | None = None  # of ln(rate a day) against score, and its height at 0
        self.height_ = 0.0

    def learn(self, scores: Sequence[float] | NDArray[np.float64]) -> None:
        """One day is over; `scores` are the highest of the day, of the quiet keys that had any."""
        seen = np.minimum(SUSPECT * self.threshold, _BIN * _BINS) // _BIN
        places = np.minimum((np.asarray(scores, dtype=float) / _BIN).astype(int), _BINS - 1)
        self.histogram = self.histogram * _KEPT + np.bincount(places[places < seen], minlength=_BINS)
        self.days = self.days * _KEPT + (np.arange(_BINS) < seen)
        self.nights += 1

    def tune(self, budget: float, keys: int) -> "Tail":
        """Move the threshold towards `budget` false alarms a day over `keys` keys."""
        keys = max(1, keys)
        first = max(_LEAST, log(3.0 * keys / budget))
        if self.nights < 7:
            self.threshold = first
            return self
        if self._fit(keys) and self.slope_ is not None:
            wanted = max(_LEAST, (self.height_ - log(_MARGIN * budget)) / self.slope_)
        else:
            wanted = min(first, self._seldom(budget))
        if self.nights == 7:
            self.threshold = max(wanted, 0.7 * first)
        self.threshold = min(max(wanted, self.threshold * (1 - _NIGHT)), self.threshold * (1 + _NIGHT))
        return self

    def _fit(self, keys: int) -> bool:
        """Fit slope and height where the rate is low enough to be tail and high enough to be counted."""
        known = self.days > 0.5
        rates = np.where(known, self.histogram / np.maximum(self.days, 0.5), 0.0)
        slope = self.slope_ or 1.0
        for _ in range(3):
            top = int(np.flatnonzero(known)[-1])
            beyond = float(rates[max(0, top - 3) : top + 1].mean()) / (exp(slope * _BIN) - 1.0)
            above = np.cumsum(rates[::-1])[::-1] + beyond  # alerts a day at or over each bin's lower edge
            seldom, high = 5.0 / float(self.days.max()), _OFTEN * keys / 2000
            inside = np.flatnonzero(known & (above >= max(_RARE * keys / 2000, seldom)) & (above <= high))
            if len(inside) < 4:  # few keys or few complaints: what there is
                inside = np.flatnonzero(known & (above >= seldom) & (above <= high))
            if len(inside) < 4:
                return False
            scores, heights = inside * _BIN, np.log(above[inside])
            slope = max(_FLATTEST, -float(np.polyfit(scores, heights, 1)[0]))
            self.slope_, self.height_ = slope, float(heights.mean() + slope * scores.mean())
        return True

    def _seldom(self, budget: float) -> float:
        """With too few scores to fit: the lowest score that, counting one more, came less often than the budget."""
        above = np.cumsum(self.histogram[::-1])[::-1] + 1.0
        low = np.flatnonzero((self.days > 0.5) & (above <= budget * np.maximum(self.days, 0.5)))
        return max(_LEAST, float(low[0]) * _BIN) if len(low) else inf

    def one_in_days(self, score: float, keys: int) -> float:
        """About one such alert in how many days, with nothing going on; from the fit, else from the keys."""
        slope, height = (1.0, log(3.0 * max(1, keys))) if self.slope_ is None else (self.slope_, self.height_)
        return min(36500.0, exp(min(20.0, slope * score - height)))

    def as_value(self) -> dict[str, Any]:
        """JSON-ready state."""
        bins = {str(place): float(self.histogram[place]) for place in np.flatnonzero(self.histogram)}
        starts = np.flatnonzero(np.diff(self.days, prepend=-1.0))
        days = [[int(place), float(self.days[place])] for place in starts]
        threshold = None if self.threshold == inf else self.threshold
        return {
            "bins": bins,
            "days": days,
            "nights": self.nights,
            "threshold": threshold,
            "slope": self.slope_,
            "height": self.height_,
        }

    @classmethod
    def from_value(cls, value: dict[str, Any]) -> "Tail":
        """The tail that `as_value` described."""
        tail = cls()
        for place, mass in value["bins"].items():
            tail.histogram[int(place)] = mass
        for place, days in value["days"]:
            tail.days[place:] = days
        tail.nights, tail.slope_, tail.height_ = value["nights"], value["slope"], value["height"]
        tail.threshold = inf if value["threshold"] is None else value["threshold"]
        return tail
