"""Rules laid over the rows of a file while it is classified, as the service lays them over a complaint."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, load_bundle
from model.complaint import Complaint
from model.errors import DataError
from model.exposure import judge_exposure
from model.features import join_codes
from model.labels import SEPARATOR, split_cell
from model.overlay import Overlay, RuledPrediction, RuledVerdict
from model.rule_file import bytes_of, read_rules_bytes
from model.rules import FACTS, Rules
from model.table import Table, roles_of
from model.times import parse_time
from training.classify_chunk import Chunk, Hook, Said, say

__all__ = ["RULE", "Ruling", "hooked_rows"]

RULE = "rule"  # the column that names the rules that decided
ROWS = 2_000


@dataclass(frozen=True)
class Ruling:
    """A hook that lays rules over each chunk, and adds the column `rule`. It travels to other processes by pickle.

    `data` is the rules file's content; `now` the time of rows without one.
    """

    folder: Path
    data: bytes
    name: str
    now: datetime

    @classmethod
    def open(cls, folder: Path, rules: Path, now: datetime) -> "Ruling":
        """The rules of a file over the bundle of a folder. Raises DataError when they cannot be used or do not fit."""
        made = cls(folder.resolve(), bytes_of(rules), rules.name, now)
        opened(made.folder, made.data, made.name).require_fit()
        return made

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it adds."""
        return (RULE,)

    def __call__(self, chunk: Chunk) -> None:
        """Change what is said of the rows that a rule or a closing touches."""
        overlay = opened(self.folder, self.data, self.name)
        rules = overlay.rules
        touched = {}
        for at, complaint in self.complaints(chunk, rules):
            said = {head: labels_of(chunk.said[head], at) for head in overlay.bundle.heads}
            stage = judge_exposure(complaint.text, complaint.channel).stage if rules.asks_stage else "none"
            if rules.closes(complaint, said) or rules.trips(complaint, said, stage):
                touched[at] = complaint, stage
        chunk.said[RULE] = Said(("",), np.zeros(len(chunk.spans), np.int32))
        predictions = overlay.bundle.predict([complaint.text for complaint, _ in touched.values()])
        words: dict[tuple[str, str], list[int]] = {}
        for (at, (complaint, stage)), prediction in zip(touched.items(), predictions, strict=True):
            for column, word in columns_of(overlay.apply(complaint, prediction, stage)).items():
                words.setdefault((column, word), []).append(at)
        for (column, word), rows in words.items():
            chunk.said[column].put(rows, word)

    def complaints(self, chunk: Chunk, rules: Rules) -> Iterator[tuple[int, Complaint]]:
        """The rows that rules may touch, as complaints as far as rules ask; a time that cannot be read is now."""
        roles = roles_of(chunk.columns)
        asked = {role: chunk.columns.index(roles[role]) for role in rules.asks if role in roles}
        texts, rows = chunk.texts, chunk.rows() if asked else []
        for at in np.flatnonzero(within_reach(chunk, rules)).tolist():
            cells = {role: rows[at][column].strip() or None for role, column in asked.items()}
            channel, product, region = (cells.get(role) for role in ("channel", "product", "region"))
            yield at, Complaint("", texts[at], self.time_of(cells.get("time")), None, channel, product, region)

    def time_of(self, cell: str | None) -> datetime:
        try:
            return parse_time(cell) if cell else self.now
        except DataError:
            return self.now


class RowsChunk(Chunk):
    """Rows of a table as a chunk."""

    def __init__(self, table: Table, rows: Sequence[Mapping[str, str]]) -> None:
        self.columns = table.columns
        self.records, self.faults = len(rows), []
        self._rows = [[row.get(column, "") for column in table.columns] for row in rows]
        self.codes, self.spans = join_codes([table.text(row) for row in rows])

    def rows(self) -> list[list[str]]:
        return self._rows


def hooked_rows(bundle: Bundle, table: Table, columns: Sequence[str], hook: Hook) -> Iterator[dict[str, str | None]]:
    """The rows of a table with what is said of them, changed by a hook, under `columns`."""
    table.require_text()
    for start in range(0, len(table.rows), ROWS):
        chunk = RowsChunk(table, table.rows[start : start + ROWS])
        chunk.said = say(bundle, chunk.codes, chunk.spans)
        hook(chunk)
        said = [[column.words[at] for at in column.which.tolist()] for column in chunk.said.values()]
        for row, *words in zip(chunk.rows(), *said, strict=True):
            yield dict(zip(columns, [*row, *words], strict=True))


def within_reach(chunk: Chunk, rules: Rules) -> NDArray[np.bool_]:
    """The rows that a rule or a closing may touch, by their words and what is said of them, shape (rows,)."""
    reach = np.zeros(len(chunk.spans), np.bool_)
    if rules.by_word:
        reach |= rules.sieve(chunk.codes, chunk.spans) >= 0
    for rule in (rules.rules[n] for n in rules.wordless):
        fits = np.ones(len(chunk.spans), np.bool_)
        for head in rule.when.keys() - FACTS:
            fits &= given(chunk.said[head], rule.when[head])
        reach |= fits
    for one in rules.closed:
        reach |= given(chunk.said[one.head], one.labels)
    return reach & (chunk.spans[:, 0] < chunk.spans[:, 1])


def given(said: Said, labels: Sequence[str]) -> NDArray[np.bool_]:
    """The rows that a column gives one of some labels."""
    words = [at for at, word in enumerate(said.words) if not set(split_cell(word or "")).isdisjoint(labels)]
    return np.isin(said.which, words)


def labels_of(said: Said, at: int) -> tuple[str, ...]:
    """The labels that a column gives a row."""
    return split_cell(said.words[said.which[at]] or "")


def columns_of(ruled: RuledPrediction) -> dict[str, str]:
    """What the columns of a row say after the rules, where they changed it."""
    out, names = dict[str, str](), dict[str, None]()
    for head, verdict in ruled.heads.items():
        if isinstance(verdict, RuledVerdict):
            out |= {head: SEPARATOR.join(verdict.labels), f"{head}_confidence": f"{verdict.confidence:.4f}"}
            names[verdict.rule] = None
        out[f"{head}_accepted"] = str(verdict.accepted).lower()
    if ruled.review is not None:
        names[ruled.review.rule.name] = None
    return out | {RULE: "、".join(names)}


@lru_cache(maxsize=1)
def opened(folder: Path, data: bytes, name: str) -> Overlay:
    """The rules over the bundle of a folder, opened once in a process."""
    return Overlay(read_rules_bytes(data, name), load_bundle(folder))
