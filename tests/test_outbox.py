"""Telling receivers: signatures, retries, order, leases, and what an answer means."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import insert, select
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from serving.address_guard import guarded_client, is_allowed
from serving.outbox import claim_due, deliver_due, replay_delivery
from serving.problems import Problem
from serving.receiver import Receiver
from serving.requests import WebhookIn
from serving.schema import attempt, outbox, webhook
from serving.service import Service
from serving.store import milliseconds
from serving.supervision import add_webhook, masked_url
from serving.webhook import new_secret, sign
from tests.conftest import Clock

FORBIDDEN = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "fc00::1",
    "fe80::1",
    "fec0::1",
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver(secret=new_secret())
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with guarded_client("127.0.0.0/8") as opened:
        yield opened


def queue(service: Service, clock: Clock, receiver: Receiver, count: int, incident: str = "i") -> str:
    made = add_webhook(service, WebhookIn(url=receiver.url, secret=receiver.secret))
    at = milliseconds(clock())
    common = {"webhook": made["id"], "incident": incident, "body": "{}", "state": "due", "due_at": at, "created_at": at}
    with service.store.write() as connection:
        for number in range(count):
            connection.execute(insert(outbox).values(id=f"{made['id']}-{number}", tries=0, leased_until=0, **common))
    return made["id"]


def drain(service: Service, client: httpx.Client, clock: Clock) -> None:
    while deliver_due(service.store, client, clock, "me"):
        pass


def states(service: Service) -> list[str]:
    with service.store.read() as connection:
        return list(connection.scalars(select(outbox.c.state).order_by(outbox.c.seq)))


def test_a_changed_byte_or_an_old_stamp_is_refused_by_the_public_library(clock: Clock) -> None:
    from serving.store import utc_now

    secret, rotated = new_secret(), new_secret()
    headers = sign(f"{secret} {rotated}", "msg_1", utc_now(), '{"a":1}')
    for good in (secret, rotated):
        Webhook(good).verify('{"a":1}', headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify('{"a":2}', headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify('{"a":1}', sign(secret, "msg_1", utc_now() - timedelta(hours=1), '{"a":1}'))


def test_a_receiver_that_fails_gets_the_same_id_again_with_a_fresh_signature(
    service: Service, receiver: Receiver, client: httpx.Client
) -> None:
    from serving.store import utc_now

    clock = Clock(utc_now())
    queue(service, clock, receiver, 1)
    receiver.answer = 503
    assert deliver_due(service.store, client, clock, "me") == 1
    assert deliver_due(service.store, client, clock, "me") == 0  # not due yet
    receiver.answer = 204
    clock.move(seconds=10)
    drain(service, client, clock)
    with service.store.read() as connection:
        tries = connection.execute(select(attempt).order_by(attempt.c.id)).all()
    assert [t.outcome for t in tries] == ["again", "sent"]
    assert len({t.outbox for t in tries}) == 1
    assert states(service) == ["sent"]


def test_messages_of_one_incident_arrive_in_order_through_a_failure(
    service: Service, receiver: Receiver, client: httpx.Client
) -> None:
    from serving.store import utc_now

    clock = Clock(utc_now())
    endpoint = queue(service, clock, receiver, 5)
    receiver.answer = 503
    drain(service, client, clock)
    receiver.answer = 204
    clock.move(seconds=10)
    drain(service, client, clock)
    assert receiver.order == [f"{endpoint}-{n}" for n in range(5)]


def test_a_sender_that_dies_leaves_a_lease_that_runs_out(
    service: Service, receiver: Receiver, client: httpx.Client
) -> None:
    from serving.store import utc_now

    clock = Clock(utc_now())
    queue(service, clock, receiver, 1)
    assert len(claim_due(service.store, clock(), "the dead one")) == 1
    assert claim_due(service.store, clock(), "me") == []
    clock.move(minutes=1)
    drain(service, client, clock)
    assert states(service) == ["sent"]


def test_a_dead_receiver_delays_nobody_else(service: Service, receiver: Receiver, client: httpx.Client) -> None:
    from serving.store import utc_now

    clock = Clock(utc_now())
    dead = Receiver(secret=new_secret())
    dead.start()
    queue(service, clock, dead, 3, "a")
    dead.stop()
    queue(service, clock, receiver, 3, "b")
    deliver_due(service.store, client, clock, "me")
    drain(service, client, clock)
    assert len(receiver.order) == 3
    assert states(service) == ["due"] * 3 + ["sent"] * 3  # what the dead one should have heard waits for it


def test_a_refusal_is_dead_and_can_be_sent_again(service: Service, receiver: Receiver, client: httpx.Client) -> None:
    from serving.store import utc_now

    clock = Clock(utc_now())
    queue(service, clock, receiver, 1)
    receiver.answer = 404
    drain(service, client, clock)
    assert states(service) == ["dead"]
    receiver.answer = 200
    with service.store.write() as connection:
        identity = connection.scalar(select(outbox.c.id))
        assert replay_delivery(connection, str(identity), clock())
    drain(service, client, clock)
    assert states(service) == ["sent"]


def test_410_rests_the_endpoint_but_never_the_last_one(
    service: Service, receiver: Receiver, client: httpx.Client
) -> None:
    from serving.store import utc_now

    clock = Clock(utc_now())
    queue(service, clock, receiver, 1)
    receiver.answer = 410
    drain(service, client, clock)
    with service.store.read() as connection:
        assert connection.scalar(select(webhook.c.stopped_at)) is None
    other = queue(service, clock, receiver, 1, "other")
    drain(service, client, clock)
    with service.store.read() as connection:
        stopped = connection.execute(select(webhook.c.id).where(webhook.c.stopped_at.is_not(None))).all()
    assert [s.id for s in stopped] == [other]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_connection_goes_inside(address: str, receiver: Receiver) -> None:
    assert not is_allowed(address)
    with guarded_client("", resolver=lambda host, port: [address]) as client, pytest.raises(httpx.ConnectError):
        client.get("http://hooks.example.com/")
    assert receiver.order == []


def test_an_inside_address_is_refused_when_it_is_registered(service: Service) -> None:
    with pytest.raises(Problem, match="KESU_WEBHOOK_ALLOW"):
        add_webhook(service, WebhookIn(url="http://10.1.2.3/hook"))
    assert add_webhook(service, WebhookIn(url="http://localhost:9/hook"))["id"]  # the fixture allows this machine


def test_the_address_that_was_checked_is_the_one_connected_to(receiver: Receiver) -> None:
    answers = iter([["127.0.0.1"], ["93.184.216.34"]])  # a name that answers differently the second time
    with guarded_client("", resolver=lambda host, port: next(answers)) as client, pytest.raises(httpx.ConnectError):
        client.get("http://hooks.example.com/")


def test_a_receivers_address_is_shown_without_its_secret() -> None:
    assert masked_url("https://user:pw@h.example/bot/v2/hook/KEY?token=T") == "https://h.example/bot/…"
