"""Telling receivers what was decided: claim due messages by lease, post them, write down what happened.

Rows are written by the evaluator in the transaction that decides an alert. No transaction is open while a request is
on the wire; a sender that dies leaves a lease that runs out. Messages about one incident leave in their order, and one
dead receiver delays nobody else: each receiver has its own queue.
"""

import json
import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import Connection, Row, and_, delete, exists, insert, select, update

from serving.schema import attempt, outbox, webhook
from serving.service import Service
from serving.store import Store, milliseconds
from serving.webhook import GIVE_UP, Meaning, Outcome, post, retry_delay, sign

__all__ = [
    "Sender",
    "claim_due",
    "deliver_due",
    "forget_endpoint",
    "message_body",
    "record_attempt",
    "replay_delivery",
]

log = logging.getLogger("kesu.sender")
LEASE_MS = 30_000
AT_ONCE = 8  # receivers served side by side


def claim_due(store: Store, now: datetime, lessee: str, most: int = 64) -> list[Row[Any]]:
    """Lease the due messages: the oldest of each incident and receiver, none that waits behind an earlier one."""
    at = milliseconds(now)
    earlier = outbox.alias("earlier")
    waiting = exists().where(
        earlier.c.webhook == outbox.c.webhook,
        earlier.c.incident == outbox.c.incident,
        earlier.c.seq < outbox.c.seq,
        earlier.c.state == "due",
    )
    due = and_(outbox.c.state == "due", outbox.c.due_at <= at, outbox.c.leased_until <= at, ~waiting)
    chosen = (
        select(outbox.c.seq)
        .join(webhook, webhook.c.id == outbox.c.webhook)
        .where(due, webhook.c.stopped_at.is_(None))
        .order_by(outbox.c.due_at, outbox.c.seq)
        .limit(most)
    )
    with store.write() as connection:
        if not store.is_sqlite:
            chosen = chosen.with_for_update(skip_locked=True, of=outbox)
        ids = list(connection.scalars(chosen))
        if not ids:
            return []
        connection.execute(
            update(outbox).where(outbox.c.seq.in_(ids)).values(leased_until=at + LEASE_MS, lessee=lessee)
        )
        query = select(outbox, webhook.c.url, webhook.c.secret, webhook.c.kind).join(webhook)
        return list(connection.execute(query.where(outbox.c.seq.in_(ids)).order_by(outbox.c.seq)).all())


def record_attempt(store: Store, message: Row[Any], meaning: Meaning, now: datetime, took_ms: int) -> Outcome:
    """Write down one try and what follows from it. A lease that another sender has taken meanwhile is left alone.

    A success makes everything else that waits for this receiver due at once.
    """
    at = milliseconds(now)
    outcome = meaning.outcome
    if outcome is Outcome.AGAIN and at - message.created_at > GIVE_UP * 1000:
        outcome = Outcome.DEAD
    values: dict[str, Any] = {"tries": message.tries + 1, "leased_until": 0, "lessee": None}
    if outcome is Outcome.SENT:
        values |= {"state": "sent", "sent_at": at}
    elif outcome is Outcome.DEAD:
        values |= {"state": "dead"}
    else:
        delay = max(meaning.after or 0.0, retry_delay(message.tries + 1, random.random()))
        values |= {"due_at": at + round(delay * 1000)}
    with store.write() as connection:
        ours = outbox.c.seq == message.seq, outbox.c.lessee == message.lessee
        connection.execute(update(outbox).where(*ours).values(**values))
        connection.execute(
            insert(attempt).values(
                outbox=message.id, at=at, outcome=outcome, status=meaning.status, why=meaning.why, took_ms=took_ms
            )
        )
        if outcome is Outcome.SENT:
            behind = outbox.c.webhook == message.webhook, outbox.c.state == "due", outbox.c.due_at > at
            connection.execute(update(outbox).where(*behind).values(due_at=at))
        if outcome is Outcome.STOP:
            stop_endpoint(connection, message.webhook, at, meaning.why)
    return outcome


