"""Grounds for an incident besides the count: posts that spread, a customer who comes again, a rule, an explanation."""

from collections.abc import Iterable, Sequence

from model.evidence import Member
from model.incidents import Incident
from model.watch_settings import Rule

__all__ = ["broken_rule", "different", "explained_by", "exposure_of", "repeats_of", "stage_of"]

_WEEK = 7 * 86400


def stage_of(member: Member, kin: Iterable[Member], posters: int) -> str:
    """The complaint's own stage; when `posters` people posted about its issue within a week, it is spreading.

    >>> stage_of(Member(0, "i0", "c1", 0, "", "p1", stage="posted"), [], posters=3)
    'posted'
    """
    if member.stage != "posted":
        return member.stage
    public = ("posted", "spreading")
    near = (one for one in kin if one.counts and one.stage in public and one.seconds >= member.seconds - _WEEK)
    return "spreading" if different(near) >= posters else "posted"


def repeats_of(member: Member, kin: Iterable[Member]) -> int:
    """How often the customer has come about this issue, the first time included."""
    return 1 + sum(one.repeats for one in kin if one.counts and one.who == member.who)


def different(members: Iterable[Member]) -> int:
    """How many different customers."""
    return len({one.who for one in members})


def broken_rule(near: Sequence[Member], rules: Iterable[Rule], now: int) -> bool:
    """Whether a hard rule, so many customers within so many hours, is met."""
    return any(
        different(one for one in near if one.seconds >= now - rule.hours * 3600) >= rule.customers for rule in rules
    )


def explained_by(incident: Incident, others: Iterable[Incident], shared: float) -> str | None:
    """The open incident that has at least this share of the incident's complaints, and is not itself explained."""
    ids = {member.id for member in incident.members}
    for other in others:
        if other is incident or not other.is_open or other.parent is not None:
            continue
        if len(ids & {member.id for member in other.members}) >= shared * len(ids):
            return other.id
    return None


def exposure_of(member: Member, key: str, others: Iterable[Incident]) -> Incident | None:
    """The open exposure that a public complaint belongs to: that of its issue, or of the same customer."""
    open_ones = (one for one in others if one.kind == "exposure" and one.is_open)
    return next((one for one in open_ones if one.key == key or member.who in one.who), None)
