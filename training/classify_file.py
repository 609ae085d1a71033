"""A whole file classified: its own columns plus what each head says, CSV and JSONL of any size in bounded memory."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from json import dumps
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from model.bundle import Bundle, load_bundle
from model.errors import DataError
from model.export import BOM, csv_bytes, whole_file, write_table
from model.exposure import judge_exposure
from model.sheet import read_jsonl
from model.table import RowError, Table, read_table_bytes
from training.chunks import ChunkReader, Layout
from training.classify_chunk import ChunkClassifier, Hook, read_chunk
from training.ruling import hooked_rows
from training.workers import in_order

__all__ = ["Classified", "classified_columns", "classify_file", "classify_rows", "classify_stream", "cores"]

CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Classified:
    """How many rows were written, how many could not be read and are left out, and the first of these."""

    rows: int
    left_out: int
    first: RowError | None


def classify_file(
    folder: Path,
    data: Path,
    out: Path,
    workers: int | None = None,
    hook: Hook | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Classified:
    """Classify a CSV, JSONL or XLSX file (`-` is standard input) with the bundle of a folder into `out`, whole or not
    at all.

    CSV and JSONL go through in chunks, by `workers` processes (by default one a core, 8 at most; one for a small file),
    in memory that does not grow with the file; a workbook on either side is held whole. `hook` may change what is said
    of each chunk. `progress` is told bytes read, and in all (0 where unknown). Raises DataError.
    """
    if str(data) == "-":
        return classify_stream(folder, sys.stdin.buffer, "-", out, workers, hook, progress)
    try:
        file = data.open("rb")
    except OSError as error:
        raise DataError(f"{data} cannot be read ({error.strerror}); check the path") from None
    with file:
        return classify_stream(folder, file, data.name, out, workers, hook, progress)


def classify_stream(
    folder: Path,
    file: BinaryIO,
    name: str,
    out: Path,
    workers: int | None = None,
    hook: Hook | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Classified:
    """As `classify_file`, of an open binary file; `name` tells its kind by its ending and is used in messages."""
    bundle = load_bundle(folder)
    ending = out.suffix.lower()
    reader = ChunkReader(file, name)
    if "xlsx" in (reader.kind, ending.removeprefix(".")):
        whole = BytesIO()
        reader.rest_to(whole)
        table = read_table_bytes(whole.getvalue(), name)
        columns = classified_columns(bundle, table, getattr(hook, "columns", ()))
        rows = hooked_rows(bundle, table, columns, hook) if hook else classify_rows(bundle, table)
        written = write_table(out, columns, rows)
        return Classified(written, len(table.faults), table.faults[0] if table.faults else None)
    if ending not in (".csv", ".jsonl"):
        raise DataError(f"{out.name} has an ending that cannot be written; use .csv, .xlsx or .jsonl")
    count = workers if workers is not None else cores()
    with TemporaryFile() as spool:
        if reader.kind == "jsonl":  # its columns are known when all of it is read, so it is read twice
            if not file.seekable():
                reader.rest_to(spool)
                file = spool
            reader = _with_columns(file, name, count)
        total = size_of(file)
        workers = 1 if reader.small else count
        return _classify_chunks(bundle, folder, reader, out, workers, hook, lambda done: progress(done, total))


def size_of(file: BinaryIO) -> int:
    """The bytes of a file, 0 for a pipe."""
    if not file.seekable():
        return 0
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(here)
    return size


def cores() -> int:
    """How many processor cores this process may use, 8 at most: each further worker wants its 100 MB too."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)


def classified_columns(bundle: Bundle, table: Table, further: Iterable[str] = ()) -> list[str]:
    """The table's columns, then `<head>`, `<head>_confidence`, `<head>_accepted` for each head, and exposure_stage.

    `further` are columns that a hook adds. A column of the file that has one of these names stays under `<name>_given`.
    """
    said = [f"{head}{end}" for head in bundle.heads for end in ("", "_confidence", "_accepted")]
    said += [] if "exposure_stage" in said else ["exposure_stage"]
    said += further
    names: list[str] = []
    for column in table.columns:
        name = column
        while name in said or name in names or (name != column and name in table.columns):
            name += "_given"
        names.append(name)
    return names + said


def classify_rows(
    bundle: Bundle, table: Table, progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[dict[str, Any]]:
    """Each row with its labels, in order. A blank text gets no labels rather than a guess."""
    table.require_text()
    heads = list(bundle.heads)
    names = dict(zip(table.columns, classified_columns(bundle, table), strict=False))
    for start in range(0, len(table.rows), CHUNK):
        rows = table.rows[start : start + CHUNK]
        texts = [table.text(row) for row in rows]
        for row, text, prediction in zip(rows, texts, bundle.predict(texts), strict=True):
            said: dict[str, Any] = {}
            for head in heads if text.strip() else ():
                verdict = prediction.heads[head]
                said[head] = "|".join(verdict.labels)
                said[f"{head}_confidence"] = f"{verdict.confidence:.4f}"
                said[f"{head}_accepted"] = str(verdict.accepted).lower()
            stage = judge_exposure(text).stage if text.strip() else ""
            said.setdefault("exposure_stage", stage)
            yield {names[column]: cell for column, cell in row.items()} | said
        progress(min(start + CHUNK, len(table.rows)), len(table.rows))


def _classify_chunks(
    bundle: Bundle,
    folder: Path,
    reader: ChunkReader,
    out: Path,
    workers: int,
    hook: Hook | None,
    progress: Callable[[int], None],
) -> Classified:
    layout = reader.layout
    layout.table.require_text()
    columns = classified_columns(bundle, layout.table, getattr(hook, "columns", ()))
    ending = out.suffix.lower().removeprefix(".")
    prepare: Callable[[], ChunkClassifier] = lambda: ChunkClassifier(bundle, layout, columns, ending, hook)  # noqa: E731
    if workers > 1:
        prepare = partial(ChunkClassifier.open, folder.resolve(), bundle.version, layout, columns, ending, hook)
    written = left_out = 0
    first: RowError | None = None
    number = reader.first
    with whole_file(out) as file:
        file.write(BOM + csv_bytes([columns]) if ending == "csv" else b"")
        with closing(in_order(reader, prepare, workers)) as chunks:
            for done in chunks:
                file.write(done.data)
                written += done.count
                left_out += len(done.faults)
                if first is None and done.faults:
                    first = RowError(number + done.faults[0][0], "", done.faults[0][1])
                number += done.records
                progress(reader.taken)
        if not written and not left_out:
            raise DataError(f"{reader.name} has a header and no rows; add the complaints below the header")
    return Classified(written, left_out, first)


def _with_columns(file: BinaryIO, name: str, workers: int) -> ChunkReader:
    """A reader of a JSONL file from its beginning, whose layout knows the columns of all of it."""
    file.seek(0)
    reader = ChunkReader(file, name)
    columns: dict[str, None] = {}
    objects = 0
    for found, count in in_order(reader, partial(partial, _columns, reader.layout), 1 if reader.small else workers):
        columns |= dict.fromkeys(found)
        objects += count
    if not objects:
        read_jsonl("", name, "utf-8")  # says what is missing
    file.seek(0)
    again = ChunkReader(file, name)
    table = read_table_bytes(dumps(dict.fromkeys(columns, "")).encode(), name)
    again.layout = replace(again.layout, table=replace(table, rows=[], numbers=[]))
    return again


def _columns(layout: Layout, data: bytes) -> tuple[list[str], int]:
    chunk = read_chunk(data, layout)
    return chunk.columns, len(chunk.spans)
