"""The figures of an evaluation are right by hand, and the page shows them without asking the network."""

import csv
from pathlib import Path

import numpy as np
import pytest

from model.bundle import Bundle
from model.classifier import ComplaintClassifier
from model.errors import DataError
from model.table import read_table
from tests.matters import CELLS, TEXTS
from training.card import figures_page
from training.evaluate import coverage, evaluate, evaluation_page, expected_error, measure
from training.plots import confusion_map

BUNDLE = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, CELLS))


def test_figures_equal_those_counted_by_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

    truth = [*CELLS["category"][30:], *CELLS["category"][:30]]  # half of it wrong on purpose
    truth[:20] = CELLS["category"][:20]
    labels = BUNDLE.heads["category"]
    said = [labels[at] for at in BUNDLE.predict_proba(TEXTS)["category"].argmax(1)]
    figures = measure(BUNDLE, TEXTS, {"category": truth})["category"]
    assert figures["n"] == 60
    assert figures["accuracy"] == pytest.approx(accuracy_score(truth, said))
    assert figures["macro_f1"] == pytest.approx(f1_score(truth, said, average="macro"))
    assert figures["confusion"] == confusion_matrix(truth, said, labels=list(labels)).tolist()
    assert figures["per_class"]["物流配送"]["n"] == truth.count("物流配送")


def test_rows_without_a_label_are_left_out_and_unknown_labels_count_as_wrong() -> None:
    cells = ["", "没见过", *CELLS["category"][2:]]
    figures = measure(BUNDLE, TEXTS, {"category": cells})["category"]
    assert figures["n"] == 59
    assert figures["unknown_labels"] == {"没见过": 1}
    assert figures["accuracy"] <= 58 / 59
    assert figures["per_class"]["没见过"]["f1"] == 0


def test_the_floor_is_what_an_honest_model_would_show() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1, 400)
    errors = [expected_error(sure, random.random(400) < sure) for _ in range(50)]
    figures = measure(BUNDLE, TEXTS, {"category": CELLS["category"]})["category"]
    assert 0.02 < np.mean(errors) < 0.06
    assert figures["ece_floor"] > 0
    assert figures["ece_floor"] == measure(BUNDLE, TEXTS, {"category": CELLS["category"]})["category"]["ece_floor"]


def test_coverage_by_hand() -> None:
    sure = np.array([0.99, 0.9, 0.8, 0.7, 0.6])
    right = np.array([True, True, False, True, False])
    assert coverage(sure, right, 1.0) == 0.4
    assert coverage(sure, right, 0.75) == 0.8
    assert coverage(sure, ~right, 0.9) == 0.0


def test_the_curve_shows_the_very_share_that_is_told() -> None:
    truth = [*CELLS["category"][:50], *CELLS["category"][:10]]
    figures = measure(BUNDLE, TEXTS, {"category": truth})["category"]
    for precision in (0.9, 0.95):
        reached = [share for share, wrong in figures["risk"] if wrong <= 1 - precision + 1e-9]
        assert max(reached) == figures["coverage"][str(precision)] < 1


def test_a_file_is_evaluated_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "九月.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("内容", "投诉类型"), *zip(TEXTS, CELLS["category"], strict=True)])
    result = evaluate(BUNDLE, read_table(path))
    assert result["rows"] == 60
    assert list(result["heads"]) == ["category"]
    assert set(result["heads"]["category"]["coverage"]) == {"0.9", "0.95", "0.98"}
    page = evaluation_page(result)
    assert "模型评估" in page
    assert BUNDLE.version in page
    assert page.count("<svg") == 3
    assert "<script" not in page


def test_what_is_refused_is_not_accepted_and_the_reasons_add_up(tmp_path: Path) -> None:
    cells = {"category": [*CELLS["category"], "物流配送", "物流配送"]}
    figures = measure(BUNDLE, [*TEXTS, "嗯", "The quick brown fox jumps over the lazy dog."], cells, per_day=62)[
        "category"
    ]
    assert figures["reasons"]["too_short"] == 1
    assert sum(figures["reasons"].values()) == figures["load"]["total"]["said"] - figures["load"]["total"]["accepted"]
    assert figures["load"]["total"]["reviews"] == sum(figures["reasons"].values())
    assert figures["accepted"]["share"] == figures["load"]["total"]["share"] < 1
    assert "太短 1" in figures_page("", "", {"category": figures})


def test_the_page_says_how_many_a_day_go_to_people(tmp_path: Path) -> None:
    path = tmp_path / "九月.csv"
    rows = [
        (f"2026-09-{1 + at % 30:02}", text, label)
        for at, (text, label) in enumerate(zip(TEXTS, CELLS["category"], strict=True))
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("时间", "内容", "投诉类型"), *rows])
    page = evaluation_page(evaluate(BUNDLE, read_table(path)))
    assert "每天转人工" in page
    assert "按每天 2 件投诉估计" in page
    assert "按每天 500 件投诉估计" in evaluation_page(evaluate(BUNDLE, read_table(path), per_day=500))


def test_a_file_without_labels_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,备注\n快递慢,无\n", encoding="utf-8")
    with pytest.raises(DataError, match="no label column of the bundle's heads"):
        evaluate(BUNDLE, read_table(tmp_path / "a.csv"))


def test_the_confusion_of_five_hundred_labels_shows_those_that_are_confused() -> None:
    labels = [f"类{at}" for at in range(500)]
    table = [[0] * 500 for _ in labels]
    for at in range(500):
        table[at][at] = 5
    table[7][400] = 3
    drawn = confusion_map(labels, table)
    assert drawn.count("<rect") == 24 * 24
    assert "真实 类7，判为 类400：3" in drawn
