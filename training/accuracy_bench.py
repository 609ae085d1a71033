"""Accuracy beside what a user would pick instead, on the same rows in one run; peers need the extra `bench`."""

from collections.abc import Sequence
from csv import DictReader
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import numpy as np

from model.bundle import Bundle
from model.errors import DataError
from training.config import TrainConfig
from training.dataset import Labelled
from training.evaluate import measure
from training.fit import fit_bundle

__all__ = ["TASKS", "accuracy_bench", "read_task"]

TASKS = {
    "messages": ("gov_messages_train.csv", "category"),
    "product": ("shop_reviews_train.csv", "product"),
    "sentiment": ("shop_reviews_train.csv", "sentiment"),
    "emotion": ("weibo_emotion_train.csv", "emotion"),
}
_Rows = tuple[list[str], list[str]]


def accuracy_bench(data: Path, tasks: Sequence[str] = tuple(TASKS)) -> dict[str, dict[str, float]]:
    """Print a table and return, for each task, our and the peer's macro-F1 on one in five texts by hash.

    The peer is characters 1-3 tf-idf with a linear SVC in scikit-learn, the strongest of those in common use.
    """
    print(
        f"{'task':12}{'train':>8}{'test':>7}{'kesu F1':>10}{'peer F1':>10}{'gain':>8}{'ECE':>8}{'floor':>8}{'fit s':>8}"
    )
    results = {}
    for task in tasks:
        (texts, labels), (unseen, truth) = read_task(data, task)
        started = perf_counter()
        bundle = _fit(texts, labels)
        took = perf_counter() - started
        ours = measure(bundle, unseen, {"label": truth})["label"]
        peer = _peer(texts, labels, unseen, truth)
        gain = ours["macro_f1"] - peer
        print(
            f"{task:12}{len(texts):8}{len(unseen):7}{ours['macro_f1']:10.4f}{peer:10.4f}{gain:+8.4f}"
            f"{ours['ece']:8.4f}{ours['ece_floor']:8.4f}{took:8.1f}",
            flush=True,
        )
        results[task] = {
            "macro_f1": ours["macro_f1"],
            "accuracy": ours["accuracy"],
            "peer_macro_f1": peer,
            "ece": ours["ece"],
            "ece_floor": ours["ece_floor"],
            "coverage_95": ours["coverage"]["0.95"],
        }
    worst = min(one["macro_f1"] - one["peer_macro_f1"] for one in results.values())
    print(f"smallest gain over characters 1-3 + linear SVC: {100 * worst:+.2f} points of macro-F1")
    return results


def read_task(data: Path, task: str) -> tuple[_Rows, _Rows]:
    """Texts and labels to train on and to test on: one text in five, by hash, without repeats."""
    name, head = TASKS[task]
    try:
        with (data / name).open(encoding="utf-8-sig", newline="") as file:
            rows = {row["text"]: row[head] for row in reversed(list(DictReader(file))) if row["text"]}
    except OSError as error:
        raise DataError(f"{data / name} cannot be read ({error}): name the folder with the measuring data.") from error
    sides: tuple[_Rows, _Rows] = ([], []), ([], [])
    for text in reversed(rows):
        side = sides[int(sha256(text.encode()).hexdigest(), 16) % 5 == 0]
        side[0].append(text)
        side[1].append(rows[text])
    return sides


def _fit(texts: list[str], labels: list[str]) -> Bundle:
    return fit_bundle(Labelled(texts, {"label": labels}, None, 0, []), TrainConfig())


def _peer(texts: list[str], labels: list[str], unseen: list[str], truth: list[str]) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    order = np.random.default_rng(0).permutation(len(texts)).tolist()
    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    peer = make_pipeline(features, LinearSVC(C=0.5)).fit([texts[at] for at in order], [labels[at] for at in order])
    return float(f1_score(truth, peer.predict(unseen), average="macro"))
