"""Rows as a file that a spreadsheet opens safely: CSV, XLSX or JSONL, whole or not at all."""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from math import isfinite
from pathlib import Path
from typing import IO

from model.errors import DataError
from model.sheet import cell_text

__all__ = ["BOM", "csv_bytes", "whole_file", "write_table"]

FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]")
PLAIN_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?%?|[+-]+", re.IGNORECASE)
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
BOM = b"\xef\xbb\xbf"  # Excel takes a CSV file for UTF-8 only when it begins with it
XLSX_CELL, XLSX_ROWS = 32_767, 1_048_575

Rows = Iterable[Mapping[str, object]]


def write_table(path: Path | str, columns: list[str], rows: Iterable[Mapping[str, object]]) -> int:
    """Write rows as CSV (with BOM, for Excel), XLSX or JSONL by the ending, whole or not at all; returns the row count.

    A cell that a spreadsheet would run as a formula stays text: in CSV it gets a leading ', in XLSX it is stored as a
    string; numbers such as -1.5 are left alone. Raises DataError for another ending or what XLSX cannot hold.
    """
    path = Path(path)
    writers: dict[str, Callable[[IO[bytes], list[str], Iterable[Mapping[str, object]]], int]]
    writers = {".csv": write_csv, ".jsonl": write_jsonl, ".xlsx": write_xlsx}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise DataError(f"{path.name} has an ending that cannot be written; use .csv, .xlsx or .jsonl")
    with whole_file(path) as file:
        return write(file, columns, rows)


@contextmanager
def whole_file(path: Path | str) -> Iterator[IO[bytes]]:
    """A file to write that takes its place at `path` when the block ends well, and is gone when it does not.

    Where the system knows files without a name, even a killed process leaves nothing behind. Raises DataError when the
    folder or the disk does not take it.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a.txt") as file:
    ...         _, before = file.write(b"1"), (Path(folder) / "a.txt").exists()
    ...     before, (Path(folder) / "a.txt").read_bytes()
    (False, b'1')
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        nameless = _nameless(path.parent)
        with draft.open("w+b") if nameless is None else os.fdopen(nameless, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if nameless is not None:
                # with a descriptor, though the path needs none: only then the link is to the file and not to /proc
                os.link(f"/proc/self/fd/{nameless}", draft, src_dir_fd=nameless, follow_symlinks=True)
        draft.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror}); check the folder and the disk") from error
    finally:
        draft.unlink(missing_ok=True)


def _nameless(folder: Path) -> int | None:
    """A descriptor of a new file without a name, or None where the system or the disk has none."""
    if not hasattr(os, "O_TMPFILE") or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666)
    except OSError:
        return None


def safe_cell(value: object) -> str:
    """A value as CSV text that no spreadsheet runs as a formula.

    >>> safe_cell("=cmd|' /C calc'!A0"), safe_cell(-1.5), safe_cell("-1.5"), safe_cell("+86 138")
    ("'=cmd|' /C calc'!A0", '-1.5', '-1.5', "'+86 138")
    """
    text = cell_text(value)
    return f"'{text}" if FORMULA.match(text) and not PLAIN_NUMBER.fullmatch(text) else text


def write_csv(file: IO[bytes], columns: list[str], rows: Rows) -> int:
    """Comma-separated UTF-8 with BOM and CRLF, as Excel writes it."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    writer = csv.writer(text)
    writer.writerow([safe_cell(column) for column in columns])
    count = 0
    for row in rows:
        writer.writerow([safe_cell(row.get(column)) for column in columns])
        count += 1
    text.detach()  # flushes; the file stays the caller's to close
    return count


def csv_bytes(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as comma-separated UTF-8 with CRLF; each cell as `safe_cell` makes it.

    >>> csv_bytes([["a", -1.5, None, "=1+1"]])
    b"a,-1.5,,'=1+1\\r\\n"
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def write_jsonl(file: IO[bytes], columns: list[str], rows: Rows) -> int:
    """One JSON object a line in UTF-8; numbers, booleans and lists keep their type, times become ISO 8601."""
    count = 0
    for row in rows:
        one = {column: row.get(column) for column in columns}
        file.write((json.dumps(one, ensure_ascii=False, default=json_value) + "\n").encode("utf-8", "replace"))
        count += 1
    return count


def json_value(value: object) -> object:
    """What JSON can hold in the place of a value it cannot: times as ISO 8601, numpy numbers as numbers, else text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)


def write_xlsx(file: IO[bytes], columns: list[str], rows: Rows) -> int:
    """One sheet with a header; text is stored as text, never as a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("kesu")
    count = 0

    def cells(values: Iterable[object]) -> list[object]:
        made = []
        for value in values:
            plain = (
                value if isinstance(value, int | float) and isfinite(value) else UNPRINTABLE.sub("", cell_text(value))
            )
            if isinstance(plain, str) and len(plain) > XLSX_CELL:
                raise DataError(f"row {count + 2} has a cell over Excel's {XLSX_CELL} characters; write .csv instead")
            cell = WriteOnlyCell(sheet, plain)
            if isinstance(plain, str):
                cell.data_type = "s"  # openpyxl would store a text that starts with = as a formula
            made.append(cell)
        return made

    try:
        sheet.append(cells(columns))
        for row in rows:
            sheet.append(cells(row.get(column) for column in columns))
            count += 1
            if count > XLSX_ROWS:
                raise DataError(f"there are more than {XLSX_ROWS} rows, Excel's limit; write .csv instead")
    finally:
        sheet.close()  # an abandoned sheet would be finished at some later time, into a closed file
    book.save(file)
    return count
