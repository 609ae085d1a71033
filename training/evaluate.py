"""How good a bundle is on labelled complaints: figures a head, with what chance alone would do to them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.calibration import REASONS
from model.errors import DataError
from model.heads import HeadSpec
from model.labels import head_columns, split_cell
from model.table import Table
from training.card import figures_page
from training.review_load import interval, review_load, volume_of

__all__ = ["PRECISIONS", "coverage", "evaluate", "evaluation_page", "expected_error", "measure", "ranks"]

PRECISIONS = (0.9, 0.95, 0.98)
_BINS = 15
_SIMULATIONS = 100
_SEED = 20260101


def evaluate(bundle: Bundle, table: Table, per_day: float | None = None) -> dict[str, Any]:
    """Figures by head over the rows of `table` that have a label for it; DataError when no head has any.

    `per_day` is how many complaints come a day, for the review load; without it the rows' times say it, where they
    have any. A dictionary `{"model", "name", "rows", "heads": {head: figures}}`; `measure` says what the figures are.
    """
    table.require_text()
    columns = head_columns(table.columns)
    columns |= {head: head for head in bundle.heads if head in table.columns}
    shared = {head: column for head, column in columns.items() if head in bundle.heads}
    if not shared:
        raise DataError(
            f"{table.name} has no label column of the bundle's heads ({', '.join(bundle.heads)}): rename one to it."
        )
    rows = [row for row in table.rows if table.text(row)]
    cells = {head: [row.get(column, "") for row in rows] for head, column in shared.items()}
    per_day = per_day if per_day is not None else volume_of(table)
    heads = measure(bundle, [table.text(row) for row in rows], cells, per_day)
    return {"model": bundle.version, "name": table.name, "rows": len(rows), "heads": heads}


def evaluation_page(result: Mapping[str, Any]) -> str:
    """The page of an `evaluate` result: Chinese, one file, plots inline."""
    note = f"{result['name']}：{result['rows']} 条，模型 {result['model']}。"
    return figures_page("模型评估", note, result["heads"])


def measure(
    bundle: Bundle, texts: Sequence[str], cells: Mapping[str, Sequence[str]], per_day: float | None = None
) -> dict[str, Any]:
    """Figures by head; `cells` has one cell a text, empty where unknown; `per_day` complaints come a day.

    n, accuracy (of the best label; for a several-labels head the share of complaints with exactly the right set),
    macro_f1, micro_f1, per_class, ece, ece_floor, reliability, coverage, risk, accepted, load (`review_load`), reasons
    (how many are not accepted, and why), confusion, rank_agreement and rank_distance (`ranks`, of an ordered head),
    leans_on (the head by whose label this one weighs words, if any), and `unknown_labels` for those the bundle does not
    have: their rows count as wrong.
    """
    chances, reasons = bundle.predict_proba(texts), bundle.reasons(texts)
    specs = {spec.name: spec for spec in bundle.classifier.heads_}
    out = {}
    for head, column in cells.items():
        rows = np.flatnonzero([bool(split_cell(cell)) for cell in column])
        if len(rows):
            labels = [split_cell(column[row]) for row in rows.tolist()]
            out[head] = _figures(specs[head], chances[head][rows], labels, reasons[head][rows], per_day)
    every = bundle.classifier.heads_
    gates = {every[head].name: every[gate].name for head, gate in bundle.classifier.leanings_}
    return {head: {**figures, **({"leans_on": gates[head]} if head in gates else {})} for head, figures in out.items()}


def coverage(confidence: NDArray[np.float64], right: NDArray[np.bool_], precision: float) -> float:
    """The largest share of rows, surest first, of which at least `precision` are right.

    >>> coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, False]), 0.9)
    0.5
    """
    good = np.cumsum(right[np.argsort(-confidence, kind="stable")]) / np.arange(1, len(right) + 1)
    enough = np.flatnonzero(good >= precision)
    return float((enough[-1] + 1) / len(right)) if len(enough) else 0.0


def expected_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over 15 bins of equal width (Guo et al. 2017).

    >>> expected_error(np.array([0.5, 0.5]), np.array([True, False]))
    0.0
    """
    place = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    gap = np.bincount(place, right - confidence, _BINS)
    return float(np.abs(gap).sum() / max(len(right), 1))


def _floor(confidence: NDArray[np.float64]) -> float:
    """The error that a perfectly calibrated model of the same confidences shows on as many rows, by simulation."""
    random = np.random.default_rng(_SEED)
    drawn = [expected_error(confidence, random.random(len(confidence)) < confidence) for _ in range(_SIMULATIONS)]
    return float(np.mean(drawn))


