"""Labelled complaints from files: one text a row, one cell a head; copies folded; what is held out for the card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from re import split

import numpy as np
from numpy.typing import NDArray

from model.errors import DataError
from model.labels import SEPARATOR, HeadLabels, head_columns, split_cell
from model.table import Table, read_table
from model.text import normalise
from model.times import parse_time

__all__ = ["Labelled", "held_out", "read_labelled", "with_descriptions"]


@dataclass(frozen=True)
class Labelled:
    """Texts without copies, `cells` head → one cell a text (empty where unknown), times where all rows have one."""

    texts: list[str]
    cells: dict[str, list[str]]
    times: list[datetime] | None
    folded: int
    warnings: list[str]

    def take(self, rows: NDArray[np.int64]) -> "Labelled":
        """These rows only, in this order."""
        places = rows.tolist()
        return Labelled(
            [self.texts[at] for at in places],
            {head: [cells[at] for at in places] for head, cells in self.cells.items()},
            [self.times[at] for at in places] if self.times is not None else None,
            0,
            [],
        )


def read_labelled(files: Sequence[Path | str], heads: Sequence[str] | None = None) -> Labelled:
    """Read labelled files; DataError when there is no text, no label column, or a head that is asked for is missing.

    Copies, equal after normalising, become one text; where their labels differ, the more frequent one stays.
    """
    if not files:
        raise DataError("No file to train on: name a CSV, XLSX or JSONL file.")
    tables = [read_table(path) for path in files]
    columns = [_columns(table, heads) for table in tables]
    names = list(dict.fromkeys(head for chosen in columns for head in chosen))
    seen: dict[str, int] = {}
    texts: list[str] = []
    votes: list[dict[str, list[str]]] = []
    times: list[datetime | None] = []
    folded = blank = faulty = 0
    for table, chosen in zip(tables, columns, strict=True):
        table.require_text()
        faulty += len(table.faults)
        for row in table.rows:
            text = table.text(row)
            key = normalise(text)
            if not key:
                blank += 1
                continue
            at = seen.setdefault(key, len(texts))
            if at == len(texts):
                texts.append(text)
                votes.append({})
                times.append(_time(row.get(table.roles.get("time", ""), "")))
            else:
                folded += 1
            for head, column in chosen.items():
                cell = SEPARATOR.join(split_cell(row.get(column, "")))
                if cell:
                    votes[at].setdefault(head, []).append(cell)
    if not texts:
        raise DataError(f"{tables[0].name} has no row with a text: give at least two labelled complaints.")
    warnings = [f"{blank} rows without a text were left out."] if blank else []
    if faulty:
        first = next(table for table in tables if table.faults)
        where = f"row {first.faults[0].row} of {first.name}: {first.faults[0].reason}"
        warnings.append(f"{faulty} rows that could not be read were left out, the first {where}.")
    cells = {head: [_vote(one.get(head, [])) for one in votes] for head in names}
    known = [time for time in times if time is not None]
    return Labelled(texts, cells, known if len(known) == len(times) else None, folded, warnings)


def with_descriptions(data: Labelled, known: Mapping[str, HeadLabels], fewer_than: int = 5_000) -> Labelled:
    """`data` and, while it is small, the words by which the label file describes labels, as short texts of their own.

    >>> from model.labels import load_labels
    >>> small = Labelled(["箱子破了"], {"category": ["物流配送"]}, None, 0, [])
    >>> "快递慢" in with_descriptions(small, load_labels()).texts
    True
    """
    if len(data.texts) >= fewer_than:
        return data
    texts, cells = list(data.texts), {head: list(column) for head, column in data.cells.items()}
    for head, column in data.cells.items():
        there = {label for cell in column for label in split_cell(cell)}
        for label, words in known[head].describe.items() if head in known else ():
            if label in there:
                phrases = [phrase for phrase in split(r"[、，,；;]", words) if phrase]
                texts += phrases
                for name in cells:
                    cells[name] += [label if name == head else ""] * len(phrases)
    return Labelled(texts, cells, None, data.folded, data.warnings)


def held_out(data: Labelled, share: float) -> NDArray[np.bool_]:
    """Which texts are held out, shape (texts,): the latest when there are times, else by hash of the text.

    >>> data = Labelled(["a", "b", "c", "d"], {}, None, 0, [])
    >>> held_out(data, 0.5).tolist() == held_out(data, 0.5).tolist()
    True
    """
    if data.times is not None and len(set(data.times)) > 1:
        order = sorted(data.times)
        cut = order[min(int(len(order) * (1 - share)), len(order) - 1)]
        if cut > order[0]:
            return np.array([time >= cut for time in data.times])
    limit = int(share * 1000)
    return np.array([int(sha256(normalise(text).encode()).hexdigest(), 16) % 1000 < limit for text in data.texts])


def _columns(table: Table, heads: Sequence[str] | None) -> Mapping[str, str]:
    chosen = head_columns(table.columns, heads)
    if not chosen:
        raise DataError(
            f"{table.name} has no known label column (found: {', '.join(table.columns)}): name one with --head."
        )
    return chosen


def _vote(cells: list[str]) -> str:
    return max(cells, key=cells.count) if cells else ""  # the first of equals: the order of the file decides


def _time(cell: str) -> datetime | None:
    try:
        return parse_time(cell) if cell.strip() else None
    except DataError:
        return None
