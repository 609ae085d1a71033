"""A chunk of a file classified: its rows cut into cells, their texts judged by column, and the rows written again."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from json import dumps
from pathlib import Path
from re import compile as compile_

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, load_bundle
from model.columns import STAGES, decide_spans, exposure_stages
from model.errors import BundleError
from model.export import csv_bytes
from model.features import join_codes
from model.sheet import read_jsonl
from training.chunks import Layout
from training.csv_kernel import Bytes, Places, cut_cells, drop_escapes, read_texts, sort_rows
from training.csv_writing import decimals, write_rows

__all__ = ["Chunk", "ChunkClassifier", "Done", "Hook", "Said", "read_chunk", "say"]

_CONFIDENCES = (*(f"{tick / 10_000:.4f}" for tick in range(10_001)), None)
_ACCEPTED = ("false", "true", None)
_ESCAPED = compile_("[\udc80-\udcff]")  # a byte that is no text, as `surrogateescape` gives it
_ESCAPED_BYTE = compile_(rb"\xed[\xb2\xb3][\x80-\xbf]")  # the same in bytes
_ESCAPES = ((b"_x000D_", "D"), (b"_x000d_", "d"))


@dataclass(slots=True)
class Said:
    """A column that we add: row i says `words[which[i]]`, None where a text is blank."""

    words: tuple[str | None, ...]
    which: NDArray[np.int32]

    def put(self, rows: NDArray[np.int64] | Sequence[int], word: str) -> None:
        """Let these rows say something else."""
        if word not in self.words:
            self.words = (*self.words, word)
        self.which[rows] = self.words.index(word)


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk's rows, written; `count` is how many, `records` how many there were with those left out, and `faults`
    are the ones of these that could not be read: how many rows stand before each in the chunk, and what is wrong."""

    data: bytes
    count: int
    records: int
    faults: list[tuple[int, str]] = field(default_factory=list)


