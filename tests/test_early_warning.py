"""From committed complaints to a signed message: the evaluator, the outbox, the receiver."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from model.complaint import Complaint
from model.table import read_table_bytes
from serving.address_guard import guarded_client
from serving.early_warning import Evaluator, LostLease
from serving.files import import_table
from serving.incidents import acknowledge, ask_to_resolve, find_incident, incident_view, list_incidents
from serving.outbox import deliver_due
from serving.receiver import Receiver
from serving.requests import Filter, WebhookIn
from serving.schema import alert, complaint, outbox
from serving.service import Service
from serving.store import utc_now
from serving.supervision import add_webhook
from tests.conftest import Clock

MILK = (
    "城西店的鲜牛奶是酸的，孩子喝了拉肚子",
    "在城西店买的鲜牛奶变质了，喝完拉肚子",
    "城西店鲜牛奶有问题，全家喝了都拉肚子",
    "你们城西店的鲜牛奶坏了还卖，老人喝了拉肚子进医院",
    "投诉城西店，鲜牛奶没过期就酸了，喝了肚子疼",
    "城西店鲜牛奶喝了拉肚子，要求赔偿",
)


@pytest.fixture
def receiver() -> object:
    opened = Receiver()
    opened.start()
    yield opened
    opened.stop()


def complain(service: Service, clock: Clock, texts: tuple[str, ...], name: str = "m", **over: str) -> None:
    for number, text in enumerate(texts):
        clock.move(minutes=7)
        one = {"customer": f"{name}-customer-{number}"} | over
        service.intake.accept([Complaint(f"{name}-{number}", text, clock(), **one)])  # type: ignore[arg-type]


def groups(service: Service) -> list[dict[str, object]]:
    with service.store.read() as connection:
        return [incident_view(r) for r in list_incidents(connection, None, None, 50) if r.kind == "group"]


def finish(evaluator: Evaluator) -> None:
    while evaluator.step():
        pass


def test_six_customers_about_one_matter_become_one_incident_and_a_signed_message(
    service: Service, clock: Clock, receiver: Receiver
) -> None:
    clock.now = utc_now() - timedelta(hours=1)  # due by now; the public library refuses a stamp that is not of now
    receiver.secret = add_webhook(service, WebhookIn(url=receiver.url))["secret"]
    complain(service, clock, MILK)
    finish(Evaluator(service, "one"))
    found = groups(service)
    assert len(found) == 1
    assert set(found[0]["complaints"]) == {f"m-{n}" for n in range(6)}  # type: ignore[call-overload]
    assert found[0]["customers"] == 6
    with guarded_client("127.0.0.0/8") as client:
        while deliver_due(service.store, client, utc_now, "sender"):
            pass
    told = [b["data"] for b in receiver.received.values() if b["data"]["kind"] == "group"]
    assert told[0]["reason"] == "first"
    assert told[0]["incident"] == found[0]["id"]
    assert told[0]["examples"]
    assert receiver.refused == 0


def test_one_customer_with_many_messages_is_no_group(service: Service, clock: Clock) -> None:
    complain(service, clock, MILK, customer="the same")
    finish(Evaluator(service, "one"))
    assert groups(service) == []


def test_folded_copies_are_no_group(service: Service, clock: Clock) -> None:
    text = "城西店的鲜牛奶是酸的，孩子喝了拉肚子，请退款"
    for number, channel in enumerate(("电话", "邮件", "APP", "微信", "网站")):
        service.intake.accept([Complaint(f"c-{number}", text, clock(), None, channel)])
    finish(Evaluator(service, "one"))
    assert groups(service) == []


def test_a_restart_in_the_middle_gives_the_same_incidents_none_twice(
    open_at: Callable[..., Service], clock: Clock
) -> None:
    whole, broken = open_at(clock, "whole"), open_at(clock, "broken")
    for number, text in enumerate(MILK):
        clock.move(minutes=7)
        for one in (whole, broken):
            one.intake.accept([Complaint(f"m-{number}", text, clock(), f"customer {number}")])
        finish(Evaluator(broken, f"fresh {number}"))
        clock.move(minutes=1)  # the lease of the one before runs out
    finish(Evaluator(whole, "one"))
    mine, other = groups(whole), groups(broken)
    assert len(mine) == len(other) == 1
    assert mine[0]["complaints"] == other[0]["complaints"]
    with broken.store.read() as connection:
        firsts = connection.scalar(select(func.count()).select_from(alert).where(alert.c.reason == "first"))
    assert firsts == 1
    whole.store.close()
    broken.store.close()


def test_a_failed_commit_leaves_nothing_and_the_next_look_finds_all(
    service: Service, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(service, clock, MILK)
    evaluator = Evaluator(service, "one")

    def fails(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("serving.early_warning.save_alerts", fails)
        with pytest.raises(OSError, match="disk"):
            evaluator.step()
    assert groups(service) == []
    finish(evaluator)
    assert len(groups(service)) == 1


def test_two_evaluators_never_work_at_once(service: Service, clock: Clock) -> None:
    complain(service, clock, MILK)
    first, second = Evaluator(service, "first"), Evaluator(service, "second")
    first.hold_lease(clock())
    assert second.step() == 0
    clock.move(minutes=1)
    assert second.step() == len(MILK)
    with pytest.raises(LostLease):
        first.commit(second.watch, [{"row": 1, "issue_key": "x"}], [], clock())  # type: ignore[arg-type]


def test_thirty_old_days_imported_raise_no_alert_for_now(service: Service, clock: Clock) -> None:
    complain(service, clock, MILK)
    clock.move(days=30)
    finish(Evaluator(service, "one"))
    with service.store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(alert)) == 0
        assert connection.scalar(select(func.count()).where(complaint.c.evaluated.is_(True))) == len(MILK)


def test_quiet_history_makes_incidents_and_tells_nobody(
    service: Service, clock: Clock, receiver: Receiver, tmp_path: Path
) -> None:
    add_webhook(service, WebhookIn(url=receiver.url))
    clock.move(hours=1)
    rows = "".join(f"{n},2026-10-14 12:{n * 7:02d},{text}\n" for n, text in enumerate(MILK))
    table = read_table_bytes(f"客户,时间,内容\n{rows}".encode(), "昨天.csv")
    assert import_table(service, table, quiet=True).added == len(MILK)
    finish(Evaluator(service, "one"))
    assert len(groups(service)) == 1
    with service.store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(outbox)) == 0


def test_exposure_comes_in_stages_and_severities(service: Service, clock: Clock, receiver: Receiver) -> None:
    add_webhook(service, WebhookIn(url=receiver.url, filter=Filter(kinds=["exposure"])))
    say = service.intake.accept
    say([Complaint("t", "退款再不处理我就发抖音曝光你们", clock(), "A")])
    say([Complaint("p", "扫地机器人起火的事我已经发微博了，大家都来看看", clock(), "B")])
    finish(Evaluator(service, "one"))
    with service.store.read() as connection:
        found = {
            r.severity: incident_view(r) for r in list_incidents(connection, None, None, 50) if r.kind == "exposure"
        }
        messages = connection.scalar(select(func.count()).select_from(outbox))
    assert found["notice"]["complaints"] == ["t"]
    assert found["warning"]["complaints"] == ["p"]
    assert messages == 2


def test_people_acknowledge_and_close(service: Service, clock: Clock) -> None:
    complain(service, clock, MILK)
    evaluator = Evaluator(service, "one")
    finish(evaluator)
    identity = str(groups(service)[0]["id"])
    assert acknowledge(service, identity, "李主管")
    assert ask_to_resolve(service, identity, "李主管")
    assert not acknowledge(service, "no such", "李主管")
    clock.move(minutes=2)
    evaluator.step()
    with service.store.read() as connection:
        row = find_incident(connection, identity)
    assert row is not None
    assert (row.status, row.acknowledged_by) == ("resolved", "李主管")
