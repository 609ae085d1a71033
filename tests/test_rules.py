"""Rules over the model: what trips them, what they decide, and how a wrong file is refused."""

import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.bundle import Bundle
from model.calibration import Reason
from model.classifier import ComplaintClassifier
from model.complaint import Complaint
from model.errors import DataError
from model.overlay import Overlay, RuledPrediction, RuledVerdict
from model.rule_file import read_rules_bytes
from model.rules import Rules
from model.word_tree import MOST_PLACES
from tests.matters import CELLS, TEXTS

BUNDLE = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, CELLS))
MONEY = '[[rule]]\nname = "垫付"\nmust = "垫付"\ndepartment = "财务部"\n'


def rules_of(text: str) -> Rules:
    return read_rules_bytes(text.encode(), "r.toml")


def rule(keys: str) -> Rules:
    return rules_of(f'[[rule]]\nname = "甲"\n{keys}\ndepartment = "财务部"\n')


def at(text: str, day: str = "2026-10-14", **about: Any) -> Complaint:
    return Complaint("1", text, datetime.fromisoformat(f"{day}T12:00:00+08:00"), **about)


def hits(rules: Rules, text: str) -> list[str] | None:
    """The words that tripped the first rule, as they were written; None when none did."""
    trips = rules.trips(at(text))
    return [text[start:end] for start, end in trips[0].spans] if trips else None


def ruled(rules: Rules, text: str, stage: str = "none", **about: Any) -> RuledPrediction:
    complaint = at(text, **about)
    return Overlay(rules, BUNDLE).require_fit().apply(complaint, BUNDLE.predict([text])[0], stage)


def test_a_word_inside_a_whitelisted_phrase_does_not_trip() -> None:
    rules = rule('any = ["交通"]\nwhitelist = ["路口交通", "交通银行"]')
    assert hits(rules, "路口交通太堵，快递进不来") is None
    assert hits(rules, "路口交通太堵，交通费也不报") == ["交通"]
    assert rules.trips(at("路口交通太堵，交通费也不报"))[0].spans == ((7, 9),)
    assert hits(rules, "交通银行路口交通") is None
    assert rules.trips(at("交通交通银行"))[0].spans == ((0, 2),)
    assert rule('must = "哈哈"\nwhitelist = "啊哈哈"').trips(at("啊哈哈哈"))[0].spans == ((2, 4),)


def test_excluded_words_count_anywhere_or_near_a_hit() -> None:
    anywhere, near = rule('must = "丢"\nnot = ["没丢"]'), rule('must = "丢"\nnot = ["没丢", "不会"]\nnot_within = 2')
    text = "快递没丢，上个月的才是真丢了"
    assert hits(anywhere, text) is None
    assert near.trips(at(text))[0].spans == ((12, 13),)
    assert hits(rule('must = "丢"\nnot = ["app", "315"]'), "WAPP丢了订单13150") == ["丢"]
    assert hits(near, "应该不会再次丢") is None
    assert hits(near, "应该不会再次弄丢") == ["丢"]
    assert hits(near, "丢东西不会") is None
    assert hits(near, "丢东西了不会的") == ["丢"]


def test_groups_must_all_be_hit_and_near_each_other_where_that_is_asked() -> None:
    rules = rule('must = [["快递", "包裹"], "丢"]\nany = ["三天", "五天"]\nwithin = 6')
    assert hits(rules, "包裹丢了，三天没人理") == ["包裹", "丢", "三天"]
    assert hits(rule('any = ["快递", "包裹", "邮件"]'), "邮件还没到") == ["邮件"]
    assert hits(rules, "包裹三天没人理") is None
    assert hits(rules, "包裹一二三丢四五三天") == [
        "包裹",
        "丢",
        "三天",
    ]  # six between
    assert hits(rules, "包裹一二三丢四五六三天") is None
    assert hits(rules, "我的包裹，三天前从城西发出来，后来就丢了") is None
    assert hits(rules, "我的包裹在城西，最后发现包裹丢了，五天了") == ["包裹", "丢", "五天"]


