"""Rules laid over what a bundle says: labels set by rule, complaints sent to people, closed labels never given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from model.bundle import Bundle, Prediction, Verdict
from model.calibration import TOP, Reason
from model.clauses import Part
from model.complaint import Complaint
from model.rule_fields import Problem
from model.rule_file import RuleError
from model.rules import FACTS, Closed, Rule, Rules, Trip
from model.word_tree import Span

__all__ = ["Overlay", "RuledPrediction", "RuledVerdict"]

Heads = Mapping[str, tuple[str, ...]]
SENT = ("category", "department")  # what people look at when a rule sends them a complaint
FIELDS = tuple(field.name for field in fields(Prediction))


@dataclass(slots=True)
class RuledVerdict(Verdict):
    """A verdict whose label a rule set: which rule, what tripped it, and what the model said, with its confidence.

    Set by a rule its confidence is 1: a person decided. Another label of the model's leads the alternatives.
    """

    rule: str
    spans: tuple[Span, ...]
    before: tuple[str, float] | None  # None where that label is closed


@dataclass(slots=True)
class RuledPrediction(Prediction):
    """A prediction after the rules: their version, and the rule that sends the complaint to people, if one does."""

    rules: str = ""
    review: Trip | None = None


class Overlay:
    """Rules over one bundle. What the bundle does not know is left out and told in `misfits`; `require_fit` refuses it.

    So no label is ever given that the bundle does not have, also when another bundle is promoted under the rules.
    """

    def __init__(self, rules: Rules, bundle: Bundle) -> None:
        self.rules = rules
        self.bundle = bundle
        self.several = frozenset(spec.name for spec in bundle.classifier.heads_ if spec.several)
        self.misfits = [*unknown(rules, bundle.heads, self.several), *shut_down(rules.closed, bundle.heads)]

    def require_fit(self) -> "Overlay":
        """Itself; RuleError with every line and remedy when the bundle lacks what the rules need."""
        if self.misfits:
            raise RuleError(self.rules.name, self.misfits)
        return self

    def apply(self, complaint: Complaint, prediction: Prediction, stage: str = "none") -> RuledPrediction:
        """What is answered for a complaint: what the model said, and over it what the rules say.

        `complaint.text` is the text that was predicted, `stage` its exposure. The first rule that sets a head decides
        it; any rule may send the complaint to people; a closed label is never left standing.
        """
        said = {name: verdict.labels for name, verdict in prediction.heads.items()}
        trips = self.rules.trips(complaint, said, stage)
        ruled = RuledPrediction(**{name: getattr(prediction, name) for name in FIELDS}, rules=self.rules.version)
        ruled.heads = dict(ruled.heads)
        for trip in trips:
            self._set(ruled, trip)
        closed = [one for one in self.rules.closed if one.period.holds(complaint.time)]
        for head in dict.fromkeys(one.head for one in closed if one.head in ruled.heads):
            self._close(ruled, complaint.text, head, [one for one in closed if one.head == head])
            close_parts(ruled, head, [one for one in closed if one.head == head])
        if ruled.review is not None:
            for head in [name for name in SENT if name in ruled.heads] or list(ruled.heads):
                ruled.heads[head] = replace(ruled.heads[head], accepted=False, reason=Reason.RULE)
        if len(ruled.parts) == 1 and (trips or closed):
            for head, verdict in ruled.heads.items():
                ruled.parts = (with_label(ruled.parts[0], head, verdict.label),)
        return ruled

    def _set(self, ruled: RuledPrediction, trip: Trip) -> None:
        """What one rule decides, where no rule before it did."""
        for head, wanted in trip.rule.sets.items():
            verdict = ruled.heads.get(head)
            labels = tuple(label for label in wanted if label in self.bundle.heads.get(head, ()))
            if verdict is None or isinstance(verdict, RuledVerdict) or not labels:
                continue
            if head not in self.several:
                labels = labels[:1]
            model = ((verdict.label, verdict.confidence), *verdict.alternatives)
            others = tuple(other for other in model if other[0] not in labels)[: TOP - 1]
            why = trip.rule.name, trip.spans, model[0]
            ruled.heads[head] = RuledVerdict(labels[0], labels, 1.0, True, None, others, *why)
            if head in ruled.evidence:
                ruled.evidence = ruled.evidence | {head: tuple((start, end, 1.0) for start, end in trip.spans)}
        if trip.rule.review and ruled.review is None:
            ruled.review = trip

    def _close(self, ruled: RuledPrediction, text: str, head: str, closed: Sequence[Closed]) -> None:
        """Take closed labels out of a head's verdict: what stands instead is given, or the next best."""
        verdict, shut = ruled.heads[head], {label for one in closed for label in one.labels}
        names = self.bundle.heads[head]
        if shut.isdisjoint((*verdict.labels, *(label for label, _ in verdict.alternatives))) or shut.issuperset(names):
            return
        others = tuple(other for other in verdict.alternatives if other[0] not in shut)
        kept = tuple(label for label in verdict.labels if label not in shut)
        if isinstance(verdict, RuledVerdict) and verdict.before and verdict.before[0] in shut:
            verdict = replace(verdict, before=None)
        if verdict.label in kept:
            ruled.heads[head] = replace(verdict, labels=kept, alternatives=others)
            return
        chances = dict(zip(names, self.bundle.predict_proba([text])[head][0].tolist(), strict=True))
        best = sorted((label for label in names if label not in shut), key=lambda label: -chances[label])
        follower = follow(verdict.label, closed)
        if follower in best:
            label, sure, accepted, reason = follower, verdict.confidence, verdict.accepted, verdict.reason
        else:
            label = next((one for one in best if one in kept), best[0])
            sure, accepted, reason = chances[label], False, Reason.CLOSED
        labels = tuple(dict.fromkeys((label, *kept)))
        others = tuple((one, chances[one]) for one in best if one not in labels)[: TOP - 1]
        why = f"停用 {verdict.label}", (), verdict.before if isinstance(verdict, RuledVerdict) else None
        ruled.heads[head] = RuledVerdict(label, labels, sure, accepted, reason, others, *why)


