"""The checker: reads the database file and the receiver's memory, and believes nothing the server says about itself."""

import json
from pathlib import Path
from typing import Any

from serving.receiver import Receiver
from serving.store import sqlite_driver

__all__ = ["check"]


def check(
    database: Path, acknowledged: dict[str, dict[str, Any]], receiver: Receiver, matters: list[list[str]]
) -> list[str]:
    """Every broken promise as a sentence.

    Acknowledged complaints are stored with the very answer that was given; all are evaluated; each matter's complaints
    are together in one group incident that was opened once; each alert has one message, sent, and the receiver has it.
    """
    connection = sqlite_driver().connect(database)
    rows = {r[0]: r for r in connection.execute("SELECT id, answer, evaluated FROM complaint")}
    broken = [f"integrity: {r[0]}" for r in connection.execute("PRAGMA integrity_check") if r[0] != "ok"]
    for identity, answer in acknowledged.items():
        row = rows.get(identity)
        if row is None:
            broken.append(f"complaint {identity} was acknowledged and is lost")
        elif json.loads(row[1]) != answer:
            broken.append(f"complaint {identity} was answered otherwise than it is stored")
    broken += [f"complaint {r[0]} was never evaluated" for r in rows.values() if not r[2]]
    incidents = {
        r[0]: json.loads(r[1]) for r in connection.execute("SELECT id, value FROM incident WHERE kind = 'group'")
    }
    for ids in matters:
        there = [i for i in ids if i in rows]
        holding = [k for k, v in incidents.items() if len(set(v["complaints"]) & set(there)) >= len(there) - 1]
        if not holding:
            parts = {k: n for k, v in incidents.items() if (n := len(set(v["complaints"]) & set(there)))}
            issues = [
                r[0] for r in connection.execute("SELECT issue FROM complaint WHERE id LIKE ?", (ids[0][:-1] + "%",))
            ]
            broken.append(
                f"the matter of {ids[0]} ({len(there)} stored) has no group incident: {parts}, issues {issues}"
            )
    alerts = connection.execute("SELECT id, incident, reason FROM alert").fetchall()
    messages = {r[0]: r[1:] for r in connection.execute("SELECT alert, id, state FROM outbox WHERE alert IS NOT NULL")}
    firsts = [incident for _, incident, reason in alerts if reason == "first"]
    broken += [f"incident {i} was opened {firsts.count(i)} times" for i in set(firsts) if firsts.count(i) > 1]
    broken += [f"incident {i} has no first alert" for i in incidents if i not in firsts and not incidents[i]["parent"]]
    for identity, incident, reason in alerts:
        if identity not in messages:
            broken.append(f"alert {identity} ({reason} of {incident}) has no message")
            continue
        message, state = messages[identity]
        if state != "sent" or message not in receiver.received:
            broken.append(f"message {message} is {state}, received: {message in receiver.received}")
    if len(messages) != connection.execute("SELECT count(*) FROM outbox WHERE alert IS NOT NULL").fetchone()[0]:
        broken.append("an alert has more than one message")
    broken += [
        f"message {i} came without being in the outbox"
        for i in receiver.received
        if i not in {m[0] for m in messages.values()}
    ]
    if receiver.refused:
        broken.append(f"{receiver.refused} messages had a bad signature")
    connection.close()
    return broken
