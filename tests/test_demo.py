"""播放演示: what a newcomer sees within a minute, played without waiting."""

import json

from sqlalchemy import select

from serving.demo import demo_progress, play_demo
from serving.early_warning import Evaluator
from serving.incidents import incident_view, list_incidents
from serving.receiver import Receiver
from serving.requests import WebhookIn
from serving.schema import outbox
from serving.service import Service
from serving.supervision import add_webhook
from tests.conftest import Clock
from tests.test_early_warning import finish


def test_the_demo_shows_a_group_complaint_and_an_exposure_that_spreads(service: Service, clock: Clock) -> None:
    receiver = Receiver()
    receiver.start()
    add_webhook(service, WebhookIn(url=receiver.url))
    evaluator = Evaluator(service, "demo")
    play_demo(service, wait=lambda seconds: finish(evaluator))
    finish(evaluator)
    assert demo_progress(service).state == "done"
    with service.store.read() as connection:
        shown = [incident_view(row) for row in list_incidents(connection, "open", None, 50) if row.parent is None]
        told = [json.loads(body)["data"] for body in connection.scalars(select(outbox.c.body))]
    milk = next(one for one in shown if one["kind"] == "group" and "鲜牛奶" in "".join(one["terms"]))
    assert milk["customers"] >= 7
    assert "文汇路店" in milk["terms"]
    fryer = next(one for one in shown if one["kind"] == "exposure" and one["severity"] == "severe")
    assert fryer["products"] == {"空气炸锅": len(fryer["complaints"])}
    assert {milk["id"], fryer["id"]} <= {data["incident"] for data in told}
    assert len({data["incident"] for data in told}) <= 6  # four weeks of history are told to nobody
    receiver.stop()
