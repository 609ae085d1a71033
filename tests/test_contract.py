"""The contract suite passes what keeps the contract and names what breaks it: each fault by the right check."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from model.bundle import Bundle, load_bundle
from model.checks import Check, Report, smallest
from model.classifier import ComplaintClassifier
from model.contract import (
    check_batch_invariance,
    check_classifier,
    check_closed_labels,
    check_empty_list,
    check_hostile,
    check_probabilities,
    check_restart,
    check_spans,
    check_threads,
    check_unchanged_input,
    check_views,
)
from model.hostile import COMPLAINTS, SPELLINGS, hostile_texts
from model.text import normalise
from tests.matters import CELLS, TEXTS

LABELS = ("物流", "服务", "费用")


class Good:
    """Keeps the contract: the chances of three labels by the code points of the normalised text."""

    one_view = True

    def __init__(self) -> None:
        self.heads: dict[str, Sequence[str]] = {"category": LABELS}

    def one(self, text: str) -> list[float]:
        raw = [1 + sum(ord(sign) % (7 + at) for sign in normalise(text)) for at in range(3)]
        return [value / sum(raw) for value in raw]

    def predict_proba(self, texts: list[str]) -> dict[str, Any]:
        return {"category": np.array([self.one(text) for text in texts]).reshape(-1, 3)}


class DependsOnTheBatch(Good):
    def predict_proba(self, texts: list[str]) -> dict[str, Any]:
        chances = super().predict_proba(texts)["category"] + 0.01 * len(texts)
        return {"category": chances / chances.sum(1, keepdims=True)}


class DependsOnTheOrder(Good):
    def predict_proba(self, texts: list[str]) -> dict[str, Any]:
        return {"category": np.sort(super().predict_proba(sorted(texts))["category"], 0)}


class Remembers(Good):
    asked = 0

    def one(self, text: str) -> list[float]:
        self.asked += 1
        return [0.5, 0.5, 0.0] if self.asked % 100 else [0.4, 0.6, 0.0]


class NanOnEmpty(Good):
    def one(self, text: str) -> list[float]:
        return super().one(text) if text else [float("nan")] * 3


class RaisesOnSurrogates(Good):
    def one(self, text: str) -> list[float]:
        return super().one(text.encode("utf-8").decode())


class OneColumnMore(Good):
    def predict_proba(self, texts: list[str]) -> dict[str, Any]:
        return {"category": np.full((len(texts), 4), 0.25)}


class UnknownLabelOnDigits(Good):
    def predict(self, texts: list[str]) -> list[Any]:
        label = ["未知" if any(sign.isdigit() for sign in text) else "物流" for text in texts]
        return [SimpleNamespace(heads={"category": SimpleNamespace(label=one)}) for one in label]


class UnknownLabelByHead(Good):
    def predict(self, texts: list[str]) -> dict[str, list[str]]:
        return {"category": ["其他"] * len(texts)}


class AnotherHead(Good):
    def predict_proba(self, texts: list[str]) -> dict[str, Any]:
        return super().predict_proba(texts) | {"mood": np.full((len(texts), 2), 0.5)}


class DoesNotSumToOne(Good):
    def one(self, text: str) -> list[float]:
        return [0.5, 0.5, 0.5] if "退" in text else [1.0, 0.0, 0.0]


class AboveOne(Good):
    def one(self, text: str) -> list[float]:
        return [1.5, -0.5, 0.0]


class RefusesAnEmptyList(Good):
    def predict_proba(self, texts: list[str]) -> dict[str, Any]:
        return {"category": np.array([self.one(text) for text in texts])}


class SharesABuffer(Good):
    """Not safe in threads: every call works in the same place."""

    def predict_proba(self, texts: list[str]) -> dict[str, Any]:
        self.texts = texts
        self.sums = [0, 0, 0]
        for text in self.texts:
            for sign in text:
                self.sums = [value + ord(sign) % (7 + at) for at, value in enumerate(self.sums)]
        chances = np.array([self.one(text) for text in self.texts]) * 0.5 + np.array(self.sums) / sum(self.sums) * 0.5
        return {"category": chances.reshape(-1, 3)}


class SortsItsInput(Good):
    def predict_proba(self, texts: list[str]) -> dict[str, Any]:
        answer = super().predict_proba(texts)
        texts.sort()
        return answer


class HandsOutItsMemory(Good):
    def __init__(self) -> None:
        super().__init__()
        self.memory: dict[tuple[str, ...], Any] = {}

    def predict_proba(self, texts: list[str]) -> dict[str, Any]:
        return self.memory.setdefault(tuple(texts), super().predict_proba(texts))


class ReadsTraditionalOtherwise(Good):
    def one(self, text: str) -> list[float]:
        return [0.2, 0.3, 0.5] if any(sign in text for sign in "遞貨錢發車務") else [0.5, 0.3, 0.2]


class ForgetsAfterARestart(Good):
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | {"one": lambda text: [1.0, 0.0, 0.0]}


class SpansBeyondTheText(Good):
    def predict(self, texts: list[str]) -> list[Any]:
        parts = [[SimpleNamespace(start=0, end=len(normalise(text)) + text.count("\u200b"))] for text in texts]
        return [SimpleNamespace(parts=mine, evidence={"category": [(0, 4, 1.0)]}) for mine in parts]


class PartsThatOverlap(Good):
    def predict(self, texts: list[str]) -> list[Any]:
        parts = [SimpleNamespace(start=0, end=2), SimpleNamespace(start=1, end=3)]
        return [SimpleNamespace(parts=parts if len(text) > 2 else parts[:0]) for text in texts]


def test_what_keeps_the_contract_passes() -> None:
    report = check_classifier(Good(), hostile=2_000)
    assert report.failures == ()
    report.raise_if_failed()
    assert [check.name for check in report.checks if check.passed is None] == ["spans"]


@pytest.mark.parametrize(
    ["broken", "check", "size"],
    [
        [DependsOnTheBatch(), check_batch_invariance, None],
        [DependsOnTheOrder(), check_batch_invariance, None],
        [Remembers(), check_batch_invariance, None],
        [NanOnEmpty(), check_hostile, 0],
        [RaisesOnSurrogates(), check_hostile, 1],
        [OneColumnMore(), check_closed_labels, 0],
        [UnknownLabelOnDigits(), check_hostile, 1],
        [UnknownLabelByHead(), check_closed_labels, 0],
        [AnotherHead(), check_closed_labels, 0],
        [DoesNotSumToOne(), check_probabilities, 1],
        [AboveOne(), check_probabilities, 0],
        [RefusesAnEmptyList(), check_empty_list, None],
        [SharesABuffer(), check_threads, None],
        [SortsItsInput(), check_unchanged_input, None],
        [HandsOutItsMemory(), check_unchanged_input, 0],
        [ReadsTraditionalOtherwise(), check_views, None],
        [ForgetsAfterARestart(), check_restart, None],
        [SpansBeyondTheText(), check_spans, 0],
        [PartsThatOverlap(), check_spans, None],
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Good) else "",
)
def test_what_breaks_it_is_named_by_the_right_check(broken: Good, check: Any, size: int | None) -> None:
    found: Check = check(broken)
    assert found.passed is False
    if size is not None:  # characters of the smallest example
        assert len(found.example) == 1
        assert len(found.example[0]) == size
    assert 0 < len(found.said) < 300


def test_a_broken_classifier_is_reported_and_nothing_is_raised() -> None:
    class Hopeless(Good):
        def predict_proba(self, texts: list[str]) -> dict[str, Any]:
            raise RuntimeError("no model")

    report = check_classifier(Hopeless(), hostile=100)
    assert {check.name for check in report.failures} >= {"closed labels", "probabilities", "threads", "hostile texts"}
    with pytest.raises(AssertionError, match="RuntimeError: no model"):
        report.raise_if_failed()
    assert len(repr(report).splitlines()) == len(report.checks)
    assert "<script" not in Report((Check("x", False, "it says <script>", ("<script>",)),))._repr_html_()


def test_a_race_of_two_threads_is_told_by_the_answer_that_changed() -> None:
    assert "instead of" in check_threads(SharesABuffer()).said


def test_the_smallest_example_is_small() -> None:
    long = ["好" * 400, "前面" * 50 + "坏" + "后面" * 300, "差" * 90]
    assert smallest(lambda some: any("坏" in text for text in some), long, tries=2_000) == ["坏"]
    two = smallest(lambda some: len(set(some)) > 1, [*"一二三四五六七八"])
    assert len(two) == 2


def test_the_check_of_views_is_only_for_who_declares_one() -> None:
    loud = ReadsTraditionalOtherwise()
    loud.one_view = False
    assert check_views(loud).passed is None
    assert check_views(loud, declared=True).passed is False
    for name, vary in SPELLINGS.items():
        assert any(vary(text) != text for text in COMPLAINTS), name
        assert [text for text in COMPLAINTS if normalise(vary(text)) != normalise(text)] == [], name


def test_what_cannot_be_pickled_needs_a_way_to_be_opened_again() -> None:
    shut = Good()
    shut.one = lambda text: [0.2, 0.3, 0.5]  # type: ignore[method-assign]
    assert check_restart(shut).passed is None
    assert check_restart(shut, reopen=lambda: shut).passed is True
    assert check_restart(shut, reopen=Good).passed is False


def test_our_bundle_keeps_the_contract_with_ten_thousand_hostile_texts(starter_bundle: Path) -> None:
    report = check_classifier(load_bundle(starter_bundle))
    report.raise_if_failed()
    assert [check.passed for check in report.checks] == [True] * len(report.checks)
    assert report.checks[-1].said == "10,000 texts"


def test_a_head_with_several_labels_need_not_sum_to_one() -> None:
    cells = ["物流配送|服务质量" if at % 7 == 0 else cell for at, cell in enumerate(CELLS["category"])]
    bundle = Bundle(ComplaintClassifier(folds=2).fit(TEXTS, {"category": cells}))
    assert check_probabilities(bundle).passed is True
    told = DoesNotSumToOne()
    told.several = ("category",)  # type: ignore[attr-defined]
    assert check_probabilities(told).passed is True


def test_hostile_texts_are_of_many_kinds_and_by_seed() -> None:
    texts = hostile_texts(10_000)
    assert len(texts) == 10_000
    assert len(set(texts)) == 10_000
    assert texts == hostile_texts(10_000)
    assert texts[-100:] != hostile_texts(10_000, seed=1)[-100:]
    assert max(map(len, texts)) > 20_000
    assert sum(not normalise(text) for text in texts) > 50
    assert sum("\ud800" <= sign <= "\udfff" for text in texts for sign in text) > 1_000
