"""How good a bundle is with few labels or none, beside what a user would pick instead, on the same labelled rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import DataError
from model.labels import SEPARATOR, HeadLabels, load_labels
from training.accuracy_bench import peer_macro_f1, read_task
from training.config import TrainConfig
from training.dataset import Labelled, held_out, read_labelled
from training.evaluate import measure
from training.fit import fit_bundle

__all__ = ["COUNTS", "bench_cold_start", "curve_of_file", "learning_curve"]

COUNTS = (0, 20, 50, 100)
_Rows = tuple[Sequence[str], Sequence[str]]
_FIGURES = ("macro_f1", "ece", "ece_floor")


def learning_curve(
    train: _Rows, test: _Rows, head: HeadLabels, seeds: int = 5, counts: Sequence[int] = COUNTS
) -> list[dict[str, Any]]:
    """Print a table and return its rows: macro-F1 and calibration on `test` with so many labels a class of `train`.

    `train` and `test` are texts and labels; `head` names the labels and may describe them. Three are beside each other:
    kesu with the labelled rows alone, kesu with all other texts of `train` too, without their labels, and the peer
    (characters 1-3 tf-idf with a linear SVC) with the labelled rows, which is all that it can use. Mean over `seeds`
    choices of the labelled rows; a label with fewer rows gives all it has. The extra `bench` holds the peer.
    """
    texts, labels = train
    unseen, truth = test
    most = max(sorted(set(labels)), key=list(labels).count)
    share = list(truth).count(most) / len(truth)
    print(f"{len(texts):,} texts to choose labelled ones from, {len(unseen):,} to test on, {len(set(labels))} labels")
    print(f"always {most!r}: macro-F1 {2 * share / (1 + share) / len(set(truth)):.3f}")
    print("rows: labelled rows alone; texts: all other texts too, without labels; peer: labelled rows, all it can use")
    print(f"{'labels':>6}{'rows':>7}{'rows F1':>10}{'texts F1':>10}{'peer F1':>10}{'gain':>8}", end="")
    print(f"{'rows ECE (floor)':>19}{'texts ECE (floor)':>19}{'texts accepted':>16}")
    found = []
    for count in counts:
        runs = [_run(texts, labels, unseen, truth, head, count, seed) for seed in range(seeds if count else 1)]
        mean = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
        found.append({"labels": count, **mean})
        print(f"{count:6}{mean['rows']:7.0f}{mean['rows_macro_f1']:10.3f}{mean['texts_macro_f1']:10.3f}", end="")
        if count:
            gain = 100 * (mean["texts_macro_f1"] - mean["peer_macro_f1"])
            print(f"{mean['peer_macro_f1']:10.3f}{gain:+8.1f}", end="")
        else:
            print(f"{'-':>10}{'-':>8}", end="")
        for side in ("rows", "texts"):
            print(f"{mean[f'{side}_ece']:12.3f} ({mean[f'{side}_ece_floor']:.3f})"[-19:].rjust(19), end="")
        print(f"{mean['texts_accepted']:16.1%}", flush=True)
    return found


def bench_cold_start(data: Path, task: str = "messages", seeds: int = 5) -> list[dict[str, Any]]:
    """The learning curve of a public task whose labels `bench_labels.toml` describes; one text in five is the test."""
    known = load_labels(Path(__file__).with_name("bench_labels.toml"))
    if task not in known:
        raise DataError(f"The task {task!r} has no described labels: choose {', '.join(known)}.")
    return learning_curve(*read_task(data, task), known[task], seeds)


def curve_of_file(
    files: Sequence[Path | str], head: str | None = None, labels: Path | None = None, seeds: int = 5
) -> list[dict[str, Any]]:
    """The learning curve of labelled files: one text in five is the test, the latest where texts have times.

    `head` may be left out where there is one; `labels` is a label file that describes its labels. DataError for a head
    with several labels in a cell, or when `head` must be named.
    """
    known = load_labels(labels)
    data = read_labelled(files, None if head is None else [head])
    if head is None and len(data.cells) > 1:
        raise DataError(f"There are several label columns ({', '.join(data.cells)}): name one with --head.")
    name, cells = next(iter(data.cells.items()))
    if any(SEPARATOR in cell for cell in cells):
        raise DataError(f"Head {name!r} has cells with several labels: choose one whose cells hold one label.")
    data = data.take(np.flatnonzero([bool(cell) for cell in cells]))
    test = held_out(data, 0.2)
    there = set(data.cells[name])
    described = known.get(name)
    if described is None or not there <= set(described.labels):
        described = HeadLabels(name, name, tuple(sorted(there)), False, {})
    train, unseen = data.take(np.flatnonzero(~test)), data.take(np.flatnonzero(test))
    return learning_curve((train.texts, train.cells[name]), (unseen.texts, unseen.cells[name]), described, seeds)


def _run(
    texts: Sequence[str],
    labels: Sequence[str],
    unseen: Sequence[str],
    truth: Sequence[str],
    head: HeadLabels,
    count: int,
    seed: int,
) -> dict[str, float]:
    chosen = _choose(np.array(labels), count, seed).tolist()
    rows = Labelled([texts[at] for at in chosen], {head.name: [labels[at] for at in chosen]}, None, 0, [])
    cells = [""] * len(texts)
    for at in chosen:
        cells[at] = labels[at]
    said: dict[str, float] = {"rows": len(chosen)}
    for side, data in (("rows", rows), ("texts", Labelled(list(texts), {head.name: cells}, None, 0, []))):
        figures = measure(fit_bundle(data, TrainConfig(), known={head.name: head}), unseen, {head.name: truth})
        said |= {f"{side}_{name}": figures[head.name][name] for name in _FIGURES}
        said[f"{side}_accepted"] = figures[head.name]["accepted"]["share"]
    said["peer_macro_f1"] = peer_macro_f1(rows.texts, rows.cells[head.name], unseen, truth) if chosen else 0.0
    return said


def _choose(labels: NDArray[np.str_], count: int, seed: int) -> NDArray[np.int64]:
    """Which rows have their label: `count` of each, by chance, in the order of the rows."""
    random = np.random.default_rng(seed)
    mine = [random.permutation(np.flatnonzero(labels == label))[:count] for label in np.unique(labels)]
    return np.sort(np.concatenate(mine))
