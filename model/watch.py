"""The early warning: every committed complaint goes in, in any order of time; alerts come out, and durable changes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from model.casebook import Casebook, volume_keys
from model.complaint import Sighting
from model.counts import Counts
from model.evidence import Member, core_of, fits, top_terms, unity
from model.grounds import broken_rule, different, explained_by, exposure_of, repeats_of, stage_of
from model.incidents import Alert, Incident, Observed, Reason, decide
from model.issues import IssueIndex, StateRow
from model.spike import SLOW, Spike
from model.watch_settings import Rule, WatchSettings

__all__ = ["EarlyWarning", "Observed", "Rule", "StateRow", "WatchSettings"]

HOUR, DAY = 3600, 86400
_LEAST = 0.3  # eight customers in eight wordings share few words, and are a matter all the same
_FAINT = 2.0  # nats: what no threshold tells need not be looked at closely


class EarlyWarning:
    """Issues, counts and incidents of one stream. Not thread-safe: one evaluator owns it.

    >>> from datetime import UTC, timedelta
    >>> noon, warning = datetime(2026, 3, 2, 12, tzinfo=UTC), EarlyWarning()
    >>> said = [f"{who}城西店{how}的鲜牛奶，喝了拉肚子" for who in ("我妈", "孩子", "") for how in ("卖", "买")]
    >>> sightings = [Sighting(f"c{n}", text, noon + n * timedelta(hours=1), f"p{n}") for n, text in enumerate(said)]
    >>> [(alert.kind, alert.reason, alert.customers) for one in sightings for alert in warning.observe(one).alerts]
    [('group', 'first', 5)]
    """

    def __init__(self, settings: WatchSettings = WatchSettings()) -> None:
        self.settings = settings
        self.index = IssueIndex(settings.issues)
        self.counts = Counts(settings.counts)
        self.book = Casebook()
        self.incidents = self.book.incidents  # open ones and those resolved not long ago, by id
        self._now = self._began = self._number = self._opened = 0

    def observe(self, sighting: Sighting, now: datetime | None = None) -> Observed:
        """Take one complaint in. `now` defaults to its own time; an id seen before changes nothing."""
        known = self.book.members.get(sighting.id)
        if known is not None:
            return Observed(known.issue, (), ())
        seconds = int(sighting.time.timestamp())
        alerts = list(self.advance(now or sighting.time))
        self._began = min(self._began or seconds, seconds)
        member, founded = self._remember(sighting, seconds)
        late = seconds < self._now - self.settings.late_hours * HOUR
        touched: dict[str, None] = {}
        if member.counts:
            self.counts.arrive(seconds // HOUR)
            fresh = self.counts.add(member.issue, member.who, seconds // HOUR, opens=founded)
            alerts += self._watch_issue(member, fresh, founded, late, touched)
            alerts += self._watch_volume(member, late, touched)
        else:
            self._admit_known(member, member.issue, touched)
        for key in touched:
            self.book.touch(self.incidents[key])
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
        return self._close(incident, self._now)

    def _remember(self, sighting: Sighting, seconds: int) -> tuple[Member, bool]:
        """Assign the issue; a copy or a reminder stays with what it copies or repeats."""
        origin = self.book.members.get(sighting.duplicate_of or sighting.repeat_of or "")
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
        self.book.keep(member)
        return member, founded

    def _watch_issue(
        self, member: Member, fresh: bool, founded: bool, late: bool, touched: dict[str, None]
    ) -> list[Alert]:
        """Group and repeat: everything about one matter goes to one incident. Exposure is looked at apart."""
        incident = self._admit_known(member, member.issue, touched)
        if late:
            return []
        kind, spike = None, None
        if fresh and not founded:
            others = self.book.told(member.issue, besides=incident)
            less = different(one for one in others if one.seconds >= self._now - self.counts.windows_[-1] * HOUR)
            spike = self.counts.judge(member.issue, self._now // HOUR, less)
            kind = self._group(member.issue, spike, {one.id for one in others})
        kin = self.book.by_issue[member.issue]
        stage = stage_of(member, kin, self.settings.posters)
        repeats = repeats_of(member, kin) if member.repeats else 0
        told = self._watch_exposure(member, stage, touched) if stage != "none" else []
        kind = kind or ("repeat" if repeats >= self.settings.repeats[0] else None)
        if kind is None and (incident is None or not incident.is_open):
            return told
        if incident is None:
            incident = self._open(member.issue, kind or "group")
        touched[incident.id] = None
        return told + self._tell(incident, kind, spike, stage, repeats)

    def _watch_exposure(self, member: Member, stage: str, touched: dict[str, None]) -> list[Alert]:
        """What is said in public has incidents of its own: one for an issue, or for one customer who goes on."""
        key = f"exposure:{member.issue}"
        incident = exposure_of(member, key, self.incidents.values())
        if incident is None:
            incident = Incident(f"inc{self._opened}", key, "exposure", self._now, member.number)
            self._opened += 1
            self.book.open(incident)
        self.book.admit(incident, member)
        touched[incident.id] = None
        return self._tell(incident, "exposure", None, stage, 0)

    def _group(self, issue: str, spike: Spike, told: set[str]) -> str | None:
        """`group` or `rule` when enough customers, in different words, speak of one matter that is not `told` yet."""
        settings = self.settings
        cut = self._now - max(self.counts.windows_[-1], *(rule.hours for rule in settings.rules), 0) * HOUR
        near = [o for o in self.book.by_issue[issue] if o.counts and o.seconds >= cut and o.id not in told]
        rule = "rule" if broken_rule(near, settings.rules, self._now) else None
        customers = different(near)
        if len({one.text for one in near}) < settings.texts or customers < settings.customers:
            return rule
        if spike.score < _FAINT:
            return rule
        score = spike.score
        if self.counts.windows_ == SLOW:  # where keys are so rare that a topic looks as surprising as a matter
            one = unity(near, partial(self.index.ownership, issue=issue), self.index.rarity)
            score *= max(_LEAST, min(1.0, one / settings.unity) ** 2)
        self.counts.note(issue, self._now // HOUR, score)
        cold = self._now - self._began < settings.cold_hours * HOUR
        enough = customers >= (settings.cold_customers if cold else settings.customers)
        return "group" if enough and score >= self.counts.threshold(issue) else rule

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
            least = max(spike.expected + settings.volume_excess, settings.volume_ratio * spike.expected)
            over = spike.customers >= least
            hot = over and spike.score >= self.counts.threshold(key)
            if not hot and (incident is None or not incident.is_open):
                continue
            if incident is None:
                incident = self._open(key, "volume", spike.window)
                incident.parent = explained_by(incident, self.incidents.values(), settings.shared)
            if incident.parent is None:
                alerts += self._tell(incident, "volume" if hot else None, spike, "none", 0)
            touched[incident.id] = None
        return alerts

    def _admit_known(self, member: Member, key: str, touched: dict[str, None]) -> Incident | None:
        """The key's incident, open or not long resolved; the complaint joins its evidence."""
        for incident in self.book.of(key):
            if incident.resolved is not None and self._now - incident.resolved > self.settings.reopen_days * DAY:
                continue
            if member.folded or fits(member, incident.core, self.settings.fit):
                self.book.admit(incident, member)
                touched[incident.id] = None
                return incident
        return None

    def _open(self, key: str, kind: str, window: int | None = None) -> Incident:
        """A new incident with the complaints that led to it, the founder's too."""
        back = (window or 3 * self.counts.windows_[-1]) * HOUR
        source = self.book.by_counter.get(key, []) if kind == "volume" else self.book.by_issue.get(key, [])
        told = {one.id for one in self.book.told(key)}
        led = [member for member in source if member.seconds >= self._now - back and member.id not in told]
        ended = max((one.until + 1 for one in self.book.of(key) if not one.is_open), default=0)
        since = max(min(member.number for member in led), ended)
        incident = Incident(f"inc{self._opened}", key, kind, self._now, since)
        self._opened += 1
        if kind in ("group", "rule"):
            near = [one for one in led if one.seconds >= self._now - self.counts.windows_[-1] * HOUR and one.counts]
            incident.core = core_of(near, partial(self.index.ownership, issue=key), self.index.rarity)
        for member in source:
            new = member.number >= since and member.id not in told
            if new and fits(member, incident.core, self.settings.fit):
                self.book.admit(incident, member)
        self.book.open(incident)
        if kind != "volume":
            self.book.attach_rises(incident, self.settings.shared)
        return incident

    def _tell(self, incident: Incident, kind: str | None, spike: Spike | None, stage: str, repeats: int) -> list[Alert]:
        """Bring the incident up to date and say what is new about it."""
        reopened = kind is not None and not incident.is_open
        if reopened:
            incident.resolved, incident.state = None, "open"
        promoted = kind in ("group", "rule") and incident.kind not in ("group", "rule", "volume")
        if promoted and kind is not None:
            incident.kind = kind
        if spike is not None:
            incident.measure(spike, self.counts.one_in_days(incident.key, spike.score))
        incident.worsen(stage, repeats, self.settings.repeats)
        incident.level = incident.rank(self.settings.steps)
        slow = self.counts.windows_ == SLOW
        cool_down = self.settings.slow_days * DAY if slow else self.settings.cool_down_hours * HOUR
        reason = decide(incident, self._now, kind is not None, cool_down, self.settings.steps)
        if reason is Reason.KNOWN and (promoted or reopened):
            reason = Reason.GREW if promoted else Reason.REPEAT
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
        return self._close(incident, max(incident.latest, incident.opened) + quiet)

    def _close(self, incident: Incident, at: int) -> tuple[Alert, ...]:
        """Resolved `at` the time it was due, which a stream with gaps learns late."""
        incident.resolved, incident.state = at, "resolved"
        self.book.touch(incident)
        return () if incident.told_level < 0 else (incident.alert(Reason.RESOLVED, at),)

    def _rest(self, day: int) -> None:
        """One night: idle issues, old complaints and old incidents go; thresholds learn from the quiet keys."""
        seconds = min(self._now, (day + 1) * DAY - 8 * HOUR)
        busy = {one.key for one in self.incidents.values() if not one.resolved or seconds - one.resolved < 48 * HOUR}
        for issue in self.index.drop_idle(seconds):
            self.counts.forget(issue)
        self.counts.rest(day, seconds // HOUR, busy)
        self.book.forget(seconds, self.settings.remember_days)

    def changes(self) -> list[StateRow]:
        """Drain what changed since the last call. Write the rows in their order; None deletes."""
        clock = {"now": self._now, "number": self._number, "opened": self._opened, "began": self._began}
        rows = self.index.changes() + self.counts.changes() + self.book.changes()
        return [*rows, StateRow("clock", "clock", clock)]

    @classmethod
    def restore(cls, rows: Iterable[StateRow], settings: WatchSettings = WatchSettings()) -> "EarlyWarning":
        """The early warning as it was when `changes` was last drained; `rows` are all that are left, in any order."""
        kept = [StateRow(*row) for row in rows]
        watch = cls(settings)
        watch.index = IssueIndex.restore(kept, settings.issues)
        watch.counts = Counts.restore(kept, settings.counts)
        watch.book = Casebook.restore(kept)
        watch.incidents = watch.book.incidents
        for key, who, hour in watch.book.counted():
            if key in watch.counts.keys_:
                watch.counts.remember(key, who, hour)
        for part, _, value in kept:
            if part == "clock" and value is not None:
                watch._now, watch._number, watch._opened = value["now"], value["number"], value["opened"]
                watch._began = value["began"]
        return watch


def _day(seconds: int) -> int:
    return (seconds + 8 * HOUR) // DAY
