"""POST /classify and what is behind it, over HTTP against a server that runs."""

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from model.complaint import Complaint
from serving.service import Service
from tests.conftest import Clock

TWO_MATTERS = "快递等了六天还没送到，而且客服态度特别差，一直推脱。"


def rows(tmp_path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(tmp_path / "kesu.db") as connection:
        return connection.execute("SELECT id, text FROM complaint ORDER BY seq").fetchall()


def test_an_answer_has_every_field_of_the_contract(server: httpx.Client) -> None:
    answer = server.post("/classify", json={"text": TWO_MATTERS, "customer": "C-1", "channel": "APP"}).json()
    for head in ("category", "department", "sentiment"):
        verdict = answer[head]
        assert 0 < verdict["confidence"] <= 1
        assert verdict["accepted"] is (verdict["reason"] is None)
        assert verdict["label"] not in [a["label"] for a in verdict["alternatives"]]
    assert {"id", "parts", "exposure", "issue", "duplicate_of", "repeat_of", "model"} <= answer.keys()
    assert answer["exposure"]["stage"] == "none"
    assert answer["issue"] is None
    assert all(0 <= s < e <= len(TWO_MATTERS) for s, e in (p["span"] for p in answer["parts"]))


def test_two_matters_in_one_sentence_give_two_parts_with_their_clauses(server: httpx.Client) -> None:
    text = "快递慢而且客服态度差"
    parts = server.post("/classify?record=false", json={"text": text}).json()["parts"]
    said = {part["category"]: (text[slice(*part["span"])], part["department"]) for part in parts}
    assert said == {"物流配送": ("快递慢", "物流部"), "服务质量": ("而且客服态度差", "客服部")}


def test_spans_of_evidence_point_into_the_stored_text(server: httpx.Client) -> None:
    sent = "１３８００１３８０００是我电话，再不退款我就發抖音曝光你們"
    answer = server.post("/classify", json={"text": sent}).json()
    stored = server.get(f"/complaints/{answer['id']}").json()["text"]
    assert len(stored) == len(sent)
    assert "００１３８０００" not in stored
    assert answer["exposure"]["stage"] == "threat"
    for evidence in answer["exposure"]["evidence"]:
        start, end = evidence["span"]
        assert stored[start:end] == evidence["text"]


def test_the_same_id_and_body_gives_the_same_bytes_and_one_row(server: httpx.Client, tmp_path: Path) -> None:
    body = {"id": "A-1", "text": TWO_MATTERS, "customer": "C-1"}
    first, second = server.post("/classify", json=body), server.post("/classify", json=body)
    assert first.content == second.content
    assert len(rows(tmp_path)) == 1
    changed = server.post("/classify", json=body | {"text": "另一件事，会员乱扣费"})
    assert changed.status_code == 409
    assert changed.headers["content-type"] == "application/problem+json"


def test_a_hundred_parallel_posts_with_one_key_make_one_row(server: httpx.Client, tmp_path: Path) -> None:
    def post(text: str) -> httpx.Response:
        for _ in range(200):
            answer = server.post("/classify", json={"text": text}, headers={"Idempotency-Key": "once"})
            if answer.status_code != 503:
                return answer
        return answer

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, [TWO_MATTERS] * 100))
    assert {a.status_code for a in answers} == {200}
    assert len({a.content for a in answers}) == 1
    assert len(rows(tmp_path)) == 1
    assert post("另一件事，会员乱扣费了两次").status_code == 409


def test_a_list_is_judged_item_by_item(server: httpx.Client, tmp_path: Path) -> None:
    bodies = [{"text": TWO_MATTERS}, {"text": "   "}, {"txt": "x"}, 7, {"text": "会员到期前没有提醒就扣了钱"}]
    answers = server.post("/classify", json=bodies).json()
    assert [a.get("status") for a in answers] == [None, 422, 422, 422, None]
    assert len(rows(tmp_path)) == 2


def test_record_false_only_classifies(server: httpx.Client, tmp_path: Path) -> None:
    answer = server.post("/classify?record=false&explain=true", json={"text": TWO_MATTERS}).json()
    assert answer["category"]["label"]
    for span in answer["explanation"]["category"]:
        start, end = span["span"]
        assert TWO_MATTERS[start:end] == span["text"]
    assert rows(tmp_path) == []


@pytest.mark.parametrize(
    ["body", "status", "says"],
    [
        [{"text": ""}, 422, "empty"],
        [{"text": " \u3000\n"}, 422, "blank"],
        [{"text": "长" * 100_000}, 422, "20,000"],
        [{"text": "快递\x00丢了"}, 422, "NUL"],
        [{"text": "快递丢了", "id": 2**63}, 422, "id"],
        [{"text": "快递丢了", "time": "昨天"}, 422, "time"],
        [{"text": "快递丢了", "social": {"platform": "微博", "views": 1e999}}, 422, "JSON"],
        [{"text": "快递丢了", "custommer": "C-1"}, 422, "custommer"],
        ["快递丢了", 422, "object"],
        [[{"text": "快递丢了"}] * 1001, 413, "1000"],
    ],
)
def test_bad_input_gets_one_sentence_without_its_text(
    server: httpx.Client, body: object, status: int, says: str
) -> None:
    answer = server.post("/classify", content=json.dumps(body))
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert "快递" not in answer.text


