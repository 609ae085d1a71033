"""What the early warning is set to: floors, steps of severity, the times of an incident's life, hard rules."""

from dataclasses import dataclass, field
from typing import NamedTuple

from model.counts import CountsSettings
from model.issues import IssueSettings

__all__ = ["Rule", "WatchSettings"]


class Rule(NamedTuple):
    """A hard rule from law or management: `customers` about one matter within `hours`."""

    customers: int
    hours: int


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """Floors, steps of severity, and the times of an incident's life; budgets are in `counts`, likeness in `issues`."""

    issues: IssueSettings = field(default_factory=IssueSettings)
    counts: CountsSettings = field(default_factory=CountsSettings)
    customers: int = 3
    cold_customers: int = 5  # while the stream is younger than `cold_hours` every matter looks new
    cold_hours: int = 72
    texts: int = 2
    unity: float = 0.2
    fit: float = 0.55
    steps: tuple[int, int, int] = (5, 20, 50)
    repeats: tuple[int, int, int] = (3, 5, 10)
    posters: int = 3
    alike: float = 0.1
    late_hours: int = 48
    cool_down_hours: int = 24
    quiet_hours: int = 24
    slow_days: int = 14
    reopen_days: int = 7
    remember_days: int = 30
    volume_learnt_hours: int = 144
    volume_excess: int = 5
    volume_ratio: float = 1.5
    shared: float = 0.6
    rules: tuple[Rule, ...] = ()