def _figures(
    spec: HeadSpec,
    chances: NDArray[np.float64],
    truth: Sequence[tuple[str, ...]],
    reason: NDArray[np.int64],
    per_day: float | None,
) -> dict[str, Any]:
    labels, several = spec.labels, spec.several
    place = {label: at for at, label in enumerate(labels)}
    hits = np.zeros(chances.shape, np.bool_)
    strange: dict[str, int] = {}
    for row, names in enumerate(truth):
        for name in names:
            if name in place:
                hits[row, place[name]] = True
            else:
                strange[name] = strange.get(name, 0) + 1
    best = chances.argmax(1)
    said = np.zeros(chances.shape, np.bool_)
    said[np.arange(len(best)), best] = True
    if several:
        said |= chances >= spec.cut
    confidence, right = chances.max(1), hits[np.arange(len(best)), best]
    exact = (said == hits).all(1) & np.array([all(name in place for name in names) for names in truth])
    per_class = {label: _class(said[:, at], hits[:, at]) for label, at in place.items()}
    per_class |= {label: {"n": n, "precision": 0.0, "recall": 0.0, "f1": 0.0} for label, n in strange.items()}
    counted = [one["f1"] for one in per_class.values() if one["n"] or one["precision"] or one.get("said")]
    both, wrong = int((said & hits).sum()), int((said ^ hits).sum()) + sum(strange.values())
    accepted = reason == 0
    load = review_load(labels, best, accepted, right, per_day)
    bins = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    confusion = None if several else _confusion(hits, best)
    return {
        "n": len(truth),
        "labels": list(labels),
        "several": several,
        "accuracy": float(exact.mean()),
        "macro_f1": float(np.mean(counted)) if counted else 0.0,
        "micro_f1": 2 * both / max(2 * both + wrong, 1),
        "per_class": per_class,
        "ece": expected_error(confidence, right),
        "ece_floor": _floor(confidence),
        "reliability": [_bin(confidence[bins == at], right[bins == at]) for at in np.unique(bins).tolist()],
        "coverage": {str(target): coverage(confidence, right, target) for target in PRECISIONS},
        "risk": _risk(confidence, right),
        "accepted": {"share": load["total"]["share"], "precision": load["total"]["precision"]},
        "load": load,
        "reasons": {why.value: int((reason == place).sum()) for place, why in enumerate(REASONS, 1)},
        "confusion": confusion,
        **(ranks(confusion) if spec.ordered and confusion is not None else {}),
        "unknown_labels": strange,
    }


def ranks(confusion: Sequence[Sequence[int]]) -> dict[str, float]:
    """How well an ordered head keeps its order, of a confusion table (true, said): `rank_agreement`, Kendall's tau-b
    from -1 to 1 (Kendall 1945), and `rank_distance`, by how many ranks it is off on average.

    >>> ranks([[2, 0], [0, 2]])
    {'rank_agreement': 1.0, 'rank_distance': 0.0}
    >>> ranks([[0, 2], [2, 0]])
    {'rank_agreement': -1.0, 'rank_distance': 1.0}
    """
    table = np.array(confusion, np.float64)
    cells = [(at, slice(at[0] + 1, None)) for at in np.ndindex(*table.shape)]
    agree = sum(table[at] * table[later, at[1] + 1 :].sum() for at, later in cells)
    differ = sum(table[at] * table[later, : at[1]].sum() for at, later in cells)
    pairs = table.sum() ** 2
    untied = (pairs - (table.sum(1) ** 2).sum()) * (pairs - (table.sum(0) ** 2).sum())
    off = np.abs(np.subtract.outer(np.arange(len(table)), np.arange(len(table))))
    return {
        "rank_agreement": float(2 * (agree - differ) / np.sqrt(untied)) if untied > 0 else 0.0,
        "rank_distance": float((table * off).sum() / max(table.sum(), 1)),
    }


def _bin(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> dict[str, Any]:
    said = {"n": len(right), "confidence": float(confidence.mean()), "right": float(right.mean())}
    return {**said, "interval": interval(int(right.sum()), len(right))}


def _class(said: NDArray[np.bool_], hits: NDArray[np.bool_]) -> dict[str, Any]:
    both = int((said & hits).sum())
    named, there = int(said.sum()), int(hits.sum())
    return {
        "n": there,
        "said": named,
        "precision": both / named if named else 0.0,
        "recall": both / there if there else 0.0,
        "f1": 2 * both / (named + there) if named + there else 0.0,
    }


def _confusion(hits: NDArray[np.bool_], best: NDArray[np.int64]) -> list[list[int]]:
    table = np.zeros((hits.shape[1], hits.shape[1]), np.int64)
    known = hits.any(1)
    np.add.at(table, (hits[known].argmax(1), best[known]), 1)
    return [[int(count) for count in row] for row in table]


def _risk(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """(share accepted, share wrong among them) at 40 steps of the confidence and where a precision is still reached."""
    wrong = np.cumsum(~right[np.argsort(-confidence, kind="stable")]) / np.arange(1, len(right) + 1)
    reached = [round(coverage(confidence, right, precision) * len(right)) for precision in PRECISIONS]
    steps = np.unique(np.concatenate((np.linspace(1, len(right), 40), np.maximum(reached, 1))).astype(np.int64))
    return [(float(step / len(right)), float(wrong[step - 1])) for step in steps.tolist()]
