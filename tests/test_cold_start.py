"""Few labels or none: names of labels, words for them and unlabelled texts make a bundle that says how it was made."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from model import load_bundle
from model.bundle import Bundle
from model.errors import DataError, KesuError, SettingsError
from model.labels import load_labels
from model.table import read_table
from tests.conftest import ROOT
from tests.matters import CELLS, TEXTS
from tests.test_cli import kesu
from training.accuracy_bench import peer_macro_f1
from training.config import TrainConfig
from training.dataset import Labelled
from training.evaluate import measure
from training.findings import Kind
from training.fit import fit_bundle, train
from training.learning_curve import curve_lines, learning_curve, read_sizes

WORDS = """
[matter]
title = "来电事由"
labels = ["物流", "服务", "费用"]
[matter.describe]
"物流" = "快递、包裹、送货、签收"
"服务" = "客服、态度、不理人、推脱"
"费用" = "扣费、多收、退款、账单"
"""
MATTERS = ["物流"] * 20 + ["服务"] * 20 + ["费用"] * 20


@pytest.fixture(scope="module")
def starter() -> tuple[list[str], list[str]]:
    """Texts and categories of the starter, in an order of chance."""
    rows = [row for path in sorted((ROOT / "data" / "starter").glob("*.csv")) for row in read_table(path).rows]
    order = np.random.default_rng(0).permutation(len(rows)).tolist()
    return [rows[at]["text"] for at in order], [rows[at]["category"] for at in order]


def some(labels: Sequence[str], each: int, seed: int = 0) -> list[int]:
    """Places of `each` rows of every label, by chance."""
    order = np.random.default_rng(seed).permutation(len(labels)).tolist()
    return sorted(at for label in set(labels) for at in [one for one in order if labels[one] == label][:each])


def fitted(texts: Sequence[str], labels: Sequence[str], kept: Sequence[int] = ()) -> Bundle:
    """A bundle of texts of which only those `kept` have their label, with the starter's label file."""
    cells = [label if at in set(kept) else "" for at, label in enumerate(labels)]
    return fit_bundle(Labelled(list(texts), {"category": cells}, None, 0, []), TrainConfig(), known=load_labels())