def close_parts(ruled: RuledPrediction, head: str, closed: Sequence[Closed]) -> None:
    """Give parts of a closed label what stands instead, or what the whole complaint has."""
    shut = {label for one in closed for label in one.labels}

    def opened(part: Part) -> Part:
        label = getattr(part, head, None)
        if label not in shut:
            return part
        instead = follow(label, closed)
        return with_label(part, head, ruled.heads[head].label if instead in shut else instead)

    ruled.parts = tuple(map(opened, ruled.parts))


def with_label(part: Part, head: str, label: str) -> Part:
    """A part under another label of a head; of other heads parts say nothing."""
    if head == "category":
        return replace(part, category=label)
    return replace(part, department=label) if head == "department" else part


def follow(label: str, closed: Sequence[Closed]) -> str:
    """The label that stands instead of a closed one, itself not closed; the closed one where none does.

    >>> follow("甲", [Closed("department", ("甲",), instead="乙"), Closed("department", ("乙",), instead="丙")])
    '丙'
    """
    at = label
    for _ in closed:
        at = next((one.instead for one in closed if at in one.labels and one.instead), at)
    return at


def unknown(rules: Rules, heads: Heads, several: frozenset[str]) -> Iterator[Problem]:
    """What rules name and a bundle does not have."""
    for rule in rules.rules:
        for head, labels in rule.sets.items():
            yield from missing(heads, head, labels, line_of(rule, f"set.{head}"))
            if len(labels) > 1 and head not in several:
                reason = f"{head} has one label a complaint and this gives {len(labels)}: give one"
                yield line_of(rule, f"set.{head}"), reason
        for head, labels in rule.when.items():
            if head not in FACTS:
                yield from missing(heads, head, labels, line_of(rule, f"when.{head}"))
    for one in rules.closed:
        yield from missing(heads, one.head, one.labels, line_of(one, one.head))
        if one.instead is not None:
            yield from missing(heads, one.head, (one.instead,), line_of(one, "instead"))


def missing(heads: Heads, head: str, labels: Sequence[str], line: int) -> Iterator[Problem]:
    """A head or the labels of it that a bundle does not have, each with what it has."""
    if head not in heads:
        yield line, f"the model has no head {head}: name one of {', '.join(heads)}"
        return
    for label in labels:
        if label not in heads[head]:
            known = "、".join(heads[head][:30])
            yield line, f"the model has no label {label} in {head}: name one of {known}"


def shut_down(closed: Sequence[Closed], heads: Heads) -> Iterator[Problem]:
    """Where all labels of a head would be closed at once; that begins when one of them is closed."""
    for one in closed:
        shut = {label for other in closed if other.head == one.head and begun(other, one) for label in other.labels}
        if shut.issuperset(heads.get(one.head, ("",))):
            yield line_of(one, one.head), f"every label of {one.head} would be closed: leave one open"


def begun(other: Closed, one: Closed) -> bool:
    """Whether another closing is in force when this one begins."""
    since = one.period.since
    return other.period.since is None if since is None else other.period.holds(since)


def line_of(one: Rule | Closed, key: str) -> int:
    """The line of a key of a rule, or of the rule."""
    return one.lines.get(key, one.lines.get("", 1))
