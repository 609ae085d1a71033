"""Complaints about one matter share a key; different matters and general grumbling do not."""

import json
import random

import pytest

from model.issues import IssueIndex, IssueSettings, StateRow
from model.opening import terms_of

MILK = [
    "城西店的鲜牛奶喝了拉肚子",
    "你好，我昨天在你们城西店买的鲜牛奶，孩子喝完一直拉肚子",
    "鲜牛奶有问题！城西店买的，全家喝了都拉肚子",
    "投诉城西店，卖的鲜牛奶喝完肚子疼拉稀",
    "在城西店买了两盒鲜牛奶，保质期没过，喝了就拉肚子，要求赔偿医药费",
    "我妈喝了城西店的鲜牛奶以后腹泻，去医院看了",
    "城西店鲜牛奶变质，喝完上吐下泻",
    "小孩喝城西店鲜牛奶后拉肚子发烧",
]
OTHER = [
    "万达广场充电桩扣了钱不出电",
    "快递停在苏州转运中心五天不动了",
    "客服电话打了一上午没人接",
    "会员自动续费没有提醒就扣了我二十五块",
    "洗衣机脱水的时候响得像拖拉机",
    "退货签收半个月了钱还没到账",
    "直播说买一送一，收到只有一件",
    "登录要验证码，验证码一直收不到",
    "外卖撒了一半，骑手说不关他的事",
    "空调安装师傅临时加收三百块高空费",
]


def test_one_matter_in_eight_wordings_is_one_issue() -> None:
    index = IssueIndex()
    texts = MILK + OTHER
    random.Random(3).shuffle(texts)
    found = {text: index.assign(text, 60 * place, "产品质量").issue for place, text in enumerate(texts)}
    assert len({found[text] for text in MILK}) == 1
    assert len({found[text] for text in OTHER}) == len(OTHER)


def test_a_category_heard_differently_does_not_split_a_matter() -> None:
    index = IssueIndex()
    categories = ["产品质量", "售后服务", "产品质量", "服务质量"]
    issues = {index.assign(text, 0, category).issue for text, category in zip(MILK, categories, strict=False)}
    assert len(issues) == 1


def test_the_same_manners_are_not_the_same_matter() -> None:
    index = IssueIndex()
    polite = "您好，请问一下{}，你们什么时候处理，谢谢"
    things = ["宽带断网三天", "婚纱照底片不给", "驾校退费拖着", "牛奶买来过期", "电梯昨晚困人"]
    assert len({index.assign(polite.format(thing), 0).issue for thing in things}) >= 4


def test_masked_numbers_and_dates_count_for_nothing() -> None:
    assert terms_of("12月3日 ***********") == ()
    index = IssueIndex()
    assert index.assign("电话***********", 0).issue != index.assign("车牌*******", 0).issue


def test_a_blank_text_gets_an_issue_of_its_own() -> None:
    index = IssueIndex()
    assert index.assign("！！！", 0).founded
    assert index.assign("？？", 0).founded


def test_idle_issues_are_forgotten_after_thirty_days() -> None:
    index = IssueIndex()
    old = index.assign(MILK[0], 0).issue
    assert index.drop_idle(31 * 86400) == [old]
    assert index.clusters_ == {}
    assert index.assign(MILK[1], 31 * 86400).founded


def test_memory_is_bounded_by_terms_kept() -> None:
    index = IssueIndex(IssueSettings(keep=20))
    letters = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"
    picks = random.Random(1)
    for place in range(60):
        index.assign("城西店鲜牛奶拉肚子" + "".join(picks.choices(letters, k=20)), place)
    assert max(len(cluster.weights) for cluster in index.clusters_.values()) <= 40


@pytest.mark.parametrize("every", [1, 3, 7])
def test_a_restart_finds_the_same_issues(every: int) -> None:
    texts = [f"{text}{n % 5}" for n in range(160) for text in (MILK + OTHER)[n % 18 : n % 18 + 1]]
    straight = IssueIndex()
    expected = [straight.assign(text, 60 * place) for place, text in enumerate(texts)]
    index, store = IssueIndex(), dict[tuple[str, str], str]()
    for place, text in enumerate(texts):
        assert index.assign(text, 60 * place) == expected[place]
        for row in index.changes():
            if row.value is None:
                store.pop((row.part, row.key), None)
            else:
                store[row.part, row.key] = json.dumps(row.value, sort_keys=True)
        if place % every == 0:
            rows = [StateRow(part, key, json.loads(value)) for (part, key), value in store.items()]
            random.Random(place).shuffle(rows)
            index = IssueIndex.restore(rows)


def test_the_log_of_terms_is_folded_and_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.issues._LOG", 16)
    index, store = IssueIndex(), dict[tuple[str, str], StateRow]()
    for place in range(100):
        index.assign((MILK + OTHER)[place % 18], place)
        if place % 5 == 0:
            for row in index.changes():
                if row.value is None:
                    store.pop((row.part, row.key), None)
                else:
                    store[row.part, row.key] = row
    for row in index.changes():
        if row.value is None:
            store.pop((row.part, row.key), None)
        else:
            store[row.part, row.key] = row
    again = IssueIndex.restore(store.values())
    for term in terms_of(MILK[0]):
        assert again.rarity(term) == index.rarity(term)
    assert sum(part == "term_log" for part, _ in store) < 16
