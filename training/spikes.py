"""Spikes in a file of hourly counts: read and check it, judge it, write one line an episode's start."""

import csv
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from model.complaint import SHANGHAI
from model.errors import DataError
from model.hourly import find_alarms

__all__ = ["HourlySpike", "detect_spikes", "write_spikes"]

COLUMNS = ("series", "group", "hour", "count")
LARGEST_COUNT, LARGEST_TABLE = 1_000_000, 200_000_000


class HourlySpike(NamedTuple):
    """The start of an episode; `one_in_days`: about one such alert in so many days over all series, with nothing on."""

    series: str
    hour: str
    customers: int
    expected: float
    surprise: float
    one_in_days: float


def detect_spikes(
    source: Path | str | Iterable[Mapping[str, Any]],
    false_alarms_per_day: float,
    progress: Callable[[int, int], None] | None = None,
) -> list[HourlySpike]:
    """Judge hourly counts (`series,group,hour,count`; a missing hour is 0), the budget over all series together.

    `source` is a CSV file or rows. Raises DataError that names the row: a missing column, an hour that cannot be read,
    a count that is not a whole number from 0 to a million.

    >>> detect_spikes([{"series": "a", "group": "g", "hour": "2026-01-05 09:00", "count": "2"}], 0.5)
    []
    """
    if not (isfinite(false_alarms_per_day) and 0 < false_alarms_per_day <= 10_000):
        raise DataError(f"{false_alarms_per_day:g} false alarms a day cannot be kept; ask for more than 0, e.g. 0.5")
    cells = _read(Path(source)) if isinstance(source, (str, Path)) else _parse("the rows", source)
    if not cells:
        return []
    names: dict[str, str] = {}
    groups: dict[str, int] = {}
    for series, group, _, _, row in cells:
        if names.setdefault(series, group) != group:
            raise DataError(
                f"row {row}: series {series} is in group {names[series]} above; give it one group throughout"
            )
        groups.setdefault(group, len(groups))
    order = {series: place for place, series in enumerate(sorted(names))}
    hours = [hour for _, _, hour, _, _ in cells]
    first, last = min(hours), max(hours)
    if len(order) * (last - first + 1) > LARGEST_TABLE:
        raise DataError(
            f"{len(order)} series over {(last - first) // 24} days are too many at once; split the file by time"
        )
    counts = np.zeros((len(order), last - first + 1), dtype=np.int64)
    for series, _, hour, count, _ in cells:
        counts[order[series], hour - first] += count
    group_of = np.array([groups[names[series]] for series in order])
    labels = list(order)
    return [
        HourlySpike(labels[one.series], _label(first + one.hour), one.customers, round(one.expected, 4),
                    round(one.surprise, 3), round(one.one_in_days, 2))
        for one in find_alarms(counts, group_of, first, false_alarms_per_day, progress)
    ]  # fmt: skip


def write_spikes(
    source: Path, false_alarms_per_day: float, out: Path, progress: Callable[[int, int], None] | None = None
) -> int:
    """Judge a file and write `series,hour,count,expected,surprise,one_in_days`; returns how many lines."""
    found = detect_spikes(source, false_alarms_per_day, progress)
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["series", "hour", "count", "expected", "surprise", "one_in_days"])
        writer.writerows(found)
    return len(found)


Cell = tuple[str, str, int, int, int]


def _read(path: Path) -> list[Cell]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                found = ", ".join(reader.fieldnames or []) or "nothing"
                raise DataError(
                    f"{path} has no column {missing[0]} (found: {found}); the header is {','.join(COLUMNS)}"
                )
            return _parse(str(path), reader)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; name a CSV file of hourly counts") from None
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DataError(f"{path} cannot be read as CSV in UTF-8 ({error}); save it as UTF-8 text") from None


def _parse(name: str, rows: Iterable[Mapping[str, Any]]) -> list[Cell]:
    cells: list[Cell] = []
    hours: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        missing = [column for column in COLUMNS if row.get(column) in (None, "") and column != "group"]
        if missing:
            raise DataError(f"{name} row {number} has no {missing[0]}; every row needs {','.join(COLUMNS)}")
        text = str(row["hour"])
        if text not in hours:
            hours[text] = _hour(name, number, text)
        cells.append(
            (str(row["series"]), str(row.get("group") or ""), hours[text], _count(name, number, row["count"]), number)
        )
    return cells


def _hour(name: str, number: int, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DataError(f"{name} row {number}: {text!r} is not an hour; write e.g. 2026-01-05 09:00:00") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
    return int(moment.timestamp() // 3600)


def _label(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3600, SHANGHAI).replace(tzinfo=None).isoformat(sep=" ")


def _count(name: str, number: int, cell: Any) -> int:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = float("nan")
    if not isfinite(value) or value < 0 or value != int(value) or value > LARGEST_COUNT:
        raise DataError(
            f"{name} row {number}: {cell!r} is not a count; write a whole number from 0 to {LARGEST_COUNT:,}"
        )
    return int(value)
