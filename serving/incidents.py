"""Incidents and alerts in the store: written by the evaluator, read by people, acted on by people."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, desc, insert, select, update

from model.incidents import Alert
from model.watch import StateRow
from serving.outbox import message_body
from serving.schema import alert, complaint, incident, outbox, silence, watch_state, webhook
from serving.service import Service
from serving.store import Store, milliseconds, moment, upsert

__all__ = [
    "acknowledge",
    "ask_to_resolve",
    "find_incident",
    "give_verdict",
    "incident_view",
    "list_incidents",
    "load_state",
    "save_alerts",
    "save_incidents",
    "save_state",
]

TYPES = {"first": "opened", "grew": "grew", "worse": "worse", "repeat": "repeated", "resolved": "resolved"}
RANKS = {"notice": 0, "warning": 1, "severe": 2}
EXAMPLES, EXAMPLE_LENGTH, LISTED = 5, 200, 200  # a message stays thin: under 20 kB


def load_state(store: Store) -> list[StateRow]:
    """Everything the early warning remembered, as it wrote it."""
    with store.read() as connection:
        return [StateRow(r.part, r.key, json.loads(r.value)) for r in connection.execute(select(watch_state))]


def save_state(connection: Connection, rows: Iterable[StateRow]) -> None:
    """Write what changed in the evaluator's memory; of several changes of one row the last holds."""
    kept, gone = [], []
    for row in {(r.part, r.key): r for r in rows}.values():
        if row.value is None:
            gone.append({"gone_part": row.part, "gone_key": row.key})
        else:
            value = json.dumps(row.value, ensure_ascii=False, separators=(",", ":"))
            kept.append({"part": row.part, "key": row.key, "value": value})
    upsert(connection, watch_state, kept, ("part", "key"))
    if gone:
        same = watch_state.c.part == bindparam("gone_part"), watch_state.c.key == bindparam("gone_key")
        connection.execute(delete(watch_state).where(*same), gone)


def save_incidents(connection: Connection, incidents: Iterable[dict[str, Any]]) -> None:
    """Write incidents for people: their evidence whole, and the columns people ask by. None is ever deleted."""
    upsert(connection, incident, [incident_row(value) for value in incidents], ("id",))


def incident_row(value: dict[str, Any]) -> dict[str, Any]:
    """The columns of an incident's evidence."""

    def at(name: str) -> int | None:
        return milliseconds(datetime.fromisoformat(value[name])) if value[name] else None

    return {
        "id": value["id"],
        "kind": value["kind"],
        "status": value["state"],
        "severity": value["severity"],
        "opened_at": at("opened"),
        "last_at": at("last"),
        "resolved_at": at("resolved"),
        "customers": value["customers"],
        "category": value["category"],
        "department": value["department"],
        "parent": value["parent"],
        "value": json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    }


def save_alerts(connection: Connection, alerts: Sequence[Alert], now: datetime, public_url: str) -> int:
    """Write alerts and, in the same transaction, one outbox row for each receiver that wants it.

    Ids are made from the alert itself: the same decision twice is one alert and one message. Returns the messages.
    """
    if not alerts:
        return 0
    at = milliseconds(now)
    receivers = connection.execute(select(webhook).where(webhook.c.stopped_at.is_(None))).all()
    quiet = connection.execute(select(silence).where(silence.c.until > at)).all()
    messages = 0
    for decided in alerts:
        line = decided.as_line()
        identity = "a-" + digest(json.dumps(line, sort_keys=True, ensure_ascii=False))
        hushed = next((s.id for s in quiet if matches(json.loads(s.match), line)), None)
        upsert(
            connection,
            alert,
            [
                {
                    "id": identity,
                    "incident": line["incident"],
                    "reason": line["reason"],
                    "severity": line["severity"],
                    "at": milliseconds(datetime.fromisoformat(line["at"])),
                    "decided_at": at,
                    "line": json.dumps(line, ensure_ascii=False),
                    "silenced_by": hushed,
                }
            ],
            ("id",),
        )
        if hushed is not None:
            continue
        wanted = [r for r in receivers if wants(r, line)]
        if not wanted:
            continue
        kind = "incident." + TYPES[line["reason"]]
        body = message_body(
            kind, now, {**thin(line), "examples": examples(connection, line), "link": link(public_url, line)}
        )
        for receiver in wanted:
            message = {"id": f"msg_{digest(identity + receiver.id)}", "webhook": receiver.id, "alert": identity}
            message |= {"incident": line["incident"], "body": body, "state": "due"}
            connection.execute(insert(outbox).values(**message, due_at=at, tries=0, leased_until=0, created_at=at))
            messages += 1
    return messages