class Chunk(ABC):
    """The usable rows of a chunk: `texts`, `rows`, and `said`, column → `Said`, which may be changed."""

    codes: NDArray[np.uint32]
    spans: NDArray[np.int64]
    said: dict[str, Said]
    columns: list[str]
    records: int
    faults: list[tuple[int, str]]

    @property
    def texts(self) -> list[str]:
        """Each row's text: title and body, as `Table.text` joins them."""
        return [self.codes[a:b].tobytes().decode("utf-32-le", "surrogatepass") for a, b in self.spans.tolist()]

    @abstractmethod
    def rows(self) -> list[list[str]]:
        """Each row's cells, one a column of the file."""

    def csv(self) -> bytes:
        """The rows with what is said of them, as CSV."""
        said = [[column.words[at] for at in column.which.tolist()] for column in self.said.values()]
        return csv_bytes([*row, *words] for row, *words in zip(self.rows(), *said, strict=True))

    def jsonl(self, columns: Sequence[str]) -> bytes:
        """The rows with what is said of them, one JSON object a line with these keys."""
        said = [[column.words[at] for at in column.which.tolist()] for column in self.said.values()]
        rows = ([*row, *words] for row, *words in zip(self.rows(), *said, strict=True))
        lines = (dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
        return "".join(lines).encode("utf-8", "replace")


Hook = Callable[[Chunk], None]  # may change what is said of a chunk's rows; it travels to other processes by pickle


class CsvChunk(Chunk):
    """A chunk of a CSV file: its bytes, and where its cells lie in them."""

    def __init__(self, data: bytes, layout: Layout, damaged: bool = False) -> None:
        self.columns = layout.table.columns
        width = len(self.columns)
        lines = data.count(b"\n") + data.count(b"\r") + 1
        most = lines + data.count(layout.separator.encode())
        self._data: Bytes = np.frombuffer(bytearray(data), np.uint8)
        self._starts, self._ends, self._marked = (
            np.empty(most, np.int64),
            np.empty(most, np.int64),
            np.empty(most, bool),
        )
        self._firsts: Places = np.empty(lines + 1, np.int64)
        where = self._starts, self._ends
        self.records, self._cells = cut_cells(self._data, ord(layout.separator), *where, self._marked, self._firsts)
        kept, faulty = np.empty(self.records, np.int64), np.empty(self.records, np.int64)
        good, bad = sort_rows(self._data, *where, self._firsts, self.records, width, kept, faulty)
        self._kept, faulty = kept[:good], faulty[:bad]
        sizes = (self._firsts[faulty + 1] - self._firsts[faulty]).tolist()
        self.faults = [(row, too_wide(size, width)) for row, size in zip(faulty.tolist(), sizes, strict=True)]
        if damaged:
            self._leave_out(data, layout)
        good = len(self._kept)
        self._room = len(data) + data.count(b'"') + 3 * self._cells + good * (width + 2)

        roles = layout.table.roles
        columns = [self.columns.index(roles[role]) for role in ("title", "text") if role in roles]
        codes, self.spans = np.empty(len(data) + 2 * good, np.uint32), np.empty((good, 2), np.int64)
        used = read_texts(self._data, *where, self._firsts, self._kept, np.array(columns), codes, self.spans)
        self.codes = codes[:used]

    def rows(self) -> list[list[str]]:
        whole, width = self._data.tobytes(), len(self.columns)
        rows = []
        for row in self._kept.tolist():
            cells = range(self._firsts[row], min(self._firsts[row + 1], self._firsts[row] + width))
            found = [whole[self._starts[cell] : self._ends[cell]].decode() for cell in cells]
            rows.append(found + [""] * (width - len(found)))
        return rows

    def csv(self) -> bytes:
        for escape, letter in _ESCAPES:
            if escape in self._data.tobytes():
                drop_escapes(self._data, self._starts, self._ends, self._cells, ord(letter))
        words = [_words(column.words) for column in self.said.values()]
        bases = np.cumsum([0] + [len(sizes) for _, sizes in words])
        sizes = np.concatenate([sizes for _, sizes in words])
        places = np.concatenate(([0], np.cumsum(sizes)))
        said = np.stack([column.which + base for column, base in zip(self.said.values(), bases, strict=False)], 1)
        out = np.empty(self._room + int(sizes[said].sum()), np.uint8)
        blob = np.concatenate([blob for blob, _ in words])
        put = write_rows(
            self._data, self._starts, self._ends, self._marked, self._firsts, self._kept, len(self.columns),
            decimals(), blob, places, said, out,
        )  # fmt: skip
        return out[:put].tobytes()

    def _leave_out(self, data: bytes, layout: Layout) -> None:
        """Take the rows that hold escaped bytes for faults."""
        rows = np.flatnonzero(np.diff(self._firsts[: self.records + 1]))
        places = [match.start() for match in _ESCAPED_BYTE.finditer(data)]
        begins = self._starts[self._firsts[rows]]
        bad = np.unique(rows[np.maximum(np.searchsorted(begins, places, "right") - 1, 0)])
        self._kept = self._kept[~np.isin(self._kept, bad)]
        self.faults = sorted((dict(self.faults) | dict.fromkeys(bad.tolist(), not_text(layout))).items())


class JsonChunk(Chunk):
    """A chunk of a JSONL file, read as `read_table` reads one; the columns are those of the whole file."""

    def __init__(self, text: str, layout: Layout) -> None:
        lines = text.split("\n")
        bad = [at for at, line in enumerate(lines) if _ESCAPED.search(line)]
        for at in bad:
            lines[at] = ""
        # an empty object in front: a chunk may hold faults only, and read_jsonl takes that for a mistaken file
        sheet = read_jsonl("\n".join(("{}", *lines)), layout.table.name, "utf-8")
        self.columns = sheet.columns
        found = [dict(zip(sheet.columns, cells, strict=True)) for _, cells in sheet.rows[1:]]
        self._rows = [{column: row.get(column, "") for column in layout.table.columns} for row in found]
        self.records = len(lines) - (not lines[-1])
        faults = {number - 2: reason for number, reason in sheet.faults}
        self.faults = sorted((faults | dict.fromkeys(bad, not_text(layout))).items())
        self.codes, self.spans = join_codes([layout.table.text(row) for row in self._rows])

    def rows(self) -> list[list[str]]:
        return [list(row.values()) for row in self._rows]


class ChunkClassifier:
    """Classifies the chunks of one file: bytes in, rows with `columns` written as `ending` (csv or jsonl) out."""

    def __init__(
        self, bundle: Bundle, layout: Layout, columns: list[str], ending: str, hook: Hook | None = None
    ) -> None:
        self._bundle = bundle
        self._layout = layout
        self._columns = columns
        self._ending = ending
        self._hook = hook

    @classmethod
    def open(
        cls, folder: Path, version: str, layout: Layout, columns: list[str], ending: str, hook: Hook | None
    ) -> "ChunkClassifier":
        """The same in another process, with the bundle opened there; BundleError when it is another by now."""
        sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]  # numba would load its BLAS: 14 MB for nothing
        bundle = load_bundle(folder)
        if bundle.version != version:
            raise BundleError(f"{folder} was replaced while a file was classified: classify it again.")
        return cls(bundle, layout, columns, ending, hook)

    def __call__(self, data: bytes) -> Done:
        chunk = read_chunk(data, self._layout)
        chunk.said = say(self._bundle, chunk.codes, chunk.spans)
        if self._hook is not None:
            self._hook(chunk)
        written = chunk.csv() if self._ending == "csv" else chunk.jsonl(self._columns)
        return Done(written, len(chunk.spans), chunk.records, chunk.faults)