def write(path: Path, columns: dict[str, list[str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def test_without_a_label_names_and_descriptions_beat_the_majority_by_far(starter: tuple[list[str], list[str]]) -> None:
    texts, labels = starter
    unseen, truth = texts[1000:1600], labels[1000:1600]
    bundle = fitted(texts[:1000], labels[:1000])
    figures = measure(bundle, unseen, {"category": truth})["category"]
    share = max(truth.count(label) for label in set(truth)) / len(truth)
    majority = 2 * share / (1 + share) / len(set(truth))
    assert figures["macro_f1"] > 0.35 > 8 * majority
    assert figures["accuracy"] > 2 * share
    assert figures["accepted"]["share"] == 0


def test_twenty_labels_a_class_are_ahead_of_characters_and_svc(starter: tuple[list[str], list[str]]) -> None:
    texts, labels = starter
    learnt, cells, unseen, truth = texts[:1000], labels[:1000], texts[1000:1600], labels[1000:1600]
    gains = []
    for seed in (1, 2):
        kept = some(cells, 20, seed)
        bundle = fitted(learnt, cells, kept)
        ours = measure(bundle, unseen, {"category": truth})["category"]["macro_f1"]
        gains.append(ours - peer_macro_f1([learnt[at] for at in kept], [cells[at] for at in kept], unseen, truth))
    assert np.mean(gains) > 0.04


def test_fewer_than_fifty_labelled_rows_accept_nothing_and_the_card_says_so(tmp_path: Path) -> None:
    cells = [cell if at % 20 < 5 else "" for at, cell in enumerate(CELLS["category"])]
    more = [f"{text}，第{n}次了" for n in range(2) for text in TEXTS]
    data = write(tmp_path / "a.csv", {"text": [*TEXTS, *more], "category": [*cells, *[""] * len(more)]})
    result = train([data], tmp_path / "out")
    assert any("15 labelled rows: nothing is accepted" in line for line in result.warnings)
    bundle = load_bundle(tmp_path / "out")
    assert not any(one.heads["category"].accepted for one in bundle.predict([*TEXTS, *more]))
    page = (tmp_path / "out" / "card.html").read_text(encoding="utf-8")
    assert "只有 15 条带标签" in page
    assert "165 条由系统猜出标签" in page
    assert "任何判定都不自动受理" in page
    assert not [one for one in result.findings if one.kind is Kind.SUSPECT]


def test_with_labels_enough_thresholds_rest_on_labelled_rows_only(starter: tuple[list[str], list[str]]) -> None:
    texts, labels = starter[0][:600], starter[1][:600]
    kept = some(labels, 20)
    bundle = fitted(texts, labels, kept)
    held = bundle.classifier.held_["category"]
    assert held.rows.tolist() == kept
    assert [bundle.heads["category"][at] for at in held.truth.argmax(1)] == [labels[at] for at in kept]


def test_a_label_file_and_unlabelled_complaints_make_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "labels.toml").write_text(WORDS, encoding="utf-8")
    data = write(tmp_path / "complaints.csv", {"投诉内容": TEXTS})
    result = train([data], tmp_path / "out", ["matter"], labels=tmp_path / "labels.toml")
    bundle = load_bundle(tmp_path / "out")
    assert {head: set(labels) for head, labels in bundle.heads.items()} == {"matter": {"物流", "服务", "费用"}}
    said = [one.heads["matter"].label for one in bundle.predict(["快递三天没送到", "客服态度很差", "这个月多扣费了"])]
    assert said == ["物流", "服务", "费用"]
    card = json.loads((tmp_path / "out" / "card.json").read_text(encoding="utf-8"))
    assert card["guessed"] == [
        {"head": "matter", "title": "来电事由", "labelled": 0, "guessed": 60, "phrases": 15, "enough": False}
    ]
    page = (tmp_path / "out" / "card.html").read_text(encoding="utf-8")
    assert "“来电事由”没有一条带标签" in page
    assert "什么都没有测量" in page
    assert train([data], tmp_path / "b", labels=tmp_path / "labels.toml").version == result.version


@pytest.mark.parametrize(
    ("words", "heads", "said"),
    [
        (WORDS + 'colour = "红"\n', ["matter"], "describes 'colour', which is no label"),
        (WORDS.replace("title", "titel"), ["matter"], "unknown key 'titel'"),
        (WORDS.replace('"来电事由"', "3"), ["matter"], "string as title"),
        (WORDS.replace('["物流", "服务", "费用"]', '["物流", "服务"]'), ["matter"], "describes '费用'"),
        (WORDS.replace('["物流", "服务", "费用"]', '["物流", "服务", "费用", "无"]'), ["matter"], "label '无'"),
        (WORDS, ["category"], "no column 'category'.*nor in the label file \\(matter\\)"),
        ("", ["matter"], "describes no head"),
        ("[matter\n", ["matter"], "cannot be read"),
    ],
)
def test_a_label_file_that_cannot_be_used_is_told(tmp_path: Path, words: str, heads: list[str], said: str) -> None:
    (tmp_path / "labels.toml").write_text(words, encoding="utf-8")
    data = write(tmp_path / "a.csv", {"text": TEXTS})
    with pytest.raises(DataError, match=said):
        train([data], tmp_path / "out", heads, labels=tmp_path / "labels.toml")
    assert not (tmp_path / "out").exists()


def test_no_texts_and_an_unused_label_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "labels.toml").write_text(WORDS, encoding="utf-8")
    with pytest.raises(DataError, match="no row with a text"):
        train(
            [write(tmp_path / "a.csv", {"text": [""] * 60, "n": ["1"] * 60})],
            tmp_path / "o",
            labels=tmp_path / "labels.toml",
        )
    labelled = write(tmp_path / "b.csv", {"text": TEXTS, "category": CELLS["category"]})
    with pytest.raises(DataError, match="describes matter, but none is learnt"):
        train([labelled], tmp_path / "o", labels=tmp_path / "labels.toml")


def test_the_learning_curve_of_a_file_has_every_size_beside_the_peer(tmp_path: Path) -> None:
    data = write(tmp_path / "a.csv", {"text": TEXTS, "matter": MATTERS, "category": CELLS["category"]})
    (tmp_path / "labels.toml").write_text(WORDS, encoding="utf-8")
    steps: list[tuple[int, int, str]] = []
    curve = learning_curve(
        [data], "matter", tmp_path / "labels.toml", (0, 5), 2, progress=lambda *step: steps.append(step)
    )
    none, five = curve.points
    assert curve.texts + curve.held_out == 60
    assert none.rows.tolist() == [0]
    assert none.macro_f1[0] > 2 * curve.always_f1
    assert np.isnan(none.peer_f1).all()
    assert five.rows.tolist() == [15, 15]
    assert five.macro_f1.mean() > curve.always_f1
    assert (five.accepted == 0).all()
    assert [step[:2] for step in steps] == [(0, 3), (1, 3), (2, 3)]
    assert [line[:2] for line in curve_lines(curve)[1:]] == [("0", "0"), ("5", "15")]


@pytest.mark.parametrize(
    ("columns", "head", "said"),
    [
        ({"text": TEXTS}, None, "no known label column"),
        ({"text": TEXTS, "category": CELLS["category"], "sentiment": CELLS["sentiment"]}, None, "name one with --head"),
        ({"text": TEXTS, "category": ["物流|服务", "物流", "服务"] * 20}, "category", "several labels"),
        ({"text": TEXTS, "mood": CELLS["category"]}, "category", "no column 'category'"),
    ],
)
def test_a_curve_that_cannot_be_drawn_is_told(
    tmp_path: Path, columns: dict[str, list[str]], head: str | None, said: str
) -> None:
    with pytest.raises(KesuError, match=said):
        learning_curve([write(tmp_path / "a.csv", columns)], head)


def test_rows_with_a_label_that_the_label_file_lacks_are_told(tmp_path: Path) -> None:
    (tmp_path / "labels.toml").write_text(WORDS, encoding="utf-8")
    data = write(tmp_path / "a.csv", {"text": TEXTS, "matter": ["物流", "噪音"] * 30})
    with pytest.raises(DataError, match=r"'噪音', which is no label of \[matter\]"):
        learning_curve([data], "matter", tmp_path / "labels.toml")


def test_the_command_prints_the_curve_and_tells_what_is_wrong(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", {"text": TEXTS, "matter": MATTERS})
    (tmp_path / "labels.toml").write_text(WORDS, encoding="utf-8")
    words = ("learning-curve", "a.csv", "--head", "matter", "--labels", "labels.toml", "--sizes", "0,5", "--seeds", "1")
    done = kesu(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "labels a class" in done.stdout
    assert "always '" in done.stdout
    (tmp_path / "labels.toml").write_text(WORDS.replace("title", "titel"), encoding="utf-8")
    wrong = kesu(tmp_path, *words)
    assert wrong.returncode == 2
    assert "[matter] in labels.toml has the unknown key 'titel'" in wrong.stderr


@pytest.mark.parametrize("said", ["", "a", "20,-1", "1.5", "20,,50", "999999999"])
def test_sizes_that_are_no_numbers_are_told(said: str) -> None:
    with pytest.raises(SettingsError, match="whole numbers with commas"):
        read_sizes(said)
