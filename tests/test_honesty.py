"""What is no complaint is refused, what is one is not; thresholds keep their promise and cost what was forecast."""

import csv
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest
from typer.testing import CliRunner

from model import load_bundle
from model.bundle import Bundle
from model.calibration import Reason
from model.errors import DataError, SettingsError
from model.labels import shipped
from model.scope import read_background
from model.table import Table, read_table
from model.text import normalise
from tests.conftest import ROOT
from training.card import card_files
from training.commands import app
from training.config import TrainConfig
from training.dataset import held_out, read_labelled
from training.evaluate import measure
from training.fit import fit_bundle
from training.honesty import measure_explanations, measure_honesty, measure_noise, measure_off_topic
from training.honesty_bench import load_kept, read_domain
from training.marked_bench import read_scope, refused
from training.noise import KINDS, add_noise
from training.rethreshold import forecast_loads, save_with, targets_of
from training.review_load import Outcome, daily_volume, interval, review_load, volume_of

STARTER = sorted((ROOT / "data" / "starter").glob("*.csv"))
CASES = read_scope("scope_cases.tsv")
UNSEEN = read_scope("scope_unseen.tsv")
COMPLAINTS = [text for side, _, text in CASES if side == "in"]
OFF_TOPIC = [(kind, text) for side, kind, text in CASES if side == "off"]


@pytest.fixture(scope="module")
def starter(starter_bundle: Path) -> Bundle:
    return load_bundle(starter_bundle)


def test_the_background_is_broad_and_none_of_it_is_a_complaint_of_the_starter() -> None:
    passages, kinds = read_background()
    assert len(passages) >= 400
    assert len(set(kinds)) >= 20
    assert len(set(passages)) == len(passages)
    assert not set(passages) & set(read_labelled(STARTER).texts)


def test_texts_by_somebody_who_never_saw_the_background_are_told_apart_too(starter: Bundle) -> None:
    off = refused(starter, [text for side, _, text in UNSEEN if side == "off"])
    complaints = refused(starter, [text for side, _, text in UNSEEN if side == "in"])
    assert (len(off), len(complaints)) == (210, 150)
    assert sum(off) >= 0.9 * len(off)
    assert sum(complaints) <= 0.11 * len(complaints)


def test_what_is_no_complaint_is_refused_and_complaints_are_not(starter: Bundle) -> None:
    passages, kinds = read_background()
    known = [kind in kinds or f"{kind}s" in kinds for kind, _ in OFF_TOPIC]
    assert not {text for _, text in OFF_TOPIC} & set(passages)
    assert len(COMPLAINTS) >= 120 <= len(OFF_TOPIC)
    assert np.mean(refused(starter, COMPLAINTS)) <= 0.1
    off = np.array(refused(starter, [text for _, text in OFF_TOPIC]))
    assert off[known].mean() >= 0.9  # news, poems, code, English, chat: other texts than the background has
    assert off[np.logical_not(known)].mean() >= 0.9  # and kinds that it has none of
    said = starter.predict([text for _, text in OFF_TOPIC])
    assert np.mean([one.heads["category"].accepted for one in said]) <= 0.02


def test_complaints_are_not_refused_as_foreign_nor_kinds_of_text_let_in_that_no_one_showed() -> None:
    data = read_labelled(STARTER)
    test = held_out(data, 0.25)
    unseen = data.take(np.flatnonzero(test))
    learnt = data.take(np.flatnonzero(~test))
    learnt.cells.pop("department")
    bundle = fit_bundle(learnt, TrainConfig())
    away = measure_off_topic(bundle)
    assert away is not None
    assert away["refused"] >= 0.75  # a scope that has not seen the kind of the passage
    assert away["accepted"]["category"] <= 0.05
    assert np.mean(refused(bundle, unseen.texts)) <= 0.1
    honesty = measure_honesty(bundle, unseen.texts, {"category": unseen.cells["category"]})
    assert honesty["explanations"]["category"]["lowered"] >= 0.9
    assert honesty["noise"]["category"]["loss"] <= 0.03
    for kind in KINDS:
        apart = measure_noise(bundle, unseen.texts, {"category": unseen.cells["category"]}, (kind,), tries=2)
        assert apart["category"]["loss"] <= 0.04, kind
    card = {"rows": 9, "folded": 0, "held_out": 3, "by": "hash", "heads": {}, "honesty": honesty}
    assert "无关文字被拒" in card_files(card)["card.html"].decode()


def test_a_saved_bundle_does_not_boast_of_kinds_it_has_seen(starter: Bundle) -> None:
    assert measure_off_topic(starter) is None


@pytest.mark.parametrize("text", ["谢谢", "嗯"])
def test_too_short_is_said_of_what_is_too_short(starter: Bundle, text: str) -> None:
    verdict = starter.predict([text])[0].heads["category"]
    assert verdict.reason == Reason.TOO_SHORT
    assert not verdict.accepted


def test_evidence_carries_the_verdict(starter: Bundle) -> None:
    texts = read_labelled(STARTER).texts[::40]
    for head in starter.heads:
        shown = measure_explanations(starter, texts, head)
        assert shown["n"] == len(texts)
        assert shown["lowered"] >= 0.9
        assert shown["deleted"] < 0.4


