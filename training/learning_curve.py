"""How good a bundle is with few labels or none, beside what a user would pick instead, on the same labelled rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.classifier import Progress
from model.errors import DataError, SettingsError
from model.labels import SEPARATOR, HeadLabels, load_labels
from training.accuracy_bench import peer_macro_f1
from training.config import TrainConfig
from training.dataset import Labelled, held_out, read_labelled
from training.evaluate import measure
from training.fit import fit_bundle

__all__ = ["Curve", "Point", "curve_lines", "learning_curve", "read_sizes"]

_MOST = 100_000


@dataclass(frozen=True)
class Point:
    """One size of the curve: arrays over the seeds, of figures on the held-out texts.

    `rows` were labelled; macro-F1 of the bundle, of the bundle that has no other text, and of the peer, nan without a
    labelled row; the calibration error of the bundle and its sampling floor; what share it accepts, and what share of
    that is right, nan where nothing is accepted.
    """

    size: int
    rows: NDArray[np.float64]
    macro_f1: NDArray[np.float64]
    alone_f1: NDArray[np.float64]
    peer_f1: NDArray[np.float64]
    ece: NDArray[np.float64]
    ece_floor: NDArray[np.float64]
    accepted: NDArray[np.float64]
    precision: NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The points of a head's curve, how many texts there were, and macro-F1 of always saying its `commonest` label."""

    head: str
    labels: int
    texts: int
    held_out: int
    commonest: str
    always_f1: float
    points: list[Point]


def learning_curve(
    files: Sequence[Path | str],
    head: str | None = None,
    labels: Path | None = None,
    sizes: Sequence[int] = (0, 20, 50, 100),
    seeds: int = 5,
    progress: Progress | None = None,
) -> Curve:
    """Figures with so many labelled rows a label; one text in five is held out, the latest where texts have times.

    The bundle knows the labelled rows, the names of the labels and what a label file says of them, and the other texts
    without their labels. The peer is characters 1-3 with a linear support-vector machine, fitted on the labelled rows,
    which is all that it can use. Each of `seeds` is another choice of the labelled rows; a label with fewer gives all.
    `head` may be left out where there is one; `labels` is a label file. DataError for a head with several labels in a
    cell, for a label that the label file does not have, or when `head` must be named.
    """
    known = load_labels(labels)
    data = read_labelled(files, None if head is None else [head], known if labels is not None else None)
    if head is None and len(data.cells) > 1:
        raise DataError(f"There are several label columns ({', '.join(data.cells)}): name one with --head.")
    name, cells = next(iter(data.cells.items()))
    if any(SEPARATOR in cell for cell in cells):
        raise DataError(f"Head {name!r} has cells with several labels: choose one whose cells hold one label.")
    data = data.take(np.flatnonzero([bool(cell) for cell in cells]))
    there = sorted(set(data.cells[name]))
    if len(there) < 2:
        raise DataError(f"Head {name!r} has no labels to measure with: give rows of two or more labels.")
    described = known.get(name)
    strange = sorted(set(there) - set(described.labels if described is not None else ()))
    if labels is not None and strange:
        raise DataError(f"The rows have {strange[0]!r}, which is no label of [{name}] in {labels}: add it.")
    if described is None or strange:
        described = HeadLabels(name, name, tuple(there), False, {})
    test = held_out(data, 0.2)
    train, unseen = data.take(np.flatnonzero(~test)), data.take(np.flatnonzero(test))
    runs = [(size, seed) for size in sizes for seed in range(seeds if size else 1)]
    figures: dict[int, list[list[float]]] = {size: [] for size in sizes}
    for done, (size, seed) in enumerate(runs):
        if progress is not None:
            progress(done, len(runs), f"{size} labels a class")
        figures[size].append(_run(train, unseen, described, size, seed))
    truth = unseen.cells[name]
    most = max(there, key=data.cells[name].count)
    share = truth.count(most) / max(len(truth), 1)
    points = [Point(size, *np.array(rows).T) for size, rows in figures.items()]
    always = 2 * share / (1 + share) / len(set(truth))
    return Curve(name, len(there), len(train.texts), len(unseen.texts), most, always, points)


def read_sizes(said: str) -> list[int]:
    """Sizes as people type them; SettingsError for what is no whole number from 0 to 100,000.

    >>> read_sizes("0, 20,50")
    [0, 20, 50]
    """
    parts = [part.strip() for part in said.replace("，", ",").split(",")]
    if not all(part.isdecimal() and int(part) <= _MOST for part in parts):
        raise SettingsError(f"The sizes {said!r} must be whole numbers with commas between, such as 0,20,50,100.")
    return sorted({int(part) for part in parts})


def curve_lines(curve: Curve) -> list[tuple[str, ...]]:
    """The curve as a table of words, its header first: means over the seeds, ± one standard deviation."""
    lines: list[tuple[str, ...]] = [
        ("labels a class", "rows", "kesu", "alone", "SVC", "gain", "ECE (floor)", "accepted (right)")
    ]
    for point in curve.points:
        gain = 100 * (point.macro_f1 - point.peer_f1)
        some = point.precision[~np.isnan(point.precision)]
        right = f" ({some.mean():.1%})" if len(some) else ""
        lines.append(
            (
                str(point.size),
                f"{point.rows.mean():.0f}",
                *(_spread(one, ".3f") for one in (point.macro_f1, point.alone_f1, point.peer_f1)),
                _spread(gain, "+.1f"),
                f"{point.ece.mean():.3f} ({point.ece_floor.mean():.3f})",
                f"{point.accepted.mean():.1%}{right}",
            )
        )
    return lines


def _spread(values: NDArray[np.float64], form: str) -> str:
    if np.isnan(values).all():
        return "-"
    return f"{values.mean():{form}}" + (f" ± {values.std():{form.lstrip('+')}}" if len(values) > 1 else "")


def _run(train: Labelled, unseen: Labelled, head: HeadLabels, size: int, seed: int) -> list[float]:
    """The figures of a `Point` behind its size."""
    labels, truth = train.cells[head.name], unseen.cells[head.name]
    chosen = _choose(np.array(labels), size, seed)
    rows, picked = train.take(chosen), set(chosen.tolist())
    cells = [label if at in picked else "" for at, label in enumerate(labels)]
    both = []
    for data in (Labelled(train.texts, {head.name: cells}, None, 0, []), rows):
        bundle = fit_bundle(data, TrainConfig(), known={head.name: head})
        both.append(measure(bundle, unseen.texts, {head.name: truth})[head.name])
    ours, alone = both
    peer = peer_macro_f1(rows.texts, rows.cells[head.name], unseen.texts, truth) if len(chosen) else np.nan
    share, precision = ours["accepted"]["share"], ours["accepted"]["precision"]
    error = (ours["ece"], ours["ece_floor"])
    right = np.nan if precision is None else precision
    return [float(len(chosen)), ours["macro_f1"], alone["macro_f1"], peer, *error, share, right]


def _choose(labels: NDArray[np.str_], size: int, seed: int) -> NDArray[np.int64]:
    """Which rows have their label: `size` of each, by chance, in the order of the rows."""
    random = np.random.default_rng(seed)
    mine = [random.permutation(np.flatnonzero(labels == label))[:size] for label in np.unique(labels)]
    return np.sort(np.concatenate(mine))
