"""Complaints in the store: found again, followed through their handling."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, desc, func, insert, select, update

from serving.schema import audit, complaint

__all__ = [
    "Change",
    "change_complaint",
    "find_complaint",
    "list_complaints",
    "matching",
    "view",
]

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
class Change:
    """One field of one complaint as somebody changed it."""

    field: str
    old: Any
    new: Any


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