def read_chunk(data: bytes, layout: Layout) -> CsvChunk | JsonChunk:
    """The rows of a chunk; those with bytes that are no text in the file's encoding are faults."""
    damaged, text, encoding = True, "", ""
    for encoding in layout.encodings:
        with suppress(UnicodeDecodeError):
            text, damaged = data.decode(encoding), False
            break
    if damaged:
        encoding = layout.encodings[0]
        text = data.decode(encoding, "surrogateescape")
    if layout.kind == "jsonl":
        return JsonChunk(text, layout)
    return CsvChunk(
        data if encoding == "utf-8" and not damaged else text.encode("utf-8", "surrogatepass"), layout, damaged
    )


def say(bundle: Bundle, codes: NDArray[np.uint32], spans: NDArray[np.int64]) -> dict[str, Said]:
    """Column → what it says of each text, in the order of `classified_columns`; nothing of a blank text."""
    blank = spans[:, 0] == spans[:, 1]
    said = {}
    for head, column in decide_spans(bundle, codes, spans).items():
        nothing = "" if head == "exposure_stage" else None
        said[head] = Said((*column.words, nothing), _unless(blank, column.which, len(column.words)))
        said[f"{head}_confidence"] = Said(_CONFIDENCES, _unless(blank, ticks(column.confidence), 10_001))
        said[f"{head}_accepted"] = Said(_ACCEPTED, _unless(blank, column.accepted.astype(np.int32), 2))
    if "exposure_stage" not in said:
        said["exposure_stage"] = Said((*STAGES, ""), _unless(blank, exposure_stages(codes, spans), len(STAGES)))
    return said


def ticks(confidence: NDArray[np.float64]) -> NDArray[np.int32]:
    """Confidences in ten-thousandths, rounded as `f"{confidence:.4f}"` rounds.

    >>> ticks(np.array([0.5, 0.00015, 0.00025])).tolist(), f"{0.00015:.4f}", f"{0.00025:.4f}"
    ([5000, 1, 3], '0.0001', '0.0003')
    """
    scaled = confidence * 10_000
    near = np.rint(scaled)
    for at in np.flatnonzero(np.abs(np.abs(scaled - near) - 0.5) < 1e-6).tolist():  # the product may round across
        near[at] = round(float(f"{confidence[at]:.4f}") * 10_000)
    return near.astype(np.int32)


def too_wide(cells: int, width: int) -> str:
    """Why a row with too many cells is left out, in the words of `read_table`."""
    return f"has {cells} cells where the header has {width}; put the text in quotes or remove the extra separator"


def not_text(layout: Layout) -> str:
    """Why a row with damaged characters is left out."""
    return f"holds bytes that are not {layout.encodings[0].upper()}; save the file again as UTF-8"


def _unless(blank: NDArray[np.bool_], which: NDArray[np.int32], nothing: int) -> NDArray[np.int32]:
    return np.where(blank, np.int32(nothing), which)


@lru_cache(maxsize=64)
def _words(words: tuple[str | None, ...]) -> tuple[Bytes, Places]:
    """Each word as a further cell of a CSV row: all their bytes, and how many each has."""
    cells = [csv_bytes([["", word]])[:-2] for word in words]
    return np.frombuffer(b"".join(cells), np.uint8), np.array([len(cell) for cell in cells])
