"""Entities: numbers, amounts and dates found exactly on marked complaints of our own, and what only looks like them."""

import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from time import perf_counter

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.entities import KINDS, find_entities
from model.privacy import mask
from tests.conftest import NOON, ROOT
from training.marked_bench import Mark, read_marked

EXACT = ("order", "tracking", "amount", "date")


@cache
def marked() -> list[tuple[str, dict[Mark, str | None]]]:
    return read_marked()


def found(text: str) -> dict[Mark, str | None]:
    return {(e.kind, e.start, e.end): e.value for e in find_entities(text, NOON)}


def said(text: str, at: datetime | None = NOON) -> list[tuple[str, str, str | None]]:
    """Kind, words and value of the exact kinds."""
    return [(e.kind, e.text, e.value) for e in find_entities(text, at) if e.kind in EXACT]


def test_the_marked_set_is_large_varied_and_full_of_numbers_that_are_none() -> None:
    texts = [text for text, _ in marked()]
    assert len(set(texts)) == len(texts) >= 220
    assert min(map(len, texts)) <= 8
    assert max(map(len, texts)) > 350
    plain = [text for text, marks in marked() if not any(kind in EXACT for kind, _, _ in marks)]
    assert sum(re.search(r"[0-9一二三四五六七八九十]", text) is not None for text in plain) >= 60
    counts = Counter(kind for _, marks in marked() for kind, _, _ in marks)
    assert all(counts[kind] >= 30 for kind in EXACT)


@pytest.mark.parametrize(
    ("kind", "least"), [*((kind, 0.95) for kind in EXACT), ("product", 0.9), ("shop", 0.9), ("place", 0.9)]
)
def test_exact_spans_on_the_marked_set(kind: str, least: float) -> None:
    hits = wrong = 0
    errors = []
    for text, marks in marked():
        want, got = ({m for m in side if m[0] == kind} for side in (marks, found(text)))
        hits, wrong = hits + len(want & got), wrong + len(want ^ got)
        errors += [text[start:end] for _, start, end in want ^ got]
    assert 2 * hits / (2 * hits + wrong) >= least, errors


def test_values_on_the_marked_set() -> None:
    pairs = [
        (value, got[mark])
        for text, marks in marked()
        for got in [found(text)]
        for mark, value in marks.items()
        if mark[0] in ("amount", "date") and mark in got
    ]
    assert len(pairs) >= 300
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("订单号:2024031588123456789待发货", "order", "2024031588123456789"),
        ("订单编号为 ＤＤ２０２６１０１１", "order", "DD20261011"),
        ("单号2026 1008 1234 5678，没发", "order", "2026100812345678"),
        ("訂單號2026101144556677", "order", "2026101144556677"),
        ("2026100812345678901一直没人管", "order", "2026100812345678901"),
        ("sf1234567890123三天没动", "tracking", "SF1234567890123"),
        ("圆通YT1234567890123", "tracking", "YT1234567890123"),
        ("JT0001234567890丢了", "tracking", "JT0001234567890"),
        ("快递单号：75312345678901", "tracking", "75312345678901"),
        ("中通快递75312345678901没到", "tracking", "75312345678901"),
        ("退我三千五百块", "amount", "3500"),
        ("1.2万元", "amount", "12000"),
        ("￥1,299.00", "amount", "1299"),
        ("两百来块的东西", "amount", "200"),
        ("要价200-300元", "amount", "200-300"),
        ("三块五一斤", "amount", "3.5"),
        ("5块5毛", "amount", "5.5"),
        ("３９９元", "amount", "399"),
        ("RMB 200", "amount", "200"),
        ("五毛钱", "amount", "0.5"),
        ("花了一万二", "amount", "12000"),
        ("花了299买的", "amount", "299"),
        ("就几百块的东西", "amount", None),
        ("二十美元", "amount", None),
        ("2024年3月5日买的", "date", "2024-03-05"),
        ("2026-09-30到的", "date", "2026-09-30"),
        ("3月5号下单", "date", "2026-03-05"),
        ("十月二十号的票", "date", "2026-10-20"),
        ("12月20号买的", "date", "2025-12-20"),
        ("昨天才说", "date", "2026-10-13"),
        ("说明天发货", "date", "2026-10-15"),
        ("上周五到的", "date", "2026-10-09"),
        ("上上周日", "date", "2026-10-04"),
        ("下周一交房", "date", "2026-10-19"),
        ("3天前下单", "date", "2026-10-11"),
        ("上个月15号", "date", "2026-09-15"),
        ("10.8号充的", "date", "2026-10-08"),
        ("9号买的", "date", "2026-10-09"),
        ("上周一直没人管", "date", None),
        ("上个月交的", "date", None),
        ("2月30号买的", "date", None),
    ],
)
def test_one_entity_with_its_value(text: str, kind: str, value: str | None) -> None:
    assert [(k, v) for k, _, v in said(text)] == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "电话13800138000，座机010-81234567，400-800-8820",
        "身份证11010519491231002X，身份证号：110105194912310021",
        "卡号6222020000000000000，尾号8832，6222********3344",
        "138****8000打来的，身份证110105********002X",
        "打了12315、110、95588和10086",
        "iPhone 15、Mate60、5G、42码、65寸、38.5度、80%、1920*1080",
        "等了3天，第3次，两个半小时，7个工作日，24小时内，用了3年",
        "下午3点到4点半，9:00-18:00",
        "周一到周五没空，每周三停水，周六日休息，一周一次",
        "1号楼2单元18楼，3号线，5号电池，88路",
        "两块屏幕，三块排骨，五毛特效不说了，一块儿去的",
        "一分钱没退，一毛钱的诚意都没有",
        "一百个人，5万粉丝，2.5万公里，100兆，20000积分",
        "批号20260315，序列号C39XK2ABJF8J，条码6901234567892，工号20231234567890",
        "验证码884213，取件码3-2-5018，版本8.0.33，IP是192.168.1.100",
        "航班CA1831，G1024次，车牌**A12345",
        "目前天天催，说明天然气坏了，看今日头条",
        "满300减50，第二件半价，打8折，押一付三",
        "三角债，单元门，3元素，八角",
        "订单2件，订单待付款",
        "年年如此，今年又来，这个月还这样",
    ],
)
def test_numbers_that_are_no_entity(text: str) -> None:
    assert said(text) == []
    assert said(mask(text)) == []


