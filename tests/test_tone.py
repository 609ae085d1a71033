"""The tone of a complaint: negation, rhetoric, irony and questions on the scale of sentiment, on pairs of our own."""

from collections import Counter
from csv import DictReader
from io import StringIO
from pathlib import Path
from random import Random

import numpy as np
import pytest
from scipy.stats import kendalltau

from model.bundle import Bundle
from model.classifier import ComplaintClassifier
from model.columns import decide_columns
from model.features import join_codes
from model.heads import HeadSpec
from model.linear import Recipe
from model.phrases import read_phrases
from model.text import normalise
from model.tone import SCALE, move_tone, tone_of
from training.card import card_files
from training.evaluate import measure, ranks
from training.marked_bench import read_pairs, sides_right

HERE = Path(__file__).parent
STARTED = [
    row
    for path in sorted((HERE.parent / "data" / "starter").glob("*.csv"))
    for row in DictReader(StringIO(path.read_text(encoding="utf-8")))
]
TEXTS, MOODS = [row["text"] for row in STARTED], [row["sentiment"] for row in STARTED]
PAIRS = read_pairs()
SIDES = [row[side] for row in PAIRS for side in ("text_a", "text_b")]
MEANT = [row[side] for row in PAIRS for side in ("label_a", "label_b")]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    cells = {"sentiment": MOODS, "mood": ["好" if mood == "正面" else "差" for mood in MOODS]}
    recipes = dict.fromkeys(cells, (Recipe(1.0, 0.1),))
    return Bundle(ComplaintClassifier(folds=2, recipes=recipes).fit(TEXTS, cells, {"sentiment": SCALE}))


def pairs_right(bundle: Bundle, toned: bool, which: str) -> float:
    """The share of pairs of a set of which both sides get their label."""
    mine = [pair for pair in PAIRS if pair["set"] == which]
    return float(sides_right(bundle, mine, toned).all(1).mean())


def test_minimal_pairs_are_read_by_their_construction_and_not_by_their_words(bundle: Bundle) -> None:
    assert len(PAIRS) >= 200
    assert set(MEANT) == set(SCALE)
    assert pairs_right(bundle, True, "shaped") >= 0.8
    assert pairs_right(bundle, True, "last") >= pairs_right(bundle, False, "last") + 0.3


def test_pairs_by_somebody_who_never_saw_the_grammar_are_read_better_than_by_the_model_alone(bundle: Bundle) -> None:
    assert sum(row["set"] == "others" for row in PAIRS) == 130
    assert pairs_right(bundle, True, "others") >= pairs_right(bundle, False, "others") + 0.1


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("不是不满意", "praise"),
        ("不得不说很满意", "praise"),
        ("谁说不好用", "praise"),
        ("没有一次让我失望", "praise"),
        ("没有一次让我满意", "blame"),
        ("再也不买了", "blame"),
        ("再也不用排队了", "praise"),
        ("没少投诉", "blame"),
        ("难道不是你们的错吗？", "rage"),
        ("真是“贴心”，半夜打电话推销", "irony"),
        ("真是「貼心」，半夜打電話推銷", "irony"),
        ("好得很，又放我鸽子", "irony"),
        ("疗效好得很", "praise"),
        ("可真有你们的", "irony"),
        ("能不能再慢点", "irony"),
        ("请问什么时候发货", "ask"),
        ("如果不满意可以退吗", "ask"),
        ("虽然贵了点，但是很满意", "praise"),
        ("虽然很便宜，但是不满意", "blame"),
    ],
)
def test_negation_rhetoric_and_irony(text: str, side: str) -> None:
    assert tone_of(text)[0].split()[0] == side


def test_a_text_without_a_construction_is_answered_as_it_was_learnt_to_the_bit(bundle: Bundle) -> None:
    silent = [text for text in TEXTS if tone_of(text)[0] == "none"]
    assert len(silent) > 100
    plain = bundle.classifier.predict_proba(silent, toned=False)
    assert bundle.predict_proba(silent)["sentiment"].tobytes() == plain["sentiment"].tobytes()
    moved = bundle.predict_proba(SIDES)["sentiment"]
    assert (moved != bundle.classifier.predict_proba(SIDES, toned=False)["sentiment"]).any(1).mean() > 0.8
    assert np.allclose(moved.sum(1), 1, atol=1e-12)