def stop_endpoint(connection: Connection, identity: str, at: int, why: str) -> None:
    """Let an endpoint rest, unless it is the last one: then it is kept and its messages are tried again."""
    others = select(webhook.c.id).where(webhook.c.id != identity, webhook.c.stopped_at.is_(None))
    if connection.execute(others.limit(1)).first() is not None:
        connection.execute(update(webhook).where(webhook.c.id == identity).values(stopped_at=at, stopped_why=why))


def deliver_due(store: Store, client: httpx.Client, clock: Callable[[], datetime], lessee: str) -> int:
    """One round: everything due is tried once. Returns how many messages were tried."""
    messages = claim_due(store, clock(), lessee)
    queues: dict[str, list[Row[Any]]] = {}
    for message in messages:
        queues.setdefault(message.webhook, []).append(message)
    if queues:
        with ThreadPoolExecutor(min(AT_ONCE, len(queues))) as pool:
            list(pool.map(lambda queue: deliver_queue(store, client, clock, queue), queues.values()))
    return len(messages)


def deliver_queue(store: Store, client: httpx.Client, clock: Callable[[], datetime], queue: Sequence[Row[Any]]) -> None:
    """The claimed messages of one receiver, in order. After a failure the rest go back: the receiver is not well."""
    for position, message in enumerate(queue):
        started = clock()
        if milliseconds(started) > message.leased_until - 12_000:  # a try may take 10 s: it must end inside the lease
            release(store, queue[position:])
            return
        meaning = post(client, message.url, sign(message.secret, message.id, started, message.body), message.body)
        ended = clock()
        took = milliseconds(ended) - milliseconds(started)
        outcome = record_attempt(store, message, meaning, ended, took)
        if outcome in (Outcome.AGAIN, Outcome.STOP):
            release(store, queue[position + 1 :])
            return


def release(store: Store, messages: Sequence[Row[Any]]) -> None:
    """Give claimed messages back untried."""
    if messages:
        with store.write() as connection:
            connection.execute(
                update(outbox)
                .where(outbox.c.seq.in_([m.seq for m in messages]), outbox.c.lessee == messages[0].lessee)
                .values(leased_until=0, lessee=None)
            )


def replay_delivery(connection: Connection, identity: str, now: datetime) -> bool:
    """Make a dead or sent message due again under its own id. False when there is none."""
    found = connection.execute(
        update(outbox).where(outbox.c.id == identity).values(state="due", due_at=milliseconds(now), leased_until=0)
    )
    return found.rowcount == 1


def forget_endpoint(connection: Connection, identity: str) -> bool:
    """Delete a receiver with what waits for it; attempts stay as history. False when there is none."""
    connection.execute(delete(outbox).where(outbox.c.webhook == identity))
    return connection.execute(delete(webhook).where(webhook.c.id == identity)).rowcount == 1


def message_body(kind: str, at: datetime, data: dict[str, Any]) -> str:
    """A webhook body; compact and with its keys in a fixed order."""
    return json.dumps(
        {"type": kind, "timestamp": at.isoformat(), "data": data}, ensure_ascii=False, separators=(",", ":")
    )


class Sender:
    """Delivers until told to stop; sleeps on an event, so that stopping is at once."""

    def __init__(self, service: Service, client: httpx.Client, lessee: str, pause: float = 0.5) -> None:
        self.service = service
        self.client = client
        self.lessee = lessee
        self.pause = pause

    def run(self) -> None:
        """Work until the service stops. A store that fails is met again at the next round."""
        while not self.service.stopping.is_set():
            try:
                tried = deliver_due(self.service.store, self.client, self.service.clock, self.lessee)
            except Exception:
                log.exception("a round of deliveries failed and is repeated")
                tried = 0
            if not tried:
                self.service.stopping.wait(self.pause)
