"""The early warning as a supervisor meets it: who counts, what fires, what stays silent, what survives a restart."""

import json
import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.complaint import SHANGHAI, Sighting
from model.incidents import Alert
from model.watch import EarlyWarning, Rule, StateRow, WatchSettings

NOON = datetime(2026, 3, 2, 12, tzinfo=SHANGHAI)
MILK = [
    "城西店的鲜牛奶喝了拉肚子",
    "你好，我昨天在你们城西店买的鲜牛奶，孩子喝完一直拉肚子",
    "鲜牛奶有问题！城西店买的，全家喝了都拉肚子",
    "投诉城西店，卖的鲜牛奶喝完肚子疼拉稀",
    "在城西店买了两盒鲜牛奶，保质期没过，喝了就拉肚子",
    "小孩喝城西店鲜牛奶后拉肚子发烧",
]
THINGS_LISTED = """
宽带 婚纱照 驾校 电梯 外卖 空调 会员卡 直播间 手机 洗衣机 快递 停车 押金 发票 短信 门票 家教 沙发 眼镜 轮胎
健身房 净水器 机票 保险 燃气 热水器 扫地机 月饼 蛋糕 窗帘 车险 信用卡 电动车 充电宝 耳机 奶粉 童装 瓷砖 马桶 酒店
"""
THINGS = THINGS_LISTED.split()
TROUBLES_LISTED = """
坏了没人修 不给退钱 拖了半个月 多收费用 和宣传不符 电话打不通 送错地址 声音特别大 预约不上 突然停用
生锈 漏水 少了配件 味道刺鼻 颜色不对 反复跳闸 有划痕 过期 强制搭售 改了规则
"""
TROUBLES = TROUBLES_LISTED.split()


def sight(number: int, text: str, after: timedelta = timedelta(), **more: object) -> Sighting:
    values = {"customer": f"p{number}", "category": "产品质量", "department": "产品部", "sentiment": "不满"} | more
    return Sighting(f"c{number}", text, NOON + after, **values)  # type: ignore[arg-type]


def tell(sightings: list[Sighting], watch: EarlyWarning | None = None) -> list[Alert]:
    watch = watch or EarlyWarning()
    return [alert for one in sightings for alert in watch.observe(one).alerts]


def everyday(days: int, per_day: int = 30, seed: int = 1) -> list[Sighting]:
    """Ordinary complaints in working hours: most about something nobody else mentions, some about the usual things."""
    rng = random.Random(seed)
    out = []
    for number in range(days * per_day):
        own = "".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(8))
        text = f"{own}{rng.choice(THINGS)}{rng.choice(TROUBLES)}" if rng.random() < 0.3 else own
        at = timedelta(
            days=number // per_day, hours=rng.choice([-3, -2, 0, 1, 2, 3, 5, 8]), seconds=rng.randrange(3600)
        )
        category = rng.choice(["产品质量", "售后服务", "价格费用", "物流配送"])
        out.append(sight(10_000 + number, text, at, category=category, region=rng.choice(["华东", "华南"])))
    return sorted(out, key=lambda one: one.time)


def test_five_customers_about_one_matter_fire_once_and_name_it() -> None:
    alerts = tell([sight(n, MILK[n], timedelta(hours=n)) for n in range(5)])
    assert {alert.kind for alert in alerts} == {"group"}
    assert len({alert.incident for alert in alerts}) == 1
    assert [alert.reason for alert in alerts] == ["first"]
    last = alerts[-1]
    assert last.severity == "warning" and last.customers == 5
    assert last.complaints == ("c0", "c1", "c2", "c3", "c4")
    assert "鲜牛奶" in last.terms
    assert (last.category, last.department) == ("产品质量", "产品部")


def test_it_fires_in_a_busy_stream_and_only_for_the_matter() -> None:
    milk = [sight(n, MILK[n], timedelta(days=20, hours=2 * n)) for n in range(6)]
    watch = EarlyWarning()
    alerts = tell(sorted(everyday(28) + milk, key=lambda one: one.time), watch)
    group = [alert for alert in alerts if alert.kind == "group" and "c0" in alert.complaints]
    assert group and max(alert.customers for alert in group) >= 5
    others = {alert.incident for alert in alerts if alert.kind == "group"} - {group[0].incident}
    assert len(others) <= 4


def test_one_customer_with_92_messages_is_not_a_group() -> None:
    alerts = tell([sight(n, MILK[n % 6], timedelta(minutes=7 * n), customer="p0") for n in range(92)])
    assert [alert for alert in alerts if alert.kind in ("group", "volume")] == []


def test_folded_copies_are_not_customers() -> None:
    copies = [sight(n, MILK[0], timedelta(hours=n), customer=None, duplicate_of="c0" if n else None) for n in range(6)]
    assert tell(copies) == []


