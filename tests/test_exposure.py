"""Social exposure: what the writer does with the public, told apart from what others do and from other threats."""

from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.complaint import Social
from model.errors import DataError
from model.exposure import SPREADING_REACH, judge_exposure, reach_of
from model.hints import build_hint
from model.phrases import join_phrases, read_phrases

STAGES = ("none", "threat", "posted", "spreading")


def marked() -> list[tuple[str, set[str], str]]:
    lines = (Path(__file__).parent / "exposure_cases.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(stage, set(intents.split("|")) - {""}, text) for stage, intents, text in rows]


def test_the_marked_set_is_large_and_half_of_it_is_none() -> None:
    stages = [stage for stage, _, _ in marked()]
    assert len(stages) >= 150
    assert 0.4 < stages.count("none") / len(stages) < 0.6
    assert len({text for _, _, text in marked()}) == len(stages)


def test_stage_and_intents_on_the_marked_set() -> None:
    wrong = [(stage, text) for stage, _, text in marked() if judge_exposure(text).stage != stage]
    assert 1 - len(wrong) / len(marked()) >= 0.95, wrong
    missed = [(intents, text) for _, intents, text in marked() if set(judge_exposure(text).intents) != intents]
    assert 1 - len(missed) / len(marked()) >= 0.95, missed


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("我不会发网上", "none"),
        ("再不退就发抖音", "threat"),
        ("已经发微博了", "posted"),
        ("我刚在小红书发了", "posted"),
        ("视频播放十万了", "posted"),
        ("网友说你们不退钱", "none"),
        ("听说别人发了抖音", "none"),
        ("你们广告里说“发抖音有奖”", "none"),
        ("客服让我发朋友圈集赞", "none"),
        ("发个微信给我", "none"),
        ("发短信告诉我", "none"),
        ("抖音买的裤子开线了", "none"),
        ("在抖音小店下单，不发货", "none"),
        ("微博客服不理人", "none"),
        ("再不退就打12315", "none"),
        ("找记者曝光", "threat"),
        ("再不处理就發到網上", "threat"),
        ("再不处理就发ＤＯＵＹＩＮ", "threat"),
    ],
)
def test_minimal_pairs(text: str, stage: str) -> None:
    assert judge_exposure(text).stage == stage


def test_intents_stand_apart_from_the_stage() -> None:
    assert judge_exposure("再不退就打12315").intents == ("regulator",)
    assert judge_exposure("找记者曝光").intents == ("press",)
    found = judge_exposure("孩子中毒住院，我们建了维权群，准备起诉，也联系了记者")
    assert set(found.intents) == {"press", "lawsuit", "rally", "safety"}
    assert judge_exposure("我没有起诉的打算，不会打12315").intents == ()


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("物流单号SF3001234567890", ()),
        ("订单１２３１５０００２一直没发", ()),
        ("会员号88096315", ()),
        ("单号3001234567890还没到，我打了12345", ("regulator",)),
        ("打0731-12345反映过", ("regulator",)),
        ("拨12315了", ("regulator",)),
    ],
)
def test_a_hotline_inside_a_longer_number_is_no_regulator(text: str, intents: tuple[str, ...]) -> None:
    assert judge_exposure(text).intents == intents


def test_evidence_points_into_the_text_as_written() -> None:
    text = "  牛奶　是酸的。\n再不處理，我就發到【抖音】曝光"
    found = judge_exposure(text)
    assert found.stage == "threat"
    assert all(text[e.start : e.end] == e.text for e in found.evidence)
    assert any("發" in e.text or "曝光" in e.text for e in found.evidence)
    assert judge_exposure("我不会发网上").evidence == ()


@pytest.mark.parametrize(
    ("social", "stage"),
    [
        (Social("抖音", views=10), "posted"),
        (Social("抖音", views=4_999), "posted"),
        (Social("抖音", views=5_000), "spreading"),
        (Social("微博", reposts=120), "spreading"),
        (Social("小红书", likes=600), "spreading"),
        (Social("微博", followers=2_000_000, views=10), "posted"),
        (Social("微博", followers=2_000_000), "spreading"),
    ],
)
def test_reach_decides_between_posted_and_spreading(social: Social, stage: str) -> None:
    assert judge_exposure("牛奶是酸的", "社交媒体", social).stage == stage
    assert (reach_of(social) >= SPREADING_REACH) == (stage == "spreading")


def test_a_public_channel_is_posted_and_scores_rise_with_the_stage() -> None:
    assert judge_exposure("牛奶是酸的", "社交媒体").stage == "posted"
    assert judge_exposure("牛奶是酸的", "电话").stage == "none"
    scores = [
        judge_exposure("牛奶是酸的").score,
        judge_exposure("再不处理就发抖音").score,
        judge_exposure("牛奶是酸的", "社交媒体", Social("抖音", views=10)).score,
        judge_exposure("牛奶是酸的", "社交媒体", Social("抖音", views=8_000)).score,
    ]
    assert scores == sorted(scores)
    assert scores[0] == 0.0
    assert scores[-1] <= 1.0


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="再不退就发抖音微博记者曝光了我你们客服说网上，。！\n已经不会@x", max_size=50))
def test_any_text_has_a_stage_a_score_and_true_offsets(text: str) -> None:
    found = judge_exposure(text)
    assert found.stage in STAGES
    assert 0.0 <= found.score <= 1.0
    assert (found.stage == "none") == (found.score == 0.0)
    assert all(text[e.start : e.end] == e.text for e in found.evidence)


@pytest.mark.parametrize("unit", ["发", "抖音", "我说", "再不发抖音", "发个视频到", "记者", "把照片", "昨天发的", "啊"])
def test_twenty_thousand_characters_take_no_longer_than_they_are_many(unit: str) -> None:
    text = (unit * 20_000)[:20_000]
    judge_exposure("再不退就发抖音")
    start = perf_counter()
    judge_exposure(text)
    assert perf_counter() - start < 5.0  # a quadratic pattern needs minutes


def test_a_phrase_file_with_a_mistake_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text("# note\nplatform\t抖音\nplatform\t(微博\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"mine.tsv line 3"):
        read_phrases(path)
    path.write_text("platform\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1"):
        read_phrases(path)


def test_a_phrase_that_people_add_is_looked_for_even_without_a_hint() -> None:
    look = build_hint(["抖音", "新平台", "(?:甲|乙)论"], ["抖"])
    assert [look(text) for text in ("发抖音", "发新平台", "乙论", "论")] == [True, True, True, False]
    assert join_phrases(["甲", "乙"]) == "(?:甲|乙)"
