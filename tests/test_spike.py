"""Surprise, thresholds that tune themselves, and spikes in many series."""

import json
from math import exp, lgamma, log
from pathlib import Path

import numpy as np
import pytest

from model.errors import DataError
from model.hourly import find_alarms
from model.spike import FAST, Tail, judge, surprise
from training.spikes import detect_spikes, write_spikes


def exact(count: int, mean: float, size: float) -> float:
    below = sum(
        exp(
            lgamma(size + k)
            - lgamma(size)
            - lgamma(k + 1)
            + size * log(size / (size + mean))
            + k * log(mean / (size + mean))
        )
        for k in range(count)
    )
    return -log(1 - below)


@pytest.mark.parametrize(("count", "mean", "size"), [(3, 0.5, 2.0), (9, 4.0, 13.0), (40, 30.0, 13.0), (2, 0.01, 0.5)])
def test_surprise_is_the_exact_tail(count: int, mean: float, size: float) -> None:
    assert surprise(float(count), mean, size) == pytest.approx(exact(count, mean, size), rel=1e-6)


def test_more_of_the_same_is_more_surprising_and_the_usual_is_not() -> None:
    scores = [surprise(float(n), 2.0, 5.0) for n in range(30)]
    assert scores[:3] == [0, 0, 0]
    assert scores[3:] == sorted(scores[3:])
    assert np.isfinite(surprise(1e6, 1.0, 5.0))


def test_a_short_window_pays_for_its_chances() -> None:
    spike = judge([3, 3, 3], [0.3, 0.3, 0.3], FAST, 5.0)
    assert spike.window == 48


def test_the_threshold_meets_its_budget_on_exponential_scores() -> None:
    rng, keys, budget = np.random.default_rng(2), 2000, 0.5
    tail = Tail().tune(budget, keys)
    for _ in range(60):
        scores = rng.exponential(1.5, 400)
        tail.learn(scores[scores < tail.threshold])
        tail.tune(budget, keys)
    truth = 1.5 * log(400 / budget)  # 400 scores a day, P(> s) = exp(-s / 1.5)
    assert tail.threshold == pytest.approx(truth, abs=1.0)
    assert tail.one_in_days(truth, keys) == pytest.approx(1 / budget, rel=0.8)


def test_a_night_moves_the_threshold_by_two_percent_at_most() -> None:
    tail = Tail().tune(0.5, 2000)
    for night in range(40):
        before = tail.threshold
        tail.learn(np.full(50, 5.0) if night < 20 else np.full(500, 9.0))
        tail.tune(0.5, 2000)
        if night > 7:
            assert abs(tail.threshold / before - 1) <= 0.02 + 1e-9


def test_a_tail_survives_json() -> None:
    tail = Tail().tune(0.5, 100)
    for night in range(12):
        tail.learn(np.random.default_rng(night).exponential(2, 80))
        tail.tune(0.5, 100)
    again = Tail.from_value(json.loads(json.dumps(tail.as_value())))
    for one in (tail, again):
        one.learn([1.0, 4.0])
        one.tune(0.5, 100)
    assert again.threshold == tail.threshold


def quiet(series: int = 300, days: int = 42) -> np.ndarray:
    return np.random.default_rng(11).poisson(0.02, (series, 24 * days)).astype(np.int64)


def test_a_planted_burst_is_found_within_hours_and_once() -> None:
    counts = quiet()
    start = 24 * 35 + 10
    counts[5, start : start + 8] += 1
    alarms = find_alarms(counts, np.zeros(300, dtype=int), 490_000, 0.5)
    found = [alarm for alarm in alarms if alarm.series == 5 and alarm.hour >= 24 * 28]
    assert len(found) == 1
    assert start <= found[0].hour <= start + 5
    assert found[0].expected < 1 < found[0].customers


def test_a_quiet_world_keeps_the_budget() -> None:
    alarms = find_alarms(quiet(600, 56), np.zeros(600, dtype=int), 490_000, 1.0)
    assert sum(alarm.hour >= 28 * 24 for alarm in alarms) / 28 < 2.0


def test_two_in_an_hour_never_alarm() -> None:
    counts = np.zeros((50, 24 * 30), dtype=np.int64)
    counts[3, 700] = 2
    assert find_alarms(counts, np.zeros(50, dtype=int), 490_000, 50.0) == []


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(["series,group,hour,count", *lines]) + "\n", encoding="utf-8")
    return path


def test_a_file_of_counts_gives_a_file_of_alerts(tmp_path: Path) -> None:
    counts = quiet(100, 35)
    counts[7, 800:806] += 2
    hours = [f"2026-01-{1 + h // 24:02d} {h % 24:02d}:00:00" for h in range(31 * 24)]
    hours += [f"2026-02-{1 + h // 24:02d} {h % 24:02d}:00:00" for h in range(4 * 24)]
    lines = [f"s{s},g,{hours[h]},{n}" for (s, h), n in np.ndenumerate(counts) if n]
    source, out = write(tmp_path / "counts.csv", lines), tmp_path / "alerts.csv"
    assert write_spikes(source, 0.5, out) >= 1
    head, *rest = out.read_text(encoding="utf-8").splitlines()
    assert head == "series,hour,count,expected,surprise,one_in_days"
    assert any(line.startswith("s7,2026-02-03 0") for line in rest)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a,g,2026-01-05 09:00,-1", "row 2"),
        ("a,g,2026-01-05 09:00,nan", "row 2"),
        ("a,g,2026-01-05 09:00,1e30", "row 2"),
        ("a,g,2026-01-05 09:00,1.5", "whole number"),
        ("a,g,yesterday,1", "'yesterday' is not an hour"),
        ("a,g,2026-01-05 09:00,", "has no count"),
    ],
)
def test_a_bad_row_is_named_with_its_remedy(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        detect_spikes(write(tmp_path / "c.csv", [line]), 1.0)


def test_files_that_cannot_be_counts_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("series,hour,count\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column group"):
        detect_spikes(tmp_path / "c.csv", 1.0)
    with pytest.raises(DataError, match="does not exist"):
        detect_spikes(tmp_path / "none.csv", 1.0)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError):
        detect_spikes(tmp_path / "b.csv", 1.0)
    far = write(tmp_path / "d.csv", ["a,g,0001-01-01 00:00,1", "b,g,9999-01-01 00:00,1", "c,g,2026-01-01 00:00,1"])
    with pytest.raises(DataError, match="too many at once"):
        detect_spikes(far, 1.0)
    with pytest.raises(DataError, match="false alarms a day"):
        detect_spikes([], 0.0)
