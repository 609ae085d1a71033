"""The bytes of a file as a sheet of text cells: CSV in any usual encoding, XLSX, and JSONL."""

import csv
import io
import json
import warnings
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite

from model.errors import DataError

__all__ = ["SAVE_AS", "Sheet", "cell_text", "decode", "kind_of", "read_jsonl", "read_sheet", "separator_of"]

SAVE_AS = 'open it in Excel and choose 另存为 "CSV UTF-8"'
ZIP, OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
UNPACKED_LIMIT = 2_000_000_000  # bytes of an unpacked workbook; more is a bomb, not a table
CELL_LIMIT = 50_000_000  # characters of a CSV cell, so that a long letter is no error
ENDINGS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx"}
ENDINGS |= {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """Cells as text. `rows` pairs each row with its number as a person counts it (the header is row 1 where there is
    one; lines of JSONL count from 1); `faults` are the rows that could not be read, as (number, reason)."""

    columns: list[str]
    rows: list[tuple[int, list[str]]]
    faults: list[tuple[int, str]]
    encoding: str


def read_sheet(data: bytes, name: str) -> Sheet:
    """Read the bytes of a file; `name` tells the kind by its ending and is used in messages.

    A name without a known ending (such as `-`) is judged by its content. Raises DataError, which names the file and
    the remedy, for old .xls files, workbooks under another ending, an unknown encoding, and an empty file.

    >>> read_sheet("内容,渠道\\n快递丢了,电话\\n".encode("gb18030"), "a.csv").rows
    [(2, ['快递丢了', '电话'])]
    """
    kind = kind_of(data, name)
    if kind == "xlsx":
        return read_xlsx(data, name)
    text, encoding = decode(data, name)
    return read_jsonl(text, name, encoding) if kind == "jsonl" else read_csv(text, name, encoding)


def kind_of(data: bytes, name: str) -> str:
    """csv, xlsx or jsonl, by the name's ending or by how the data begin; DataError as `read_sheet` says.

    >>> kind_of(b'{"text": "a"}', "-"), kind_of(b"text,note", "a.csv")
    ('jsonl', 'csv')
    """
    dot = name.rfind(".")
    kind = ENDINGS.get(name[dot:].lower()) if dot >= 0 else None
    if not data.strip(b"\0\xef\xbb\xbf\xff\xfe \r\n\t"):
        raise DataError(f"{name} is empty; choose the file that holds the complaints")
    if data.startswith(OLD_OFFICE):
        raise DataError(f"{name} is an old Excel 97-2003 file (.xls); open it in Excel and choose 另存为 .xlsx")
    if data.startswith(ZIP) and kind in ("csv", "jsonl"):
        raise DataError(f"{name} is an Excel workbook, not text; give it the ending .xlsx, or {SAVE_AS}")
    if kind is None:
        kind = "xlsx" if data.startswith(ZIP) else "jsonl" if data.lstrip(b"\xef\xbb\xbf \r\n")[:1] == b"{" else "csv"
    return kind


def decode(data: bytes, name: str) -> tuple[str, str]:
    """The text of a file and its encoding: UTF-8 (also with BOM), UTF-16, GB18030, each strictly, in that order.

    UTF-16 without BOM is taken where its zero bytes betray it. Raises DataError when none fits.

    >>> decode("投诉".encode("utf-16"), "a.csv")
    ('投诉', 'utf-16')
    """
    order = ["utf-8-sig", "gb18030"]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        order = ["utf-16"]
    elif b"\0" in data[:4096]:
        head = data[:4096]
        order = ["utf-8-sig", "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"]
    for encoding in order:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if sum(c < " " and c not in "\t\r\n\x0b\x0c" for c in text[:4096]) <= len(text[:4096]) // 100:
            return text, "utf-8" if encoding == "utf-8-sig" and not data.startswith(b"\xef\xbb\xbf") else encoding
    raise DataError(f"{name} is not text in UTF-8, UTF-16 or GB18030; {SAVE_AS}")


def read_csv(text: str, name: str, encoding: str) -> Sheet:
    """Read comma, semicolon or tab separated text with its header; quoted cells may hold line breaks."""
    csv.field_size_limit(CELL_LIMIT)
    separator = separator_of(text)
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise DataError(f'{name} has a quote (") that is never closed; close it, or {SAVE_AS}') from None
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    return arrange(records, name, encoding)


def separator_of(text: str) -> str:
    """The separator by the header: the one that cuts it most often; a header of one cell is never cut."""
    line = io.StringIO(text.lstrip("\r\n"), newline=None).readline()
    cuts = {mark: len(next(csv.reader([line], delimiter=mark), [])) for mark in ",;\t"}
    best = max(cuts, key=lambda mark: cuts[mark])
    return best if cuts[best] > 1 else "\x1f"


def arrange(records: list[list[str]], name: str, encoding: str) -> Sheet:
    """Header and rows out of raw records; blank rows are skipped but counted, short rows are filled with blanks."""
    start = next((i for i, record in enumerate(records) if any(cell.strip() for cell in record)), None)
    if start is None:
        raise DataError(f"{name} is empty; choose the file that holds the complaints")
    header = [cell.strip().lstrip("\ufeff").strip() for cell in records[start]]
    while header and not header[-1]:
        header.pop()
    columns = [cell or f"column_{i}" for i, cell in enumerate(header, 1)]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise DataError(f"{name} has the column {twice[0]!r} more than once; rename one of them")
    width, rows, faults = len(columns), [], []
    for number, record in enumerate(records[start + 1 :], start + 2):
        if not any(cell.strip() for cell in record):
            continue
        if any(cell.strip() for cell in record[width:]):
            remedy = "put the text in quotes or remove the extra separator"
            faults.append((number, f"has {len(record)} cells where the header has {width}; {remedy}"))
        else:
            rows.append((number, (record + [""] * (width - len(record)))[:width]))
    if not rows and not faults:
        raise DataError(f"{name} has a header and no rows; add the complaints below the header")
    return Sheet(columns, rows, faults, encoding)


def read_xlsx(data: bytes, name: str) -> Sheet:
    """Read the first sheet that holds anything; formulas give the value Excel saved with them."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            unpacked = sum(part.file_size for part in package.infolist())
        if unpacked > UNPACKED_LIMIT:
            raise DataError(f"{name} unpacks to {unpacked / 1e9:.1f} GB; split it or {SAVE_AS}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles it drops; cells are all we read
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # some writers state a wrong size, and rows would be lost
                records = [[cell_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
                if any(cell.strip() for record in records for cell in record):
                    return arrange(records, name, "xlsx")
    except DataError:
        raise
    except Exception as error:  # openpyxl answers damage with whatever its parser met first
        raise DataError(f"{name} is not a readable Excel workbook; open it in Excel and 另存为 .xlsx") from error
    raise DataError(f"{name} is empty; choose the file that holds the complaints")


def read_jsonl(text: str, name: str, encoding: str) -> Sheet:
    """Read one JSON object a line; a nested `social` is laid out in its own columns; columns are the union of keys."""
    objects: list[tuple[int, dict[str, str]]] = []
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            faults.append((number, "is not a JSON object; write one object a line"))
            continue
        social = found.pop("social", None)
        if isinstance(social, dict):
            found |= {key: value for key, value in social.items() if key not in found}
        objects.append((number, {str(key).strip(): cell_text(value) for key, value in found.items()}))
    if not objects:
        raise DataError(f'{name} has no JSON object; write one object a line, such as {{"text": "…"}}')
    columns = list(dict.fromkeys(key for _, one in objects for key in one))
    return Sheet(
        columns, [(number, [one.get(key, "") for key in columns]) for number, one in objects], faults, encoding
    )


def cell_text(value: object) -> str:
    """A cell as the text a person sees: 7.0 as 7, a date as 2019-02-28 11:25:05, a list joined by `|`, None as blank.

    >>> cell_text(13800138000.0), cell_text(None), cell_text(["物流配送", "服务质量"])
    ('13800138000', '', '物流配送|服务质量')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value.replace("_x000D_", "").replace("_x000d_", "")  # Excel's escape of a carriage return
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if not isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    if isinstance(value, datetime | date | time):
        return str(value)
    if isinstance(value, list):
        return "|".join(cell_text(part) for part in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
