"""The numbers and shapes behind the page: today's figures, incidents with their evidence, a text with its colours."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, Select, case, desc, func, select

from model.complaint import SHANGHAI
from serving.complaints import list_complaints, matching
from serving.schema import alert, attempt, complaint, incident, outbox, webhook
from serving.store import milliseconds

__all__ = [
    "Figures",
    "Piece",
    "coloured",
    "count_figures",
    "deliveries",
    "evidence",
    "hourly",
    "latest_complaints",
    "months",
    "open_incidents",
    "page_of",
    "quotes",
    "review_queue",
    "sparkline",
    "told",
]

DAY, HOUR = 86_400_000, 3_600_000
KIND = case((incident.c.kind.in_(("group", "exposure")), 2), (incident.c.kind == "volume", 0), else_=1)
UNHANDLED = ("open", "in_progress")
RANK = case((incident.c.severity == "severe", 2), (incident.c.severity == "warning", 1), else_=0)
BRIEF = [c for c in complaint.c if c.name not in ("body_hash", "social", "answer")]  # a list needs no evidence


@dataclass(frozen=True, slots=True)
class Figures:
    """What the head line shows. `yesterday` and `usual` (mean of seven days) end at the same time of day as `today`."""

    today: int
    yesterday: int
    usual: float
    unhandled: int
    overdue: int
    incidents: int
    severe: int
    waiting: int
    dead: int
    receivers: int


def midnight(now: datetime) -> int:
    """The start of the day in Asia/Shanghai, in milliseconds.

    >>> midnight(datetime(2026, 10, 5, 23, 59, tzinfo=SHANGHAI)) == milliseconds(datetime(2026, 10, 5, tzinfo=SHANGHAI))
    True
    """
    return milliseconds(now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0))


def count_figures(connection: Connection, now: datetime) -> Figures:
    """Count for the head line; every query can be answered from an index."""
    at, start = milliseconds(now), midnight(now)
    base = start - 7 * DAY
    day = (complaint.c.time - base) // DAY
    same_hours = (complaint.c.time - base) % DAY <= at - start
    days: dict[int, int] = dict(
        connection.execute(
            select(day, func.count()).where(complaint.c.time.between(base, at), same_hours).group_by(day)
        ).all()
    )
    unhandled = select(func.count()).select_from(complaint).where(complaint.c.status.in_(UNHANDLED))
    own = incident.c.status != "resolved", incident.c.parent.is_(None)
    active = select(func.count()).select_from(incident).where(*own)
    states: dict[str, int] = dict(
        connection.execute(
            select(outbox.c.state, func.count()).where(outbox.c.state.in_(("due", "dead"))).group_by(outbox.c.state)
        ).all()
    )
    return Figures(
        today=days.get(7, 0),
        yesterday=days.get(6, 0),
        usual=sum(days.get(n, 0) for n in range(7)) / 7,
        unhandled=connection.scalar(unhandled) or 0,
        overdue=connection.scalar(unhandled.where(complaint.c.due_at < at)) or 0,
        incidents=connection.scalar(active) or 0,
        severe=connection.scalar(active.where(incident.c.severity == "severe")) or 0,
        waiting=states.get("due", 0),
        dead=states.get("dead", 0),
        receivers=connection.scalar(select(func.count()).select_from(webhook)) or 0,
    )


def open_incidents(connection: Connection, limit: int = 20, *, resolved: bool = False) -> list[dict[str, Any]]:
    """Incidents as the page shows them: the open ones, the worst first; or the resolved ones, the latest first.

    Among equals a matter that people share comes before a mere number.
    """
    query = select(incident).where(incident.c.parent.is_(None)).limit(limit)
    if resolved:
        query = query.where(incident.c.status == "resolved").order_by(desc(incident.c.last_at))
    else:
        query = query.where(incident.c.status != "resolved").order_by(desc(RANK), desc(KIND), desc(incident.c.last_at))
    found = [evidence(row) for row in connection.execute(query)]
    texts = quotes(connection, found)
    return [one | {"quote": texts.get(one["id"])} for one in found]


def quotes(connection: Connection, incidents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """One complaint's text for each incident: of an exposure the latest, else the one most like the others."""
    chosen = {
        one["id"]: one["complaints"][-1] if one["kind"] == "exposure" else one["exemplars"][0]
        for one in incidents
        if one.get("complaints") and one.get("exemplars")
    }
    query = select(complaint.c.id, complaint.c.text).where(complaint.c.id.in_(chosen.values()))
    texts = {row.id: row.text for row in connection.execute(query)} if chosen else {}
    return {identity: texts[one] for identity, one in chosen.items() if one in texts}