def test_one_sentence_pasted_by_many_is_not_yet_a_group_and_then_shows_its_copies() -> None:
    watch = EarlyWarning()
    assert tell([sight(n, MILK[0], timedelta(hours=n)) for n in range(5)], watch) == []
    assert len(watch.incidents) == 0
    alerts = tell([sight(9, MILK[1], timedelta(hours=6))], watch)
    assert [alert.kind for alert in alerts] == ["group"]
    assert watch.incidents[alerts[0].incident].as_dict()["copy_share"] == pytest.approx(5 / 6, abs=0.01)


def test_praise_never_counts() -> None:
    assert tell([sight(n, MILK[n], timedelta(hours=n), sentiment="正面") for n in range(6)]) == []


def test_unidentified_customers_count_and_are_declared() -> None:
    watch = EarlyWarning()
    alerts = tell([sight(n, MILK[n], timedelta(hours=n), customer=None) for n in range(5)], watch)
    assert alerts[0].kind == "group"
    assert watch.incidents[alerts[0].incident].as_dict()["unidentified"] == 5


@given(
    st.lists(st.sampled_from(MILK + [thing + TROUBLES[0] for thing in THINGS]), min_size=1, max_size=12),
    st.integers(0, 400),
)
@settings(max_examples=40, deadline=None)
def test_never_on_the_first_or_second_customer(texts: list[str], gap: int) -> None:
    watch, counted = EarlyWarning(), dict[str, int]()
    for number, text in enumerate(texts):
        seen = watch.observe(sight(number, text, timedelta(minutes=gap * number)))
        assert seen.issue is not None
        counted[seen.issue] = counted.get(seen.issue, 0) + 1
        for alert in seen.alerts:
            if alert.reason == "first":
                assert alert.kind == "group" and counted[seen.issue] >= 3 and alert.customers >= 3


def test_exposure_in_three_stages_is_three_severities_and_one_incident_an_issue() -> None:
    watch, found = EarlyWarning(), []
    for number, stage in enumerate(["threat", "posted", "spreading"]):
        alerts = tell([sight(number, f"{THINGS[number]}{TROUBLES[number]}", stage=stage)], watch)
        found.append((alerts[0].kind, alerts[0].reason, alerts[0].severity))
    assert found == [("exposure", "first", one) for one in ("notice", "warning", "severe")]


def test_several_posts_about_one_matter_are_spreading() -> None:
    watch = EarlyWarning()
    alerts = tell([sight(n, MILK[n], timedelta(hours=n), stage="posted") for n in range(3)], watch)
    assert len({alert.incident for alert in alerts}) == 1
    assert alerts[0].severity == "warning" and alerts[-1].severity == "severe"


def test_a_post_inside_a_group_is_an_exposure_of_its_own_and_worsens_the_group() -> None:
    watch = EarlyWarning()
    alerts = tell(
        [sight(n, MILK[n], timedelta(hours=n), stage="posted" if n == 5 else "none") for n in range(6)], watch
    )
    assert sorted((alert.kind, alert.reason) for alert in alerts) == [("exposure", "first"), ("group", "first")]
    shown = {alert.kind: watch.incidents[alert.incident].as_dict() for alert in alerts}
    assert shown["exposure"]["complaints"] == ["c5"]
    assert shown["group"]["stage"] == "posted" and len(shown["group"]["complaints"]) == 6


def test_one_customer_who_goes_on_posting_is_one_exposure() -> None:
    posts = ["空气炸锅起火了，视频在这儿", "更新一下：客服让我删视频", "第二条：评论区都说自家也冒烟"]
    watch = EarlyWarning()
    tell([sight(n, text, timedelta(hours=n), customer="p", stage="posted") for n, text in enumerate(posts)], watch)
    assert [one.as_dict()["complaints"] for one in watch.incidents.values()] == [["c0", "c1", "c2"]]


def test_a_matter_told_in_many_words_is_a_group_and_explains_the_rise_of_its_product() -> None:
    calm = [
        sight(
            n,
            f"{THINGS[n % len(THINGS)]}{TROUBLES[n % len(TROUBLES)]}",
            timedelta(hours=9 * n),
            product="牛奶",
            region="杭州",
        )
        for n in range(60)
    ]
    start = timedelta(hours=9 * 60)
    milk = [
        "文汇路店买的晨露牛奶倒出来一股酸臭味",
        "文汇路店的晨露是坏的吧，孩子喝了吐",
        "晨露牛奶，文汇路店，喝第一口就发苦",
        "昨晚也在文汇路店买了晨露，煮开成了一锅渣",
        "文汇路店冷藏柜十六度，晨露摸着是温的",
        "投诉文汇路店，晨露变质，老人拉了三趟",
        "同一批晨露，文汇路店卖给我们单元四五户都是酸的",
        "晨露坏了去文汇路店退，店员说退了十几盒了",
    ]
    burst = [
        sight(100 + n, text, start + timedelta(minutes=6 * n), product="牛奶", region="杭州")
        for n, text in enumerate(milk)
    ]
    watch = EarlyWarning()
    alerts = tell(calm + burst, watch)
    found = watch.incidents[next(a.incident for a in alerts if a.kind == "group" and "c100" in a.complaints)].as_dict()
    assert len(set(found["complaints"]) & {f"c{100 + n}" for n in range(8)}) >= 7
    assert "文汇路店" in found["terms"]
    open_rises = [one for one in watch.incidents.values() if one.kind == "volume" and one.is_open]
    assert all(one.parent is not None for one in open_rises)


