"""The early warning: every committed complaint goes in, in any order of time; alerts come out, and durable changes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from model.complaint import Sighting
from model.counts import Counts, CountsSettings
from model.evidence import Member, core_of, fits, top_terms, unity
from model.incidents import Alert, Incident, Reason, decide
from model.issues import IssueIndex, IssueSettings, StateRow
from model.spike import SLOW, Spike

__all__ = ["EarlyWarning", "Observed", "Rule", "StateRow", "WatchSettings"]

HOUR, DAY = 3600, 86400


class Rule(NamedTuple):
    """A hard rule from law or management: `customers` about one matter within `hours`."""

    customers: int
    hours: int


class Observed(NamedTuple):
    """What became of a sighting: its issue, the alerts it raised, the incidents it touched."""

    issue: str | None
    alerts: tuple[Alert, ...]
    touched: tuple[str, ...]


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


class EarlyWarning:
    """Issues, counts and incidents of one stream. Not thread-safe: one evaluator owns it.

    >>> from datetime import timedelta
    >>> from model.complaint import SHANGHAI
    >>> noon, warning = datetime(2026, 3, 2, 12, tzinfo=SHANGHAI), EarlyWarning()
    >>> said = [f"{who}城西店{how}的鲜牛奶，喝了拉肚子" for who in ("我妈", "孩子", "") for how in ("卖", "买")]
    >>> sightings = [Sighting(f"c{n}", text, noon + n * timedelta(hours=1), f"p{n}") for n, text in enumerate(said)]
    >>> [(alert.kind, alert.reason, alert.customers) for one in sightings for alert in warning.observe(one).alerts]
    [('group', 'first', 5)]
    """

    def __init__(self, settings: WatchSettings = WatchSettings()) -> None:
        self.settings = settings
        self.index = IssueIndex(settings.issues)
        self.counts = Counts(settings.counts)
        self.incidents: dict[str, Incident] = {}
        self._newest: dict[str, str] = {}  # key → its latest incident
        self._members: dict[str, Member] = {}
        self._by_issue: dict[str, list[Member]] = {}
        self._recent: dict[str, list[Member]] = {}  # volume key → complaints of the longest window
        self._now = 0
        self._began = 0
        self._number = 0
        self._opened = 0
        self._touched: dict[tuple[str, str], None] = {}

    def observe(self, sighting: Sighting, now: datetime | None = None) -> Observed:
        """Take one complaint in. `now` defaults to its own time; an id seen before changes nothing."""
        known = self._members.get(sighting.id)
        if known is not None:
            return Observed(known.issue, (), ())
        seconds = int(sighting.time.timestamp())
        alerts = list(self.advance(now or sighting.time))
        self._began = min(self._began or seconds, seconds)
        member, founded = self._remember(sighting, seconds)
        late = seconds < self._now - self.settings.late_hours * HOUR
        fresh = self._count(member, founded)
        touched: dict[str, None] = {}
        if member.counts:
            alerts += self._watch_issue(member, fresh, founded, late, touched)
            alerts += self._watch_volume(member, late, touched)
        else:
            self._admit_known(member, member.issue, touched)
        for key in touched:
            self._touched["incident", key] = None
        return Observed(member.issue, tuple(alerts), tuple(touched))

    def advance(self, now: datetime) -> tuple[Alert, ...]:
        """Time passes: nights tune and forget, quiet incidents resolve."""
        seconds = int(now.timestamp())
        if seconds <= self._now:
            return ()
        before, self._now = self._now or seconds, seconds
        today = _day(seconds)
        for day in range(max(_day(before), today - 40), today):
            self._rest(day)
        if seconds // HOUR == before // HOUR:
            return ()
        return tuple(alert for incident in list(self.incidents.values()) for alert in self._settle(incident))

    def resolve(self, incident_id: str, now: datetime) -> tuple[Alert, ...]:
        """A person says the matter is over."""
        incident = self.incidents.get(incident_id)
        if incident is None or not incident.is_open:
            return ()
        self._now = max(self._now, int(now.timestamp()))
        return self._close(incident)

    def _remember(self, sighting: Sighting, seconds: int) -> tuple[Member, bool]:
        """Assign the issue; a copy or a reminder stays with what it copies or repeats."""
        origin = self._members.get(sighting.duplicate_of or sighting.repeat_of or "")
        founded = False
        if (
            origin is not None
            and (sighting.duplicate_of or self.index.likeness(sighting.text, origin.issue) >= self.settings.alike)
            and self.index.extend(origin.issue, seconds)
        ):
            issue = origin.issue
        else:
            issue, founded, _ = self.index.assign(sighting.text, seconds, sighting.category)
        member = Member.of(sighting, self._number, issue, seconds)
        if origin is not None and origin.issue != issue:
            member = replace(member, repeats=False)
        self._number += 1
        self._keep(member)
        self._touched["member", member.id] = None
        return member, founded

    def _keep(self, member: Member) -> None:
        self._members[member.id] = member
        self._by_issue.setdefault(member.issue, []).append(member)
        if member.counts:
            for key in volume_keys(member):
                self._recent.setdefault(key, []).append(member)

    def _count(self, member: Member, founded: bool) -> bool:
        if not member.counts:
            return False
        hour = member.seconds // HOUR
        self.counts.arrive(hour)
        return self.counts.add(member.issue, member.who, hour, opens=founded)

    def _watch_issue(
        self, member: Member, fresh: bool, founded: bool, late: bool, touched: dict[str, None]
    ) -> list[Alert]:
        """Group, exposure and repeat: everything about one matter goes to one incident."""
        incident = self._admit_known(member, member.issue, touched)
        if late:
            return []
        kind, spike = None, None
        if fresh and not founded:
            spike = self.counts.judge(member.issue, self._now // HOUR)
            kind = self._group(member.issue, spike)
        stage = self._stage(member)
        repeats = self._repeats(member) if member.repeats else 0
        kind = kind or ("exposure" if stage != "none" else None)
        kind = kind or ("repeat" if repeats >= self.settings.repeats[0] else None)
        if kind is None and (incident is None or not incident.is_open):
            return []
        if incident is None:
            incident = self._open(member.issue, kind or "group")
        return self._tell(incident, kind, spike, stage, repeats, touched)

    def _group(self, issue: str, spike: Spike) -> str | None:
        """`group` or `rule` when enough different customers, in different words, speak of one matter."""
        settings = self.settings
        cut = self._now - max(self.counts.windows_[-1], *(rule.hours for rule in settings.rules), 0) * HOUR
        near = [one for one in self._by_issue[issue] if one.counts and one.seconds >= cut]
        cold = self._now - self._began < settings.cold_hours * HOUR
        floor = settings.cold_customers if cold else settings.customers
        if len({one.text for one in near}) < settings.texts or len({one.who for one in near}) < settings.customers:
            return None
        one = unity(near, partial(self.index.ownership, issue=issue), self.index.rarity)
        score = spike.score * min(1.0, one / settings.unity) ** 2
        self.counts.note(issue, self._now // HOUR, score)
        if score >= self.counts.threshold(issue) and len({one.who for one in near}) >= floor:
            return "group"
        for rule in settings.rules:
            since = self._now - rule.hours * HOUR
            if len({one.who for one in near if one.seconds >= since}) >= rule.customers:
                return "rule"
        return None

    def _stage(self, member: Member) -> str:
        """The complaint's own stage; several people posting about one issue are spreading it."""
        if member.stage != "posted":
            return member.stage
        cut = member.seconds - 7 * DAY
        posters = {
            one.who for one in self._by_issue[member.issue]
            if one.counts and one.stage in ("posted", "spreading") and one.seconds >= cut
        }  # fmt: skip
        return "spreading" if len(posters) >= self.settings.posters else "posted"

    def _repeats(self, member: Member) -> int:
        return 1 + sum(one.repeats for one in self._by_issue[member.issue] if one.counts and one.who == member.who)

    def _watch_volume(self, member: Member, late: bool, touched: dict[str, None]) -> list[Alert]:
        """Category, product and region counters over their budget, unless a matter already told explains them."""
        alerts: list[Alert] = []
        settings = self.settings
        for key in volume_keys(member):
            opens = key not in self.counts.keys_
            fresh = self.counts.add(key, member.who, member.seconds // HOUR, opens=opens)
            incident = self._admit_known(member, key, touched)
            if late or not fresh or opens:
                continue
            spike = self.counts.judge(key, self._now // HOUR)
            if self.counts.learnt(key) < settings.volume_learnt_hours:
                continue
            self.counts.note(key, self._now // HOUR, spike.score)
            over = spike.customers >= max(
                spike.expected + settings.volume_excess, settings.volume_ratio * spike.expected
            )
            hot = over and spike.score >= self.counts.threshold(key)
            if not hot and (incident is None or not incident.is_open):
                continue
            if incident is None:
                incident = self._open(key, "volume", spike.window)
                incident.parent = self._explained(incident)
            if incident.parent is None:
                alerts += self._tell(incident, "volume" if hot else None, spike, "none", 0, touched)
            touched[incident.id] = None
        return alerts

    def _explained(self, incident: Incident) -> str | None:
        """The open incident that shares at least 60 % of this one's complaints."""
        ids = {member.id for member in incident.members}
        for other in self.incidents.values():
            if other is incident or not other.is_open or other.parent is not None:
                continue
            if len(ids & {member.id for member in other.members}) >= self.settings.shared * len(ids):
                return other.id
        return None

    def _admit_known(self, member: Member, key: str, touched: dict[str, None]) -> Incident | None:
        """The key's incident, open or not long resolved; the complaint joins its evidence."""
        incident = self.incidents.get(self._newest.get(key, ""))
        if incident is None:
            return None
        if incident.resolved is not None and self._now - incident.resolved > self.settings.reopen_days * DAY:
            return None
        if member.folded or fits(member, incident.core, self.settings.fit):
            self._admit(incident, member)
        touched[incident.id] = None
        return incident

    def _admit(self, incident: Incident, member: Member) -> None:
        incident.admit(member)
        self._touched["joined", f"{incident.id}/{member.number}"] = None

    def _open(self, key: str, kind: str, window: int | None = None) -> Incident:
        """A new incident with the complaints that led to it, the founder's too."""
        back = (window or 3 * self.counts.windows_[-1]) * HOUR
        source = self._recent.get(key, []) if kind == "volume" else self._by_issue.get(key, [])
        led = [member for member in source if member.seconds >= self._now - back]
        before = self.incidents.get(self._newest.get(key, ""))
        since = max(min(member.number for member in led), 0 if before is None else before.until + 1)
        incident = Incident(f"inc{self._opened}", key, kind, self._now, since)
        self._opened += 1
        if kind in ("group", "rule"):
            near = [one for one in led if one.seconds >= self._now - self.counts.windows_[-1] * HOUR and one.counts]
            incident.core = core_of(near, partial(self.index.ownership, issue=key), self.index.rarity)
        for member in source:
            if member.number >= since and fits(member, incident.core, self.settings.fit):
                self._admit(incident, member)
        self.incidents[incident.id] = incident
        self._newest[key] = incident.id
        return incident

    def _tell(
        self,
        incident: Incident,
        kind: str | None,
        spike: Spike | None,
        stage: str,
        repeats: int,
        touched: dict[str, None],
    ) -> list[Alert]:
        """Bring the incident up to date and say what is new about it."""
        touched[incident.id] = None
        reopened = kind is not None and not incident.is_open
        if reopened:
            incident.resolved, incident.state = None, "open"
        promoted = kind in ("group", "rule") and incident.kind not in ("group", "rule", "volume")
        if promoted and kind is not None:
            incident.kind = kind
        if spike is not None and (spike.score >= incident.surprise or incident.told_level < 0):
            incident.window, incident.count = spike.window, spike.customers
            incident.expected, incident.surprise = spike.expected, spike.score
            incident.one_in_days = self.counts.one_in_days(incident.key, spike.score)
        if stage == "spreading":
            incident.stage = stage
        if incident.kind == "repeat":
            incident.count = max(incident.count, repeats)
            incident.level = max(incident.level, sum(incident.count >= step for step in self.settings.repeats[1:]))
        incident.level = incident.rank(self.settings.steps)
        slow = self.counts.windows_ == SLOW
        cool_down = self.settings.slow_days * DAY if slow else self.settings.cool_down_hours * HOUR
        reason = decide(incident, self._now, kind is not None, cool_down, self.settings.steps)
        if reason is Reason.KNOWN and promoted:
            reason = Reason.GREW
        if reason is Reason.KNOWN and reopened:
            reason = Reason.REPEAT
        if reason is Reason.KNOWN:
            return []
        incident.terms = top_terms(incident.members, self.index.share)
        incident.state = {Reason.WORSE: "escalated", Reason.GREW: "growing"}.get(reason, incident.state)
        incident.told_at, incident.told_level, incident.told_customers = self._now, incident.level, len(incident.who)
        return [incident.alert(reason, self._now)]

    def _settle(self, incident: Incident) -> tuple[Alert, ...]:
        """Resolve what has been quiet long enough and is no longer hot."""
        slow = self.counts.windows_ == SLOW
        quiet = self.settings.slow_days * DAY if slow else self.settings.quiet_hours * HOUR
        if not incident.is_open or self._now - max(incident.latest, incident.opened) < quiet:
            return ()
        if incident.key in self.counts.keys_ and incident.kind in ("group", "volume"):
            spike = self.counts.judge(incident.key, self._now // HOUR)
            if spike.score >= self.counts.threshold(incident.key):
                return ()
        return self._close(incident)

    def _close(self, incident: Incident) -> tuple[Alert, ...]:
        incident.resolved, incident.state = self._now, "resolved"
        self._touched["incident", incident.id] = None
        return () if incident.told_level < 0 else (incident.alert(Reason.RESOLVED, self._now),)

    def _rest(self, day: int) -> None:
        """One night: idle issues, old complaints and old incidents go; thresholds learn from the quiet keys."""
        seconds = min(self._now, (day + 1) * DAY - 8 * HOUR)
        busy = {
            one.key for one in self.incidents.values() if one.resolved is None or seconds - one.resolved < 48 * HOUR
        }  # fmt: skip
        for issue in self.index.drop_idle(seconds):
            self.counts.forget(issue)
        self.counts.rest(day, seconds // HOUR, busy)
        keep = seconds - self.settings.remember_days * DAY
        for incident in [one for one in self.incidents.values() if one.resolved is not None and one.resolved < keep]:
            del self.incidents[incident.id]
            if self._newest.get(incident.key) == incident.id:
                del self._newest[incident.key]
            self._touched["incident", incident.id] = None
            for member in incident.members:
                self._touched["joined", f"{incident.id}/{member.number}"] = None
        held = {member.id for one in self.incidents.values() for member in one.members}
        for member in [one for one in self._members.values() if one.seconds < keep and one.id not in held]:
            del self._members[member.id]
            self._by_issue[member.issue].remove(member)
            if not self._by_issue[member.issue]:
                del self._by_issue[member.issue]
            self._touched["member", member.id] = None
        cut = seconds - 7 * DAY
        recent = {key: [one for one in members if one.seconds >= cut] for key, members in self._recent.items()}
        self._recent = {key: members for key, members in recent.items() if members}

    def changes(self) -> list[StateRow]:
        """Drain what changed since the last call. Write the rows in their order; None deletes."""
        rows = self.index.changes() + self.counts.changes()
        for part, key in self._touched:
            if part == "joined":
                rows.append(StateRow(part, key, {} if key.partition("/")[0] in self.incidents else None))
                continue
            found: Member | Incident | None = self._members.get(key) if part == "member" else self.incidents.get(key)
            rows.append(StateRow(part, key, None if found is None else found.as_value()))
        clock = {"now": self._now, "number": self._number, "opened": self._opened, "began": self._began}
        rows.append(StateRow("clock", "clock", clock))
        self._touched.clear()
        return rows

    @classmethod
    def restore(cls, rows: Iterable[StateRow], settings: WatchSettings = WatchSettings()) -> "EarlyWarning":
        """The early warning as it was when `changes` was last drained; `rows` are all that are left, in any order."""
        kept = [StateRow(*row) for row in rows]
        watch = cls(settings)
        watch.index = IssueIndex.restore(kept, settings.issues)
        watch.counts = Counts.restore(kept, settings.counts)
        members = [Member.from_value(value) for part, _, value in kept if part == "member" and value is not None]
        for member in sorted(members, key=lambda one: one.number):
            watch._keep(member)
            if member.counts:
                for key in (member.issue, *volume_keys(member)):
                    if key in watch.counts.keys_:
                        watch.counts.remember(key, member.who, member.seconds // HOUR)
        by_number = {member.number: member for member in members}
        joined: dict[str, list[int]] = {}
        for part, key, value in kept:
            if part == "joined" and value is not None:
                joined.setdefault(key.partition("/")[0], []).append(int(key.partition("/")[2]))
        found = [Incident.from_value(value) for part, _, value in kept if part == "incident" and value is not None]
        for incident in sorted(found, key=lambda one: int(one.id[3:])):
            watch.incidents[incident.id] = incident
            watch._newest[incident.key] = incident.id
            known = (incident.stage, incident.safety, incident.latest)
            for number in sorted(joined.get(incident.id, ())):
                incident.admit(by_number[number])
            incident.stage, incident.safety, incident.latest = known
        for part, _, value in kept:
            if part == "clock" and value is not None:
                watch._now, watch._number, watch._opened = value["now"], value["number"], value["opened"]
                watch._began = value["began"]
        return watch


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


def _day(seconds: int) -> int:
    return (seconds + 8 * HOUR) // DAY
