"""An incident is one open matter with a life (open, growing, escalated, resolved); what is told of it, and why."""

from collections import Counter
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, NamedTuple

from model.evidence import Member, copy_share, exemplars, majority, moment
from model.spike import Spike

__all__ = ["SEVERITIES", "Alert", "Incident", "Observed", "Reason", "decide"]

SEVERITIES = ("notice", "warning", "severe")
_STAGES = {"threat": 0, "posted": 1, "spreading": 2}
HOUR = 3600


class Reason(Enum):
    """Why an alert is told; KNOWN is told to nobody."""

    FIRST = "first"
    GREW = "grew"
    WORSE = "worse"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Alert:
    """One line of what was told. `at` is event time, ISO; `complaints` are all ids of the incident so far."""

    kind: str
    incident: str
    reason: str
    at: str
    severity: str
    window_hours: int
    customers: int
    expected: float
    surprise: float
    complaints: tuple[str, ...]
    terms: tuple[str, ...]
    category: str | None
    department: str | None

    def as_line(self) -> dict[str, Any]:
        """JSON-ready, in the order of the contract."""
        line = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**line, "complaints": list(self.complaints), "terms": list(self.terms)}


class Observed(NamedTuple):
    """What became of a sighting: its issue, the alerts it raised, the incidents it touched."""

    issue: str | None
    alerts: tuple[Alert, ...]
    touched: tuple[str, ...]


