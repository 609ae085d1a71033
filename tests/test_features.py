"""The kernel counts as scikit-learn does, scores as the matrix says, and never cares about the batch."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.classifier import ComplaintClassifier
from model.features import Vocabulary, join_codes, warm, word_marks
from model.places import find_places, mark_words, room
from model.text import code_points, normalise
from tests.matters import CELLS, TEXTS

FITTED = ComplaintClassifier(folds=3).fit(TEXTS, CELLS)


def is_word(run: str) -> bool:
    """Whether the dictionary holds a run of characters, or its place by chance."""
    bits = np.zeros_like(word_marks())
    mark_words(*join_codes([run]), bits)
    return bool((bits & word_marks()).any())


def plain_features(text: str, grams: int) -> list[str]:
    """A text's features, spelt out the slow way."""
    seen = normalise(text)
    found = [seen[at : at + size] for size in range(1, grams + 1) for at in range(len(seen) - size + 1)]
    cut, start = [], 0
    while start < len(seen):
        fits = [size for size in (4, 3, 2) if len(seen) - start >= size and is_word(seen[start : start + size])]
        word = seen[start : start + (fits[0] if fits else 1)]
        cut.append(word)
        found += [f"word {word}"] + [f"opening {word}"] * (start < 20) + [f"closing {word}"] * (start >= len(seen) - 20)
        start += len(word)
    return found + [f"pair {one} {other}" for one, other in pairwise(cut)]


@pytest.mark.parametrize("grams", [1, 2, 3, 4])
def test_rows_have_the_geometry_of_tfidf(grams: int) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [*TEXTS, "慢慢慢慢慢，快递慢！快递慢！", "Ａpp 閃退"]
    found = [plain_features(text, grams) for text in texts]
    often = Counter(feature for one in found for feature in set(one))
    kept = [[f for f in one if often[f] >= (5 if f.startswith("pair") else 2)] for one in found]
    oracle = TfidfVectorizer(analyzer=list, sublinear_tf=True).fit_transform(kept)
    ours = Vocabulary.fit(texts, grams).matrix(texts)
    assert ours.shape == oracle.shape
    assert np.abs((ours @ ours.T - oracle @ oracle.T).toarray()).max() < 0.02


def test_scores_are_the_matrix_times_the_weights() -> None:
    texts = [*TEXTS, "快递慢" * 40, "没见过的话", "總結(jié) ＡＢＣ"]
    matrix = FITTED.vocabulary_.matrix(texts)
    weights = FITTED.weights_[:, 1 : 1 + len(FITTED.bias_)] * (FITTED.scale_ / FITTED.vocabulary_.idf[:, None] / 10)
    scores, _ = FITTED.score(texts)
    assert np.allclose(scores, matrix @ weights + FITTED.bias_, atol=1e-3)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=12))
def test_a_text_scores_the_same_in_any_batch(texts: list[str]) -> None:
    together, reads = FITTED.score([*texts, *TEXTS])
    for at, text in enumerate(texts):
        alone, read = FITTED.score([text])
        assert alone[0].tobytes() == together[at].tobytes()
        assert read[0].tobytes() == reads[at].tobytes()


def test_features_are_the_same_in_the_least_room_and_in_more() -> None:
    text = "快递太慢了客服态度也差得很还乱收费" * 4
    for size in range(1, len(text) + 1):
        found = []
        for more in (0, 500):
            places = np.empty(room(size, 2) + more, np.uint32)
            spans = np.empty((len(places), 2), np.int64)
            count = find_places(code_points(text[:size]), size, 2, word_marks(), places, spans)
            found.append((places[:count].tolist(), spans[:count].tolist()))
        assert found[0] == found[1]


def test_variants_of_a_sentence_score_alike() -> None:
    scores, _ = FITTED.score(["快递总是慢，ＡＰＰ", "快递總是慢,app", "  快\u200b递总(zǒng)是慢，App\n"])
    assert scores[0].tobytes() == scores[1].tobytes() == scores[2].tobytes()


def test_only_what_occurs_often_enough_is_kept() -> None:
    kept = Vocabulary.fit(["快递慢", "快递没到", "态度差"], grams=2)
    assert kept.size == len(kept.idf) == 6  # 快, 递, 快递, and 快递 as a word, in the opening and in the closing
    assert Vocabulary.fit(TEXTS, grams=3, most=40).size <= 40


def test_known_shares_tell_familiar_from_foreign() -> None:
    familiar, foreign = FITTED.vocabulary_.known_shares(["快递慢客服态度差", "photosynthesis in ferns"])
    assert familiar > 0.5 > foreign


def test_very_long_and_very_odd_texts_are_scored() -> None:
    odd = ["慢" * 300_000, "", "\ud800", "\x00" * 50, "\U0010ffff" * 9, "快递" * 30_000]
    scores, _ = FITTED.score(odd)
    assert np.isfinite(scores).all()
    assert scores[0].tobytes() == FITTED.score(["慢" * 100_000])[0][0].tobytes()


def test_warming_needs_no_bundle() -> None:
    warm()
