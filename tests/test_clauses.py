"""One complaint, several matters: each with its clause; a single matter stays whole; one department leads."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.bundle import Bundle, Prediction, Verdict, load_bundle
from model.classifier import ComplaintClassifier
from model.clauses import Part, split_clauses
from model.complaint import Complaint
from model.errors import DataError
from model.exposure import judge_exposure
from model.lead import assign
from model.overlay import Overlay
from model.rule_file import read_rules_bytes
from serving.answers import answer_of
from tests.matters import CELLS, TEXTS
from training.several_bench import measure_parts, read_cases

BUNDLE = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, CELLS))
CASES = Path(__file__).parent / "several_cases.jsonl"
TWO = "快递太慢了三天没到，而且客服态度很差一直推诿"


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("快递慢而且客服态度差", ["快递慢", "而且客服态度差"]),
        ("快递慢，另外押金不退！", ["快递慢", "另外押金不退"]),
        ("客服态度差\n押金一直不退", ["客服态度差", "押金一直不退"]),
        ("快递丢了客服还骂人", ["快递丢了", "客服还骂人"]),
        ("我联系客服没有用", ["我联系客服没有用"]),
        ("1、快递慢。2、多扣了9.9元。", ["快递慢", "多扣了9.9元"]),
        ("（1）快递慢（2）客服差", ["快递慢", "客服差"]),
        ("一是包裹丢了二是没人理", ["一是包裹丢了", "二是没人理"]),
        ("快递三天没到，也没人送，谢谢！", ["快递三天没到", "也没人送，谢谢"]),
        ("慢", ["慢"]),
        ("。。。", ["。。。"]),
        ("好，快递三天没到", ["好，快递三天没到"]),
    ],
)
def test_clauses_end_at_marks_and_numbers_and_before_joining_words(text: str, clauses: list[str]) -> None:
    assert [text[start:end] for start, end in split_clauses(text)] == clauses


def test_two_matters_are_two_parts_with_their_departments() -> None:
    first, second = BUNDLE.predict([TWO])[0].parts
    assert (first.category, first.department) == ("物流配送", "物流部")
    assert (second.category, second.department) == ("服务质量", "客服部")
    assert TWO[first.start : first.end] == "快递太慢了三天没到"
    assert TWO[second.start : second.end].endswith("客服态度很差一直推诿")


@pytest.mark.parametrize("text", ["快递三天没到", "客服态度差，一直推诿，挂我电话", "慢", ""])
def test_one_matter_is_one_part_over_the_whole_text(text: str) -> None:
    verdicts = BUNDLE.predict([text])[0]
    category, department = verdicts.heads["category"].label, verdicts.heads["department"].label
    assert verdicts.parts == (Part(0, len(text), category, department),)
    assert assign(verdicts) == (verdicts.parts[0], ())


def test_parts_are_the_same_in_any_batch() -> None:
    texts = [TWO, "押金不退", "客服态度差。多扣费，押金一直不退"]
    together = BUNDLE.predict([*TEXTS, *texts])[-3:]
    assert [one.parts for one in together] == [BUNDLE.predict([text])[0].parts for text in texts]


def test_without_a_category_there_is_one_part_without_labels() -> None:
    bundle = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, {"mood": CELLS["sentiment"]}))
    said = bundle.predict(["快递慢，客服态度差"])[0]
    assert said.parts == (Part(0, 9, None, None),)
    assert assign(said) == (None, ())


@pytest.mark.parametrize(
    ("department", "category", "leads"),
    [
        (("客服部", True), ("物流配送", True), 1),
        (("客服部", False), ("服务质量", True), 1),
        (("客服部", False), None, 0),
    ],
)
def test_what_is_accepted_for_the_whole_leads_and_else_what_is_named_first(
    department: tuple[str, bool], category: tuple[str, bool] | None, leads: int
) -> None:
    parts = (Part(0, 3, "物流配送", "物流部"), Part(3, 10, "服务质量", "客服部"), Part(10, 14, "售后服务", "客服部"))
    heads = {"department": department} | ({"category": category} if category else {})
    said = Prediction(
        {name: Verdict(one, (one,), 0.9, sure, None, ()) for name, (one, sure) in heads.items()}, parts, ""
    )
    lead, beside = assign(said)
    assert lead is parts[leads]
    assert beside == (parts[:1] if leads else parts[1:])


def test_a_department_set_by_a_rule_leads() -> None:
    rules = read_rules_bytes('[[rule]]\nname = "垫付"\nmust = "推诿"\ndepartment = "财务部"\n'.encode(), "r.toml")
    about = Complaint("C-1", TWO, datetime(2026, 10, 14, tzinfo=UTC))
    lead, beside = assign(Overlay(rules, BUNDLE).apply(about, BUNDLE.predict([TWO])[0]))
    assert lead is not None
    assert lead.department == "财务部"
    assert "财务部" not in [part.department for part in beside]
    assert len(beside) == 1


def test_an_answer_names_the_leading_department_and_those_beside_it_with_their_clauses() -> None:
    about = Complaint("C-1", TWO, datetime(2026, 10, 14, tzinfo=UTC))
    answer = answer_of(about, BUNDLE.predict([TWO])[0], judge_exposure(TWO))
    (beside,) = answer["co_handling"]
    assert {answer["lead"]["department"], beside["department"]} == {"物流部", "客服部"}
    assert sorted([answer["lead"]["span"], beside["span"]]) == [part["span"] for part in answer["parts"]]
    without = answer_of(about, None, judge_exposure(TWO))
    assert (without["lead"], without["co_handling"]) == (None, [])


def test_matters_of_our_cases_are_found_and_single_ones_kept_whole(starter_bundle: Path) -> None:
    figures = measure_parts(load_bundle(starter_bundle), read_cases(CASES))
    assert figures["F1"] > 0.78
    assert figures["span F1"] > 0.75
    assert figures["kept whole"] > 0.85
    assert figures["lead"] > 0.65
    assert figures["beside F1"] > 0.52


def test_cases_of_which_nothing_is_found_measure_zero() -> None:
    case = {"text": "押金不退", "parts": [{"category": "新类", "department": "新部", "quote": "押金"}], "lead": "新部"}
    figures = measure_parts(BUNDLE, [case])
    assert figures.pop("kept whole") == 1.0
    assert set(figures.values()) == {0.0}


def test_a_case_that_quotes_other_words_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text(
        '{"text": "押金不退", "parts": [{"category": "a", "department": "b", "quote": "不还"}], "lead": "b"}'
    )
    with pytest.raises(DataError, match="line 1"):
        read_cases(tmp_path / "cases.jsonl")


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("快递慢，订单号2026110188765，客服态度差", ["快递慢", "客服态度差"]),
        ("快递慢，客服态度差，单号SF1234567890", ["快递慢", "客服态度差"]),
        ("扣了我1298元，快递慢", ["扣了我1298元", "快递慢"]),
        ("iPhone14ProMax坏了，客服不理人", ["iPhone14ProMax坏了", "客服不理人"]),
    ],
)
def test_a_number_with_its_name_is_no_clause_of_its_own(text: str, clauses: list[str]) -> None:
    assert [text[start:end] for start, end in split_clauses(text)] == clauses
