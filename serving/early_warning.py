"""The evaluator: takes committed complaints, decides incidents and alerts, writes both and the messages together.

One evaluator works at a time, by a lease in the store. It computes in memory without holding a transaction, then
writes the whole outcome in one; when that fails, its memory is thrown away and read again from the store, so memory
and store never differ. History is replayed in its own time, so that it teaches what is normal. It claims rows that are
not evaluated rather than following a cursor: where commits may overtake each other a cursor skips rows.
"""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from model.complaint import Sighting, Social
from model.errors import StoreError
from model.incidents import Alert
from model.watch import EarlyWarning
from serving.incidents import load_state, save_alerts, save_incidents, save_state
from serving.schema import complaint, incident, lease
from serving.service import HISTORY, Service
from serving.store import milliseconds, moment, upsert

__all__ = ["Evaluator"]

log = logging.getLogger("kesu.evaluator")
LEASE = "evaluator"
LEASE_MS = 15_000
BATCH = 200
TOLD_WITHIN = timedelta(hours=48)  # what history shows older than this is an incident, but nobody is told now
ADVANCE_EVERY = timedelta(seconds=60)
LIVE = timedelta(hours=1)  # a complaint this young is of the present
IDLE = timedelta(seconds=10)  # an import never pauses this long


class LostLease(StoreError):
    """Another evaluator works now; what was computed here is thrown away."""


class Evaluator:
    """One evaluator; `step` is one look at the store, `run` repeats it until the service stops."""

    def __init__(self, service: Service, holder: str, pause: float = 0.5) -> None:
        self.service = service
        self.holder = holder
        self.pause = pause
        self.watch: EarlyWarning | None = None
        self.advanced: datetime | None = None
        self.worked: datetime | None = None

    def run(self) -> None:
        """Work until the service stops. A failure is logged, the memory dropped, and the work tried again."""
        while not self.service.stopping.is_set():
            try:
                done = self.step()
            except Exception:
                log.exception("an evaluation failed and is repeated from the store")
                self.watch = None
                done = 0
                self.service.stopping.wait(self.pause)
            if not done:
                self.service.woken.wait(self.pause)
                self.service.woken.clear()
        self.give_lease_back()

    def step(self) -> int:
        """Evaluate one batch; returns how many complaints it took. 0 also when another process holds the lease."""
        now = self.service.clock()
        if not self.hold_lease(now):
            self.watch = None
            return 0
        watch = self.watch = self.watch or EarlyWarning.restore(load_state(self.service.store))
        rows, asked = self.pending()
        issues: list[dict[str, Any]] = []
        alerts: list[Alert] = []
        for row in rows:
            seen = watch.observe(sighting(row), min(moment(row.time), now))
            issues.append({"row": row.seq, "issue_key": seen.issue})
            if not row.source.startswith(HISTORY):
                alerts += seen.alerts
        for identity in asked:
            alerts += watch.resolve(identity, now)
        due = self.advanced is None or now - self.advanced >= ADVANCE_EVERY
        if watch.incidents and self.is_up_to_date(rows, now) and due:
            alerts += watch.advance(now)
            self.advanced = now
        hot = now - TOLD_WITHIN
        alerts = [a for a in alerts if datetime.fromisoformat(a.at) >= hot]
        try:
            self.commit(watch, issues, alerts, now)
        except BaseException:
            self.watch = None
            raise
        return len(rows)

    def is_up_to_date(self, rows: Sequence[Row[Any]], now: datetime) -> bool:
        """Whether time may go on to now: not while history comes in, or the rest of it would be late."""
        if rows or self.worked is None:
            self.worked = now
        if rows:
            return len(rows) < BATCH and now - moment(rows[-1].time) < LIVE
        return now - self.worked >= IDLE

    def pending(self) -> tuple[Sequence[Row[Any]], list[str]]:
        """Complaints not evaluated yet, the earliest first, and incidents that people want closed."""
        with self.service.store.read() as connection:
            query = select(complaint).where(complaint.c.evaluated.is_(False))
            rows = connection.execute(query.order_by(complaint.c.time, complaint.c.seq).limit(BATCH)).all()
            wish = select(incident.c.id).where(incident.c.resolve_by.is_not(None), incident.c.status != "resolved")
            return rows, list(connection.scalars(wish))

    def commit(self, watch: EarlyWarning, issues: list[dict[str, Any]], alerts: list[Alert], now: datetime) -> None:
        """Marks, memory, incidents, alerts and messages: all of it or none."""
        changed = watch.changes()
        moved = [r.key for r in changed if r.part == "incident" and r.value is not None]
        if not (issues or alerts or changed):
            return
        with self.service.store.write() as connection:
            mine = update(lease).where(lease.c.name == LEASE, lease.c.holder == self.holder)
            if connection.execute(mine.values(until=milliseconds(now) + LEASE_MS)).rowcount != 1:
                raise LostLease("another evaluator holds the lease")
            if issues:
                mark = update(complaint).where(complaint.c.seq == bindparam("row"))
                connection.execute(mark.values(issue=bindparam("issue_key"), evaluated=True), issues)
            save_state(connection, changed)
            save_incidents(connection, [watch.incidents[key].as_dict() for key in moved])
            save_alerts(connection, alerts, now, self.service.settings.public_url)

    def hold_lease(self, now: datetime) -> bool:
        """Take or keep the lease. A fresh holder knows nothing yet: its memory is read from the store."""
        at = milliseconds(now)
        with self.service.store.read() as connection:
            row = connection.execute(select(lease).where(lease.c.name == LEASE)).first()
        if row is not None and row.holder == self.holder and row.until > at + LEASE_MS // 3:
            return True
        if row is not None and row.holder != self.holder and row.until > at:
            return False
        with self.service.store.write() as connection:
            row = connection.execute(select(lease).where(lease.c.name == LEASE)).first()
            if row is not None and row.holder != self.holder and row.until > at:
                return False
            if row is None or row.holder != self.holder:
                self.watch = None
            upsert(connection, lease, [{"name": LEASE, "holder": self.holder, "until": at + LEASE_MS}], ("name",))
        return True

    def give_lease_back(self) -> None:
        """Let the next evaluator start at once."""
        try:
            with self.service.store.write() as connection:
                mine = update(lease).where(lease.c.name == LEASE, lease.c.holder == self.holder)
                connection.execute(mine.values(until=0))
        except StoreError:
            log.warning("the lease could not be given back; it runs out in %d s", LEASE_MS // 1000)


def sighting(row: Row[Any]) -> Sighting:
    """A stored complaint as the early warning sees it. A praise counts as one only when the model is sure of it."""
    answer = json.loads(row.answer) if row.answer else {}
    sure = (answer.get("sentiment") or {}).get("accepted", True)  # a person's correction is sure
    return Sighting(
        row.id,
        row.text,
        moment(row.time),
        row.customer,
        row.channel,
        row.product,
        row.region,
        row.category,
        row.department,
        row.sentiment if sure or row.sentiment != answer["sentiment"]["label"] else None,
        row.stage,
        tuple(answer.get("exposure", {}).get("intents", ())),
        Social(**json.loads(row.social)) if row.social else None,
        row.duplicate_of,
        row.repeat_of,
    )
