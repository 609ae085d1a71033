"""Rules people write over the model: words that must and must not stand in a complaint, and what they decide.

Words are plain text and read by the same view as the classifier's, so 貨車 finds 货车 and a span points into what was
written. `model.rule_file` reads them from a file; `model.overlay` lays them over a prediction.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from json import dumps
from re import compile as pattern
from re import escape

from model.complaint import Complaint
from model.needed import Sieve
from model.text import normalise, normalise_map
from model.word_tree import MOST_PLACES, Span, WordTree, alone, nearest

__all__ = ["FACTS", "Closed", "Period", "Rule", "Rules", "Trip"]

FACTS = ("channel", "product", "region", "stage")  # what a rule may ask about besides the heads
MOST_SPANS = 8  # told for one rule: enough to see why
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment on and before another; None is open. Both aware.

    >>> Period().holds(datetime.fromisoformat("2026-03-01T00:00:00+08:00"))
    True
    """

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, time: datetime) -> bool:
        """Whether a moment lies in it."""
        return (self.since is None or time >= self.since) and (self.until is None or time < self.until)

    def covers(self, other: "Period") -> bool:
        """Whether all of another period lies in it."""
        starts = self.since is None or (other.since is not None and other.since >= self.since)
        return starts and (self.until is None or (other.until is not None and other.until <= self.until))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Words are normalised; `lines` says where in the file a key stands ("" is the rule itself).

    It trips when each of `groups` is hit by one of its words, within `within` characters of each other where that is
    given, no word of `none` is there, and each of `when` holds. A hit does not count inside a phrase of `allow`, nor
    within `window` characters of a word of `none`. It then decides `sets` (head → labels) and sends to people if
    `review`. Of several rules the lowest `order` decides, then the first of the file.
    """

    name: str
    groups: tuple[Labels, ...] = ()
    none: Labels = ()
    window: int | None = None
    within: int | None = None
    allow: Labels = ()
    when: Mapping[str, Labels] = field(default_factory=dict)
    period: Period = Period()
    sets: Mapping[str, Labels] = field(default_factory=dict)
    review: bool = False
    order: int = 100
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def asks_model(self) -> bool:
        """Whether it asks what the model says."""
        return any(name not in FACTS for name in self.when)


@dataclass(frozen=True, slots=True)
class Closed:
    """Labels of a head that are not given in a period, such as a closed department, and the one given instead if any.

    Without `instead` the head's next best label is given.
    """

    head: str
    labels: Labels
    period: Period = Period()
    instead: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Trip:
    """A rule that tripped, and the characters of the text that tripped it."""

    rule: Rule
    spans: tuple[Span, ...]


class Rules:
    """Rules in the order in which they decide; `version` is a hash of what they mean, not of how they are written.

    >>> rules = Rules([Rule("丢件", groups=(("快递", "包裹"), ("丢",)), none=("没丢",), window=0)])
    >>> at = datetime.fromisoformat("2026-03-01T12:00:00+08:00")
    >>> [trip.spans for trip in rules.trips(Complaint("1", "我的快遞丢了", at))]
    [((2, 4), (4, 5))]
    >>> rules.trips(Complaint("2", "快递没丢，只是慢", at))
    []
    """

    def __init__(self, rules: Iterable[Rule], closed: Iterable[Closed] = (), name: str = "") -> None:
        self.rules = sorted(rules, key=lambda rule: rule.order)
        self.closed = tuple(closed)
        self.name = name
        self.version = version_of(self.rules, self.closed)
        self.asks_stage = any("stage" in rule.when for rule in self.rules)
        self.wordless = [n for n, rule in enumerate(self.rules) if not rule.groups]
        self.by_word: dict[str, list[int]] = {}  # a rule is looked at when a word of its most telling group is there
        for n, rule in enumerate(self.rules):
            for word in min(rule.groups, key=lambda words: (len(words), -min(map(len, words))), default=()):
                self.by_word.setdefault(word, []).append(n)
        self.words = WordTree(word for rule in self.rules for group in rule.groups for word in group)

    def __len__(self) -> int:
        return len(self.rules)

    @cached_property
    def asks(self) -> set[str]:
        """What must be known of a complaint besides its text: some of channel, product, region and time."""
        asked = {"channel" if name == "stage" else name for rule in self.rules for name in rule.when if name in FACTS}
        periods = {rule.period for rule in self.rules} | {one.period for one in self.closed}
        return asked | {"time"} if periods - {Period()} else asked

    @cached_property
    def sieve(self) -> Sieve:
        """Which of many texts hold a word that a rule with words looks for; in the others no such rule trips."""
        words = "|".join(map(escape, sorted(self.by_word)))
        return Sieve(pattern(f"(?:{words})(?=)"))  # with something behind it the words are one set, not a way each

    def closes(self, complaint: Complaint, said: Mapping[str, Sequence[str]]) -> bool:
        """Whether a label that the model gives is closed at the time of the complaint."""
        return any(
            one.period.holds(complaint.time) and not set(one.labels).isdisjoint(said.get(one.head, ()))
            for one in self.closed
        )

    def trips(
        self, complaint: Complaint, said: Mapping[str, Sequence[str]] | None = None, stage: str = "none"
    ) -> list[Trip]:
        """Every rule that trips, in the order in which they decide.

        `said` is what the model says, head → labels; a rule that asks about a head missing there does not trip.
        """
        seen, where = normalise_map(complaint.text)
        found = self.words.find(seen)
        near = [*self.wordless, *(n for word in found for n in self.by_word.get(word, ()))]
        if not near:
            return []
        reading = Reading(seen, found)
        trips = []
        for n in sorted(set(near)):
            rule = self.rules[n]
            if not rule.period.holds(complaint.time) or not asked(rule, complaint, said or {}, stage):
                continue
            hits = reading.hits(rule)
            if hits is not None:
                spans = tuple((int(where[start]), int(where[end - 1]) + 1) for start, end in hits)
                trips.append(Trip(rule, spans))
        return trips


class Reading:
    """One normalised text, searched for words; what was found is kept, as rules share words."""

    def __init__(self, text: str, found: dict[str, list[int]]) -> None:
        self.text = text
        self.found = found

    def hits(self, rule: Rule) -> list[Span] | None:
        """The spans that trip a rule, in order; None when it does not trip."""
        if rule.window is None and any(self.starts(word) for word in rule.none):
            return None
        if rule.within is not None:
            groups = [sorted(hit for word in group for hit in self.counting(word, rule)) for group in rule.groups]
            return nearest(groups, rule.within) if all(groups) else None
        spans: set[Span] = set()
        for group in rule.groups:
            first = [hit for word in group if (hit := next(self.counting(word, rule), None)) is not None]
            if not first:
                return None
            spans.update(first)
        return sorted(spans)[:MOST_SPANS]

    def counting(self, word: str, rule: Rule) -> Iterator[Span]:
        """Where a word stands outside what the rule allows and away from what it excludes."""
        for start in self.starts(word):
            end = start + len(word)
            if any(self.between(phrase, end - len(phrase), start) for phrase in rule.allow):
                continue
            near = rule.window
            if near is not None and any(
                self.between(other, start - near - len(other), end + near) for other in rule.none
            ):
                continue
            yield start, end

    def between(self, word: str, first: int, last: int) -> bool:
        """Whether a word begins somewhere in [first, last]."""
        starts = self.starts(word)
        at = bisect_left(starts, first)
        return at < len(starts) and starts[at] <= last

    def starts(self, word: str) -> list[int]:
        """Where a word begins, also one that is only excluded or allowed."""
        if (starts := self.found.get(word)) is None:
            starts = self.found[word] = []
            at = self.text.find(word)
            while at >= 0 and len(starts) < MOST_PLACES:
                if alone(self.text, at, at + len(word)):
                    starts.append(at)
                at = self.text.find(word, at + 1)
        return starts


def asked(rule: Rule, complaint: Complaint, said: Mapping[str, Sequence[str]], stage: str) -> bool:
    """Whether what a rule asks about the complaint and about what the model says is so.

    A channel must be the one named; a product or region must hold the words (上海 is in 上海市浦东新区).
    """
    for name, wanted in rule.when.items():
        if name == "stage":
            good = stage in wanted
        elif name == "channel":
            good = normalise(complaint.channel or "") in wanted
        elif name in FACTS:
            given = normalise((complaint.product if name == "product" else complaint.region) or "")
            good = any(one in given for one in wanted)
        else:
            good = any(label in wanted for label in said.get(name, ()))
        if not good:
            return False
    return True


def version_of(rules: Iterable[Rule], closed: Iterable[Closed]) -> str:
    """A hash of what rules mean, 16 hexadecimal digits: the order in which words are written is nothing to it."""

    def plain(one: Rule | Closed) -> dict[str, object]:
        said = {key: value for key, value in asdict(one).items() if key not in ("lines", "order")}
        if isinstance(one, Rule):
            said["groups"] = sorted(sorted(group) for group in one.groups)
            said |= {"none": sorted(one.none), "allow": sorted(one.allow)}
            said["when"] = {key: sorted(value) for key, value in one.when.items()}
        return said

    meaning = [[plain(rule) for rule in rules], [plain(one) for one in closed]]
    return sha256(dumps(meaning, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()[:16]
