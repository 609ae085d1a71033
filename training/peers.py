"""What a user would pick instead: the linear classifiers and fastText that people write first, each one head."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from model.errors import SettingsError

__all__ = ["PEERS", "Answer", "fit_fasttext", "fit_svc"]

Answer = Callable[[Sequence[str]], Sequence[str]]


def fit_svc(texts: Sequence[str], labels: Sequence[str]) -> Answer:
    """Characters 1-3, sublinear tf-idf, and a linear support-vector machine: scikit-learn's, C = 0.5."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    return _pipeline(features, LinearSVC(C=0.5), texts, labels)


def fit_word_svc(texts: Sequence[str], labels: Sequence[str]) -> Answer:
    """Words and pairs of words by rjieba, and a linear support-vector machine."""
    from rjieba import cut
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    features = TfidfVectorizer(tokenizer=cut, token_pattern=None, min_df=2, ngram_range=(1, 2), sublinear_tf=True)
    return _pipeline(features, LinearSVC(C=0.5), texts, labels)


def fit_jieba(texts: Sequence[str], labels: Sequence[str]) -> Answer:
    """What most people write: jieba's words, tf-idf, logistic regression."""
    from jieba import initialize, lcut, setLogLevel
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    setLogLevel(60)
    initialize()
    words = TfidfVectorizer(tokenizer=lcut, token_pattern=None, min_df=2)
    return _pipeline(words, LogisticRegression(max_iter=500), texts, labels)


def fit_fasttext(texts: Sequence[str], labels: Sequence[str], epochs: int = 0) -> Answer:
    """fastText on characters, trigrams, 50 dimensions; `epochs` 0: ten on many rows, forty on few."""
    return _fasttext(texts, labels, list, 3, epochs)


def fit_word_fasttext(texts: Sequence[str], labels: Sequence[str]) -> Answer:
    """fastText on rjieba's words and pairs of words, 50 dimensions."""
    from rjieba import cut

    return _fasttext(texts, labels, cut, 2, 0)


PEERS: Mapping[str, Callable[[Sequence[str], Sequence[str]], Answer]] = {
    "jieba + logistic": fit_jieba,
    "words 1-2 + SVC": fit_word_svc,
    "characters 1-3 + SVC": fit_svc,
    "fastText, words": fit_word_fasttext,
    "fastText, characters": fit_fasttext,
}


def _pipeline(features: Any, machine: Any, texts: Sequence[str], labels: Sequence[str]) -> Answer:
    from sklearn.pipeline import make_pipeline

    order = np.random.default_rng(0).permutation(len(texts)).tolist()
    fitted = make_pipeline(features, machine).fit([texts[at] for at in order], [labels[at] for at in order])
    answer: Answer = fitted.predict
    return answer


def _fasttext(
    texts: Sequence[str], labels: Sequence[str], cut: Callable[[str], Sequence[str]], grams: int, epochs: int
) -> Answer:
    try:
        from fasttext import train_supervised
    except ImportError:
        raise SettingsError("fastText is missing: install the extra with `pip install 'kesu[bench]'`.") from None

    def line(text: str) -> str:
        return " ".join(cut(text)).replace("\n", " ")

    names = sorted(set(labels))
    few = len(texts) < 20_000
    order = np.random.default_rng(0).permutation(len(texts)).tolist()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.txt"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"__label__{names.index(labels[at])} {line(texts[at])}\n" for at in order)
        model = train_supervised(
            str(path), wordNgrams=grams, epoch=epochs or (40 if few else 10), lr=0.5 if few else 0.3, dim=50, thread=1,
            verbose=0,
        )  # fmt: skip
    return lambda some: [names[int(one[0][9:])] for one in model.predict([line(text) for text in some])[0]]
