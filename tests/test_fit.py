"""From a labelled file to a bundle with its card: Chinese headers, copies, times, and what is wrong told plainly."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from model import load_bundle
from model.errors import DataError, SettingsError
from tests.matters import CELLS, TEXTS
from training.config import TrainConfig, read_config
from training.dataset import Labelled, held_out, read_labelled
from training.findings import Kind, Place
from training.fit import train


def write(path: Path, columns: dict[str, list[str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def test_a_chinese_sheet_becomes_a_bundle_with_a_card(tmp_path: Path) -> None:
    data = write(
        tmp_path / "投诉.csv",
        {"投诉内容": TEXTS, "投诉类型": CELLS["category"], "责任部门": CELLS["department"], "情绪": CELLS["sentiment"]},
    )
    steps: list[tuple[int, int, str]] = []
    result = train([data], tmp_path / "out", progress=lambda *step: steps.append(step), created="2026-10-14")
    bundle = load_bundle(tmp_path / "out")
    assert list(bundle.heads) == ["category", "department", "sentiment"]
    assert bundle.version == result.version
    assert bundle.predict(["快递一周没到"])[0].heads["department"].label == "物流部"
    card = json.loads((tmp_path / "out" / "card.json").read_text(encoding="utf-8"))
    assert card["rows"] == 60
    assert card["held_out"] == card["heads"]["category"]["n"] > 0
    page = (tmp_path / "out" / "card.html").read_text(encoding="utf-8")
    assert "投诉类型" in page
    assert page.count("<svg") == 9
    assert "http" not in page
    done = [step[0] / step[1] for step in steps]
    assert done == sorted(done)
    assert done[-1] == 1


def test_the_same_file_gives_the_same_version(tmp_path: Path) -> None:
    data = write(tmp_path / "a.csv", {"text": TEXTS, "category": CELLS["category"]})
    assert train([data], tmp_path / "x").version == train([data], tmp_path / "y", created="later").version


def test_a_large_bundle_says_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write(tmp_path / "a.csv", {"text": TEXTS, "category": CELLS["category"]})
    assert not any(" MB" in line for line in train([data], tmp_path / "small").warnings)
    monkeypatch.setattr("training.fit._LARGE", 0.5)
    assert any("The bundle has 1 MB" in line for line in train([data], tmp_path / "large").warnings)


def test_any_column_can_be_a_head(tmp_path: Path) -> None:
    data = write(tmp_path / "a.csv", {"text": TEXTS, "线路": CELLS["category"], "category": CELLS["category"]})
    train([data], tmp_path / "out", ["线路"])
    assert list(load_bundle(tmp_path / "out").heads) == ["线路"]


@pytest.mark.parametrize(
    ("columns", "heads", "said"),
    [
        ({"text": TEXTS}, None, "no known label column"),
        ({"text": TEXTS, "category": CELLS["category"]}, ["mood"], "no column 'mood'"),
        ({"text": TEXTS, "category": ["物流"] * 60}, None, "'category' has only the label '物流'"),
        ({"text": [""] * 60, "category": CELLS["category"]}, None, "no row with a text"),
        ({"谁": TEXTS, "category": CELLS["category"]}, None, "no text column"),
    ],
)
def test_unusable_data_is_told_by_name(
    tmp_path: Path, columns: dict[str, list[str]], heads: list[str] | None, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        train([write(tmp_path / "a.csv", columns)], tmp_path / "out", heads)
    assert not (tmp_path / "out").exists()


def test_copies_are_one_and_the_more_frequent_label_stays(tmp_path: Path) -> None:
    data = write(
        tmp_path / "a.csv",
        {
            "text": ["快递慢", "快遞慢", " 快递 慢", "快递慢", "态度差"],
            "category": ["物流", "服务", "物流", "物流", "服务"],
        },
    )
    read = read_labelled([data])
    assert read.texts[::2] == ["快递慢", "态度差"]
    assert read.cells["category"][0] == "物流"
    assert read.folded == 2


def test_later_complaints_are_held_out_when_there_are_times(tmp_path: Path) -> None:
    days = [f"2026-{1 + at // 28:02}-{1 + at % 28:02}" for at in range(60)]
    data = read_labelled([write(tmp_path / "a.csv", {"时间": days, "text": TEXTS, "category": CELLS["category"]})])
    test = held_out(data, 0.2)
    assert data.times is not None
    assert test.sum() == 12
    latest = max(time for time, out in zip(data.times, test.tolist(), strict=True) if not out)
    assert all(time > latest for time, out in zip(data.times, test.tolist(), strict=True) if out)


def test_without_times_the_text_decides_and_order_does_not() -> None:
    forward, backward = Labelled(TEXTS, {}, None, 0, []), Labelled(TEXTS[::-1], {}, None, 0, [])
    assert held_out(forward, 0.2).tolist() == held_out(backward, 0.2).tolist()[::-1]
    assert 0 < held_out(forward, 0.2).sum() < 30


@pytest.mark.parametrize(("new", "refitted"), [("", False), ("安全", True)])
def test_huge_data_is_fitted_once_unless_a_label_is_only_in_what_is_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: str, refitted: bool
) -> None:
    monkeypatch.setattr("training.fit.HUGE", 60)
    monkeypatch.setattr("training.fit._MEASURED", 6)
    days = [f"2026-{1 + at // 28:02}-{1 + at % 28:02}" for at in range(60)]
    labels = [*CELLS["category"][:-1], new or CELLS["category"][-1]]
    data = write(tmp_path / "a.csv", {"time": days, "text": TEXTS, "category": labels})
    result = train([data], tmp_path / "out")
    assert (result.card["rows"], result.card["held_out"], result.card["refitted"]) == (60, 6, refitted)
    assert set(load_bundle(tmp_path / "out").heads["category"]) == set(labels)
    assert ("没有再用它们重新训练" in (tmp_path / "out" / "card.html").read_text(encoding="utf-8")) != refitted


def test_two_hundred_rows_and_long_texts_are_enough(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    texts, labels = [], []
    for at in range(200):
        matter = at % 3
        picked = random.integers(0, 20, 130).tolist()
        texts.append("，".join(TEXTS[20 * matter + one] for one in picked) + f"（第{at}件）")
        labels.append(CELLS["category"][20 * matter])
    result = train([write(tmp_path / "a.csv", {"text": texts, "category": labels})], tmp_path / "out")
    assert max(map(len, texts)) > 1000
    assert result.card["heads"]["category"]["accuracy"] > 0.95


def test_settings_are_checked(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("grams = 2\nprecision = 0.9\n")
    assert read_config(tmp_path / "a.toml") == TrainConfig(grams=2, precision=0.9)
    assert read_config(None) == TrainConfig()
    for text, said in (("ngrams = 2", "'ngrams'.*unknown"), ("grams = 99", "from . to 6"), ("grams = 2.5", "whole")):
        (tmp_path / "b.toml").write_text(text)
        with pytest.raises(SettingsError, match=said):
            read_config(tmp_path / "b.toml")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_config(tmp_path / "none.toml")


def test_rows_that_cannot_be_read_are_named_and_training_goes_on(tmp_path: Path) -> None:
    rows = [
        f"{text},{label}" for text, label in (("快递丢了没人管", "物流"), ("多扣了我的钱", "费用")) for _ in range(1)
    ]
    rows += [f"快递第{n}次没送到,物流" for n in range(20)] + [f"第{n}个月被多扣费,费用" for n in range(20)]
    rows.insert(5, "多出一格,物流,谁,写的")
    (tmp_path / "in.csv").write_text("内容,category\n" + "\n".join(rows) + "\n", encoding="utf-8")
    result = train([tmp_path / "in.csv"], tmp_path / "out")
    assert any("in.csv 第 7 行" in warning for warning in result.warnings)
    assert [cell.place for one in result.findings for cell in one.cells if one.kind is Kind.UNREADABLE] == [
        Place("in.csv", 7)
    ]
    assert result.card["rows"] == 42
