"""A file of complaints, however large, as chunks of whole rows; its kind, encoding and columns are known first."""

import csv
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from shutil import copyfileobj
from typing import BinaryIO

import numpy as np

from model.errors import DataError
from model.sheet import SAVE_AS, decode, kind_of, separator_of
from model.table import Table, read_table_bytes
from training.csv_kernel import find_end

__all__ = ["ChunkReader", "Layout"]

_CHUNK = 1_000_000  # bytes of one chunk: some five thousand complaints
_WINDOW = 4_000_000  # bytes by which the encoding is judged: the whole of a smaller file
_LONGEST = 64_000_000  # bytes of one row
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Layout:
    """How a chunk is written: `kind` csv or jsonl, the encodings to try, the separator of cells, and a table without
    rows that knows the file's name, its columns and what they mean; those of jsonl must be found by reading it all."""

    kind: str
    encodings: tuple[str, ...]
    separator: str
    table: Table


class ChunkReader:
    """The whole rows of a binary file in order, about 1 MB (`chunk`) at a time; `layout`, `first` come before the rows.

    `first` is the number of the first row as a person counts it, `taken` the bytes read so far, `small` whether the
    file was read by then. Raises DataError as `read_table` does, for what lies beyond the first 4 MB when it gets
    there. A file of kind xlsx has no chunks: take its bytes by `rest_to`.
    """

    def __init__(self, file: BinaryIO, name: str, chunk: int | None = None) -> None:
        self.name = name
        self.taken = 0
        self._file = file
        self._chunk = chunk if chunk is not None else _CHUNK
        self._decoder: IncrementalDecoder | None = None
        self._loose = False
        self._head = self._read(_WINDOW)
        self._held = b""
        self.small = self._last = len(self._head) < _WINDOW
        self.first = 1
        self.kind = kind_of(self._head, name)
        if self.kind != "xlsx":
            self.layout = self._open()

    def __iter__(self) -> Iterator[bytes]:
        size = self._chunk
        while True:
            while len(self._held) < size and not self._last:
                self._more()
            part = self._held[:size]
            last = self._last and len(part) == len(self._held)
            end = self._end(part, last)
            if end:
                yield part[:end]
                self._held = self._held[end:]
                size = self._chunk
            elif last:
                return
            elif size > _LONGEST:
                raise DataError(f'{self.name} has a row of over {_LONGEST // 10**6} MB; is a quote (") never closed?')
            else:
                size *= 2

    def rest_to(self, target: BinaryIO) -> None:
        """Copy all bytes of the file as they are, in place of the chunks."""
        target.write(self._head)
        copyfileobj(self._file, target, _CHUNK)

    def _open(self) -> Layout:
        head = self._head
        cut = len(head) if self._last else max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
        whole = head[: cut or len(head)]
        if self._is_utf16(whole):
            return self._open_utf16()
        text, encoding = decode(whole, self.name)
        self._held = head.removeprefix(_BOM) if encoding.startswith("utf-8") else head
        encodings: tuple[str, ...] = ("gb18030",) if encoding == "gb18030" else ("utf-8",)
        if head.isascii() and not self._last:
            encodings = ("utf-8", "gb18030")  # what is to come decides
        return self._lay_out(text, encodings)

    def _is_utf16(self, whole: bytes) -> bool:
        """By its mark, or by zero bytes that no other encoding has so many of."""
        if whole.startswith((b"\xff\xfe", b"\xfe\xff")):
            return True
        return b"\0" in whole[:4096] and decode(whole[: len(whole) // 2 * 2], self.name)[1].startswith("utf-16")

    def _open_utf16(self) -> Layout:
        even = len(self._head) - len(self._head) % 2
        try:
            text, encoding = decode(self._head[:even], self.name)
        except DataError:
            if self._last:
                raise
            text, encoding = decode(self._head[: even - 2], self.name)  # the window may end inside a character
        self._decoder = getincrementaldecoder(encoding)()
        self._held = self._recode(self._head, self._last).removeprefix(_BOM)
        return self._lay_out(text, ("utf-8",))

    def _lay_out(self, text: str, encodings: tuple[str, ...]) -> Layout:
        """Read up to the header; `_held` is then what stands below it."""
        if self.kind == "jsonl":
            return Layout(self.kind, encodings, "", Table(self.name, [], [], {}, encodings[0], []))
        separator = separator_of(text[:1_000_000])
        at, cells = 0, [""]
        while not any(cell.strip() for cell in cells):
            data = np.frombuffer(self._held, np.uint8)[at:]
            end, rows, open_, loose = find_end(data, ord(separator), 1, self._last)
            self._loose |= loose
            if open_ and self._last and not self._loose:
                raise self._unclosed()
            if open_ or not rows:
                read_table_bytes(self._held[:_WINDOW], self.name)  # says what is wrong with a file that has no header
                raise DataError(f"{self.name} has a header of over {_WINDOW // 10**6} MB; is a quote never closed?")
            record = self._held[at : at + end].decode(encodings[0])
            cells = next(csv.reader(StringIO(record, newline=""), delimiter=separator), [""])
            at += end
            self.first += 1
        top = self._held[:at].decode(encodings[0])
        table = read_table_bytes(f"{top}\nx\n".encode(), self.name)
        self._held = self._held[at:]
        return Layout(self.kind, encodings, separator, replace(table, rows=[], numbers=[], encoding=encodings[0]))

    def _end(self, part: bytes, last: bool) -> int:
        """Where the last whole row of `part` ends."""
        quoted = self.kind == "csv" and b'"' in part
        if not quoted and (last or self.kind == "jsonl" or b"\n" in part):
            return len(part) if last else part.rfind(b"\n") + 1
        separator = ord(self.layout.separator)
        end, _, open_, loose = find_end(np.frombuffer(part, np.uint8), separator, len(part), last)
        self._loose |= loose
        if open_ and last:
            if not self._loose:
                raise self._unclosed()
            return len(part)
        return end

    def _more(self) -> None:
        data = self._read(max(self._chunk, len(self._held)))
        self._last = not data
        self._held += data if self._decoder is None else self._recode(data, self._last)

    def _read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise DataError(f"{self.name} cannot be read ({error.strerror}); check the file and the disk") from error
        self.taken += len(data)
        return data

    def _recode(self, data: bytes, last: bool) -> bytes:
        assert self._decoder is not None
        try:
            return self._decoder.decode(data, last).encode()
        except UnicodeError as error:
            raise DataError(f"{self.name} is not UTF-16 up to its end ({error}); save it again as UTF-8") from None

    def _unclosed(self) -> DataError:
        return DataError(f'{self.name} has a quote (") that is never closed; close it, or {SAVE_AS}')
