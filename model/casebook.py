"""What the early warning remembers: complaints by issue and by counter, incidents with their complaints; durable."""

from collections.abc import Iterable, Iterator
from typing import Any

from model.evidence import Member
from model.grounds import explained_by
from model.incidents import Incident
from model.issues import StateRow

__all__ = ["Casebook", "volume_keys"]

DAY = 86400
_RECENT_DAYS = 7


class Casebook:
    """Complaints and incidents in memory, and which of them changed since their rows were last drained.

    >>> book = Casebook()
    >>> book.keep(Member(0, "i0", "c1", 0, "", product="空气炸锅"))
    >>> [row.part for row in book.changes()], book.changes()
    (['member'], [])
    """

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.by_issue: dict[str, list[Member]] = {}
        self.by_counter: dict[str, list[Member]] = {}  # category, product, with region: the last week's
        self.incidents: dict[str, Incident] = {}
        self._names: dict[str, list[str]] = {}  # key → its incidents in order
        self._touched: dict[tuple[str, str], None] = {}

    def keep(self, member: Member) -> None:
        """Remember a complaint."""
        self._place(member)
        self._touched["member", member.id] = None

    def open(self, incident: Incident) -> None:
        """Remember a new incident as the latest of its key."""
        self.incidents[incident.id] = incident
        self._names.setdefault(incident.key, []).append(incident.id)
        self.touch(incident)

    def admit(self, incident: Incident, member: Member) -> None:
        """A complaint joins an incident."""
        incident.admit(member)
        self._touched["joined", f"{incident.id}/{member.number}"] = None

    def touch(self, incident: Incident) -> None:
        """Something about an incident changed."""
        self._touched["incident", incident.id] = None

    def attach_rises(self, matter: Incident, shared: float) -> None:
        """A rise of a counter that this matter explains becomes its child and is not told again."""
        for rise in [one for one in self.incidents.values() if one.kind == "volume" and one.is_open]:
            if rise.parent is None and explained_by(rise, [matter], shared):
                rise.parent = matter.id
                self.touch(rise)

    def of(self, key: str) -> list[Incident]:
        """The incidents of a key, open or resolved not too long ago, the newest first."""
        return [self.incidents[name] for name in reversed(self._names.get(key, ()))]

    def told(self, key: str, besides: Incident | None = None) -> list[Member]:
        """The complaints that open incidents of a key hold already, but for one of these incidents."""
        return [member for one in self.of(key) if one.is_open and one is not besides for member in one.members]

    def counted(self) -> Iterator[tuple[str, str, int]]:
        """Every counter, customer and hour (since 1970) that the remembered complaints stand for."""
        for member in self.members.values():
            if member.counts:
                for key in (member.issue, *volume_keys(member)):
                    yield key, member.who, member.seconds // 3600

    def forget(self, seconds: int, days: int) -> None:
        """Drop what was resolved or said more than `days` before `seconds`, but nothing an incident still shows."""
        keep = seconds - days * DAY
        for incident in [one for one in self.incidents.values() if one.resolved is not None and one.resolved < keep]:
            del self.incidents[incident.id]
            self._names[incident.key].remove(incident.id)
            if not self._names[incident.key]:
                del self._names[incident.key]
            self.touch(incident)
            for member in incident.members:
                self._touched["joined", f"{incident.id}/{member.number}"] = None
        held = {member.id for one in self.incidents.values() for member in one.members}
        gone = dict.fromkeys(one.id for one in self.members.values() if one.seconds < keep and one.id not in held)
        for issue in dict.fromkeys(self.members[identity].issue for identity in gone):
            left = [one for one in self.by_issue[issue] if one.id not in gone]
            if left:
                self.by_issue[issue] = left
            else:
                del self.by_issue[issue]
        for identity in gone:
            del self.members[identity]
            self._touched["member", identity] = None
        cut = seconds - _RECENT_DAYS * DAY
        recent = {key: [one for one in members if one.seconds >= cut] for key, members in self.by_counter.items()}
        self.by_counter = {key: members for key, members in recent.items() if members}

    def changes(self) -> list[StateRow]:
        """Rows of what changed since the last call."""
        rows = []
        for part, key in self._touched:
            value: dict[str, Any] | None = None
            if part == "joined":
                value = {} if key.partition("/")[0] in self.incidents else None
            elif part == "member" and key in self.members:
                value = self.members[key].as_value()
            elif part == "incident" and key in self.incidents:
                value = self.incidents[key].as_value()
            rows.append(StateRow(part, key, value))
        self._touched.clear()
        return rows

    @classmethod
    def restore(cls, rows: Iterable[StateRow]) -> "Casebook":
        """The book as it was when `changes` was last drained, from all rows that are left, in any order."""
        book = cls()
        members, incidents, joined = [], [], dict[str, list[int]]()
        for part, key, value in rows:
            if value is None:
                continue
            if part == "member":
                members.append(Member.from_value(value))
            elif part == "incident":
                incidents.append(Incident.from_value(value))
            elif part == "joined":
                joined.setdefault(key.partition("/")[0], []).append(int(key.partition("/")[2]))
        by_number = {member.number: member for member in members}
        for number in sorted(by_number):
            book._place(by_number[number])
        for incident in sorted(incidents, key=lambda one: int(one.id[3:])):
            book.incidents[incident.id] = incident
            book._names.setdefault(incident.key, []).append(incident.id)
            known = incident.stage, incident.safety, incident.latest
            for number in sorted(joined.get(incident.id, ())):
                incident.admit(by_number[number])
            incident.stage, incident.safety, incident.latest = known
        return book

    def _place(self, member: Member) -> None:
        self.members[member.id] = member
        self.by_issue.setdefault(member.issue, []).append(member)
        if member.counts:
            for key in volume_keys(member):
                self.by_counter.setdefault(key, []).append(member)


def volume_keys(member: Member) -> list[str]:
    """The counters of a complaint besides its issue: category and product, alone and with the region.

    >>> volume_keys(Member(0, "i0", "c1", 0, "", product="空气炸锅", region="华东"))
    ['product:空气炸锅', 'product+region:空气炸锅|华东']
    """
    keys = []
    for name, value in (("category", member.category), ("product", member.product)):
        if value is not None:
            keys.append(f"{name}:{value}")
            if member.region is not None:
                keys.append(f"{name}+region:{value}|{member.region}")
    return keys