@pytest.mark.parametrize(
    ["word", "text", "found"],
    [
        ["快递", "我的快遞三天沒到", ["快遞"]],
        ["ETC", "ｅｔｃ扣了两次", ["ｅｔｃ"]],
        ["etc", "用fetch接口", None],
        ["315", "订单号13150没发", None],
        ["315", "打了12315投诉，315也要上", ["315"]],
        ["315", "打了12315", None],
        ["315", "花了3150块", None],
        ["总结", "請總(zǒng)結一下", ["總(zǒng)結"]],
        ["丢 了", "快递丢 　了", ["丢 　了"]],
    ],
)
def test_words_are_read_as_the_classifier_reads_and_spans_point_into_what_was_written(
    word: str, text: str, found: list[str] | None
) -> None:
    assert hits(rule(f'must = "{word}"'), text) == found


@pytest.mark.parametrize(
    ["when", "about", "trips"],
    [
        ['{渠道 = "app"}', {"channel": "APP"}, True],
        ['{channel = ["电话", "门店"]}', {"channel": "APP"}, False],
        ['{channel = "电"}', {"channel": "电话"}, False],
        ['{region = "上海"}', {"region": "上海市浦东新区"}, True],
        ['{产品 = "鲜牛奶"}', {"product": "酸奶"}, False],
        ['{产品 = "鲜牛奶"}', {}, False],
        ['{曝光 = ["threat", "已发布"]}', {"stage": "posted"}, True],
        ['{曝光 = ["threat", "已发布"]}', {"stage": "none"}, False],
        ['{类型 = "物流配送"}', {}, True],
        ['{category = "价格费用"}', {}, False],
    ],
)
def test_a_rule_may_ask_about_the_complaint_and_what_the_model_says(when: str, about: Any, trips: bool) -> None:
    out = ruled(rule(f"when = {when}"), "快递三天了还没到，物流不更新", **about)
    assert (out.heads["department"].label == "财务部") is trips


def test_dates_hold_to_the_end_of_the_last_day_by_the_time_of_the_complaint() -> None:
    for dates in ("from = 2026-10-01\nuntil = 2026-10-14", '从 = 2026年10月1日\n到 = "2026/10/14"'):
        rules = rule(f'must = "丢"\n{dates}')
        days = ("2026-09-30", "2026-10-01", "2026-10-14", "2026-10-15")
        assert [len(rules.trips(at("丢了", day))) for day in days] == [0, 1, 1, 0]
        first, midnight = (datetime.fromisoformat(f"2026-{day}T16:00:00+00:00") for day in ("09-30", "10-14"))
        assert len(rules.trips(replace(at("丢了"), time=first))) == 1
        assert rules.trips(replace(at("丢了"), time=midnight)) == []
    rules = rule('must = "丢"\nfrom = 2026-10-14T11:00:00\nuntil = "2026-10-14 12:00"')
    assert rules.trips(at("丢了")) == []
    assert len(rules.trips(replace(at("丢了"), time=midnight - timedelta(hours=12.5)))) == 1