@pytest.mark.parametrize(
    "raw", [b'{"text": "\\ud800"}', "快递丢了".encode("gb18030"), b'{"text": NaN}', b"[" * 100_000, b"", b"\xff\xfe"]
)
def test_broken_bytes_are_refused_and_the_server_lives(server: httpx.Client, raw: bytes) -> None:
    answer = server.post("/classify", content=raw)
    assert answer.status_code == 422
    assert server.get("/healthz").status_code == 200


def test_the_same_message_through_two_channels_is_folded(server: httpx.Client) -> None:
    text = "我在城西店买的鲜牛奶打开是酸的，孩子喝了拉肚子，要求退款并给说法"
    first = server.post("/classify", json={"text": text, "customer": "13800138000", "channel": "电话"}).json()
    copy = server.post("/classify", json={"text": text + "。", "customer": "138 0013 8000", "channel": "邮件"}).json()
    other = server.post("/classify", json={"text": text, "customer": "13900139000", "channel": "APP"}).json()
    assert copy["duplicate_of"] == first["id"]
    assert other["duplicate_of"] is None


def test_the_same_customer_again_about_the_matter_is_a_repeat(server: httpx.Client) -> None:
    first = server.post("/classify", json={"text": "六月买的空调不制冷，报修两次没人来", "customer": "K"}).json()
    again = server.post("/classify", json={"text": "空调还是不制冷，报修了都没人上门", "customer": "K"}).json()
    other = server.post("/classify", json={"text": "会员到期自动扣了我三百块", "customer": "K"}).json()
    assert again["repeat_of"] == first["id"]
    assert other["repeat_of"] is None


def test_handling_is_followed_and_audited(server: httpx.Client, tmp_path: Path) -> None:
    identity = server.post("/classify", json={"text": TWO_MATTERS, "id": "B/7"}).json()["id"]
    url = f"/complaints/{identity}"
    moved = server.patch(url, json={"department": "财务部", "why": "钱的事", "who": "王"}).json()
    assert (moved["department"], moved["handovers"]) == ("财务部", 1)
    solved = server.patch(url, json={"status": "resolved", "satisfaction": 4}).json()
    assert solved["resolved_at"]
    assert server.patch(url, json={"satisfaction": 9}).status_code == 422
    assert server.get("/complaints/none").status_code == 404
    with sqlite3.connect(tmp_path / "kesu.db") as connection:
        audit = connection.execute("SELECT who, field, new, why FROM audit ORDER BY id").fetchall()
    assert ("王", "department", "财务部", "钱的事") in audit


def test_personal_data_is_in_no_outlet(server: httpx.Client, tmp_path: Path) -> None:
    planted = ("13812345678", "11010519491231002X", "zhang.san@example.com")
    text = f"我的电话{planted[0]}，身份证{planted[1]}，邮箱{planted[2]}，快递丢了没人管"
    answer = server.post("/classify", json={"text": text, "customer": planted[0]})
    outlets = [answer.text, server.get("/complaints").text, server.get("/metrics").text, server.get("/").text]
    outlets += [path.read_bytes().decode("latin-1") for path in tmp_path.glob("kesu.db*")]
    for value in planted:
        assert not any(value in outlet for outlet in outlets)


def test_copies_and_repeats_are_found_inside_one_list_too(server: httpx.Client) -> None:
    milk = "我在城西店买的鲜牛奶打开是酸的，孩子喝了拉肚子，要求退款并给说法"
    bodies = [
        {"id": "1", "text": milk, "customer": "A"},
        {"id": "2", "text": "【APP反馈】" + milk, "customer": "A"},
        {"id": "3", "text": milk + "！", "customer": "B"},
        {"id": "4", "text": milk},
        {"id": "5", "text": "城西店的鲜牛奶还是酸的，孩子又拉肚子，退款到现在没有", "customer": "A"},
    ]
    answers = {a["id"]: a for a in server.post("/classify", json=bodies).json()}
    assert [answers[n]["duplicate_of"] for n in "12345"] == [None, "1", None, "1", None]
    assert answers["5"]["repeat_of"] == "1"


def test_a_copy_that_arrives_out_of_order_is_folded_but_is_no_repeat(server: httpx.Client) -> None:
    text = "六月买的空调不制冷，报修两次没人来，售后电话打不通"
    later = {"id": "later", "text": text, "customer": "K", "time": "2026-10-14T11:00:00+08:00"}
    earlier = {"id": "earlier", "text": text + "。", "customer": "K", "time": "2026-10-14T09:00:00+08:00"}
    other = {
        "id": "other",
        "text": "空调还是不制冷，报修了都没人上门",
        "customer": "K",
        "time": "2026-10-13T09:00:00+08:00",
    }
    assert server.post("/classify", json=later).json()["duplicate_of"] is None
    assert server.post("/classify", json=earlier).json()["duplicate_of"] == "later"
    assert server.post("/classify", json=other).json()["repeat_of"] is None


def test_a_caller_that_gives_up_does_not_stop_the_writer(service: Service, clock: Clock) -> None:
    def complaint(name: str) -> Complaint:
        return Complaint(name, f"快递丢了没人管，单号{name}", clock(), name)

    service.store.key("customer")
    with service.store.write():  # the disk is busy: everything waits
        first = service.intake.submit([complaint("1")])
        until = time.monotonic() + 10
        while not first.running() and time.monotonic() < until:
            pass
        given_up, last = service.intake.submit([complaint("2")]), service.intake.submit([complaint("3")])
        assert given_up.cancel()
        assert not first.cancel()  # it is on its way to the disk
    assert [a["id"] for a in first.result(10) + last.result(10)] == ["1", "3"]  # type: ignore[index]
    assert service.intake.known(["1", "2", "3"]) == ["1", "3"]
