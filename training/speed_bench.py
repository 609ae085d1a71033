"""Texts a second on one core, from raw strings, beside fastText and jieba in the same run; needs the extra `bench`.

Left out on both sides: reading files and starting up. Ours answers all heads, each peer one.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from model.bundle import load_bundle
from model.errors import SettingsError
from training.accuracy_bench import read_task
from training.config import TrainConfig
from training.dataset import Labelled
from training.fit import fit_bundle

__all__ = ["speed_bench"]

_ROUNDS = 5


def speed_bench(data: Path, texts: int = 10_000) -> dict[str, float]:
    """Print a table and return texts a second and ratios: all heads of a default bundle against one head of each peer.

    Pin the process to one core (`taskset -c 0`). Rounds of all systems alternate and the best of each counts, so that
    a noisy moment of the machine hits all of them alike.
    """
    (train, product), (unseen, _) = read_task(data, "product")
    (_, sentiment), _ = read_task(data, "sentiment")
    unseen = unseen[:texts]
    with TemporaryDirectory() as folder:
        data_ = Labelled(train, {"category": product, "sentiment": sentiment}, None, 0, [])
        fit_bundle(data_, TrainConfig()).save(Path(folder) / "bundle")
        started = perf_counter()
        bundle = load_bundle(Path(folder) / "bundle")
        load_s = perf_counter() - started
        fast, jieba = _fasttext(train, product, Path(folder)), _jieba(train, product)
    systems: list[tuple[str, Callable[[Sequence[str]], Any], int]] = [
        ("kesu, all heads, probabilities", bundle.predict_proba, len(unseen)),
        ("kesu, all heads, predictions with parts", bundle.predict, len(unseen)),
        ("fastText characters 1-3, one head", fast, len(unseen)),
        ("jieba + tf-idf + logistic, one head", jieba, 1000),
    ]
    best = dict.fromkeys((name for name, _, _ in systems), 0.0)
    for _ in range(_ROUNDS):
        for name, answer, count in systems:
            some = unseen[:count]
            started = perf_counter()
            answer(some)
            best[name] = max(best[name], len(some) / (perf_counter() - started))
    short = [text for text in unseen if 50 <= len(text) <= 66][:500]
    one_call, one_proba = _one_call(short, bundle.predict), _one_call(short, bundle.predict_proba)
    for name, rate in best.items():
        print(f"{name:42}{rate:12,.0f} texts/s")
    rates = list(best.values())
    print(f"{'one call of predict, about 58 characters':42}{one_call * 1e6:12.1f} µs")
    print(f"{'one call of predict_proba':42}{one_proba * 1e6:12.1f} µs")
    print(f"{'load of the bundle':42}{load_s * 1e3:12.1f} ms")
    print(
        f"all heads against fastText's one: {rates[0] / rates[2]:.2f} x; against jieba's: {rates[0] / rates[3]:.1f} x"
    )
    return {
        "texts_a_second": rates[0],
        "predictions_a_second": rates[1],
        "fasttext_ratio": rates[0] / rates[2],
        "jieba_ratio": rates[0] / rates[3],
        "one_call_s": one_call,
        "one_proba_s": one_proba,
        "load_s": load_s,
    }


def _one_call(texts: Sequence[str], answer: Callable[[Sequence[str]], Any]) -> float:
    """The median of three passes' mean seconds a call."""
    passes = []
    for _ in range(3):
        started = perf_counter()
        for text in texts:
            answer([text])
        passes.append((perf_counter() - started) / max(len(texts), 1))
    return sorted(passes)[1]


def _fasttext(texts: Sequence[str], labels: Sequence[str], folder: Path) -> Callable[[Sequence[str]], Any]:
    try:
        from fasttext import train_supervised
    except ImportError:
        raise SettingsError("fastText is missing: install the extra with `pip install 'kesu[bench]'`.") from None

    def line(text: str) -> str:
        return " ".join(text).replace("\n", " ")

    names = sorted(set(labels))
    path = folder / "fasttext.txt"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            f"__label__{names.index(label)} {line(text)}\n" for text, label in zip(texts, labels, strict=True)
        )
    model = train_supervised(str(path), wordNgrams=3, epoch=5, lr=0.3, dim=50, thread=1, verbose=0)
    return lambda some: model.predict([line(text) for text in some])


def _jieba(texts: Sequence[str], labels: Sequence[str]) -> Callable[[Sequence[str]], Any]:
    from jieba import initialize, lcut, setLogLevel
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    setLogLevel(60)
    initialize()
    words = TfidfVectorizer(tokenizer=lcut, token_pattern=None, min_df=2)
    pipeline = make_pipeline(words, LogisticRegression(max_iter=200)).fit(texts[::8], labels[::8])

    def answer(some: Sequence[str]) -> Any:
        return pipeline.predict(some)

    return answer