def test_the_first_rule_decides_a_head_and_any_rule_sends_to_people() -> None:
    rules = rules_of(
        '[[rule]]\nname = "一"\nmust = "快递"\ndepartment = "客服部"\n'
        '[[rule]]\nname = "二"\nmust = "三天"\ndepartment = "财务部"\ncategory = "价格费用"\n'
        '[[rule]]\nname = "三"\nmust = "住院"\nreview = true\n'
        '[[rule]]\nname = "四"\nmust = "急"\nreview = true\n'
        '[[rule]]\nname = "零"\nmust = "包裹"\nset.department = "财务部"\norder = 1\n'
    )
    out = ruled(rules, "快递三天了还没到")
    assert [out.heads[head].label for head in ("department", "category")] == ["客服部", "价格费用"]
    assert [part.department for part in out.parts] == ["客服部"]
    assert out.heads["sentiment"] == BUNDLE.predict(["快递三天了还没到"])[0].heads["sentiment"]
    assert ruled(rules, "快递包裹三天了还没到").heads["department"].label == "财务部"
    sent = ruled(rules, "快递三天没到，急得住院了")
    assert sent.review is not None and sent.review.rule.name == "三"
    assert [(sent.heads[h].accepted, sent.heads[h].reason) for h in ("department", "category")] == [
        (False, Reason.RULE)
    ] * 2
    assert sent.heads["department"].label == "客服部"


def test_what_a_rule_sets_is_accepted_and_the_models_word_leads_the_alternatives() -> None:
    text = "快递三天了还没到，钱是我垫付的"
    model = BUNDLE.predict([text], explain=True)[0]
    out = Overlay(rules_of(MONEY), BUNDLE).apply(at(text), model)
    verdict = out.heads["department"]
    assert isinstance(verdict, RuledVerdict)
    assert (verdict.label, verdict.confidence, verdict.accepted, verdict.rule) == ("财务部", 1.0, True, "垫付")
    assert verdict.alternatives[0] == (model.heads["department"].label, model.heads["department"].confidence)
    assert "财务部" not in [label for label, _ in verdict.alternatives]
    assert [text[start:end] for start, end, _ in out.evidence["department"]] == ["垫付"]
    assert out.evidence["category"] == model.evidence["category"]
    assert model.heads["department"].label != "财务部"  # the model's own answer is left alone


CLOSED = '[[closed]]\ndepartment = ["物流部"]\nfrom = 2026-10-01\n'


@settings(deadline=None, max_examples=60)
@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(TEXTS), max_size=4).map("，".join)))
def test_a_closed_department_is_never_given(text: str) -> None:
    out = ruled(rules_of(CLOSED + '[[rule]]\nname = "丢"\nmust = "丢"\ndepartment = "物流部"\n'), text)
    verdict = out.heads["department"]
    assert verdict.label in ("客服部", "财务部")
    assert "物流部" not in [*verdict.labels, *(label for label, _ in verdict.alternatives)]
    assert "物流部" not in [part.department for part in out.parts]
    assert not isinstance(verdict, RuledVerdict) or verdict.before is None or verdict.before[0] != "物流部"


def test_a_closed_department_gives_way_to_the_next_best_or_to_what_stands_instead() -> None:
    text = "快递三天了还没到，物流不更新"
    before, chances = BUNDLE.predict([text])[0].heads["department"], BUNDLE.predict_proba([text])["department"][0]
    assert before.label == "物流部"
    verdict = ruled(rules_of(CLOSED), text).heads["department"]
    assert (verdict.label, verdict.confidence) == before.alternatives[0]
    assert (verdict.accepted, verdict.reason) == (False, Reason.CLOSED)
    moved = rules_of(CLOSED + 'instead = "财务部"\n[[停用]]\n部门 = "财务部"\n从 = 2026-10-10\n改为 = "客服部"\n')
    verdict = ruled(moved, text).heads["department"]
    assert (verdict.label, verdict.confidence, verdict.accepted) == ("客服部", max(chances), before.accepted)
    overlay = Overlay(moved, BUNDLE)
    set_by_rule = ruled(rules_of(CLOSED + MONEY), text + "，运费是我垫付的").heads["department"]
    assert isinstance(set_by_rule, RuledVerdict)
    assert (set_by_rule.label, set_by_rule.before) == ("财务部", None)
    days = {day: overlay.apply(at(text, day), BUNDLE.predict([text])[0]) for day in ("2026-09-30", "2026-10-05")}
    assert [one.heads["department"].label for one in days.values()] == ["物流部", "财务部"]


