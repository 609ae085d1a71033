"""What count to expect: a level that forgets, times the hours of the week, with a prior for keys that are new."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HALF_LIFE", "WEEK", "Counter", "Prior", "Profile", "fit_prior"]

WEEK = 168
HALF_LIFE = 28 * 24.0  # hours after which a count weighs half
_EPOCH = 80  # 1970-01-01 08:00 in Shanghai was a Thursday: hour 80 of a week that starts on Monday
_PRIOR_HOURS = 3.0  # complaints an hour of the week is imagined to have had, at the rate of its hour of day

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prior:
    """Gamma(shape, hours) over the level of a new key: mean shape / hours, complaints an hour."""

    shape: float = 0.5
    hours: float = 600.0


class Profile:
    """The shape of a week: 168 factors with mean 1, learnt from the counts of many keys together.

    Each hour of the week is shrunk towards hour-of-day × day-of-week, that towards 1, so a day of history is enough
    to start. `learn` takes hours since 1970 (UTC); the week is Shanghai's, Monday 00:00 first.

    >>> profile = Profile()
    >>> round(profile.between(0, 24), 6)
    24.0
    >>> for day in range(28):
    ...     profile.learn(24 * day + 2, 10)  # ten complaints at 10:00 every day
    ...     profile.pass_day(24 * day)
    >>> profile.fit().between(24 * 28 + 2, 24 * 28 + 3) > 15
    True
    """

    def __init__(self) -> None:
        self.counts = np.zeros(WEEK)
        self.weights = np.zeros(WEEK)  # how often each hour of the week has passed, forgotten like the counts
        self.factors_: Floats = np.ones(WEEK)
        self._sums: Floats = np.arange(WEEK + 1, dtype=float)

    def learn(self, hour: int, count: float) -> None:
        """Count complaints of one hour."""
        self.counts[(hour + _EPOCH) % WEEK] += count

    def pass_day(self, hour: int) -> None:
        """The 24 hours from `hour` have passed and were learnt: older weeks weigh less."""
        kept = 0.5 ** (24 / HALF_LIFE)
        self.counts *= kept
        self.weights *= kept
        self.weights[(np.arange(hour, hour + 24) + _EPOCH) % WEEK] += kept

    def fit(self) -> "Profile":
        """Recompute the factors from the counts."""
        passed = float(self.weights.sum())
        if passed <= 0:
            return self
        due = self.weights * float(self.counts.sum()) / passed
        counts, dues = self.counts.reshape(7, 24), due.reshape(7, 24)
        daily = (counts.sum(1) + 10.0) / (dues.sum(1) + 10.0)  # a start with few complaints stays flat
        hourly = (counts.sum(0) + 2.0) / (dues.sum(0) + 2.0)
        smooth = (daily[:, None] * hourly[None, :]).ravel()
        factors = (self.counts + _PRIOR_HOURS * smooth) / (due + _PRIOR_HOURS)
        self.factors_ = factors / factors.mean()
        self._sums = np.concatenate([[0.0], np.cumsum(self.factors_)])
        return self

    def between(self, first: int, last: int) -> float:
        """Sum of the factors over the hours first <= h < last."""
        if last <= first:
            return 0.0
        start = (first + _EPOCH) % WEEK
        weeks, rest = divmod(last - first + start, WEEK)
        return float(weeks * self._sums[WEEK] + self._sums[rest] - self._sums[start])

    def as_value(self) -> dict[str, Any]:
        """JSON-ready state."""
        return {"counts": self.counts.tolist(), "weights": self.weights.tolist(), "factors": self.factors_.tolist()}

    @classmethod
    def from_value(cls, value: dict[str, Any]) -> "Profile":
        """The profile that `as_value` described."""
        profile = cls()
        profile.counts = np.array(value["counts"], dtype=float)
        profile.weights = np.array(value["weights"], dtype=float)
        profile.factors_ = np.array(value["factors"], dtype=float)
        profile._sums = np.concatenate([[0.0], np.cumsum(profile.factors_)])
        return profile


@dataclass(slots=True)
class Counter:
    """Distinct customers of one key by hour, and the level learnt from the hours that left the guard band.

    `hours` holds what is inside the band; `count` and `exposure` are the Gamma statistics with forgetting, up to the
    hour `upto`. An event is inside the band while it is judged, so it never teaches itself.

    >>> counter = Counter(born=0, upto=0)
    >>> counter.add(5, Profile()); counter.add(6, Profile())
    >>> counter.seen(7, 12), counter.seen(7, 1)
    (2, 1)
    >>> round(counter.expected(7, 12, Profile(), Prior(0.5, 100.0)), 3)
    0.06
    """

    born: int
    upto: int
    count: float = 0.0
    exposure: float = 0.0
    hours: dict[int, int] | None = None

    def add(self, hour: int, profile: Profile) -> None:
        """One more customer at `hour`; one before the band goes straight to the level."""
        if hour < self.born:
            self.exposure += profile.between(hour, min(self.born, self.upto)) * 0.5 ** ((self.upto - hour) / HALF_LIFE)
            self.born = hour
        if hour < self.upto:
            self.count += 0.5 ** ((self.upto - hour) / HALF_LIFE)
        else:
            self.hours = self.hours or {}
            self.hours[hour] = self.hours.get(hour, 0) + 1

    def settle(self, before: int, profile: Profile) -> None:
        """Hours before `before` leave the guard band and teach the level."""
        if before <= self.upto:
            return
        gap = before - self.upto
        kept = 0.5 ** (gap / HALF_LIFE)
        self.count *= kept
        self.exposure = self.exposure * kept + profile.between(max(self.born, self.upto), before) * kept**0.5
        if self.hours:
            for hour in [hour for hour in self.hours if hour < before]:
                self.count += self.hours.pop(hour) * 0.5 ** ((before - hour) / HALF_LIFE)
        self.upto = before

    def statistics(self, before: int, profile: Profile) -> tuple[float, float]:
        """Count and exposure as they would be after `settle(before)`, without settling."""
        copy = Counter(self.born, self.upto, self.count, self.exposure, dict(self.hours or {}))
        copy.settle(before, profile)
        return copy.count, copy.exposure

    def seen(self, end: int, window: int) -> int:
        """Customers in the hours end - window <= h < end."""
        return sum(n for hour, n in (self.hours or {}).items() if end - window <= hour < end)

    def expected(self, end: int, window: int, profile: Profile, prior: Prior) -> float:
        """Expected customers in the same hours, from the level and the week's shape."""
        return self.level(prior) * profile.between(end - window, end)

    def level(self, prior: Prior) -> float:
        """Complaints an hour, on average over a week."""
        return (prior.shape + self.count) / (prior.hours + self.exposure)