def test_noise_is_reproducible_and_as_much_as_asked() -> None:
    text = "快递三天没有送到，打客服电话一直没人接，要求退款APP" * 4
    assert add_noise(text, 0.05, 7) == add_noise(text, 0.05, 7)
    assert add_noise(text, 0.05, 7) != add_noise(text, 0.05, 8)
    assert add_noise("", 0.5, 1) == ""
    kept = sum(a == b for a, b in zip(text, add_noise(text, 0.05, 7), strict=False))
    assert kept >= 5  # an inserted sign moves what is behind it
    random = Random(3)
    assert KINDS["sound"]("快", random) in "块筷"
    assert KINDS["traditional"]("递", random) == "遞"
    assert KINDS["full-width"]("A", random) == "Ａ"
    assert len(KINDS["hidden"]("快", random)) == 2
    assert KINDS["look"]("犇", random) == "犇"
    only = add_noise(text, 0.05, 7, ["traditional"])
    assert only != text
    assert normalise(only) == normalise(text)
    assert len(add_noise(text, 0.1, 7, ["hidden"])) == len(text) + round(0.1 * len(text))


def test_traditional_full_width_and_hidden_signs_cost_nothing(starter: Bundle) -> None:
    text = "快递三天没有送到，打客服电话一直没人接，APP也打不开"
    variants = [text.replace("没", "沒").replace("递", "遞").replace("电话", "電話"), text.replace("APP", "ＡＰＰ")]
    variants.append("\u200b".join(text))
    plain = starter.predict_proba([text])["category"]
    for variant in variants:
        assert starter.predict_proba([variant])["category"].tobytes() == plain.tobytes()


def test_the_share_of_a_later_month_lies_in_its_interval() -> None:
    random = np.random.default_rng(5)
    inside = 0
    for _ in range(400):
        before, after = random.random(150) < 0.93, random.random(300) < 0.93
        low, high = interval(int(before.sum()), 150, later=300)
        inside += low <= after.mean() <= high
    assert 0.92 <= inside / 400 <= 0.985
    assert interval(0, 0) == (0.0, 1.0)


def test_a_load_is_counted_right() -> None:
    said = np.array([0] * 60 + [1] * 40)
    accepted, right = np.arange(100) < 45, np.arange(100) != 3
    load = review_load(["物流", "服务"], said, accepted, right, per_day=200)
    logistics, all_ = load["classes"]["物流"], load["total"]
    assert (logistics["said"], logistics["accepted"], logistics["share"]) == (60, 45, 0.75)
    assert logistics["precision"] == pytest.approx(44 / 45)
    assert (logistics["reviews"], all_["reviews"]) == (30, 110)
    assert all_["reviews_interval"][0] < 110 < all_["reviews_interval"][1]
    assert load["classes"]["服务"]["precision"] is None
    assert review_load(["物流", "服务"], said, accepted, None)["total"]["reviews"] is None


def test_times_say_how_many_come_a_day(tmp_path: Path) -> None:
    noon = datetime(2026, 10, 1, 12)
    assert daily_volume([noon + timedelta(hours=6 * at) for at in range(80)]) == pytest.approx(4, rel=0.05)
    assert daily_volume([noon, noon]) is None
    path = tmp_path / "十月.csv"
    path.write_text("时间,内容\n" + "".join(f"2026-10-{day:02},坏了{day}\n" for day in range(1, 21)), encoding="utf-8")
    assert volume_of(read_table(path)) == 1


def later_month(bundle: Bundle, path: Path) -> Table:
    """A month of complaints that the bundle's thresholds have not seen: what its card was measured on, dated."""
    data = read_labelled(STARTER)
    unseen = data.take(np.flatnonzero(held_out(data, 0.2)))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("时间", "text", *bundle.heads))
        for at, text in enumerate(unseen.texts):
            labels = [unseen.cells[head][at] for head in bundle.heads]
            writer.writerow((f"2026-10-{1 + at % 30:02} 10:00", text, *labels))
    return read_table(path)


def test_the_month_after_costs_what_was_forecast_and_is_as_right_as_was_said() -> None:
    data = read_labelled(STARTER)
    fold = held_out(data, 0.4)
    half = held_out(data, 0.2)  # of the same hash: a part of `fold`
    bundle = fit_bundle(data.take(np.flatnonzero(~fold)), TrainConfig(precision=0.9))
    heads = ("category", "sentiment")
    before, after = (
        measure(bundle, rows.texts, {head: rows.cells[head] for head in heads}, per_day=60)
        for rows in (data.take(np.flatnonzero(fold & ~half)), data.take(np.flatnonzero(half)))
    )
    asked = inside = 0
    for head in heads:
        old, new = before[head]["load"], after[head]["load"]
        assert new["total"]["reviews"] == pytest.approx(old["total"]["reviews"], rel=0.2)
        for label, forecast in old["classes"].items():
            seen = new["classes"][label]
            if forecast["accepted"] >= 10 and seen["accepted"] >= 10:
                low, high = forecast["interval"]
                asked, inside = asked + 1, inside + (low <= seen["precision"] <= high)
    assert asked >= 5
    assert inside >= 0.8 * asked  # of 95 in 100, for a dozen labels with few rows each


