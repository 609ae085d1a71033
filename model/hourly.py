"""Spikes in many hourly series at once: the judge, the week's shape, the priors and the threshold of the live watch."""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.baseline import HALF_LIFE, WEEK, Profile, fit_prior
from model.spike import FAST, SPREAD, SUSPECT, Tail, surprise

__all__ = ["Alarm", "find_alarms"]

_GUARD = FAST[-1]
_COOL = 24  # hours without heat that end an episode
_FLOOR = 3  # customers in the longest window: never on fewer
_REST = 48  # hours after an episode in which a series teaches the threshold nothing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Alarm(NamedTuple):
    """The start of an episode: row of the series, hour (column), and why."""

    series: int
    hour: int
    customers: int
    expected: float
    surprise: float
    one_in_days: float


@njit(cache=True)
def _score_day(
    sums: Ints, start: int, level: Floats, size: Floats, masses: Floats, group: Ints, windows: Ints, floor: int
) -> tuple[Floats, Ints, Floats]:
    """Scores, counts and expectations (series, 24) of one day; `sums` are cumulative counts with a leading zero."""
    series = sums.shape[0]
    scores = np.zeros((series, 24))
    counts = np.zeros((series, 24), dtype=np.int64)
    means = np.zeros((series, 24))
    longest = windows[-1]
    for s in range(series):
        mass = masses[group[s]]
        for h in range(24):
            end = start + h + 1
            if end >= sums.shape[1] or sums[s, end] - sums[s, max(0, end - longest)] < floor:
                continue
            if sums[s, end] == sums[s, end - 1]:
                continue  # nothing new came: the hour before has said it
            for w in windows:
                count = sums[s, end] - sums[s, max(0, end - w)]
                mean = level[s] * (mass[longest + h + 1] - mass[longest + h + 1 - w])
                if count > mean:
                    score = surprise(float(count), mean, size[s]) - log(longest / w)
                    if score > scores[s, h]:
                        scores[s, h], counts[s, h], means[s, h] = score, count, mean
    return scores, counts, means


def find_alarms(
    counts: Ints,
    group: Ints,
    first_hour: int,
    false_alarms_per_day: float,
    progress: Callable[[int, int], None] | None = None,
) -> list[Alarm]:
    """Episodes of surprising counts, in order of time.

    `counts`: (series, hours) distinct customers; `group`: (series,) the group whose week a series shares;
    `first_hour`: hours since 1970 (UTC) of the first column; the budget is over all series together. Hours teach a
    level only when they have left the 48-hour guard band, so nothing is said about the first three days.

    >>> rng = np.random.default_rng(1)
    >>> counts = rng.poisson(0.02, (200, 24 * 28))
    >>> counts[7, 600:606] += 2
    >>> alarms = find_alarms(counts, np.zeros(200, dtype=int), 490_000, 0.05)
    >>> [(alarm.series, 600 <= alarm.hour < 606) for alarm in alarms if alarm.series == 7]
    [(7, True)]
    """
    series, hours = counts.shape
    days = -(-hours // 24)
    sums = np.zeros((series, hours + 1), dtype=np.int64)
    np.cumsum(counts, axis=1, out=sums[:, 1:])
    groups = int(group.max()) + 1 if series else 0
    profiles = [Profile() for _ in range(groups)]
    learnt, exposure = np.zeros(series), np.zeros(groups)
    last_hot = np.full(series, -(10**9))
    last_near = last_hot.copy()
    tail, alarms = Tail(), []
    windows = np.array(FAST, dtype=np.int64)
    kept = 0.5 ** (24 / HALF_LIFE)
    members = [np.flatnonzero(group == one) for one in range(groups)]
    for day in range(days):
        start = 24 * day
        old = start - _GUARD  # the hours old-24 <= h < old leave the band tonight
        if old >= 24:
            fresh = counts[:, old - 24 : old]
            learnt = learnt * kept + fresh.sum(1)
            for one, profile in enumerate(profiles):
                for offset, n in enumerate(fresh[members[one]].sum(0)):
                    profile.learn(first_hour + old - 24 + offset, float(n))
                profile.pass_day(first_hour + old - 24)
                profile.fit()
                exposure[one] = exposure[one] * kept + profile.between(first_hour + old - 24, first_hour + old)
        if old < 24:
            continue
        prior = fit_prior(learnt, exposure[group])
        level = (prior.shape + learnt) / (prior.hours + exposure[group])
        size = 1.0 / (1.0 / (prior.shape + learnt) + SPREAD)
        masses = np.array([_masses(profile, first_hour + start) for profile in profiles])
        scores, seen, means = _score_day(sums, start, level, size, masses, group, windows, _FLOOR)
        threshold = tail.tune(false_alarms_per_day, series).threshold
        quiet = last_hot < start - _REST
        for s, h in zip(*np.nonzero((scores >= threshold) & (scores > 0)), strict=True):
            hour = start + int(h)
            if hour - last_hot[s] >= _COOL:
                rare = tail.one_in_days(float(scores[s, h]), series)
                alarms.append(Alarm(int(s), hour, int(seen[s, h]), float(means[s, h]), float(scores[s, h]), rare))
            last_hot[s] = hour
        peaks = scores.max(1)
        last_near[peaks >= SUSPECT * threshold] = start
        quiet &= (last_hot < start) & (last_near < start - _REST)
        tail.learn(peaks[quiet & (peaks > 0)])
        if progress is not None:
            progress(day + 1, days)
    return sorted(alarms, key=lambda alarm: (alarm.hour, alarm.series))


def _masses(profile: Profile, hour: int) -> Floats:
    """Cumulative factors from `_GUARD` hours before `hour` to the end of its day."""
    at = (np.arange(hour - _GUARD, hour + 24) + 80) % WEEK
    return np.concatenate([[0.0], np.cumsum(profile.factors_[at])])
