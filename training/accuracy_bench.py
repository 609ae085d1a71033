"""Accuracy beside what a user would pick instead, on the same rows in one run; peers need the extra `bench`."""

from collections.abc import Callable, Sequence
from csv import DictReader
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from model.errors import DataError
from model.labels import SEPARATOR, split_cell
from training.config import TrainConfig
from training.dataset import Labelled
from training.evaluate import measure
from training.fit import fit_bundle
from training.peers import PEERS, fit_svc

__all__ = ["TASKS", "accuracy_bench", "peer_macro_f1", "read_task"]

TASKS = {
    "messages": ("gov_messages_train.csv", "category"),
    "product": ("shop_reviews_train.csv", "product"),
    "sentiment": ("shop_reviews_train.csv", "sentiment"),
    "emotion": ("weibo_emotion_train.csv", "emotion"),
    "opinions": ("car_opinions_multilabel.csv", "category"),
}
_Rows = tuple[list[str], list[str]]


def accuracy_bench(data: Path, tasks: Sequence[str] = tuple(TASKS), repeats: int = 500) -> dict[str, dict[str, float]]:
    """Print a table and return, for each task, our and every peer's macro-F1 on one in five texts by hash.

    One bundle is fitted a file, with the heads of all its tasks, as a user would; a peer knows one head. `opinions` has
    several labels a row: its figure is micro-F1, its peer one machine a label on characters 1-3. The interval is that
    of the gain over the best peer on `repeats` resamples of the test rows (paired bootstrap, 95 %).
    """
    results = {}
    for file in dict.fromkeys(TASKS[task][0] for task in tasks):
        mine = [task for task in tasks if TASKS[task][0] == file]
        read = {task: read_task(data, task) for task in mine}
        (texts, _), (unseen, _) = read[mine[0]]
        started = perf_counter()
        learnt = {TASKS[task][1]: read[task][0][1] for task in mine}
        bundle = fit_bundle(Labelled(texts, learnt, None, 0, []), TrainConfig())
        print(f"{file}: {len(texts)} rows to learn from, {len(unseen)} held out, ", end="")
        print(f"heads {', '.join(learnt)} fitted in {perf_counter() - started:.0f} s")
        measured = measure(bundle, unseen, {TASKS[task][1]: read[task][1][1] for task in mine})
        predicted = bundle.predict(unseen)
        for task in mine:
            head = TASKS[task][1]
            said = [SEPARATOR.join(one.heads[head].labels) for one in predicted]
            results[task] = _beside_peers(task, read[task], said, measured[head], repeats)
    worst = min(one["f1"] - one["best_peer_f1"] for one in results.values())
    print(f"smallest gain over the best peer of a task: {100 * worst:+.2f} points of F1")
    return results


def _beside_peers(
    task: str, rows: tuple[_Rows, _Rows], said: Sequence[str], ours: dict[str, Any], repeats: int
) -> dict[str, float]:
    (texts, labels), (unseen, truth) = rows
    figure, peers = (_micro_f1, _SEVERAL) if ours["several"] else (_macro_f1, PEERS)
    print(f"{task}, {'micro' if ours['several'] else 'macro'}-F1")
    answers = {name: list(fit(texts, labels)(unseen)) for name, fit in peers.items()}
    scores = {name: figure(truth, answer) for name, answer in answers.items()}
    best = max(scores, key=lambda name: scores[name])
    mine = figure(truth, said)
    low, high = _interval(truth, said, answers[best], figure, repeats)
    for name, score in scores.items():
        print(f"  {name:38}{score:8.4f}")
    print(f"  {'kesu':38}{mine:8.4f}   {100 * (mine - scores[best]):+.2f} points over {best}", end="")
    print(f" ({100 * low:+.2f} to {100 * high:+.2f})")
    cover = ours["coverage"]["0.95"]
    print(f"  ECE {ours['ece']:.4f} (floor {ours['ece_floor']:.4f}), 95 % right on {cover:.1%}", flush=True)
    return {
        "f1": mine,
        "best_peer_f1": scores[best],
        "gain_low": low,
        "gain_high": high,
        "accuracy": ours["accuracy"],
        "ece": ours["ece"],
        "ece_floor": ours["ece_floor"],
        "coverage_95": cover,
    } | {f"peer {name}": score for name, score in scores.items()}


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


def peer_macro_f1(texts: Sequence[str], labels: Sequence[str], unseen: Sequence[str], truth: Sequence[str]) -> float:
    """Macro-F1 on `unseen` of the strongest peer in common use, characters 1-3 with a linear SVC, fitted on `texts`."""
    return _macro_f1(truth, fit_svc(texts, labels)(unseen))


def _macro_f1(truth: Sequence[str], said: Sequence[str]) -> float:
    names = {label: at for at, label in enumerate(sorted({*truth, *said}))}
    table = np.zeros((len(names), len(names)))
    np.add.at(table, ([names[one] for one in truth], [names[one] for one in said]), 1)
    return float(np.mean(2 * np.diag(table) / np.maximum(table.sum(0) + table.sum(1), 1)))


def _micro_f1(truth: Sequence[str], said: Sequence[str]) -> float:
    pairs = [(set(split_cell(one)), set(split_cell(other))) for one, other in zip(truth, said, strict=True)]
    return (
        2 * sum(len(one & other) for one, other in pairs) / max(sum(len(one) + len(other) for one, other in pairs), 1)
    )


def _interval(
    truth: Sequence[str], said: Sequence[str], rival: Sequence[str], figure: Callable[..., float], repeats: int
) -> tuple[float, float]:
    random = np.random.default_rng(0)
    gains = []
    for _ in range(repeats):
        rows = random.integers(0, len(truth), len(truth)).tolist()
        some = [truth[at] for at in rows]
        gains.append(figure(some, [said[at] for at in rows]) - figure(some, [rival[at] for at in rows]))
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)


def _one_against_rest(texts: Sequence[str], cells: Sequence[str], best_too: bool) -> Any:
    """Characters 1-3 and a linear machine a label; with `best_too`, the best label where none is above 0."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    names = sorted({label for cell in cells for label in split_cell(cell)})
    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    matrix = features.fit_transform(texts)
    machines = [LinearSVC(C=0.5).fit(matrix, [name in split_cell(cell) for cell in cells]) for name in names]

    def answer(some: Sequence[str]) -> list[str]:
        scores = np.stack([machine.decision_function(features.transform(some)) for machine in machines], 1)
        said = scores > 0
        if best_too:
            said[np.arange(len(said)), scores.argmax(1)] = True
        return [SEPARATOR.join(name for name, one in zip(names, row, strict=True) if one) for row in said.tolist()]

    return answer


_SEVERAL = {
    "one against rest, characters 1-3 + SVC": lambda texts, cells: _one_against_rest(texts, cells, False),
    "the same, with the best label always": lambda texts, cells: _one_against_rest(texts, cells, True),
}
