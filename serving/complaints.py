"""Complaints in the store: put in, found again, followed through their handling."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, desc, func, insert, select, update

from model.complaint import Complaint
from model.duplicates import bands, same_matter, same_message
from serving.schema import audit, complaint, fingerprint
from serving.store import milliseconds

__all__ = [
    "Change",
    "Kinship",
    "add_complaint",
    "change_complaint",
    "find_complaint",
    "find_kin",
    "list_complaints",
    "marks_of",
    "matching",
    "row_of",
    "view",
]

DAY = 86_400_000
COPY_WINDOW = 7 * DAY  # the same message through another channel comes within days
REPEAT_WINDOW = 90 * DAY  # 复投诉: the same customer about the same matter
ANSWER_HOURS = {"系统账户": 2}  # technical complaints are answered in 2 hours, the others in a day
RESOLVE_HOURS = 72
RECALLED = 20  # earlier complaints of one customer that are compared
NOMINATED = 60  # a text sent by hundreds of customers must not be compared with all of them
EDITABLE = (
    "status",
    "first_response_at",
    "resolved_at",
    "told_at",
    "satisfaction",
    "overdue_reason",
    "resolution",
    "category",
    "department",
    "sentiment",
    "pain_point",
)


@dataclass(frozen=True, slots=True)
class Kinship:
    """The complaint this one is a copy of, and the same customer's earlier one about the matter."""

    duplicate_of: str | None = None
    repeat_of: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one complaint as somebody changed it."""

    field: str
    old: Any
    new: Any


# Statements of the way of every complaint are built once: building one costs more than running it.
KIN = (complaint.c.seq, complaint.c.id, complaint.c.text, complaint.c.customer, complaint.c.duplicate_of)
NEAR_MARKS = (
    select(fingerprint.c.complaint)
    .where(fingerprint.c.band.in_(bindparam("marks", expanding=True)))
    .where(fingerprint.c.time.between(bindparam("since"), bindparam("until")))
    .limit(NOMINATED)
)
BY_IDS = select(*KIN).where(complaint.c.id.in_(bindparam("ids", expanding=True))).order_by(complaint.c.seq)
OF_CUSTOMER = (
    select(*KIN)
    .where(complaint.c.customer == bindparam("customer"))
    .where(complaint.c.time.between(bindparam("since"), bindparam("until")))
    .order_by(desc(complaint.c.time))
    .limit(RECALLED)
)
ADD_COMPLAINT, ADD_MARKS = insert(complaint), insert(fingerprint)


def find_kin(connection: Connection, new: Complaint, marks: Sequence[int]) -> Kinship:
    """Look for copies and repeats of a complaint (masked text, hashed customer) among those stored.

    A copy has the same message and the same customer, or no known customer on one side; the same words from two
    known customers are two complaints. A repeat is the same customer about the same matter in other words.
    """
    at = milliseconds(new.time)
    window = {"since": at - COPY_WINDOW, "until": at + COPY_WINDOW}
    nominated = set(connection.scalars(NEAR_MARKS, {"marks": list(marks), **window}))
    for other in connection.execute(BY_IDS, {"ids": list(nominated)}) if nominated else ():
        known = new.customer and other.customer
        if (not known or new.customer == other.customer) and same_message(other.text, new.text):
            return Kinship(duplicate_of=other.duplicate_of or other.id)
    if new.customer:
        since = {"customer": new.customer, "since": at - REPEAT_WINDOW, "until": at}
        for other in connection.execute(OF_CUSTOMER, since):
            if same_matter(other.text, new.text):
                return Kinship(repeat_of=other.duplicate_of or other.id)
    return Kinship()


def add_complaint(connection: Connection, row: Mapping[str, Any], marks: Sequence[int]) -> None:
    """Insert a complaint's row and the marks by which its copies are found."""
    connection.execute(ADD_COMPLAINT, row)
    prints = [{"band": band, "complaint": row["id"], "time": row["time"]} for band in sorted(set(marks))]
    if prints:
        connection.execute(ADD_MARKS, prints)


