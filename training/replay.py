"""The early warning over history, in event time and by the code of the live service: what would have been told."""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from model.bundle import Bundle
from model.complaint import SHANGHAI, Complaint, Sighting
from model.duplicates import bands, same_matter, same_message
from model.errors import DataError
from model.exposure import judge_exposure
from model.incidents import Alert
from model.privacy import mask
from model.table import RowError, Table
from model.watch import EarlyWarning, WatchSettings

__all__ = ["Kin", "ReplaySummary", "replay", "sightings_of"]

COPY_DAYS, REPEAT_DAYS, EARLIER = 7, 90, 20
_BATCH = 256


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What a replay saw and would have told; `skipped` are rows that could not be used."""

    complaints: int
    skipped: int
    folded: int
    incidents: int
    alerts: int
    by_reason: dict[str, int]
    by_month: dict[str, int]

    def __str__(self) -> str:
        months = ", ".join(f"{month}: {n}" for month, n in self.by_month.items()) or "none"
        return (
            f"{self.complaints} complaints ({self.skipped} rows skipped, {self.folded} copies folded), "
            f"{self.incidents} incidents, {self.alerts} alerts; incidents by month: {months}"
        )


@dataclass(slots=True)
class Kin:
    """Copies and reminders among what came before, looked up as the live service does: by MinHash bands, by customer.

    >>> kin = Kin()
    >>> at = datetime(2026, 3, 2, tzinfo=SHANGHAI)
    >>> kin.place(Complaint("a", "城西店的鲜牛奶喝了拉肚子，要求赔偿医药费", at, "p1"))
    (None, None)
    >>> kin.place(Complaint("b", "【转办】城西店的鲜牛奶喝了拉肚子，要求赔偿医药费。", at, "p1"))
    ('a', None)
    """

    marks: dict[int, deque[str]] = field(default_factory=dict)
    seen: dict[str, Complaint] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    customers: dict[str, deque[str]] = field(default_factory=dict)
    order: deque[str] = field(default_factory=deque)

    def place(self, new: Complaint) -> tuple[str | None, str | None]:
        """(the complaint it is a copy of, the same customer's earlier one about the matter)."""
        self._forget(new.time)
        copy_of = self._copy_of(new)
        repeat_of = self._repeat_of(new) if copy_of is None and new.customer is not None else None
        self._keep(new, copy_of)
        return copy_of, repeat_of

    def _copy_of(self, new: Complaint) -> str | None:
        near = {other: None for mark in bands(new.text) for other in self.marks.get(mark, ())}
        for identity in near:
            other = self.seen.get(identity)
            if other is None or new.time - other.time > timedelta(days=COPY_DAYS):
                continue
            known = new.customer and other.customer
            if (not known or new.customer == other.customer) and same_message(other.text, new.text):
                return self.copies.get(identity, identity)
        return None

    def _repeat_of(self, new: Complaint) -> str | None:
        for identity in reversed(self.customers.get(new.customer or "", ())):
            other = self.seen.get(identity)
            if other is not None and same_matter(other.text, new.text):
                return self.copies.get(identity, identity)
        return None

    def _keep(self, new: Complaint, copy_of: str | None) -> None:
        self.seen[new.id] = new
        self.order.append(new.id)
        if copy_of is not None:
            self.copies[new.id] = copy_of
        for mark in bands(new.text):
            self.marks.setdefault(mark, deque(maxlen=50)).append(new.id)
        if new.customer is not None:
            self.customers.setdefault(new.customer, deque(maxlen=EARLIER)).append(new.id)

    def _forget(self, now: datetime) -> None:
        while self.order and now - self.seen[self.order[0]].time > timedelta(days=REPEAT_DAYS):
            old = self.seen.pop(self.order.popleft())
            self.copies.pop(old.id, None)
            for mark in bands(old.text):
                marked = self.marks.get(mark)
                if marked is not None and old.id in marked:
                    marked.remove(old.id)
                if not marked:
                    self.marks.pop(mark, None)
            if old.customer is not None and not any(one in self.seen for one in self.customers[old.customer]):
                del self.customers[old.customer]


def sightings_of(complaints: Iterable[Complaint], bundle: Bundle | None = None) -> Iterator[Sighting]:
    """Complaints in order of time as the live service would hand them to the early warning: masked, judged, related."""
    kin = Kin()
    batch: list[Complaint] = []
    for complaint in sorted(complaints, key=lambda one: (one.time, one.id)):
        batch.append(_masked(complaint))
        if len(batch) == _BATCH:
            yield from _sight(batch, bundle, kin)
            batch.clear()
    yield from _sight(batch, bundle, kin)


def _masked(one: Complaint) -> Complaint:
    return Complaint(
        one.id, mask(one.text), one.time, one.customer, one.channel, one.product, one.region, one.social
    )  # fmt: skip


def _sight(batch: list[Complaint], bundle: Bundle | None, kin: Kin) -> Iterator[Sighting]:
    predictions = bundle.predict([one.text for one in batch]) if bundle is not None else [None] * len(batch)
    for one, prediction in zip(batch, predictions, strict=True):
        labels: dict[str, str | None] = {}
        if prediction is not None:
            labels = {name: verdict.label for name, verdict in prediction.heads.items()}
        exposure = judge_exposure(one.text, one.channel, one.social)
        duplicate_of, repeat_of = kin.place(one)
        yield Sighting(
            one.id, one.text, one.time, one.customer, one.channel, one.product, one.region,
            labels.get("category"), labels.get("department"), labels.get("sentiment"),
            exposure.stage, exposure.intents, one.social, duplicate_of, repeat_of,
        )  # fmt: skip


def replay(
    table: Table,
    bundle: Bundle | None,
    out: Path,
    progress: Callable[[int, int], None] | None = None,
    settings: WatchSettings = WatchSettings(),
) -> ReplaySummary:
    """Replay a table of complaints and write the alerts, one JSON line each, as the live service would have told them.

    Raises DataError when the table has no time column. Nothing but the table decides: two replays are identical.
    """
    if "time" not in table.roles:
        raise DataError(f"{table.name} has no time column; name one of them time, 时间 or 投诉时间: a replay needs it")
    complaints, skipped = [], 0
    for _, row in table.complaints(datetime(2000, 1, 1, tzinfo=SHANGHAI)):
        if isinstance(row, RowError):
            skipped += 1
        else:
            complaints.append(row)
    watch, alerts, folded = EarlyWarning(settings), list[Alert](), 0
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8") as lines:
        for done, sighting in enumerate(sightings_of(complaints, bundle), start=1):
            folded += sighting.duplicate_of is not None
            for alert in watch.observe(sighting).alerts:
                alerts.append(alert)
                lines.write(json.dumps(alert.as_line(), ensure_ascii=False) + "\n")
            if progress is not None and (done % 100 == 0 or done == len(complaints)):
                progress(done, len(complaints))
    first = {alert.incident: alert.at[:7] for alert in reversed(alerts)}
    return ReplaySummary(
        len(complaints), skipped, folded, len(first), len(alerts),
        dict(Counter(alert.reason for alert in alerts)), dict(sorted(Counter(first.values()).items())),
    )  # fmt: skip