def fit_prior(counts: Floats, exposures: Floats, floor: Prior = Prior()) -> Prior:
    """The Gamma prior that best explains the counts of many keys, by marginal likelihood over a grid of shapes.

    `counts`, `exposures`: (keys,). With no complaint at all the answer is `floor`.

    >>> prior = fit_prior(np.full(200, 10.0), np.full(200, 100.0))
    >>> round(prior.shape / prior.hours, 2)
    0.1
    """
    if counts.sum() <= 0 or exposures.sum() <= 0:
        return floor
    if len(counts) < 20:  # too few keys for a shape: a weak prior around their mean
        return Prior(
            floor.shape, floor.shape * float(exposures.sum() + floor.hours) / float(counts.sum() + floor.shape)
        )
    from math import lgamma

    best, most = floor, -np.inf
    mean = float((counts.sum() + floor.shape) / (exposures.sum() + floor.hours))
    rounded = np.stack([np.round(counts, 1), np.round(exposures / 24.0) * 24.0], 1)
    bins, weight = np.unique(rounded, axis=0, return_counts=True)
    for shape in (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.5, 5.0, 10.0):
        for factor in (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0):
            hours = shape / (mean * factor)
            n, time = bins[:, 0], bins[:, 1]
            gammas = np.array([lgamma(shape + one) for one in n]) - lgamma(shape)
            likelihood = gammas + shape * np.log(hours / (hours + time)) - n * np.log(hours + time)
            total = float((likelihood * weight).sum())
            if total > most:
                best, most = Prior(shape, hours), total
    return best