def test_a_customer_who_comes_a_third_time_is_told_and_another_matter_does_not_count() -> None:
    watch = EarlyWarning()
    again = [sight(n, MILK[n], timedelta(days=n), customer="p0", repeat_of="c0" if n else None) for n in range(3)]
    alerts = [alert for alert in tell(again, watch) if alert.reason == "first"]
    assert [(alert.kind, alert.complaints) for alert in alerts] == [("repeat", ("c0", "c1", "c2"))]
    other = [
        sight(n, text, timedelta(days=n), customer="p0", repeat_of="c0" if n else None)
        for n, text in enumerate(["城西店的鲜牛奶喝了拉肚子", "驾校退费拖着不给办", "宽带断网三天没人修"])
    ]
    assert tell(other) == []


def test_a_hard_rule_is_reported_as_a_rule() -> None:
    words = WatchSettings(rules=(Rule(3, 24),))
    watch = EarlyWarning(words)
    watch.counts.threshold = lambda key: 99.0  # type: ignore[method-assign]
    assert [alert.kind for alert in tell([sight(n, MILK[n], timedelta(hours=n)) for n in range(3)], watch)] == ["rule"]


def test_it_resolves_after_a_quiet_day_and_reopens_with_the_same_id() -> None:
    watch = EarlyWarning()
    first = tell([sight(n, MILK[n], timedelta(hours=n)) for n in range(5)], watch)[0]
    ended = [alert for hour in range(6, 96) for alert in watch.advance(NOON + timedelta(hours=hour))]
    assert [(alert.reason, alert.incident) for alert in ended] == [("resolved", first.incident)]
    back = tell([sight(10 + n, MILK[n], timedelta(days=5, hours=n)) for n in range(4)], watch)
    assert {alert.incident for alert in back} == {first.incident}
    assert watch.incidents[first.incident].is_open


def test_a_person_resolves() -> None:
    watch = EarlyWarning()
    first = tell([sight(n, MILK[n], timedelta(hours=n)) for n in range(5)], watch)[0]
    assert [alert.reason for alert in watch.resolve(first.incident, NOON + timedelta(hours=8))] == ["resolved"]
    assert watch.resolve(first.incident, NOON + timedelta(hours=9)) == ()
    assert watch.resolve("inc99", NOON) == ()


def test_a_rise_of_six_hours_is_one_incident() -> None:
    words = ["昨天", "今天", "上午", "下午", "周末", "中午"]
    rise = [sight(n, f"{words[n % 6]}{MILK[n % 6]}{n}", timedelta(minutes=9 * n)) for n in range(40)]
    alerts = tell(rise)
    assert len({alert.incident for alert in alerts}) == 1
    assert [alert.reason for alert in alerts].count("first") == 1
    assert len(alerts) <= 5


def test_thirty_old_days_raise_no_alert_for_now_but_are_remembered() -> None:
    watch = EarlyWarning()
    now = NOON + timedelta(days=40)
    alerts = [alert for one in everyday(30) for alert in watch.observe(one, now).alerts]
    alerts += [
        alert for n in range(6) for alert in watch.observe(sight(n, MILK[n], timedelta(days=20, hours=n)), now).alerts
    ]
    assert alerts == []
    assert watch.observe(sight(50, MILK[5], timedelta(days=39)), now).issue is not None


def test_the_same_id_again_changes_nothing() -> None:
    watch = EarlyWarning()
    one = watch.observe(sight(0, MILK[0]))
    watch.changes()
    again = watch.observe(sight(0, MILK[0]))
    assert (again.issue, again.alerts) == (one.issue, ())
    assert not [row for row in watch.changes() if row.part in ("member", "count", "cluster")]


