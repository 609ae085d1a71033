"""Labelled complaints from files: one text a row, one cell a head; copies folded; what is held out for the card."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from gc import disable, enable, isenabled
from hashlib import sha256
from pathlib import Path
from re import split

import numpy as np
from numpy.typing import NDArray

from model.errors import DataError
from model.labels import HeadLabels, head_columns, load_labels, split_cell
from model.table import Table, read_table
from model.text import normalise
from model.times import parse_time
from training.findings import Cell, Finding, Kind, Place
from training.hygiene import (
    alike_labels,
    head_fault,
    label_columns,
    require_text,
    said_cell,
    several_findings,
    spellings,
    tidy,
)

__all__ = ["Labelled", "held_out", "read_labelled", "with_descriptions"]


@dataclass(frozen=True)
class Labelled:
    """Texts without copies, `cells` head → one cell a text (empty where unknown), times where all rows have one.

    `places` are the rows behind each text, its copies too, empty where nobody knows; `findings` what is wrong in them;
    `columns` head → its column in the files.
    """

    texts: list[str]
    cells: dict[str, list[str]]
    times: list[datetime] | None
    folded: int
    warnings: list[str]
    places: list[tuple[Place, ...]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)

    def take(self, rows: NDArray[np.int64]) -> "Labelled":
        """These rows only, in this order."""
        places = rows.tolist()
        return Labelled(
            [self.texts[at] for at in places],
            {head: [cells[at] for at in places] for head, cells in self.cells.items()},
            [self.times[at] for at in places] if self.times is not None else None,
            0,
            [],
            [self.places[at] for at in places] if self.places else [],
            columns=self.columns,
        )


@dataclass(slots=True)
class _Text:
    """One text of the files: the rows it stands in, and what they say in each head, as it is written there."""

    text: str
    time: datetime | None
    places: list[Place]
    cells: dict[str, list[Cell]]


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage meanwhile: among millions of rows, none of them garbage, it takes half of the time."""
    was = isenabled()
    disable()
    try:
        yield
    finally:
        if was:
            enable()


@_uncollected()
def read_labelled(
    files: Sequence[Path | str], heads: Sequence[str] | None = None, known: Mapping[str, HeadLabels] | None = None
) -> Labelled:
    """Read labelled files; DataError when there is no text, no label column, or a head that is asked for is missing.

    Spellings of one label are merged. Copies, equal after normalising, become one text; where their labels differ, the
    more frequent one stays. A head that cannot be learnt is left out, and is a DataError when it is asked for or the
    only one. `findings` tells all of it by row. `known` are the labels of the user's label file: its heads need no
    labelled row, and no column either when they are asked for or no other head has one.
    """
    if not files:
        raise DataError("No file to train on: name a CSV, XLSX or JSONL file.")
    own = known if known is not None else {}
    known = known if known is not None else load_labels()
    names = [Path(path).name for path in files]
    tables = [
        read_table(path, str(path) if names.count(name) > 1 else None) for path, name in zip(files, names, strict=True)
    ]
    columns = [_columns(table, heads, own) for table in tables]
    texts: dict[str, _Text] = {}
    findings: list[Finding] = []
    for table, chosen in zip(tables, columns, strict=True):
        require_text(table)
        findings += _read(table, chosen, texts)
    if not texts:
        raise DataError(f"{tables[0].name} has no row with a text: give at least two labelled complaints.")
    rows = list(texts.values())
    titles = {head: column for chosen in reversed(columns) for head, column in chosen.items()}
    cells: dict[str, list[str]] = {}
    faults: dict[str, str] = {}
    described = [head for head in own if head in (heads or ()) or (heads is None and not titles)]
    titles |= {head: head for head in described if head not in titles}
    for head in dict.fromkeys([*(head for chosen in columns for head in chosen), *described]):
        labels = known[head].labels if head in known else ()
        column, votes, found = _label(head, titles[head], rows, labels)
        learnable = head in own and all(cell in labels for cell in column if cell)
        fault = None if learnable else head_fault(titles[head], column, labels)
        if fault is None:
            cells[head] = column
            findings += [*found, *_doubts(titles[head], rows, column, votes, labels)]
            continue
        if heads is not None:
            raise DataError(fault[0])
        faults[head] = fault[0]
        findings.append(Finding(Kind.LEFT_OUT, fault[1], "填好这一列，或不管它", titles[head]))
    if not cells:
        raise DataError(next(iter(faults.values())))
    times = [row.time for row in rows if row.time is not None]
    places = [tuple(row.places) for row in rows]
    return Labelled(
        [row.text for row in rows],
        cells,
        times if len(times) == len(rows) else None,
        sum(map(len, places)) - len(rows),
        [],
        places,
        findings,
        titles,
    )


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
    limit = max(int(share * 1000), 1)
    return np.array([int(sha256(normalise(text).encode()).hexdigest(), 16) % 1000 < limit for text in data.texts])


