"""Heads come from the user's own label columns; what cannot be learnt is said, what is unknown is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.bundle import Bundle
from model.calibration import Reason
from model.classifier import ComplaintClassifier
from model.errors import DataError
from model.linear import quantise
from model.painted import paint
from tests.matters import CELLS, TEXTS

FITTED = ComplaintClassifier(folds=3).fit(TEXTS, CELLS, {"sentiment": ("正面", "中性", "不满", "愤怒")})
BUNDLE = Bundle(FITTED)


def test_new_complaints_find_their_matter() -> None:
    chances = BUNDLE.predict_proba(["快递一周没到，物流不更新", "客服态度恶劣，还推诿", "多扣费了，押金也不退"])[
        "category"
    ]
    labels = BUNDLE.heads["category"]
    assert [labels[at] for at in chances.argmax(1)] == ["物流配送", "服务质量", "价格费用"]
    assert np.allclose(chances.sum(1), 1)


def test_ordered_labels_keep_their_order() -> None:
    heads = {spec.name: spec for spec in FITTED.heads_}
    assert heads["sentiment"].labels == ("不满", "愤怒")
    assert heads["sentiment"].ordered
    assert not heads["category"].ordered


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300))
def test_a_label_is_always_a_known_one(text: str) -> None:
    verdicts = BUNDLE.predict([text])[0].heads
    for head, labels in BUNDLE.heads.items():
        verdict = verdicts[head]
        assert verdict.label in labels
        assert 0 <= verdict.confidence <= 1
        assert verdict.accepted == (verdict.reason is None)
        assert verdict.label not in [label for label, _ in verdict.alternatives]


def test_what_is_foreign_or_too_short_is_not_accepted() -> None:
    foreign, short = BUNDLE.predict(["photosynthesis in tropical ferns", "慢"])
    assert foreign.heads["category"].reason is Reason.OUT_OF_SCOPE
    assert short.heads["category"].reason is Reason.TOO_SHORT


def test_a_head_with_one_label_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"'mood'.*only the label '平静'"):
        ComplaintClassifier().fit(TEXTS, {"mood": ["平静"] * 60})
    with pytest.raises(DataError, match=r"'mood'.*no label"):
        ComplaintClassifier().fit(TEXTS, {"mood": [""] * 60})


def test_a_label_with_one_row_is_named_and_the_fit_goes_on() -> None:
    cells = ["罕见", *CELLS["category"][1:]]
    fitted = ComplaintClassifier(folds=3).fit(TEXTS, {"category": cells})
    assert any("'罕见'" in warning and "1 row" in warning for warning in fitted.warnings_)
    assert "罕见" in fitted.heads_[0].labels


def test_an_empty_cell_leaves_the_row_out_of_that_head_only() -> None:
    cells = {**CELLS, "department": ["", *CELLS["department"][1:]]}
    fitted = ComplaintClassifier(folds=3).fit(TEXTS, cells)
    assert 0 not in fitted.held_["department"].rows
    assert 0 in fitted.held_["category"].rows


def test_a_head_of_several_labels_names_all_that_hold() -> None:
    both = [f"{one}，{other}" for one, other in zip(TEXTS[:20], TEXTS[20:40], strict=True)]
    cells = [*CELLS["category"], *["物流配送|服务质量"] * 20]
    fitted = Bundle(ComplaintClassifier(folds=3).fit([*TEXTS, *both], {"category": cells}))
    mixed, single = fitted.predict(["快递三天没到，客服态度还很差", "押金一直不退，多扣费"])
    assert set(mixed.heads["category"].labels) == {"物流配送", "服务质量"}
    assert single.heads["category"].labels == ("价格费用",)


def test_the_same_data_gives_the_same_weights() -> None:
    again = ComplaintClassifier(folds=3).fit(TEXTS, CELLS, {"sentiment": ("正面", "中性", "不满", "愤怒")})
    assert again.weights_.tobytes() == FITTED.weights_.tobytes()
    assert again.threshold_.tobytes() == FITTED.threshold_.tobytes()


def test_too_much_text_is_cut_evenly_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.classifier._CHARACTERS", 60 * 4)
    fitted = ComplaintClassifier(folds=3).fit(TEXTS, CELLS)
    assert any("first 4 characters" in warning for warning in fitted.warnings_)
    whole = ComplaintClassifier(folds=3).fit([text[:4] for text in TEXTS], CELLS)
    assert fitted.weights_.tobytes() == whole.weights_.tobytes()


def test_eight_bits_cost_less_than_a_hundredth_of_the_largest_weight() -> None:
    weights = np.random.default_rng(1).normal(size=(500, 3)).astype(np.float32)
    idf = np.linspace(1, 8, 500).astype(np.float32)
    rows, unit = quantise(weights, idf)
    full = weights * idf[:, None]
    assert np.abs(rows[:, 1:4] * unit / 10 - full).max() <= np.abs(full).max() / 200


def test_deleting_what_carried_a_decision_lowers_it() -> None:
    lowered = 0
    for text in TEXTS:
        verdict = BUNDLE.predict([text], explain=True)[0]
        kept = list(text)
        for start, end, weight in verdict.evidence["category"]:
            assert weight > 0
            kept[start:end] = " " * (end - start)
        place = BUNDLE.heads["category"].index(verdict.heads["category"].label)
        lowered += BUNDLE.predict_proba(["".join(kept)])["category"][0, place] < verdict.heads["category"].confidence
    assert lowered >= 0.9 * len(TEXTS)


def test_the_weights_of_all_characters_add_up_to_the_score() -> None:
    from model.explain import character_weights

    text = "　客服態度(dù)差，態度差"
    weights = character_weights(BUNDLE, text, "sentiment")
    scores, _ = FITTED.score([text])
    output = int(FITTED.layout_[2, 1])
    side = 1 if BUNDLE.predict([text])[0].heads["sentiment"].label == "愤怒" else -1
    assert weights.sum() == pytest.approx(side * (scores[0, output] - FITTED.bias_[output]))
    assert weights[0] == 0
    assert len(weights) == len(text)
    with pytest.raises(KeyError, match="no head 'mood'"):
        character_weights(BUNDLE, text, "mood")


def test_a_notebook_shows_each_character_in_the_colour_of_its_weight() -> None:
    painted = paint(BUNDLE, "<b>客服态度差", "category")
    page = painted._repr_html_()
    assert "<b>客服" not in page
    assert page.count("<span") == len(painted.text)
    strongest = int(painted.weights.argmax())
    assert f'/ 0.60)" title="{painted.weights[strongest]:+.3f}">{painted.text[strongest]}</span>' in page
    assert painted.label == BUNDLE.predict([painted.text])[0].heads["category"].label
    assert painted.text[strongest] in str(painted)
