"""The demo's history: deterministic, plausible, and with the matters it promises."""

import tomllib
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from model.complaint import CHANNELS, SHANGHAI, Complaint
from model.duplicates import same_matter, same_message
from model.exposure import judge_exposure
from model.privacy import find_personal
from serving.demo_history import MATERIAL, DemoHistory, demo_history

NOW = datetime(2026, 3, 5, 6, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def history() -> DemoHistory:
    return demo_history(NOW)


def test_the_past_fills_four_weeks_and_ends_an_hour_ago(history: DemoHistory) -> None:
    times = [item.time for item in history.past]
    assert 1500 <= len(times) <= 2200
    assert times == sorted(times)
    assert NOW - timedelta(days=28, hours=3) < times[0] < NOW - timedelta(days=27)
    assert NOW - timedelta(hours=4) < times[-1] <= NOW - timedelta(hours=1)
    assert all(time.utcoffset() == timedelta(hours=8) for time in times)


def test_the_last_hour_is_in_order_and_within_the_hour(history: DemoHistory) -> None:
    offsets = [offset for offset, _ in history.live]
    assert offsets == sorted(offsets)
    assert offsets[0] >= 0
    assert offsets[-1] <= 3600
    assert all(item.time == NOW - timedelta(hours=1) + timedelta(seconds=at) for at, item in history.live)
    everything = [*history.past, *(item for _, item in history.live)]
    assert len({item.id for item in everything}) == len(everything)


def test_the_same_moment_and_seed_give_the_same_history(history: DemoHistory) -> None:
    assert demo_history(NOW) == history
    assert demo_history(NOW, seed=1) != history
    assert max(Counter(item.customer for item in history.past if item.customer).values()) >= 10


def test_days_have_nights_and_weeks_have_weekends(history: DemoHistory) -> None:
    hours = Counter(item.time.astimezone(SHANGHAI).hour for item in history.past)
    assert sum(hours[hour] for hour in range(1, 6)) < 0.05 * len(history.past)
    assert sum(hours[hour] for hour in (9, 10, 11, 18, 19, 20)) > 0.3 * len(history.past)


def test_sentences_are_varied_filled_in_and_of_known_channels(history: DemoHistory) -> None:
    texts = [item.text for item in history.past]
    assert len(set(texts)) > 0.8 * len(texts)
    assert not any(sign in text for text in texts for sign in "[]{}|" if not text.startswith("[微信公众号]"))
    assert {item.channel for item in history.past} == set(CHANNELS)
    assert len({item.product for item in history.past}) > 10
    assert len({item.region for item in history.past}) == 6
    frames = tomllib.loads(MATERIAL.read_text(encoding="utf-8"))
    assert sum(len(matter["texts"]) for matter in frames["matters"]) >= 60


def test_copies_second_tries_threats_and_personal_data_are_there(history: DemoHistory) -> None:
    written: dict[str, list[Complaint]] = {}
    for item in history.past:
        if item.customer:
            written.setdefault(item.customer, []).append(item)
    pairs = [(a, b) for items in written.values() for n, a in enumerate(items) for b in items[n + 1 :]]
    copies = [(a, b) for a, b in pairs if same_message(a.text, b.text)]
    assert len(copies) > 0.06 * len(history.past)
    assert sum(same_matter(a.text, b.text) for a, b in pairs) > len(copies) + 40
    stages = Counter(judge_exposure(item.text, item.channel, item.social).stage for item in history.past)
    assert stages["threat"] >= 10
    assert stages["posted"] >= 10
    assert stages["spreading"] == 0
    kinds = Counter(span.kind for item in history.past for span in find_personal(item.text))
    assert {"phone", "name", "address", "identity", "card", "account"} <= set(kinds)


def test_the_last_hour_tells_one_matter_by_many_and_a_post_that_grows(history: DemoHistory) -> None:
    milk = [item for _, item in history.live if "晨露" in item.text]
    assert len({item.customer for item in milk}) == len(milk) >= 7
    assert {(item.region, item.product) for item in milk} == {("杭州", "鲜牛奶")}
    oven = [item for _, item in history.live if item.customer == "HG930001"]
    stages = [judge_exposure(item.text, item.channel, item.social).stage for item in oven]
    assert stages == ["threat", "posted", "posted", "posted", "spreading"]
    views = [item.social.views for item in oven if item.social]
    assert views == sorted(views)
    assert (views[0], views[-1]) == (10, 8000)
