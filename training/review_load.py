"""What thresholds cost: how much is accepted without a person, how often it is right, how many a day go to people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.errors import DataError
from model.labels import split_cell
from model.table import Table
from model.times import parse_time

__all__ = ["Outcome", "daily_volume", "interval", "judge_rows", "review_load", "sentences", "volume_of"]

_MONTH = 30  # days a forecast stands for
_TAIL = 0.025  # on each side of an interval
_NORMAL = 1.959964  # 95 % of a normal distribution lie within as many deviations
_ENDLESS = 100_000.0  # later rows: more change no interval


@dataclass(frozen=True)
class Outcome:
    """What a head said of labelled complaints, arrays (rows,): the best label's place, its confidence, whether it is
    right, and why it is not accepted, 0 where it is and then in the order of `Reason`."""

    label: NDArray[np.int64]
    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    reason: NDArray[np.int64]


def judge_rows(bundle: Bundle, texts: Sequence[str], cells: Mapping[str, Sequence[str]]) -> dict[str, Outcome]:
    """An `Outcome` a head of `cells` (one cell a text), over the texts whose cell is not empty, if there are any."""
    chances, reasons = bundle.predict_proba(texts), bundle.reasons(texts)
    out = {}
    for head, column in cells.items():
        truth = [split_cell(cell) for cell in column]
        rows = np.flatnonzero([bool(names) for names in truth])
        if len(rows):
            mine, labels = chances[head][rows], bundle.heads[head]
            best = mine.argmax(1)
            right = np.array([labels[at] in truth[row] for at, row in zip(best.tolist(), rows.tolist(), strict=True)])
            out[head] = Outcome(best, mine.max(1), right, reasons[head][rows])
    return out


def review_load(
    labels: Sequence[str],
    said: NDArray[np.int64],
    accepted: NDArray[np.bool_],
    right: NDArray[np.bool_] | None,
    per_day: float | None = None,
) -> dict[str, Any]:
    """The forecast for a month of `per_day` complaints a day: for each label, and in `total` over all of them,

    `said` (how many were taken for it), `accepted`, `share` (accepted of said), `precision` with its `interval`,
    `reviews` (a day, to people) with its `reviews_interval`; None where it cannot be known. Arrays (rows,): the
    place of the best label, whether it is accepted and right (None where no truth is known). The intervals are where
    the coming month's precision and its reviews a day lie in 95 of 100 cases.

    >>> said, right = np.array([0, 0, 0, 1]), np.array([True, True, False, True])
    >>> load = review_load(["物流配送", "服务质量"], said, np.array([True, True, False, False]), right, per_day=40)
    >>> load["classes"]["物流配送"]["reviews"], load["total"]["reviews"], load["total"]["precision"]
    (10.0, 20.0, 1.0)
    """
    everything = np.ones(len(said), np.bool_)
    classes = {label: _load(said == at, accepted, right, per_day) for at, label in enumerate(labels)}
    return {"per_day": per_day, "classes": classes, "total": _load(everything, accepted, right, per_day)}


def interval(hits: int, rows: int, later: float = inf) -> tuple[float, float]:
    """Where the share among `later` further rows lies in 95 of 100 cases, when it was `hits` of `rows` so far.

    Quantiles of the beta-binomial that Jeffreys' prior predicts; with infinitely many later rows Wilson's score
    interval (1927), of the true share.

    >>> tuple(round(end, 3) for end in interval(95, 100))
    (0.888, 0.978)
    >>> tuple(round(end, 3) for end in interval(24, 26, later=28))
    (0.714, 1.0)
    """
    if rows <= 0 or later <= 0:
        return 0.0, 1.0
    if later == inf:
        share, square = hits / rows, _NORMAL * _NORMAL / rows
        middle = (share + square / 2) / (1 + square)
        reach = _NORMAL * sqrt(share * (1 - share) / rows + square / (4 * rows)) / (1 + square)
        return max(middle - reach, 0.0), min(middle + reach, 1.0)
    size = round(min(max(later, 1.0), _ENDLESS))
    count = np.arange(size)  # how much likelier is one hit more than so many?
    steps = (size - count) / (count + 1) * (hits + 0.5 + count) / (rows - hits - 0.5 + size - count)
    logs = np.concatenate(([0.0], np.cumsum(np.log(steps))))
    below = np.cumsum(np.exp(logs - logs.max()))
    low, high = np.searchsorted(below / below[-1], (_TAIL, 1 - _TAIL))
    return float(low / size), float(min(high, size) / size)


def daily_volume(times: Sequence[datetime] | None) -> float | None:
    """Complaints a day over the days from the first to the last; None where there are no times or less than a week.

    >>> daily_volume([datetime(2026, 10, day) for day in range(1, 11)])
    1.0
    """
    if not times:
        return None
    days = (max(times).date() - min(times).date()).days + 1
    return len(times) / days if days >= 7 else None


def volume_of(table: Table) -> float | None:
    """Complaints a day by the times of a table's rows; None where it has no time column or too few readable times."""
    column, times = table.roles.get("time"), []
    for row in table.rows if column is not None else ():
        try:
            times.append(parse_time(row.get(column or "", "")))
        except DataError:
            continue
    return daily_volume(times)