def test_other_thresholds_for_a_bundle(starter: Bundle, tmp_path: Path) -> None:
    strict = forecast_loads(starter, targets_of(starter, 0.98), per_day=120)
    loose = forecast_loads(starter, targets_of(starter, 0.8), per_day=120)
    for head in starter.heads:
        assert loose[head]["load"]["total"]["share"] >= strict[head]["load"]["total"]["share"]
        assert len(strict[head]["thresholds"]) == len(starter.heads[head])
    same = forecast_loads(starter, targets_of(starter, 0.95))
    kept = np.concatenate([same[head]["thresholds"] for head in starter.heads])
    assert kept == pytest.approx(starter.classifier.threshold_, abs=1e-6)
    mixed = forecast_loads(starter, targets_of(starter, 0.8, {"category": {"隐私安全": 0.99}}))
    at = starter.heads["category"].index("隐私安全")
    changed = mixed["category"]["thresholds"] != loose["category"]["thresholds"]
    assert np.flatnonzero(changed).tolist() == [at]
    before = starter.classifier.threshold_.copy()
    version = save_with(starter, loose, tmp_path / "loose")
    assert (starter.classifier.threshold_ == before).all()
    saved = load_bundle(tmp_path / "loose")
    assert saved.version == version != starter.version
    text = "快递一周没到，物流信息一直不更新，客服也联系不上"
    assert saved.predict_proba([text])["category"].tobytes() == starter.predict_proba([text])["category"].tobytes()
    assert (saved.classifier.threshold_ <= before + 1e-6).all()
    with pytest.raises(SettingsError, match=r"targets\.mood"):
        targets_of(starter, 0.9, {"mood": {}})
    with pytest.raises(SettingsError, match="'物流'"):
        targets_of(starter, 0.9, {"category": {"物流": 0.9}})
    with pytest.raises(SettingsError, match=r"from 0\.5"):
        targets_of(starter, 1.0)


def test_the_command_prints_a_table_and_writes_nothing(starter_bundle: Path, tmp_path: Path) -> None:
    later_month(load_bundle(starter_bundle), tmp_path / "十月.csv")
    before = sorted(path.name for path in tmp_path.iterdir())
    said = CliRunner().invoke(app, ["thresholds", str(starter_bundle), "--precision", "0.9", "--per-day", "120"])
    assert said.exit_code == 0, said.output
    assert "90% 准确时自动受理" in said.output
    assert "件转人工" in said.output
    assert "合计" in said.output
    said = CliRunner().invoke(app, ["thresholds", str(starter_bundle), str(tmp_path / "十月.csv")])
    assert said.exit_code == 0, said.output
    assert "95% 准确时" in said.output
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    out = tmp_path / "new"
    (tmp_path / "a.toml").write_text('precision = 0.8\n[targets.category]\n"隐私安全" = 0.99\n', encoding="utf-8")
    said = CliRunner().invoke(
        app, ["thresholds", str(starter_bundle), "--config", str(tmp_path / "a.toml"), "--save", str(out)]
    )
    assert said.exit_code == 0, said.output
    assert load_bundle(out).version in said.output


def test_a_bundle_that_keeps_no_rows_says_so(starter: Bundle) -> None:
    with pytest.raises(DataError, match="keeps no rows"):
        forecast_loads(Bundle(starter.classifier), targets_of(starter, 0.9))


def test_a_forecast_that_keeps_and_one_that_does_not() -> None:
    random = np.random.default_rng(2)
    label, sure = random.integers(0, 2, 2000), random.random(2000)
    right, reason = random.random(2000) < 0.95, np.where(sure < 0.3, 1, 0)
    kept = load_kept(["物流", "服务"], Outcome(label, sure, right, reason))
    assert (kept["labels"], kept["inside"], kept["overall"]) == (2, 2, True)
    assert kept["load"] == pytest.approx(1, abs=0.2)
    later = np.arange(2000) % 2 == 1  # the other half: a worse month, of more doubts
    worse = load_kept(
        ["物流", "服务"],
        Outcome(label, sure, right & ~(later & (sure > 0.7)), np.where(later & (sure < 0.6), 1, reason)),
    )
    assert (worse["inside"], worse["overall"]) == (0, False)
    assert worse["load"] > 1.5


def test_the_bench_reads_the_starter_as_a_user_would() -> None:
    (texts, cells), (unseen, _) = read_domain(shipped("starter"), "starter")
    assert len(texts) > 3 * len(unseen) > 0
    assert not set(texts) & set(unseen)
    assert all(len(column) == len(texts) for column in cells.values())
    parts = [read_domain(shipped("starter"), "starter", part)[1][0] for part in range(5)]
    assert sorted(text for part in parts for text in part) == sorted([*texts, *unseen])
    with pytest.raises(DataError, match="cannot be read"):
        read_domain(Path("nowhere"), "messages")