def test_a_list_of_numbers_shares_its_word_and_a_stretch_of_days_its_month() -> None:
    numbers = said("订单号2026100711112222和2026100733334444都没发，快递SF1234567890123、SF1234567890124")
    assert [kind for kind, _, _ in numbers] == ["order", "order", "tracking", "tracking"]
    days = said("2025年12月30日至1月3日封路；9月28号到30号没水", datetime(2026, 1, 10, tzinfo=UTC))
    assert [day for _, _, day in days] == ["2025-12-30", "2026-01-03", "2025-09-28", "2025-09-30"]


def test_without_a_moment_only_full_dates_have_a_day() -> None:
    assert [day for _, _, day in said("2026年3月5日买的，昨天、3月8号、上周五都找过", None)] == [
        "2026-03-05",
        None,
        None,
        None,
    ]
    late = datetime(2026, 10, 13, 16, 30, tzinfo=UTC)  # half past midnight in Shanghai
    assert said("昨天", late)[0][2] == "2026-10-13"


def test_names_of_goods_shops_and_places_join_their_parts() -> None:
    text = "在江苏省苏州市吴中区的城西店买的海尔滚筒洗衣机和华为Mate60 Pro"
    assert [(e.kind, e.text) for e in find_entities(text)] == [
        ("place", "江苏省苏州市吴中区"),
        ("shop", "城西店"),
        ("product", "海尔滚筒洗衣机"),
        ("product", "华为Mate60 Pro"),
    ]
    assert find_entities("手机号换了，去药店问，店长说这家店不归他管，走路过去的") == ()


def test_every_word_people_list_has_a_kind_that_is_read() -> None:
    kinds = {"product", "maker", "modifier", "shop", "province", "city", "district", "none"}
    kinds |= {"shop_ending", "shop_ending_plain", "place_ending"}
    lines = (ROOT / "model" / "lexicon" / "entities.tsv").read_text(encoding="utf-8").splitlines()
    assert {line.partition("\t")[0] for line in lines if line and not line.startswith("#")} == kinds


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="12０５.-,:订单号快递SF元块毛￥三百万五几昨天上周月日前的城西店手机北京市*✓𠀀 \n", max_size=60))
def test_any_text_gives_true_offsets_that_never_overlap(text: str) -> None:
    entities = find_entities(text, NOON)
    assert all(text[e.start : e.end] == e.text and e.kind in KINDS for e in entities)
    assert all(a.end <= b.start for a, b in pairwise(entities))


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "一",
        "1,",
        "1,111",
        "1-",
        "a-1",
        "订单1",
        "1234 ",
        "单号 1234 ",
        "三月",
        "3号",
        "上周",
        "1块",
        "城西店",
        "北京路",
        "¥",
        "9" * 60,
    ],
)
def test_twenty_thousand_characters_take_no_longer_than_they_are_many(unit: str) -> None:
    text = (unit * 20_000)[:20_000]
    start = perf_counter()
    find_entities(text, NOON)
    assert perf_counter() - start < 3.0  # a quadratic pattern needs minutes


def test_an_answer_names_entities_in_the_stored_text(server: httpx.Client) -> None:
    body = {
        "id": "E-1",
        "text": "电话１３８００１３８０００，昨天在城西店花了三千五百塊，訂單號2026101144556677",
        "time": NOON.isoformat(),
    }
    answer = server.post("/classify", json=body).json()
    stored = server.get("/complaints/E-1").json()["text"]
    entities = answer["entities"]
    assert tuple(entities) == KINDS
    assert [entities[kind] for kind in ("tracking", "product", "place")] == [None, None, None]
    assert {kind: [one["value"] for one in listed] for kind, listed in entities.items() if listed} == {
        "order": ["2026101144556677"],
        "amount": ["3500"],
        "date": ["2026-10-13"],
        "shop": ["城西店"],
    }
    assert all(stored[slice(*one["span"])] == one["text"] for listed in entities.values() for one in listed or ())
    assert server.post("/classify?record=false", json=body).json()["entities"] == entities
    shown = server.get("/page/complaint/E-1").text
    assert "三千五百塊 = 3500 元" in shown
    assert "昨天 = 2026-10-13" in shown
    assert "三千五百塊 = 3500 元" in server.post("/page/try", data={"text": body["text"]}).text


def test_a_text_of_a_thousand_amounts_keeps_its_answer_small(server: httpx.Client) -> None:
    answer = server.post("/classify?record=false", json={"text": "扣了5元，" * 1000}).json()
    assert len(answer["entities"]["amount"]) == 100