def test_only_a_head_with_the_four_labels_in_their_order_has_a_tone(bundle: Bundle) -> None:
    plain = bundle.classifier.predict_proba(SIDES, toned=False)["mood"]
    assert bundle.predict_proba(SIDES)["mood"].tobytes() == plain.tobytes()


def test_every_way_to_classify_says_the_same_and_a_text_is_moved_alike_in_any_batch(bundle: Bundle) -> None:
    texts = SIDES[:60] + TEXTS[:60]
    whole = bundle.predict_proba(texts)["sentiment"]
    column = decide_columns(bundle, texts)["sentiment"]
    assert column.confidence.tobytes() == whole.max(1).tobytes()
    labels = [prediction.heads["sentiment"].label for prediction in bundle.predict(texts)]
    assert (
        labels == [column.words[at] for at in column.which.tolist()] == [SCALE[at] for at in whole.argmax(1).tolist()]
    )

    def moved(batch: list[str]) -> bytes:
        scores = np.zeros((len(batch), 4))
        slope = np.full(4, 1.7)
        lengths = np.array([float(len(normalise(text))) for text in batch])
        heads, layout = [HeadSpec("sentiment", SCALE, ordered=True)], np.array([[0, 0, 0, 4]])
        move_tone(heads, layout, slope, np.zeros(4), 1.5, *join_codes(batch), lengths, scores)
        return scores.tobytes()

    assert b"".join(moved([text]) for text in texts) == moved(texts) != bytes(len(texts) * 32)


def test_the_explanation_shows_what_moved_the_label(bundle: Bundle) -> None:
    for text, words in (("真是“贴心”，下单十天了", "贴心"), ("合作五年，没有一次让我失望", "没有一次让我失望")):
        start, end, weight = bundle.predict([text], explain=True)[0].evidence["sentiment"][0]
        assert words in text[start:end]
        assert weight > 0


def test_hostile_texts_made_of_its_own_words_are_read_too(bundle: Bundle) -> None:
    random = Random(1)
    words = [part for kind in read_phrases("tone.tsv").values() for phrase in kind for part in phrase.split("|")]
    texts = [
        "".join(random.choices([*words, "，", "？", "！", "“", "”", "😀"], k=random.randrange(60))) for _ in range(2000)
    ]
    chances = bundle.predict_proba([text[: random.randrange(61)] for text in texts] + ["", "不" * 60, "但" * 60])
    assert np.isfinite(chances["sentiment"]).all()
    assert np.allclose(chances["sentiment"].sum(1), 1)


def test_no_level_holds_most_of_the_starter_corpus() -> None:
    counts = Counter(MOODS)
    assert set(counts) == set(SCALE)
    assert max(counts.values()) <= 0.7 * len(MOODS)


def test_rank_agreement_is_kendalls_tau_b_and_stands_on_the_card(bundle: Bundle) -> None:
    table = [[5, 2, 0, 1], [1, 4, 3, 0], [0, 2, 9, 2], [1, 0, 3, 6]]
    true = [row for row in range(4) for said in range(4) for _ in range(table[row][said])]
    said = [said for row in range(4) for said in range(4) for _ in range(table[row][said])]
    assert ranks(table)["rank_agreement"] == pytest.approx(kendalltau(true, said).statistic)
    assert ranks(table)["rank_distance"] == pytest.approx(np.abs(np.subtract(true, said)).mean())
    figures = measure(bundle, TEXTS[:300], {"sentiment": MOODS[:300], "mood": ["差"] * 300})
    assert 0 < figures["sentiment"]["rank_agreement"] <= 1
    assert "rank_agreement" not in figures["mood"]
    page = card_files({"rows": 300, "folded": 0, "held_out": 300, "by": "hash", "heads": figures})["card.html"].decode()
    assert page.count("Kendall") == 1
