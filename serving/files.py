"""Files into the store and out of it: preview, import (idempotent, errors by row), export."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model.complaint import Complaint
from model.privacy import mask
from model.table import RowError, Table, write_table
from serving.complaints import list_complaints, view
from serving.intake import Refusal
from serving.service import HISTORY, Service
from serving.store import Store

__all__ = ["Imported", "Preview", "export_complaints", "import_table", "preview_table", "save_refused"]

CHUNK = 200  # rows in one transaction: short enough that /classify waits little
SAMPLE = 5
SHOWN = 50

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do: the columns as they were understood, sample rows, and the first problems."""

    name: str
    rows: int
    roles: dict[str, str]
    sample: list[dict[str, str]]
    problems: list[RowError]
    total_problems: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: rows added, rows that were there already, and rows refused with their reasons."""

    added: int
    known: int
    refused: list[RowError]


def preview_table(table: Table, service: Service) -> Preview:
    """Read every row without storing any. Raises DataError when there is no text column."""
    problems = [item for _, item in table.complaints(service.clock()) if isinstance(item, RowError)]
    return Preview(table.name, len(table.rows), dict(table.roles), table.rows[:SAMPLE], problems[:SHOWN], len(problems))


def import_table(
    service: Service, table: Table, progress: Progress = lambda done, total: None, *, quiet: bool = False
) -> Imported:
    """Store every usable row; the same file again adds nothing. Without a bundle rows are stored unclassified.

    `quiet` rows are history: they teach the early warning, and nobody is told of what it finds in them.

    Rows that cannot be used are returned with row, column and reason, and kept as a file (`save_refused`).
    """
    intake = service.intake
    total, added, known = len(table.rows), 0, 0
    refused: list[RowError] = []
    source = f"{HISTORY if quiet else 'import:'}{table.name[:80]}"
    dated = "time" in table.roles
    usable = list(table.complaints(service.clock()))
    usable.sort(key=lambda row: row[1].time.timestamp() if isinstance(row[1], Complaint) else 0.0)  # as it happened
    for chunk in chunks(iter(usable)):
        good: list[tuple[int, Complaint]] = []
        for number, item in chunk:
            if isinstance(item, RowError):
                refused.append(item)
            else:
                good.append((number, replace(item, time_given=dated)))
        before = set(intake.known([c.id for _, c in good]))
        answers = intake.accept([c for _, c in good], source=source, unclassified=True)
        for (number, item), answer in zip(good, answers, strict=True):
            if isinstance(answer, Refusal):
                refused.append(RowError(number, "", answer.detail))
            elif item.id in before:
                known += 1
            else:
                before.add(item.id)
                added += 1
        progress(min(total, added + known + len(refused)), total)
    return Imported(added, known, refused)


def chunks(rows: Iterator[tuple[int, Complaint | RowError]]) -> Iterator[list[tuple[int, Complaint | RowError]]]:
    held: list[tuple[int, Complaint | RowError]] = []
    for row in rows:
        held.append(row)
        if len(held) == CHUNK:
            yield held
            held = []
    if held:
        yield held


def save_refused(folder: Path, table: Table, refused: list[RowError]) -> Path | None:
    """Keep the refused rows with their reasons beside the store, masked. None when all were taken.

    Row numbers are those of the file as it came, where the whole row stands.
    """
    if not refused:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    by_number = dict(zip(table.numbers, table.rows, strict=True))
    rows = [
        {"行": e.row, "列": e.column, "原因": e.reason}
        | {name: mask(cell) for name, cell in by_number.get(e.row, {}).items()}
        for e in refused
    ]
    out = folder / f"{Path(table.name).stem}.refused.csv"
    write_table(out, ["行", "列", "原因", *table.columns], rows)
    return out


EXPORTED = (
    *("id", "time", "received_at", "channel", "product", "region", "text", "category", "confidence", "accepted"),
    *("department", "sentiment", "stage", "pain_point", "issue", "duplicate_of", "repeat_of", "status", "due_at"),
    *("first_response_at", "resolved_at", "satisfaction", "handovers", "model", "source"),
)


def export_complaints(store: Store, out: Path, query: dict[str, Any] | None = None, page: int = 5_000) -> int:
    """Write complaints with their classification, newest first, as CSV, XLSX or JSONL; returns how many."""

    def rows() -> Iterator[dict[str, Any]]:
        offset = 0
        with store.read() as connection:
            while True:
                _, found = list_complaints(connection, query or {}, page, offset)
                yield from (view(row) for row in found)
                offset += len(found)
                if len(found) < page:
                    return

    return write_table(out, list(EXPORTED), rows())
