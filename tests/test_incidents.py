"""An incident's life, what is told of it, and the evidence it shows."""

import json

from model.evidence import Member, copy_share, exemplars, fits, top_terms, unity
from model.incidents import Alert, Incident, Reason, decide

HOUR, DAY = 3600, 86400
STEPS = (5, 20, 50)


def member(number: int, **more: object) -> Member:
    values = {
        "text": "城西店鲜牛奶喝了拉肚子",
        "customer": f"p{number}",
        "category": "产品质量",
        "department": "产品部",
    } | more
    return Member(number, "i0", f"c{number}", number * HOUR, **values)  # type: ignore[arg-type]


def incident(customers: int, **more: object) -> Incident:
    one = Incident("inc0", "i0", "group", opened=0, since=0, **more)  # type: ignore[arg-type]
    for number in range(customers):
        one.admit(member(number))
    one.level = one.rank(STEPS)
    return one


def tell(one: Incident, at: int, hot: bool = True) -> Reason:
    one.level = one.rank(STEPS)
    reason = decide(one, at, hot, DAY, STEPS)
    if reason is not Reason.KNOWN:
        one.told_at, one.told_level, one.told_customers = at, one.level, len(one.who)
    return reason


def test_five_twenty_fifty_customers_raise_the_severity() -> None:
    assert [incident(n).severity for n in (3, 5, 20, 50)] == ["notice", "warning", "severe", "severe"]
    assert incident(50).level > incident(20).level


def test_a_slow_rise_is_told_when_it_starts_doubles_and_gets_worse() -> None:
    one, reasons = incident(3), []
    reasons.append(tell(one, 0))
    for number in range(3, 60):
        one.admit(member(number))
        reasons.append(tell(one, number * 60))
    told = [reason for reason in reasons if reason is not Reason.KNOWN]
    assert told[0] is Reason.FIRST
    assert told.count(Reason.WORSE) == 3
    assert len(told) <= 7


def test_a_quiet_reminder_waits_for_the_cool_down() -> None:
    one = incident(3)
    assert tell(one, 0) is Reason.FIRST
    one.admit(member(7))
    assert tell(one, 23 * HOUR) is Reason.KNOWN
    assert tell(one, 25 * HOUR, hot=False) is Reason.KNOWN
    assert tell(one, 25 * HOUR) is Reason.REPEAT


def test_severity_never_falls_while_the_matter_is_open() -> None:
    one = incident(6)
    one.level = one.rank(STEPS)
    assert one.rank((50, 60, 70)) == 1


def test_a_post_and_a_spreading_post_are_worse_than_a_threat() -> None:
    ranks = []
    for stage in ("threat", "posted", "spreading"):
        one = Incident("inc0", "i0", "exposure", opened=0, since=0)
        one.admit(member(0, stage=stage))
        one.level = one.rank(STEPS)
        ranks.append(one.severity)
    assert ranks == ["notice", "warning", "severe"]


def test_the_same_customer_and_copies_and_praise_are_not_customers() -> None:
    one = Incident("inc0", "i0", "group", opened=0, since=0)
    for number, more in enumerate(
        [{"customer": "a"}, {"customer": "a"}, {"folded": True}, {"sentiment": "正面"}, {"customer": None}]
    ):
        one.admit(member(number, **more))
    shown = one.as_dict()
    assert shown["customers"] == 2
    assert shown["unidentified"] == 1
    assert shown["folded"] == 1
    assert shown["complaints"] == ["c0", "c1", "c2", "c3", "c4"]


def test_every_number_recomputes_from_the_listed_complaints() -> None:
    one = Incident("inc0", "i0", "group", opened=0, since=0)
    members = [member(n, channel="电话" if n % 3 else "门店", region="华东", customer=f"p{n % 7}") for n in range(12)]
    for each in members:
        one.admit(each)
    shown = one.as_dict()
    assert json.loads(json.dumps(shown)) == shown
    assert shown["customers"] == len({each.customer for each in members})
    assert shown["channels"] == {"电话": 8, "门店": 4}
    assert sum(shown["hours"].values()) == 12
    assert shown["copy_share"] == 1.0
    assert shown["department"] == "产品部"
    assert shown["first"] < shown["last"]
    assert set(shown["exemplars"]) <= set(shown["complaints"]) and len(shown["exemplars"]) <= 5


def test_the_worst_the_first_and_the_last_are_among_the_exemplars() -> None:
    members = [member(n, sentiment="不满") for n in range(9)] + [
        member(9, stage="posted", sentiment="愤怒"),
        member(10),
    ]
    found = exemplars(members)
    assert {"c0", "c9", "c10"} <= set(found)
    assert exemplars([]) == ()


def test_the_words_shown_are_words() -> None:
    texts = ["城西店的鲜牛奶喝了拉肚子", "在城西店买的鲜牛奶，孩子喝完拉肚子", "鲜牛奶有问题，城西店买的，喝了都拉肚子"]
    terms = top_terms([member(n, text=text) for n, text in enumerate(texts)], lambda term: 0.001)
    assert {"城西店", "鲜牛奶", "拉肚子"} == set(terms)


def test_copies_are_counted_word_for_word() -> None:
    assert copy_share([member(0), member(1), member(2, text="别的事情"), member(3, folded=True)]) == 0.667


def test_a_matter_has_unity_and_a_topic_has_none() -> None:
    matter = [
        member(n, text=text)
        for n, text in enumerate(["城西店鲜牛奶拉肚子", "鲜牛奶拉肚子，城西店", "城西店牛奶喝了拉肚子"])
    ]
    topic = [
        member(n, text=text)
        for n, text in enumerate(["悦湖小区有安全隐患", "幼儿园门口安全隐患大", "工地围挡安全隐患"])
    ]
    assert unity(matter, lambda term: 1.0, lambda term: 5.0) > 0.4
    assert unity(topic, lambda term: 0.4, lambda term: 2.0 if term in "安全隐患" else 6.0) < 0.2
    assert unity(matter[:1], lambda term: 1.0, lambda term: 5.0) == 0.0


def test_only_what_says_the_core_fits() -> None:
    core = {"鲜牛": 0.5, "牛奶": 0.3, "城西": 0.2}
    assert fits(member(0), core, 0.5)
    assert not fits(member(0, text="城西店停车场乱收费"), core, 0.5)
    assert fits(member(0, text="什么都行"), {}, 0.5)


def test_the_alert_line_has_the_fields_of_the_contract_in_order() -> None:
    line = incident(3).alert(Reason.FIRST, 0).as_line()
    assert list(line) == [
        "kind", "incident", "reason", "at", "severity", "window_hours", "customers", "expected", "surprise",
        "complaints", "terms", "category", "department",
    ]  # fmt: skip
    assert isinstance(incident(3).alert(Reason.FIRST, 0), Alert)
    assert line["at"] == "1970-01-01T08:00:00+08:00"


def test_an_incident_survives_json() -> None:
    one = incident(4, core={"鲜牛": 1.0})
    again = Incident.from_value(json.loads(json.dumps(one.as_value())))
    for each in one.members:
        again.admit(each)
    assert again == one