@pytest.mark.parametrize(
    ["keys", "line", "says"],
    [
        ['must = "y"\ndepartment = "物流"', 4, "客服部、物流部、财务部"],
        ['must = "y"\n设为.心情 = "好"', 4, "心情"],
        ['must = "y"\ndepartment = ["物流部", "客服部"]', 4, "give one"],
        ['when = {类型 = "物流"}\nreview = true', 3, "物流配送"],
        ['must = "y"\nreview = true\n[[closed]]\ndepartment = ["物流部", "客服部", "财务部"]', 6, "leave one open"],
        ['must = "y"\nreview = true\n[[closed]]\ndepartment = "物流"', 6, "物流部"],
        ['must = "y"\nreview = true\n[[closed]]\ndepartment = "物流部"\ninstead = "仓库"', 7, "仓库"],
    ],
)
def test_labels_that_the_model_does_not_have_are_refused(keys: str, line: int, says: str) -> None:
    overlay = Overlay(rules_of(f'[[rule]]\nname = "甲"\n{keys}\n'), BUNDLE)
    with pytest.raises(DataError, match=f"r.toml line {line}: .*{says}"):
        overlay.require_fit()
    out = overlay.apply(at("快递三天没到y"), BUNDLE.predict(["快递三天没到y"])[0])  # and are never given
    assert out.heads["department"].label in BUNDLE.heads["department"]
    assert len(out.heads["department"].labels) == 1


def test_departments_may_be_closed_in_turn() -> None:
    first, then = (
        '[[closed]]\ndepartment = "物流部"\nuntil = 2026-06-30\n',
        '[[closed]]\ndepartment = ["客服部", "财务部"]\n',
    )
    assert ruled(rules_of(f"{first}{then}from = 2026-07-01\n"), "押金一直不退").heads["department"].label == "物流部"


def test_a_head_of_several_labels_takes_several_and_loses_the_closed_one() -> None:
    cells = [f"{a}|{b}" for a, b in zip(CELLS["category"], ["售后"] * 30 + ["售前"] * 30, strict=True)]
    bundle = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, {"topic": cells}))
    rules = rules_of('[[rule]]\nname = "甲"\nmust = "垫付"\n[rule.set]\ntopic = ["价格费用", "售前"]\n')
    text = "快递费是我垫付的"
    assert Overlay(rules, bundle).apply(at(text), bundle.predict([text])[0]).heads["topic"].labels == (
        "价格费用",
        "售前",
    )
    before = bundle.predict(TEXTS[:20])
    assert sum("物流配送" in one.heads["topic"].labels for one in before) > 10
    for instead in ("", 'instead = "价格费用"\n'):
        closed = Overlay(rules_of(f'[[closed]]\ntopic = "物流配送"\n{instead}'), bundle).require_fit()
        for text, one in zip(TEXTS, before, strict=False):
            verdict, kept = closed.apply(at(text), one).heads["topic"], set(one.heads["topic"].labels) - {"物流配送"}
            assert verdict.label in verdict.labels
            assert kept <= set(verdict.labels) <= set(bundle.heads["topic"]) - {"物流配送"}


def test_hostile_texts_cost_no_more_than_their_length() -> None:
    words = [f"{a}{b}" for a in "快递包裹丢坏慢" for b in "没不了人到件钱"]
    rules = Rules(
        one
        for n, word in enumerate(words)
        for one in rule(f'must = "{word}"\nnot = "{word}啊"\nnot_within = {n}\nwhitelist = "快{word}快"').rules
    )
    for text in ("快快没快" * 5_000, "快没啊" * 7_000, "快" * 20_000):
        started = time.perf_counter()
        assert hits(rules, text[:20_000]) is None
        assert time.perf_counter() - started < 2
    assert hits(rules, "快快没快" * MOST_PLACES) is None
    assert len(rules.trips(at("".join(words)))[0].spans) == 1