def sentences(load: Mapping[str, Any], targets: Mapping[str, float]) -> list[str]:
    """The forecast in words, a sentence a label that was said and one for all; `targets` label → precision aimed at.

    >>> one = review_load(["物流配送"], np.zeros(100, int), np.arange(100) < 71, np.ones(100, bool), per_day=117)
    >>> print(*sentences(one, {"物流配送": 0.95}), sep="\\n")
    物流配送：95% 准确时自动受理 71%，每天 34 件转人工（24–45 件；实测准确 100.0%，96.5%–100.0%）
    合计：自动受理 71%，每天 34 件转人工（24–45 件；实测准确 100.0%，96.5%–100.0%）
    """
    lines = [f"{label}：{_sentence(one, targets[label])}" for label, one in load["classes"].items() if one["said"]]
    return [*lines, f"合计：{_sentence(load['total'], None)}"]


def _sentence(one: Mapping[str, Any], target: float | None) -> str:
    before = "" if target is None else f"{100 * target:g}% 准确时"
    after, notes = "", []
    if one["reviews"] is not None:
        after = f"，每天 {_count(one['reviews'])} 件转人工"
        notes.append("–".join(_count(end) for end in one["reviews_interval"]) + " 件")
    if one["precision"] is not None:
        notes.append(f"实测准确 {one['precision']:.1%}，{'–'.join(f'{end:.1%}' for end in one['interval'])}")
    shown = f"（{'；'.join(notes)}）" if notes else ""
    return f"{before}自动受理 {one['share']:.0%}{after}{shown}"


def _count(reviews: float) -> str:
    return f"{reviews:.0f}" if reviews >= 10 else f"{reviews:.1f}"


def _load(
    mine: NDArray[np.bool_], accepted: NDArray[np.bool_], right: NDArray[np.bool_] | None, per_day: float | None
) -> dict[str, Any]:
    rows, said, taken = len(mine), int(mine.sum()), int((mine & accepted).sum())
    good = None if right is None or not taken else int((mine & accepted & right).sum())
    later = inf if per_day is None else per_day * _MONTH
    reviews = None if per_day is None or not rows else per_day * (said - taken) / rows
    return {
        "said": said,
        "accepted": taken,
        "share": taken / said if said else 0.0,
        "precision": None if good is None else good / taken,
        "interval": None if good is None else interval(good, taken, later * taken / rows),
        "reviews": reviews,
        "reviews_interval": None
        if per_day is None or reviews is None
        else tuple(per_day * end for end in interval(said - taken, rows, later)),
    }
