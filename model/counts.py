"""The counters behind the alarm: distinct customers of every key by hour, what to expect of it, and its threshold."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.baseline import Counter, Prior, Profile, fit_prior
from model.issues import StateRow
from model.spike import FAST, SLOW, Spike, Tail, judge

__all__ = ["FAMILIES", "Counts", "CountsSettings", "family_of"]

FAMILIES = ("issue", "category", "product", "category+region", "product+region")
_KNOWN = {"issue": 720}  # hours for which a customer stays counted
_VOLUME_KNOWN = 168
_IDLE = 60 * 24
_NEWBORN = 0.05 / 24  # complaints an hour expected of a matter that is new, at most


@dataclass(frozen=True, slots=True)
class CountsSettings:
    """False alarms a day each family may raise, and below how many complaints a day the windows are 1, 3, 7 days."""

    group: float = 0.3
    volume: float = 0.05
    slow_below: float = 25.0


@dataclass(slots=True)
class _Key:
    counter: Counter
    last: int
    day: int = -1
    peak: float = 0.0


def family_of(key: str) -> str:
    """The family a key belongs to.

    >>> family_of("category+region:物流配送|华东"), family_of("i17")
    ('category+region', 'issue')
    """
    head, separator, _ = key.partition(":")
    return head if separator else "issue"


class Counts:
    """Counters, week profile, priors and thresholds of all keys; hours are whole hours since 1970."""

    def __init__(self, settings: CountsSettings = CountsSettings()) -> None:
        self.settings = settings
        self.windows_ = FAST
        self.keys_: dict[str, _Key] = {}
        self.profile_ = Profile()
        self.priors_ = {name: Prior() for name in FAMILIES}
        self.tails_ = {name: Tail() for name in FAMILIES}
        self._sizes = dict.fromkeys(FAMILIES, 0)
        self._who: dict[str, dict[str, int]] = {}
        self._pending: dict[int, int] = {}
        self._daily = 0.0
        self._touched: dict[str, None] = {}
        self._tuned = False

    def arrive(self, hour: int) -> None:
        """A complaint that counts came at `hour`: it teaches the week its shape at the next night."""
        self._pending[hour] = self._pending.get(hour, 0) + 1
        if len(self._pending) > 72:
            self._learn_shape()

    def add(self, key: str, who: str, hour: int, opens: bool = False) -> bool:
        """Count a customer on a key; False when he was there already. `opens`: the founder, who is not counted."""
        state = self.keys_.get(key)
        if state is None:
            state = self.keys_[key] = _Key(Counter(hour, hour - self.windows_[-1]), hour)
            self._sizes[family_of(key)] += 1
        self._touched[key] = None
        state.last = max(state.last, hour)
        if not self.remember(key, who, hour):
            return False
        if not opens:
            state.counter.add(hour, self.profile_)
        return True

    def remember(self, key: str, who: str, hour: int) -> bool:
        """Note that a customer spoke about a key; True when he is new to it."""
        known = self._who.setdefault(key, {})
        last = known.get(who)
        known[who] = hour if last is None else max(last, hour)
        return last is None or abs(hour - last) >= _KNOWN.get(family_of(key), _VOLUME_KNOWN)

    def judge(self, key: str, hour: int, less: int = 0) -> Spike:
        """How surprising the key's count is now, over windows that end with `hour`; `less` customers are known of."""
        state = self.keys_[key]
        prior = self.priors_[family_of(key)]
        counter = state.counter
        counter.settle(hour + 1 - self.windows_[-1], self.profile_)
        self._touched[key] = None
        level = counter.level(prior)
        counts = [max(0, counter.seen(hour + 1, window) - less) for window in self.windows_]
        expected = [level * self.profile_.between(hour + 1 - window, hour + 1) for window in self.windows_]
        return judge(counts, expected, self.windows_, prior.shape + counter.count)

    def note(self, key: str, hour: int, score: float) -> None:
        """Remember the highest score of a key's day: quiet keys teach the threshold at night."""
        state, day = self.keys_[key], (hour + 8) // 24
        state.peak = max(score, state.peak) if state.day == day else score
        state.day = day

    def threshold(self, key: str) -> float:
        """The score a key must reach to be told."""
        family = family_of(key)
        tail = self.tails_[family]
        return tail.tune(self._budget(family), self._sizes[family]).threshold if tail.nights == 0 else tail.threshold

    def one_in_days(self, key: str, score: float) -> float:
        """About one such score in how many days over the key's family, with nothing going on."""
        family = family_of(key)
        return self.tails_[family].one_in_days(score, self._sizes[family])

    def learnt(self, key: str) -> float:
        """Hours of history the key's level has been learnt from."""
        state = self.keys_.get(key)
        return 0.0 if state is None else state.counter.exposure

    def rest(self, day: int, hour: int, busy: set[str]) -> None:
        """Night after `day`: thresholds learn from the quiet keys, the week and the priors are fitted, old keys go."""
        self._learn_shape()
        self.profile_.pass_day(hour - 24)
        self.profile_.fit()
        peaks: dict[str, list[float]] = {name: [] for name in FAMILIES}
        statistics: dict[str, list[tuple[float, float]]] = {name: [] for name in FAMILIES}
        for key, state in list(self.keys_.items()):
            if state.last < hour - _IDLE:
                self.forget(key)
                continue
            if key in busy:
                continue
            family = family_of(key)
            statistics[family].append(state.counter.statistics(hour - self.windows_[-1], self.profile_))
            if state.day == day and state.peak > 0:
                peaks[family].append(state.peak)
        for family in FAMILIES:
            learnt = np.array(statistics[family], dtype=float).reshape(-1, 2)
            prior = fit_prior(learnt[:, 0], learnt[:, 1])
            settled = self.tails_[family].nights >= 7  # before, what looks newborn is mostly an old topic's first day
            if family == "issue" and settled and prior.shape > _NEWBORN * prior.hours:
                # Old matters that live on would make every newborn look usual.
                prior = Prior(0.5, 0.5 / _NEWBORN)
            self.priors_[family] = prior
            self.tails_[family].learn(peaks[family])
            self.tails_[family].tune(self._budget(family), self._sizes[family])
        for key, known in list(self._who.items()):
            limit = hour - _KNOWN.get(family_of(key), _VOLUME_KNOWN)
            self._who[key] = {who: last for who, last in known.items() if last > limit}
        nights = self.tails_["issue"].nights
        if nights >= 7:  # hysteresis: a stream on the border does not change its clock every night
            border = self.settings.slow_below * (1.25 if self.windows_ == SLOW else 1.0)
            self.windows_ = SLOW if self._daily / min(nights, 14) < border else FAST
        self._daily *= 1 - 1 / 14 if nights >= 14 else 1.0
        self._tuned = True

    def forget(self, key: str) -> None:
        """Drop a key."""
        if self.keys_.pop(key, None) is not None:
            self._sizes[family_of(key)] -= 1
        self._who.pop(key, None)
        self._touched[key] = None

    def _budget(self, family: str) -> float:
        return self.settings.group if family == "issue" else self.settings.volume

    def _learn_shape(self) -> None:
        for hour, n in self._pending.items():
            self.profile_.learn(hour, n)
            self._daily += n
        self._pending.clear()

    def changes(self) -> list[StateRow]:
        """What changed since the last call."""
        rows = [StateRow("count", key, self._value(key)) for key in self._touched]
        if self._tuned:
            priors = {name: [prior.shape, prior.hours] for name, prior in self.priors_.items()}
            tails = {name: tail.as_value() for name, tail in self.tails_.items()}
            rows.append(
                StateRow("tuning", "tuning", {"profile": self.profile_.as_value(), "priors": priors, "tails": tails})
            )
        pending = {str(hour): n for hour, n in self._pending.items()}
        slow = self.windows_ == SLOW
        rows.append(StateRow("arrivals", "arrivals", {"pending": pending, "daily": self._daily, "slow": slow}))
        self._touched.clear()
        self._tuned = False
        return rows

    def _value(self, key: str) -> dict[str, Any] | None:
        state = self.keys_.get(key)
        if state is None:
            return None
        counter = state.counter
        hours = {str(hour): n for hour, n in (counter.hours or {}).items()}
        return {"born": counter.born, "upto": counter.upto, "count": counter.count, "exposure": counter.exposure,
                "hours": hours, "last": state.last, "day": state.day, "peak": state.peak}  # fmt: skip

    @classmethod
    def restore(cls, rows: Iterable[StateRow], settings: CountsSettings = CountsSettings()) -> "Counts":
        """The counters as they were; who spoke comes back through `remember`."""
        counts = cls(settings)
        found: dict[str, _Key] = {}
        for part, key, value in rows:
            if value is None:
                continue
            if part == "count":
                hours = {int(hour): n for hour, n in value["hours"].items()} or None
                counter = Counter(value["born"], value["upto"], value["count"], value["exposure"], hours)
                found[key] = _Key(counter, value["last"], value["day"], value["peak"])
            elif part == "tuning":
                counts.profile_ = Profile.from_value(value["profile"])
                counts.priors_ = {name: Prior(*pair) for name, pair in value["priors"].items()}
                counts.tails_ = {name: Tail.from_value(tail) for name, tail in value["tails"].items()}
            elif part == "arrivals":
                counts._pending = {int(hour): n for hour, n in value["pending"].items()}
                counts._daily, counts.windows_ = value["daily"], SLOW if value["slow"] else FAST
        for key in sorted(found):
            counts.keys_[key] = found[key]
            counts._sizes[family_of(key)] += 1
        return counts