def row_of(new: Complaint, *, body_hash: str, source: str, received_at: int, kin: Kinship) -> dict[str, Any]:
    """The row of a complaint before anything is known about its content."""
    at = milliseconds(new.time)
    return {
        "id": new.id,
        "body_hash": body_hash,
        "source": source,
        "text": new.text,
        "time": at,
        "received_at": received_at,
        "customer": new.customer,
        "channel": new.channel,
        "product": new.product,
        "region": new.region,
        "social": json.dumps(asdict(new.social), ensure_ascii=False) if new.social else None,
        "duplicate_of": kin.duplicate_of,
        "repeat_of": kin.repeat_of,
        "evaluated": False,
        "stage": "none",
        "status": "open",
        "handovers": 0,
        "due_at": at + RESOLVE_HOURS * 3_600_000,
    }


def marks_of(text: str) -> tuple[int, ...]:
    """The bands under which copies of a text are looked up."""
    return bands(text)


def find_complaint(connection: Connection, identity: str) -> Row[Any] | None:
    """One complaint by its id."""
    return connection.execute(select(complaint).where(complaint.c.id == identity)).first()


def matching(query: Mapping[str, Any]) -> Select[Any]:
    """The complaints that fit a query: exact columns, `since`/`until` in milliseconds, `search` in the text, `ids`."""
    found = select(complaint)
    for name, value in query.items():
        if value is None:
            continue
        if name == "since":
            found = found.where(complaint.c.time >= value)
        elif name == "until":
            found = found.where(complaint.c.time < value)
        elif name == "search":
            found = found.where(complaint.c.text.contains(value, autoescape=True))
        elif name == "ids":
            found = found.where(complaint.c.id.in_(value))
        else:
            found = found.where(complaint.c[name] == value)
    return found


def list_complaints(
    connection: Connection, query: Mapping[str, Any], limit: int, offset: int
) -> tuple[int, list[Row[Any]]]:
    """How many complaints fit a query, and a page of them, newest first."""
    fitting = matching(query)
    total = connection.scalar(select(func.count()).select_from(fitting.subquery())) or 0
    page = connection.execute(
        fitting.order_by(desc(complaint.c.time), desc(complaint.c.seq)).limit(limit).offset(offset)
    )
    return total, list(page.all())


def view(row: Row[Any]) -> dict[str, Any]:
    """A complaint as the API shows it. Times are ISO 8601 in UTC; the keyed hash of the customer stays inside."""
    from serving.store import moment

    out: dict[str, Any] = {}
    for name, value in row._mapping.items():
        if name in ("seq", "body_hash", "customer", "answer", "social"):
            continue
        is_time = name == "time" or name.endswith("_at")
        out[name] = moment(value).isoformat() if is_time and value is not None else value
    out["social"] = json.loads(row.social) if row.social else None
    out["classification"] = json.loads(row.answer) if row.answer else None
    return out


def change_complaint(
    connection: Connection, identity: str, changes: Mapping[str, Any], *, who: str, why: str | None, at: int
) -> list[Change]:
    """Change fields of a complaint and write down who changed what and why. A new department counts as a hand-over.

    Returns the fields that did change; the same request again changes nothing.
    """
    row = find_complaint(connection, identity)
    if row is None:
        return []
    done = [
        Change(name, getattr(row, name), value)
        for name, value in changes.items()
        if name in EDITABLE and getattr(row, name) != value
    ]
    if not done:
        return []
    values: dict[str, Any] = {change.field: change.new for change in done}
    if "department" in values and row.department is not None:
        values["handovers"] = row.handovers + 1
    connection.execute(update(complaint).where(complaint.c.id == identity).values(**values))
    connection.execute(
        insert(audit),
        [
            {
                "complaint": identity,
                "at": at,
                "who": who,
                "field": c.field,
                "old": in_words(c.old),
                "new": in_words(c.new),
                "why": why,
            }
            for c in done
        ],
    )
    return done


def in_words(value: Any) -> str | None:
    return None if value is None else str(value)
