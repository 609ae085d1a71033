"""A head that leans on another: words count by what the text is about, exactly, and only where that is worth it."""

from json import dumps, loads
from pathlib import Path

import numpy as np
import pytest

from model.bundle import Bundle, load_bundle
from model.classifier import ComplaintClassifier
from model.errors import BundleError
from model.explain import character_weights
from model.leaning import fit_leanings, leanings_layout
from model.manifest import describe, restore
from training.card import figures_page
from training.evaluate import measure

ABOUT = {
    "书": ("这本书", "纸张", "这套书"),
    "水果": ("这箱橙子", "果肉", "这袋梨"),
    "电脑": ("这台电脑", "机身", "屏幕"),
}
PRAISED = {"书": ["厚", "重", "实"], "水果": ["大", "甜", "水"], "电脑": ["薄", "轻", "快"]}
BLAMED = {"书": ["薄", "轻", "水"], "水果": ["小", "酸", "实"], "电脑": ["厚", "重", "慢"]}


def rows(count: int, seed: int) -> tuple[list[str], dict[str, list[str]]]:
    """Texts in which 轻, 厚, 水 and others praise one product and blame another."""
    random = np.random.default_rng(seed)
    texts, products, moods = [], [], []
    for _ in range(count):
        product = str(random.choice(list(ABOUT)))
        mood = str(random.choice(["好", "差"]))
        words = (PRAISED if mood == "好" else BLAMED)[product]
        word = str(random.choice(words))
        tail = "".join(random.choice(list("昨天上午收到打开看了一下用着"), 6))
        texts.append(f"{random.choice(ABOUT[product])}{tail}真{word}啊")
        products.append(product)
        moods.append(mood)
    return texts, {"mood": moods, "product": products}


@pytest.fixture(scope="module")
def fitted() -> ComplaintClassifier:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.leaning.PLENTY", 300)
        return ComplaintClassifier().fit(*rows(900, 1))


def right(classifier: ComplaintClassifier, head: str) -> float:
    texts, truth = rows(400, 2)
    spec = next(one for one in classifier.heads_ if one.name == head)
    said = classifier.predict_proba(texts)[head].argmax(1)
    return float(np.mean([spec.labels[at] == label for at, label in zip(said.tolist(), truth[head], strict=True)]))


def test_a_word_that_praises_one_product_and_blames_another_is_read_by_the_product(fitted: ComplaintClassifier) -> None:
    plain = ComplaintClassifier().fit(*rows(900, 1))  # too few rows to lean
    assert (fitted.leanings_, plain.leanings_) == (((0, 1),), ())
    assert right(fitted, "mood") > right(plain, "mood") + 0.05
    assert right(fitted, "product") == right(plain, "product")


def test_the_figures_say_what_a_head_leans_on(fitted: ComplaintClassifier) -> None:
    texts, labels = rows(200, 5)
    figures = measure(Bundle(fitted), texts, labels)
    assert figures["mood"]["leans_on"] == "product"
    assert "leans_on" not in figures["product"]
    assert "<dd>product</dd>" in figures_page("", "", figures)


def test_heads_that_gain_nothing_do_not_lean() -> None:
    texts, labels = rows(900, 1)
    labels["mood"] = ["好" if "看" in text else "差" for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.leaning.PLENTY", 300)
        assert ComplaintClassifier().fit(texts, labels).leanings_ == ()


def test_a_saved_bundle_leans_as_the_fitted_one_did(fitted: ComplaintClassifier, tmp_path: Path) -> None:
    Bundle(fitted).save(tmp_path / "bundle")
    texts, _ = rows(100, 3)
    before, after = fitted.predict_proba(texts), load_bundle(tmp_path / "bundle").predict_proba(texts)
    assert all(before[head].tobytes() == after[head].tobytes() for head in before)


def test_the_weights_of_the_characters_add_up_to_the_score_of_a_leaning_head(fitted: ComplaintClassifier) -> None:
    bundle = Bundle(fitted)
    for text in rows(20, 4)[0]:
        scores, _ = fitted.score([text])
        side = 1 if bundle.predict_proba([text])["mood"][0, 1] > 0.5 else -1
        weights = character_weights(bundle, text, "mood")
        assert weights.sum() == pytest.approx(side * (scores[0, 0] - fitted.bias_[0]))


def test_rows_without_the_other_heads_label_are_learnt_with_the_one_their_text_tells() -> None:
    texts, labels = rows(1200, 1)
    labels["product"] = [label if at % 3 else "" for at, label in enumerate(labels["product"])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.leaning.PLENTY", 300)
        found = ComplaintClassifier().fit(texts, labels)
    assert found.leanings_ == ((0, 1),)
    assert right(found, "mood") > 0.9


@pytest.mark.parametrize("pair", [[0, 0], [0, 2], [-1, 1]])
def test_a_bundle_whose_heads_lean_on_nothing_is_refused(fitted: ComplaintClassifier, pair: list[int]) -> None:
    manifest, arrays = describe(fitted, "")
    manifest = loads(dumps(manifest)) | {"leanings": [pair]}
    with pytest.raises(BundleError, match="leans on one that is not there"):
        restore(manifest, arrays, "it")


def test_sets_that_would_cost_too_much_are_not_tried(fitted: ComplaintClassifier) -> None:
    assert leanings_layout(fitted.heads_, fitted.leanings_).tolist() == [[0, 1, 1, 3, 5]]
    texts, labels = rows(900, 1)
    labels["mood"] = [f"{label}{at % 6}" for at, label in enumerate(labels["mood"])]  # 12 labels x 3 sets: 36 outputs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model.leaning.PLENTY", 300)
        assert ComplaintClassifier().fit(texts, labels).leanings_ == ()
    assert fit_leanings([], [], fitted.vocabulary_.matrix([]), np.empty(0, np.int64), {}, []) == []