def thin(line: dict[str, Any]) -> dict[str, Any]:
    """The alert line with at most `LISTED` complaint ids, and how many there are."""
    return {**line, "complaints": line["complaints"][-LISTED:], "complaints_total": len(line["complaints"])}


def examples(connection: Connection, line: dict[str, Any]) -> list[dict[str, str]]:
    """Up to five masked complaints of the incident, the newest first."""
    ids = line["complaints"][-EXAMPLES:]
    rows = connection.execute(
        select(complaint.c.id, complaint.c.text).where(complaint.c.id.in_(ids)).order_by(desc(complaint.c.time))
    )
    return [{"id": r.id, "text": r.text[:EXAMPLE_LENGTH]} for r in rows]


def link(public_url: str, line: dict[str, Any]) -> str:
    return f"{public_url.rstrip('/')}/page/incident/{line['incident']}"


def wants(receiver: Row[Any], line: dict[str, Any]) -> bool:
    """Whether a receiver's filter lets an alert through."""
    if not receiver.filter:
        return True
    want = json.loads(receiver.filter)
    if want.get("kinds") and line["kind"] not in want["kinds"]:
        return False
    if want.get("severity") and RANKS[line["severity"]] < RANKS[want["severity"]]:
        return False
    return not want.get("department") or want["department"] == line.get("department")


def matches(want: dict[str, Any], line: dict[str, Any]) -> bool:
    return all(line.get(name) == value for name, value in want.items() if value is not None)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def list_incidents(connection: Connection, status: str | None, since: int | None, limit: int) -> list[Row[Any]]:
    """Incidents, the newest movement first; status `open` means every one that is not resolved."""
    query = select(incident).order_by(desc(incident.c.last_at), incident.c.id).limit(limit)
    if status == "open":
        query = query.where(incident.c.status != "resolved")
    elif status is not None:
        query = query.where(incident.c.status == status)
    if since is not None:
        query = query.where(incident.c.last_at >= since)
    return list(connection.execute(query).all())


def find_incident(connection: Connection, identity: str) -> Row[Any] | None:
    """One incident by its id."""
    return connection.execute(select(incident).where(incident.c.id == identity)).first()


def incident_view(row: Row[Any]) -> dict[str, Any]:
    """An incident as the API shows it: its evidence, and what people said of it."""
    said = {
        "acknowledged_at": moment(row.acknowledged_at).isoformat() if row.acknowledged_at else None,
        "acknowledged_by": row.acknowledged_by,
        "verdict": row.verdict,
        "verdict_by": row.verdict_by,
        "verdict_note": row.verdict_note,
    }
    return {**json.loads(row.value), "id": row.id, **said}


def set_columns(service: Service, identity: str, **values: Any) -> bool:
    with service.store.write() as connection:
        done = connection.execute(update(incident).where(incident.c.id == identity).values(**values))
        return done.rowcount == 1


def acknowledge(service: Service, identity: str, who: str) -> bool:
    """Somebody takes care of it. False when there is no such incident."""
    return set_columns(service, identity, acknowledged_at=milliseconds(service.clock()), acknowledged_by=who)


def give_verdict(service: Service, identity: str, who: str, verdict: str, note: str | None = None) -> bool:
    """What people found it to be: 属实, 误报 or 已知. False when there is no such incident."""
    return set_columns(service, identity, verdict=verdict, verdict_by=who, verdict_note=note)


def ask_to_resolve(service: Service, identity: str, who: str) -> bool:
    """Ask the evaluator to close it at its next look. False when there is no such incident."""
    done = set_columns(service, identity, resolve_by=who)
    service.woken.set()
    return done