def evidence(row: Row[Any]) -> dict[str, Any]:
    """An incident's columns over its JSON, with the hours as `curve`: (start in milliseconds, complaints), no gaps.

    The curve reaches two days back from the last complaint at least, and a week at most.
    """
    value: dict[str, Any] = json.loads(row.value)
    value |= {name: cell for name, cell in row._mapping.items() if name != "value"}
    hours = {milliseconds(datetime.fromisoformat(h)) // HOUR * HOUR: n for h, n in value.get("hours", {}).items()}
    last = max(hours, default=row.last_at // HOUR * HOUR)
    first = max(min([*hours, last - 47 * HOUR]), last - 167 * HOUR)
    value["curve"] = [(hour, hours.get(hour, 0)) for hour in range(first, last + HOUR, HOUR)]
    window = value.get("window_hours") or 48
    value["first_at"] = milliseconds(datetime.fromisoformat(value["first"])) if value.get("first") else row.opened_at
    value["hourly_expected"] = (value.get("expected") or 0) / window
    return value


def sparkline(curve: Sequence[tuple[int, int]], bars: int = 24) -> list[tuple[float, float, float, bool]]:
    """Bars (x, y, height, whether it is in the last quarter) in a box of 4·bars by 40; hours are added up evenly.

    >>> sparkline([(0, 0), (HOUR, 2)], bars=2)
    [(0, 40.0, 0.0, False), (4, 2.0, 38.0, True)]
    """
    width = -(-len(curve) // bars)
    counts = [n for _, n in curve]
    sums = [sum(counts[max(0, end - width) : end]) for end in range(len(counts), 0, -width)][::-1]
    top = max(*sums, 1) if sums else 1
    return [
        (4 * n, 40 - 38 * value / top, 38 * value / top, n >= len(sums) - -(-len(sums) // 4))
        for n, value in enumerate(sums)
    ]


def told(connection: Connection, identity: str) -> list[dict[str, Any]]:
    """The alerts about an incident, the latest first, each with its messages."""
    alerts = connection.execute(
        select(alert).where(alert.c.incident == identity).order_by(desc(alert.c.at), desc(alert.c.decided_at)).limit(50)
    ).all()
    query = select(outbox.c.alert, outbox.c.state, outbox.c.tries, outbox.c.sent_at, outbox.c.due_at, webhook.c.url)
    found = connection.execute(
        query.join(webhook).where(outbox.c.alert.in_([a.id for a in alerts])).order_by(outbox.c.seq)
    ).all()
    return [{**a._mapping, "messages": [m for m in found if m.alert == a.id]} for a in alerts]


def deliveries(connection: Connection, state: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Messages, the newest first, each with its attempts."""
    query = select(outbox, webhook.c.url, webhook.c.kind).join(webhook).order_by(desc(outbox.c.seq)).limit(limit)
    rows = connection.execute(query.where(outbox.c.state == state) if state else query).all()
    tries = connection.execute(
        select(attempt).where(attempt.c.outbox.in_([r.id for r in rows])).order_by(desc(attempt.c.id)).limit(20 * limit)
    ).all()
    return [{**r._mapping, "attempts": [t for t in tries if t.outbox == r.id]} for r in rows]


def latest_complaints(connection: Connection, limit: int = 12) -> Sequence[Row[Any]]:
    """The complaints that happened last."""
    return connection.execute(select(*BRIEF).order_by(desc(complaint.c.time), desc(complaint.c.seq)).limit(limit)).all()


def page_of(
    connection: Connection, query: Mapping[str, Any], at: int, limit: int, offset: int
) -> tuple[int, Sequence[Row[Any]]]:
    """How many complaints fit, and a page of them. Beyond `matching`: `counted`, `status` unhandled or overdue."""
    plain = {k: v for k, v in query.items() if k != "counted"}
    special = plain.get("status") in ("unhandled", "overdue")
    if not special and not query.get("counted"):
        return list_complaints(connection, plain, limit, offset)
    if special:
        del plain["status"]
    found: Select[Any] = matching(plain)
    if special:
        found = found.where(complaint.c.status.in_(UNHANDLED))
    if query.get("status") == "overdue":
        found = found.where(complaint.c.due_at < at)
    if query.get("counted"):  # as the report counts: copies folded, praise apart
        praise = func.coalesce(complaint.c.sentiment, "") == "正面"
        found = found.where(complaint.c.duplicate_of.is_(None), ~praise)
    total = connection.scalar(found.with_only_columns(func.count())) or 0
    ordered = found.order_by(desc(complaint.c.time), desc(complaint.c.seq))
    return total, connection.execute(ordered.limit(limit).offset(offset)).all()


def review_queue(connection: Connection, order: str, limit: int = 30) -> tuple[int, list[dict[str, Any]]]:
    """How many complaints wait for a person (counted to 1,000), and the first: `newest`, or most `unsure` of 500."""
    waiting = complaint.c.accepted.is_(False), complaint.c.duplicate_of.is_(None)
    total = connection.scalar(
        select(func.count()).select_from(select(complaint.c.seq).where(*waiting).limit(1000).subquery())
    )
    query = select(*BRIEF, complaint.c.answer).where(*waiting).order_by(desc(complaint.c.time), desc(complaint.c.seq))
    rows = connection.execute(query.limit(500 if order == "unsure" else limit)).all()
    if order == "unsure":
        rows = sorted(rows, key=lambda row: row.confidence if row.confidence is not None else 0.0)[:limit]
    return total or 0, [{**r._mapping, "answer": json.loads(r.answer) if r.answer else {}} for r in rows]


def hourly(connection: Connection, now: datetime, days: int = 7) -> dict[str, Any]:
    """Complaints an hour of the last days, all and by category; hours are starts in milliseconds."""
    end = milliseconds(now) // HOUR
    first = end - 24 * days + 1
    hour = complaint.c.time // HOUR
    rows = connection.execute(
        select(hour, complaint.c.category, func.count())
        .where(complaint.c.time >= first * HOUR, complaint.c.time <= milliseconds(now))
        .group_by(hour, complaint.c.category)
    ).all()
    sums = Counter[str]()
    for _, category, n in rows:
        sums[category or "未分类"] += n
    parts = {name: [0] * (24 * days) for name, _ in sums.most_common()}
    for at, category, n in rows:
        parts[category or "未分类"][at - first] += n
    counts = [sum(column) for column in zip(*parts.values(), strict=True)] or [0] * (24 * days)
    hours = [h * HOUR for h in range(first, end + 1)]
    return {"name": "全部投诉", "hours": hours, "counts": counts, "parts": parts, "sums": dict(sums.most_common())}


def months(connection: Connection, now: datetime, most: int = 24) -> list[str]:
    """The months from the latest back to that of the first complaint, such as 2026-10; none in an empty store."""
    earliest = connection.scalar(select(func.min(complaint.c.time)))
    if earliest is None:
        return []
    first = datetime.fromtimestamp(earliest / 1000, SHANGHAI)
    month = now.astimezone(SHANGHAI).replace(day=1)
    out: list[str] = []
    while (month.year, month.month) >= (first.year, first.month) and len(out) < most:
        out.append(f"{month.year}-{month.month:02d}")
        month = (month - timedelta(days=1)).replace(day=1)
    return out


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text and the CSS classes of the marks over it."""

    text: str
    classes: str


def coloured(text: str, answer: Mapping[str, Any], head: str = "category") -> list[Piece]:
    """A text cut where its marks begin and end: what carried the head's decision (w1 to w3), what spoke against it,
    and the evidence of exposure. Spans outside the text are cut off.

    >>> spans = [{"span": [0, 2], "weight": 2.0}, {"span": [2, 3], "weight": -1.0}]
    >>> coloured("漏水了！", {"explanation": {"category": spans}})
    [Piece(text='漏水', classes='w3'), Piece(text='了', classes='against'), Piece(text='！', classes='')]
    """
    carried: Iterable[Mapping[str, Any]] = (answer.get("explanation") or {}).get(head) or ()
    marks = []
    top = max((abs(s["weight"]) for s in carried), default=0.0)
    for s in carried:
        share = abs(s["weight"]) / top if top else 0.0
        name = "against" if s["weight"] < 0 else "w3" if share > 0.66 else "w2" if share > 0.33 else "w1"
        marks.append((*s["span"], name))
    marks += [(*e["span"], "exposed") for e in (answer.get("exposure") or {}).get("evidence") or ()]
    cuts = sorted({0, len(text), *(min(max(0, at), len(text)) for start, end, _ in marks for at in (start, end))})
    return [
        Piece(text[start:end], " ".join(sorted({name for s, e, name in marks if s <= start and e >= end})))
        for start, end in pairwise(cuts)
    ]