def _columns(table: Table, heads: Sequence[str] | None, own: Mapping[str, HeadLabels]) -> Mapping[str, str]:
    chosen = head_columns(table.columns, heads, own)
    if not chosen and not own:
        like = [column for column in label_columns(table) if column not in table.roles.values()]
        hint = f" (these look like labels: {', '.join(like)})" if like else ""
        found = ", ".join(table.columns)
        wanted = f"name one with --head{hint}, or describe labels with --labels"
        raise DataError(f"{table.name} has no known label column (found: {found}): {wanted}.")
    return chosen


def _read(table: Table, chosen: Mapping[str, str], texts: dict[str, _Text]) -> list[Finding]:
    """Add the rows of a table to `texts`, by the normalised text; what cannot be used is found."""
    blank = []
    for number, row in zip(table.numbers, table.rows, strict=True):
        text, place = table.text(row), Place(table.name, number)
        key = normalise(text)
        if not key:
            blank.append(Cell(place))
            continue
        one = texts.get(key)
        if one is None:
            one = texts[key] = _Text(text, _time(row.get(table.roles.get("time", ""), "")), [], {})
        one.places.append(place)
        for head, column in chosen.items():
            if tidy(row[column]):
                one.cells.setdefault(head, []).append(Cell(place, row[column]))
    faults = [
        Finding(
            Kind.UNREADABLE,
            f"这一行没有读进来：{fault.reason}",
            "改好后再训练",
            cells=(Cell(Place(table.name, fault.row)),),
        )
        for fault in table.faults
    ]
    if blank:
        faults.append(
            Finding(Kind.BLANK, f"{len(blank)} 行没有正文，没有学习", "补上正文，或删掉这些行", cells=tuple(blank))
        )
    return faults


def _label(
    head: str, title: str, rows: Sequence[_Text], known: Sequence[str]
) -> tuple[list[str], list[list[Cell]], list[Finding]]:
    """One cell a text, the votes of its copies in the same spelling, and the spellings that were merged."""
    written = [cell for row in rows for cell in row.cells.get(head, ())]
    said, findings = spellings(title, written, known)
    spelt = {cell: said_cell(cell, said) for cell in {cell.label for cell in written}}
    votes = [[Cell(cell.place, spelt[cell.label]) for cell in row.cells.get(head, ())] for row in rows]
    return [_vote([vote.label for vote in mine]) for mine in votes], votes, findings


def _doubts(
    head: str, rows: Sequence[_Text], column: Sequence[str], votes: Sequence[Sequence[Cell]], known: Sequence[str]
) -> list[Finding]:
    """Copies that do not agree, labels that look wrong, cells that may hold several."""
    found: list[Finding] = []
    labels: dict[str, list[Cell]] = {}
    for row, kept, mine in zip(rows, column, votes, strict=True):
        if len(mine) > 1 and len({frozenset(split_cell(vote.label)) for vote in mine}) > 1:
            said = "、".join(f"“{one}”" for one in dict.fromkeys(vote.label for vote in mine))
            what = f"同一投诉的“{head}”标成了{said}，按“{kept}”学习"
            found.append(Finding(Kind.CONFLICT, what, "请统一", head, tuple(mine), kept))
        for label in split_cell(kept):
            labels.setdefault(label, []).append(Cell(row.places[0], kept))
    whole = [Cell(row.places[0], kept) for row, kept in zip(rows, column, strict=True) if kept]
    return [*found, *alike_labels(head, labels, known), *several_findings(head, labels, whole)]


def _vote(cells: list[str]) -> str:
    """The labels of most copies; the first of equals: the order of the files decides."""
    if len(cells) < 2:
        return cells[0] if cells else ""
    sets = [frozenset(split_cell(cell)) for cell in cells]
    return cells[max(range(len(sets)), key=lambda at: sets.count(sets[at]))]


def _time(cell: str) -> datetime | None:
    try:
        return parse_time(cell) if cell.strip() else None
    except DataError:
        return None
