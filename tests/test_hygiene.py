"""Bad training data: what is certain is mended, the rest told by file and row, and what cannot be learnt refused."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.errors import DataError
from model.heads import HeadSpec, Held
from model.labels import load_labels, shipped
from tests.matters import CELLS, TEXTS
from training.config import TrainConfig
from training.dataset import Labelled, read_labelled
from training.findings import Finding, Kind, Place, data_section
from training.fit import fit_bundle, train
from training.suspects import suspects


def write(path: Path, **columns: Sequence[str]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def read(tmp_path: Path, labels: Sequence[str], texts: Sequence[str] = TEXTS, **more: Sequence[str]) -> Labelled:
    return read_labelled([write(tmp_path / "a.csv", text=texts, category=labels, **more)])


def of(data: Labelled, kind: Kind) -> list[Finding]:
    return [finding for finding in data.findings if finding.kind is kind]


def rows(finding: Finding) -> list[int]:
    return [cell.place.row for cell in finding.cells]


@pytest.mark.parametrize(
    "spelling",
    [
        "物流 配送",
        "物流配送 ",
        "　物流配送",
        "物流\u200b配送",
        "物流配送\ufeff",
        "物流\u00a0配送",
        "\u202a物流配送\u202c",
        "物流\x07配送",
    ],
)
def test_spellings_that_look_the_same_are_one_label(tmp_path: Path, spelling: str) -> None:
    labels = list(CELLS["category"])
    labels[3] = labels[7] = spelling
    data = read(tmp_path, labels)
    assert data.cells["category"] == CELLS["category"]
    (found,) = data.findings
    assert (found.kind, rows(found), found.likelier) == (Kind.SPELLING, [5, 9], "物流配送")


@pytest.mark.parametrize(
    ["one", "other"],
    [["會員權益", "会员权益"], ["ＶＩＰ服务", "VIP服务"], ["App故障", "APP故障"], ["cafe\u0301", "café"]],
)
def test_traditional_full_width_and_capital_spellings_are_one_label_as_most_rows_have_it(
    tmp_path: Path, one: str, other: str
) -> None:
    for rare, frequent in ((one, other), (other, one)):
        labels = ["别的"] * 30 + [frequent] * 20 + [rare] * 10
        data = read(tmp_path, labels)
        assert set(data.cells["category"]) == {"别的", frequent}
        assert rows(of(data, Kind.SPELLING)[0]) == list(range(52, 62))


def test_a_spelling_of_the_label_file_wins_and_words_in_latin_letters_keep_their_spaces(tmp_path: Path) -> None:
    data = read(tmp_path, ["物流 配送"] * 25 + ["物流配送"] * 5 + ["late parcel"] * 20 + ["lateparcel"] * 10)
    assert list(dict.fromkeys(data.cells["category"])) == ["物流配送", "late parcel", "lateparcel"]


def test_a_full_width_bar_separates_labels_and_each_is_mended(tmp_path: Path) -> None:
    labels = list(CELLS["category"])
    labels[:20] = ["物流配送 ｜ 服务 质量"] * 20
    assert read(tmp_path, labels).cells["category"][0] == "物流配送|服务质量"


@pytest.mark.parametrize("rare", ["物流配关", "物流送配", "物流配配送", "物流配送。", "物流、配送"])
def test_a_likely_slip_of_the_pen_is_told_and_not_merged(tmp_path: Path, rare: str) -> None:
    labels = list(CELLS["category"])
    labels[4] = rare
    data = read(tmp_path, labels)
    assert data.cells["category"][4] == rare
    (found,) = of(data, Kind.ALIKE)
    assert (rows(found), found.likelier) == ([6], "物流配送")


def test_labels_that_differ_on_purpose_are_left_in_peace(tmp_path: Path) -> None:
    pairs = (
        ("三级投诉", "四级投诉"),
        ("已退款项", "未退款项"),
        ("正面", "负面"),
        ("物流部", "物流部二"),
        ("A1线路", "A2线路"),
    )
    for one, other in pairs:
        data = read(tmp_path, [one] * 2 + [other] * 58)
        assert of(data, Kind.ALIKE) == []
    assert of(read(tmp_path, ["投诉质量"] * 30 + ["投诉数量"] * 30), Kind.ALIKE) == []


def test_empty_words_joined_labels_and_few_rows_are_told(tmp_path: Path) -> None:
    labels = list(CELLS["category"])
    labels[0], labels[21], labels[22] = "nan", "物流配送、服务质量", "#N/A"
    data = read(tmp_path, labels)
    assert [rows(found) for found in of(data, Kind.ALIKE)] == [[2], [24]]
    assert [found.likelier for found in of(data, Kind.SEVERAL)] == ["物流配送|服务质量"]
    assert sorted(rows(found) for found in of(data, Kind.FEW)) == [[2], [23], [24]]
    assert "只有 1 行" in of(data, Kind.FEW)[0].line()


def test_a_few_cells_with_a_bar_make_the_whole_column_several_and_that_is_told(tmp_path: Path) -> None:
    labels = list(CELLS["category"])
    labels[9] = "物流配送|服务质量"
    (found,) = of(read(tmp_path, labels), Kind.SEVERAL)
    assert rows(found) == [11]
    assert "含“|”" in found.said


def test_conflicting_copies_are_named_with_all_their_rows_and_what_was_kept(tmp_path: Path) -> None:
    first = write(tmp_path / "一月.csv", text=[*TEXTS, "快遞慢"], category=[*CELLS["category"], "物流配送"])
    second = write(tmp_path / "二月.csv", text=["快递慢", "快 递 慢", "快递慢 "], category=["服务质量", "", "服务质量"])
    data = read_labelled([first, second])
    (found,) = of(data, Kind.CONFLICT)
    assert [(cell.place, cell.label) for cell in found.cells] == [
        (Place("一月.csv", 62), "物流配送"),
        (Place("二月.csv", 2), "服务质量"),
        (Place("二月.csv", 4), "服务质量"),
    ]
    assert "按“服务质量”学习" in found.said
    assert data.cells["category"][-2:] == ["服务质量", ""]


def test_copies_that_agree_but_for_spelling_or_order_are_no_conflict(tmp_path: Path) -> None:
    texts = [*TEXTS, "慢而且凶", "慢而且凶", TEXTS[0]]
    data = read(tmp_path, [*CELLS["category"], "物流配送|服务质量", "服务质量|物流配送", " 物流配送"], texts)
    assert of(data, Kind.CONFLICT) == []


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    one = write(tmp_path / "a.csv", text=TEXTS, category=CELLS["category"])
    two = write(tmp_path / "b" / "a.csv", text=["", TEXTS[0]], category=["物流配送", "服务质量"])
    data = read_labelled([one, two])
    assert of(data, Kind.BLANK)[0].cells[0].place == Place(str(two), 2)
    assert [cell.place.file for cell in of(data, Kind.CONFLICT)[0].cells] == [str(one), str(two)]


@pytest.mark.parametrize(
    ["bad", "said"],
    [
        [["13800001111"] * 60, "holds numbers or ids"],
        [[f"GD-2026-{n}" for n in range(60)], "holds numbers or ids"],
        [[f"2026年1月{n % 28 + 1}日 上午9点" for n in range(60)], "holds numbers or ids"],
        [["退款", "换货"] * 30, "holds 2 short values"],
    ],
)
def test_a_text_column_without_texts_is_refused_with_the_columns_that_read_like_text(
    tmp_path: Path, bad: list[str], said: str
) -> None:
    path = write(tmp_path / "a.csv", text=bad, 经过=TEXTS, category=CELLS["category"])
    with pytest.raises(DataError, match=rf"'text' of a.csv {said}.*经过"):
        read_labelled([path])


def test_without_a_text_column_the_one_that_reads_like_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.csv has no text column .*rename '经过'"):
        read_labelled([write(tmp_path / "a.csv", 经过=TEXTS, 单号=[str(n) for n in range(60)], 类型=CELLS["category"])])


def test_without_a_label_column_those_that_look_like_labels_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--head .*these look like labels: 线路"):
        read_labelled([write(tmp_path / "a.csv", text=TEXTS, 线路=CELLS["category"], 备注=[t[::-1] for t in TEXTS])])


def test_short_and_odd_texts_are_texts(tmp_path: Path) -> None:
    odd = ["差", "😡😡", "!!!", "等了3天", "paid 2 times", "垃圾"] * 10
    texts = [f"{text}{'！' * (n // 6)}" for n, text in enumerate(odd)]
    assert len(read(tmp_path, CELLS["category"], texts).texts) == 60


FAULTS = {
    "empty": ([""] * 600, "has no label"),
    "constant": (["投诉"] * 600, "has only the label '投诉'"),
    "one by two spellings": (["投诉", "投 诉"] * 300, "has only the label '投诉'"),
    "an id": ([f"K{n}" for n in range(600)], "looks like an id"),
    "free text": ([f"打电话给第{n}位客户" for n in range(600)], "looks like an id"),
    "too many": ([f"K{n // 2}" for n in range(1200)], "labels, 500 are allowed"),
}


@pytest.mark.parametrize(["labels", "said"], FAULTS.values(), ids=FAULTS)
def test_a_head_that_cannot_be_learnt_is_left_out_or_refused_by_name(
    tmp_path: Path, labels: list[str], said: str
) -> None:
    texts = [f"{TEXTS[n % 60]}，这是第{n}次" for n in range(len(labels))]
    good = [CELLS["category"][n % 60] for n in range(len(labels))]
    both = write(tmp_path / "a.csv", text=texts, category=good, 部门=labels)
    data = read_labelled([both])
    assert list(data.cells) == ["category"]
    (found,) = of(data, Kind.LEFT_OUT)
    assert "“部门”" in found.said
    with pytest.raises(DataError, match=rf"'部门' .*{said}"):
        read_labelled([both], ["category", "部门"])
    with pytest.raises(DataError, match=rf"'部门' .*{said}"):
        read_labelled([write(tmp_path / "b.csv", text=texts, 部门=labels)])


def test_one_row_of_each_known_label_is_a_small_beginning_and_no_id(tmp_path: Path) -> None:
    sentiments = ["正面", "中性", "不满", "愤怒"]
    labels = ["服务质量", "产品质量", "售后服务", "价格费用", "物流配送", "虚假宣传", "系统账户", "隐私安全"]
    data = read(tmp_path, [*labels, *labels[:2]], TEXTS[:10], sentiment=(sentiments * 3)[:10])
    assert list(data.cells) == ["category", "sentiment"]


def test_a_head_of_a_label_file_needs_no_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", text=TEXTS, category=[""] * 60)
    assert read_labelled([path], ["category"], load_labels()).cells == {"category": [""] * 60}
    with pytest.raises(DataError, match="'category' has no label"):
        read_labelled([path], ["category"])


def test_one_label_in_ten_flipped_is_mostly_found() -> None:
    """Confident learning on the starter corpus: of as many rows as were flipped, the surest first, most are flips."""
    data = read_labelled(sorted(shipped("starter").glob("*.csv")), ["exposure_stage"])
    cells, random = list(data.cells["exposure_stage"]), np.random.default_rng(5)
    labels = sorted(set(cells))
    flipped = set(random.choice(len(cells), len(cells) // 10, replace=False).tolist())
    for row in flipped:
        cells[row] = labels[(labels.index(cells[row]) + int(random.integers(1, 3))) % 3]
    classifier = fit_bundle(replace(data, cells={"exposure_stage": cells}), TrainConfig()).classifier
    held, spec = classifier.held_["exposure_stage"], classifier.heads_[0]
    found = suspects(spec, held, data.places, most=len(flipped))
    where = {place: row for row, places in enumerate(data.places) for place in places}
    right = [where[finding.cells[0].place] in flipped for finding in found]
    assert np.mean(right) > 0.75
    assert np.mean(right[:50]) > 0.95
    sure = [finding.confidence or 0.0 for finding in found]
    assert sure == sorted(sure, reverse=True)
    told = suspects(spec, held, data.places)
    assert 0.5 * len(flipped) < len(told) < 1.5 * len(flipped)


def test_suspects_of_a_head_with_several_labels_name_what_is_missing_and_what_is_too_much() -> None:
    truth = np.zeros((60, 3), np.bool_)
    truth[np.arange(60), np.arange(60) % 3] = True
    chances = np.where(truth, 0.9, 0.1)
    chances[7] = (0.1, 0.9, 0.97)  # 乙 is given, 丙 is missing
    truth[20], chances[20] = (True, False, True), (0.02, 0.1, 0.9)  # 甲 is too much
    held = Held(np.arange(60), chances, truth, ())
    places = [(Place("a.csv", row + 2),) for row in range(60)]
    found = suspects(HeadSpec("类型", ("甲", "乙", "丙"), several=True), held, places)
    assert [(rows(one), one.cells[0].label, one.likelier) for one in found] == [
        ([22], "甲|丙", "丙"),
        ([9], "乙", "乙|丙"),
    ]


def test_labels_given_at_random_are_hard_and_not_wrong() -> None:
    random = np.random.default_rng(1)
    truth = np.eye(2, dtype=np.bool_)[random.integers(0, 2, 200)]
    sure = random.uniform(0.3, 0.7, 200)
    held = Held(np.arange(200), np.stack((sure, 1 - sure), 1), truth, ())
    places = [(Place("a.csv", row),) for row in range(200)]
    assert suspects(HeadSpec("类型", ("甲", "乙")), held, places) == []
    assert len(suspects(HeadSpec("类型", ("甲", "乙")), held, places, most=9)) == 9


def test_a_fit_of_few_rows_suspects_nobody() -> None:
    chances = np.tile([0.9, 0.1], (40, 1))
    truth = np.tile([False, True], (40, 1))
    places = [(Place("a.csv", row),) for row in range(40)]
    assert suspects(HeadSpec("类型", ("甲", "乙")), Held(np.arange(40), chances, truth, ()), places) == []


def test_training_on_bad_data_goes_on_and_tells_everything_in_the_bundle(tmp_path: Path) -> None:
    labels = [*CELLS["category"], "物流 配送", "=1+1", "服务质量", ""]
    texts = [*TEXTS, "快递还没到，急", "退一个东西", TEXTS[0], "  "]
    path = write(tmp_path / "投诉.csv", text=texts, category=labels, sentiment=["不满"] * 64)
    result = train([path], tmp_path / "out")
    kinds = {finding.kind for finding in result.findings}
    assert {Kind.BLANK, Kind.LEFT_OUT, Kind.SPELLING, Kind.FEW, Kind.CONFLICT} <= kinds
    report = (tmp_path / "out" / "data_report.csv").read_bytes()
    assert report.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(io.StringIO(report.decode("utf-8-sig"), newline="")))
    assert len(lines) == sum(max(len(finding.cells), 1) for finding in result.findings)
    assert {(line["文件"], line["行号"]) for line in lines if line["问题"] == Kind.CONFLICT} == {
        ("投诉.csv", "2"),
        ("投诉.csv", "64"),
    }
    assert [line["标签"] for line in lines if line["问题"] == Kind.FEW] == ["'=1+1"]
    card = json.loads((tmp_path / "out" / "card.json").read_text(encoding="utf-8"))
    assert [one["title"] for one in card["data"]] == [str(kind) for kind in Kind if kind in kinds]
    assert {"没有学习的标签列：1 处", "没有正文的行：1 处"} <= set(result.warnings)
    assert "投诉.csv 第 2、64 行" in "".join(result.warnings)
    assert not any(text in report.decode() for text in TEXTS)


def test_ten_lines_a_kind_are_printed_and_the_count(tmp_path: Path) -> None:
    labels = list(CELLS["category"])
    labels[:13] = [f"别的{chr(0x4E00 + 97 * n)}类" for n in range(13)]
    result = train([write(tmp_path / "a.csv", text=TEXTS, category=labels)], tmp_path / "out")
    few = [line for line in result.warnings if "行数太少" in line or "只有 1 行" in line]
    assert few[0] == "行数太少的标签：13 处"
    assert len(few) == 11
    assert any("另有 3 处，见 data_report.csv" in line for line in result.warnings)


def test_the_card_has_a_section_about_the_data(tmp_path: Path) -> None:
    texts, labels = [*TEXTS, "<b>" + TEXTS[0]], [*CELLS["category"], "<i>别的"]
    result = train([write(tmp_path / "a.csv", text=texts, category=labels)], tmp_path / "out")
    page = (tmp_path / "out" / "card.html").read_text(encoding="utf-8")
    assert data_section(result.card["data"]) in page
    assert "<h2>数据问题</h2>" in page
    assert "<i>别的" not in page
