"""What the early warning did in a month: its incidents and alerts, how early they were, what people said of them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Row, and_, or_, select

from serving.report.cases import Case, Month, evidence, share, spread
from serving.report.period import Period, iso
from serving.schema import alert, incident

__all__ = ["incidents_of", "warning_of"]

HOUR = 3_600_000
KINDS = ("group", "repeat", "exposure", "volume", "topic", "rule")
VERDICTS = ("属实", "误报", "已知")


def incidents_of(connection: Connection, month: Month) -> list[dict[str, Any]]:
    """The incidents that opened in the month or had a complaint in it, those with most customers first.

    `customers` counts over the whole incident as it stands; `here` are its complaints of this month.
    """
    period = month.period
    rows = connection.execute(
        select(incident)
        .where(
            incident.c.opened_at < period.until,
            or_(incident.c.last_at >= period.since, incident.c.opened_at >= period.since),
        )
        .order_by(incident.c.customers.desc(), incident.c.opened_at, incident.c.id)
    ).all()
    told = first_alerts(connection, [row.id for row in rows])
    known = {case.id: case for case in month.cases}
    found = [(row, fields_of(row.value)) for row in rows]
    alone = [(row, value) for row, value in found if not value.get("parent")]  # a child is explained by its parent
    return [told_as(row, value, told.get(row.id), known, period) for row, value in alone]


def first_alerts(connection: Connection, ids: Sequence[str]) -> dict[str, Row[Any]]:
    """The earliest alert of each incident."""
    found: dict[str, Row[Any]] = {}
    for start in range(0, len(ids), 500):
        query = select(alert).where(alert.c.incident.in_(ids[start : start + 500])).order_by(alert.c.at.desc())
        found |= {row.incident: row for row in connection.execute(query)}
    return found


def told_as(
    row: Row[Any], value: Mapping[str, Any], first: Row[Any] | None, known: Mapping[str, Case], period: Period
) -> dict[str, Any]:
    """One incident as the report lists it. `value` is its evidence, `first` its first alert."""
    line = fields_of(first.line) if first is not None else {}
    ids = value.get("complaints") or line.get("complaints") or []
    here = [known[identity] for identity in ids if identity in known]
    terms = [str(term) for term in value.get("terms") or line.get("terms") or []][:4]
    closed = row.resolved_at is not None and row.resolved_at < period.until
    return {
        "id": row.id,
        "kind": row.kind,
        "severity": row.severity,
        "title": "、".join(terms) or "、".join(filter(None, (row.category, row.department))) or row.id,
        "terms": terms,
        "category": row.category,
        "department": row.department,
        "opened_at": iso(row.opened_at),
        "new": row.opened_at >= period.since,
        "open": not closed,
        "customers": row.customers,
        "complaints": len(ids),
        "customers_at_first": line.get("customers"),
        "lead_hours": round((row.last_at - first.at) / HOUR, 2)
        if first is not None and row.last_at >= first.at
        else None,
        "acknowledged": row.acknowledged_at is not None,
        "acknowledged_hours": acknowledged_after(row, first),
        "verdict": row.verdict,
        "link": f"/page/incident/{quote(row.id)}",
        "here": evidence(period, here),
    }


def fields_of(text: str) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def acknowledged_after(row: Row[Any], first: Row[Any] | None) -> float | None:
    told = row.opened_at if first is None else first.decided_at
    return None if row.acknowledged_at is None else round(max(0, row.acknowledged_at - told) / HOUR, 2)


def warning_of(connection: Connection, period: Period, incidents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Alerts told in the month, and over the incidents opened in it: acknowledged, lead time, verdicts.

    The lead of an incident is from its first alert to its last complaint so far: what could still be prevented.
    """
    alerts = connection.execute(
        select(alert.c.reason, alert.c.severity, alert.c.silenced_by).where(
            and_(alert.c.at >= period.since, alert.c.at < period.until)
        )
    ).all()
    new = [one for one in incidents if one["new"]]
    judged = Counter(one["verdict"] for one in new if one["verdict"] in VERDICTS)
    followed = [one for one in new if one["lead_hours"] and one["kind"] in ("group", "exposure", "topic")]
    early = [one for one in followed if one["customers_at_first"]]
    return {
        "alerts": len(alerts),
        "silenced": sum(row.silenced_by is not None for row in alerts),
        "by_reason": dict(Counter(row.reason for row in alerts)),
        "opened": len(new),
        "by_kind": {kind: sum(one["kind"] == kind for one in new) for kind in KINDS},
        "severe": sum(one["severity"] == "severe" for one in new),
        "acknowledged": part(sum(one["acknowledged"] for one in new), len(new)),
        "acknowledged_hours": spread(h for one in new if (h := one["acknowledged_hours"]) is not None),
        "verdicts": [{"name": name} | part(judged[name], sum(judged.values())) for name in VERDICTS],
        "judged": part(sum(judged.values()), len(new)),
        "lead_hours": spread(one["lead_hours"] for one in followed),
        "customers_first": sum(one["customers_at_first"] for one in early),
        "customers_last": sum(one["customers"] for one in early),
        "early": len(early),
    }


def part(n: int, of: int) -> dict[str, Any]:
    return {"n": n, "of": of, "share": share(n, of)}
