"""One complaint, several matters: each with its clause; a single matter stays whole."""

import pytest

from model.bundle import Bundle
from model.classifier import ComplaintClassifier
from model.clauses import Part, merge_clauses, split_clauses
from tests.matters import CELLS, TEXTS

BUNDLE = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, CELLS))


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("快递慢而且客服态度差", ["快递慢", "而且客服态度差"]),
        ("快递慢，另外押金不退！", ["快递慢", "另外押金不退"]),
        ("客服态度差\n押金一直不退", ["客服态度差", "押金一直不退"]),
        ("慢", ["慢"]),
        ("。。。", ["。。。"]),
        ("好，快递三天没到", ["好，快递三天没到"]),
    ],
)
def test_clauses_end_at_marks_and_before_joining_words(text: str, clauses: list[str]) -> None:
    assert [text[start:end] for start, end in split_clauses(text)] == clauses


def test_an_unsure_clause_belongs_to_the_one_before_it() -> None:
    spans = [(0, 2), (3, 5), (6, 8), (9, 12)]
    assert merge_clauses(spans, [-1, 4, -1, 1]) == [(0, 8, 4), (9, 12, 1)]
    assert merge_clauses(spans, [4, 4, 4, 4]) == [(0, 12, 4)]


def test_two_matters_are_two_parts_with_their_departments() -> None:
    text = "快递太慢了三天没到，而且客服态度很差一直推诿"
    first, second = BUNDLE.predict([text])[0].parts
    assert (first.category, first.department) == ("物流配送", "物流部")
    assert (second.category, second.department) == ("服务质量", "客服部")
    assert text[first.start : first.end] == "快递太慢了三天没到"
    assert text[second.start : second.end].endswith("客服态度很差一直推诿")


@pytest.mark.parametrize("text", ["快递三天没到", "客服态度差，一直推诿，挂我电话", "慢", ""])
def test_one_matter_is_one_part_over_the_whole_text(text: str) -> None:
    verdicts = BUNDLE.predict([text])[0]
    category, department = verdicts.heads["category"].label, verdicts.heads["department"].label
    assert verdicts.parts == (Part(0, len(text), category, department),)


def test_parts_are_the_same_in_any_batch() -> None:
    texts = ["快递太慢了三天没到，而且客服态度很差一直推诿", "押金不退", "客服态度差。多扣费，押金一直不退"]
    together = BUNDLE.predict([*TEXTS, *texts])[-3:]
    assert [one.parts for one in together] == [BUNDLE.predict([text])[0].parts for text in texts]


def test_without_a_category_there_is_one_part_without_labels() -> None:
    bundle = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, {"mood": CELLS["sentiment"]}))
    assert bundle.predict(["快递慢，客服态度差"])[0].parts == (Part(0, 9, None, None),)