@dataclass(slots=True)
class Incident:
    """One matter. `since` and `until` are the first and last order numbers of its complaints; `level` orders severity.

    `level`: 0 notice, 1 warning, 2 and 3 severe; 5, 20, 50 customers raise it, and so do the exposure stage and safety.
    """

    id: str
    key: str
    kind: str
    opened: int
    since: int
    until: int = -1
    state: str = "open"
    level: int = 0
    window: int = 48
    count: int = 0
    expected: float = 0.0
    surprise: float = 0.0
    one_in_days: float = 0.0
    stage: str = "none"
    safety: bool = False
    latest: int = 0
    told_at: int = 0
    told_level: int = -1
    told_customers: int = 0
    parent: str | None = None
    resolved: int | None = None
    terms: tuple[str, ...] = ()
    core: dict[str, float] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    who: dict[str, None] = field(default_factory=dict)

    def admit(self, member: Member) -> bool:
        """Add a complaint; True when it brings a customer who was not part of this before."""
        self.members.append(member)
        self.until = max(self.until, member.number)
        if not member.counts:
            return False
        if _STAGES.get(member.stage, -1) > _STAGES.get(self.stage, -1):
            self.stage = member.stage
        self.safety = self.safety or "safety" in member.intents
        fresh = member.who not in self.who
        self.who[member.who] = None
        if fresh:
            self.latest = max(self.latest, member.seconds)
        return fresh

    def measure(self, spike: Spike, one_in_days: float) -> None:
        """Keep the most surprising window as the evidence."""
        if spike.score >= self.surprise or self.told_level < 0:
            self.window, self.count, self.expected, self.surprise = spike
            self.one_in_days = one_in_days

    def worsen(self, stage: str, repeats: int, steps: tuple[int, int, int]) -> None:
        """Note that posts spread, and how often one customer had to come; from the second step on that is worse."""
        if stage == "spreading":
            self.stage = stage
        if self.kind == "repeat":
            self.count = max(self.count, repeats)
            self.level = max(self.level, sum(self.count >= step for step in steps[1:]))

    @property
    def is_open(self) -> bool:
        """Not resolved."""
        return self.resolved is None

    @property
    def severity(self) -> str:
        """notice, warning or severe."""
        return SEVERITIES[min(self.level, 2)]

    def rank(self, steps: tuple[int, int, int]) -> int:
        """How bad it is now: the highest of customers, exposure and safety; never lower than it was."""
        size = len(self.who) if self.kind != "volume" else max(0, int(self.count - self.expected))
        by_size = sum(size >= step for step in steps)
        by_stage = _STAGES.get(self.stage, 0)
        by_safety = 1 if self.safety and self.kind == "group" else 0
        return max(self.level, by_size if self.kind != "repeat" else 0, by_stage, by_safety)

    def alert(self, reason: Reason, seconds: int, kind: str | None = None) -> Alert:
        """What is told about it now."""
        return Alert(
            kind or self.kind, self.id, reason.value, moment(seconds), self.severity, self.window, len(self.who),
            round(self.expected, 4), round(self.surprise, 3), tuple(member.id for member in self.members), self.terms,
            majority([member.category for member in self.members]),
            majority([member.department for member in self.members]),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Everything the incident can show, JSON-ready; every number recomputes from the listed ids."""
        counted = [member for member in self.members if member.counts]
        hours = Counter(member.seconds // HOUR * HOUR for member in counted)
        times = [member.seconds for member in self.members] or [self.opened]
        return {
            "id": self.id, "key": self.key, "kind": self.kind, "state": self.state, "severity": self.severity,
            "opened": moment(self.opened), "resolved": None if self.resolved is None else moment(self.resolved),
            "first": moment(min(times)), "last": moment(max(times)), "window_hours": self.window,
            "seen": self.count, "expected": round(self.expected, 4), "surprise": round(self.surprise, 3),
            "one_in_days": round(self.one_in_days, 1), "customers": len(self.who),
            "unidentified": sum(1 for who in self.who if who.startswith("~")),
            "folded": sum(member.folded for member in self.members), "copy_share": copy_share(self.members),
            "stage": self.stage, "intents": sorted({intent for member in counted for intent in member.intents}),
            "terms": list(self.terms), "exemplars": list(exemplars(self.members)),
            "channels": _counted([member.channel for member in counted]),
            "regions": _counted([member.region for member in counted]),
            "products": _counted([member.product for member in counted]),
            "hours": {moment(hour): hours[hour] for hour in sorted(hours)},
            "category": majority([member.category for member in self.members]),
            "department": majority([member.department for member in self.members]),
            "complaints": [member.id for member in self.members], "parent": self.parent,
        }  # fmt: skip

    def as_value(self) -> dict[str, Any]:
        """JSON-ready state without the members, which have rows of their own."""
        value = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("members", "who")}
        return {**value, "terms": list(self.terms)}

    @classmethod
    def from_value(cls, value: dict[str, Any]) -> "Incident":
        """The incident that `as_value` described, still without members."""
        return cls(**{**value, "terms": tuple(value["terms"])})


def _counted(values: list[str | None]) -> dict[str, int]:
    return dict(Counter(value for value in values if value is not None).most_common(10))


def decide(incident: Incident, seconds: int, hot: bool, cool_down: int, steps: tuple[int, int, int]) -> Reason:
    """What there is to tell about an incident now. `hot`: its score is over the threshold; `cool_down` in seconds;
    `steps` are the numbers of customers that are told even when severity is as high already.

    >>> incident = Incident("n1", "i1", "group", opened=0, since=0)
    >>> decide(incident, 0, hot=True, cool_down=86400, steps=(5, 20, 50))
    <Reason.FIRST: 'first'>
    >>> incident.told_level, incident.level = 0, 1
    >>> decide(incident, 60, hot=True, cool_down=86400, steps=(5, 20, 50))
    <Reason.WORSE: 'worse'>
    """
    if incident.told_level < 0:
        return Reason.FIRST
    if incident.level > incident.told_level:
        return Reason.WORSE
    customers, told = len(incident.who), incident.told_customers
    crossed = any(told < step <= customers for step in steps) and incident.kind in ("group", "rule")
    if crossed or customers >= 2 * max(2, told):
        return Reason.GREW
    if hot and seconds - incident.told_at >= cool_down and customers > told:
        return Reason.REPEAT
    return Reason.KNOWN