def test_a_category_that_doubles_is_told_and_one_explained_by_a_matter_is_not() -> None:
    rng = random.Random(4)
    burst = [
        sight(n, f"{rng.choice(THINGS)}{rng.choice(TROUBLES)}{rng.randrange(10**6)}",
              timedelta(days=25, minutes=20 * n), category="物流配送", region="华东")
        for n in range(60)
    ]  # fmt: skip
    alerts = tell(sorted(everyday(28, 60) + burst, key=lambda one: one.time))
    volume = [alert for alert in alerts if alert.kind == "volume" and alert.reason == "first"]
    assert volume
    assert all(alert.at >= "2026-03-27" for alert in volume)


def run_with_restarts(sightings: list[Sighting], every: int) -> tuple[list[Alert], list[Alert], int]:
    straight, watch = EarlyWarning(), EarlyWarning()
    store: dict[tuple[str, str], str] = {}
    expected, found, size = [], [], 0
    for place, one in enumerate(sightings):
        expected += straight.observe(one).alerts
        found += watch.observe(one).alerts
        for row in watch.changes():
            if row.value is None:
                store.pop((row.part, row.key), None)
            else:
                store[row.part, row.key] = json.dumps(row.value, sort_keys=True, ensure_ascii=False)
                size += len(store[row.part, row.key].encode())
        if place % every == 0:
            rows = [StateRow(part, key, json.loads(value)) for (part, key), value in store.items()]
            random.Random(place).shuffle(rows)
            watch = EarlyWarning.restore(rows)
    return expected, found, size


def eventful(days: int) -> list[Sighting]:
    rng = random.Random(8)
    out = everyday(days, 20)
    for matter in range(3):
        for n in range(6):
            at = timedelta(days=3 + matter * days / 4, hours=3 * n)
            words = [MILK[n], f"万达广场充电桩扣了{n}块不出电{TROUBLES[n]}", f"苏州转运中心{TROUBLES[n]}快递不动{n}"][
                matter
            ]
            out.append(sight(100 * matter + n, words, at, stage=rng.choice(["none", "none", "threat", "posted"])))
    for n in range(5):
        at = timedelta(days=5 + n)
        out.append(sight(900 + n, MILK[n], at, customer="again", repeat_of="c900" if n else None))
    return sorted(out, key=lambda one: (one.time, one.id))


@pytest.mark.parametrize("every", [1, 5, 37])
def test_a_restart_at_any_point_tells_the_same(every: int) -> None:
    expected, found, size = run_with_restarts(eventful(24 if every > 1 else 10), every)
    assert len(expected) > 5
    assert found == expected
    assert [alert.as_line() for alert in found] == [alert.as_line() for alert in expected]
    assert size / (24 * 20) < 8000


def test_late_and_shuffled_arrival_finds_the_same_matters() -> None:
    straight = everyday(10, 20) + [sight(n, MILK[n], timedelta(days=8, hours=n)) for n in range(6)]
    straight.sort(key=lambda one: one.time)
    shuffled = sorted(straight, key=lambda one: one.time + timedelta(hours=random.Random(one.id).uniform(0, 24)))
    members = []
    for sightings in (straight, shuffled):
        watch, now = EarlyWarning(), NOON
        for one in sightings:
            now = max(now, one.time)
            watch.observe(one, now)
        milk = [one for one in watch.incidents.values() if any(m.id == "c0" for m in one.members)]
        members.append({member.id for one in milk for member in one.members})
    assert len(members[0] & members[1]) / len(members[0] | members[1]) >= 0.9


def test_a_second_matter_that_sounds_like_an_open_one_is_told_too() -> None:
    how = (
        "在{p}店买的{t}了，要求退款",
        "{p}店的{t}，太吓人了",
        "今天从{p}店拿回来就{t}，没人管",
        "投诉{p}店，{t}，孩子吃了不舒服",
    )
    places = ("东湖", "西站", "南塘", "北苑", "河湾", "城隍庙", "学府", "滨江", "老街")
    things = (
        "酸奶胀包",
        "鸡蛋发臭",
        "面包长霉",
        "鲜虾变质",
        "豆浆有异物",
        "草莓腐烂",
        "牛排发绿",
        "豆腐酸败",
        "鲜鱼死掉",
    )
    rng, watch, at = random.Random(1), EarlyWarning(), timedelta()
    for matter, (place, thing) in enumerate(zip(places, things, strict=True)):
        for n in range(6):
            for _ in range(12):
                at += timedelta(milliseconds=80)
                own = "".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(20))
                watch.observe(sight(10_000 + int(at.total_seconds() * 100), own, at, category="服务质量"))
            watch.observe(sight(100 * matter + n, how[n % 4].format(p=place, t=thing), at))
    held = [set(one.as_dict()["complaints"]) for one in watch.incidents.values() if one.kind == "group"]
    for matter in range(9):
        ids = {f"c{100 * matter + n}" for n in range(6)}
        assert any(len(ids & found) >= 5 for found in held), things[matter]
