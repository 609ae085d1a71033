"""The loops over the bytes of a CSV file that numba compiles: where rows end, their cells, and their texts.

They read as Python's `csv` reads without `strict`. The bytes are valid UTF-8, or GB18030 in `find_end` alone: no byte
of a longer character looks like a separator, a quote or a line end in either.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Bytes", "Places", "cut_cells", "drop_escapes", "find_end", "point_at", "read_texts", "sort_rows"]

_LF, _CR, _QUOTE, _COMMA = 10, 13, 34, 44
_ESCAPE = np.frombuffer(b"_x000D_", np.uint8)

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]


@njit(cache=True, nogil=True)
def find_end(data: Bytes, separator: int, most: int, last: bool) -> tuple[int, int, bool, bool]:
    """The first `most` whole rows of `data`, which begins with a row: where they end, and how many they are; then
    whether what follows ends inside quotes, and whether a closing quote is followed by more (`csv` calls that loose).

    `last`: nothing comes after `data`, so that its end is also the end of a row.
    """
    end = at = rows = 0
    loose = False
    size = len(data)
    while at < size and rows < most:
        ended = False
        while not ended:
            if at < size and data[at] == _QUOTE:
                at += 1
                inside = True
                while at < size:
                    if data[at] != _QUOTE:
                        at += 1
                    elif at + 1 < size and data[at + 1] == _QUOTE:
                        at += 2
                    elif at + 1 < size or last:
                        at += 1
                        inside = False
                        break
                    else:
                        return end, rows, False, loose  # the quote at the end may be the first of two
                if inside:
                    return end, rows, True, loose
                loose |= at < size and data[at] != separator and data[at] != _LF and data[at] != _CR
            while at < size and data[at] != separator and data[at] != _LF and data[at] != _CR:
                at += 1
            if at >= size:
                if not last:
                    return end, rows, False, loose
                ended = True
            elif data[at] == separator:
                at += 1
            else:
                if data[at] == _CR:
                    if at + 1 < size:
                        at += data[at + 1] == _LF
                    elif not last:
                        return end, rows, False, loose
                at += 1
                ended = True
        end = at
        rows += 1
    return end, rows, False, loose


@njit(cache=True, nogil=True)
def cut_cells(
    data: Bytes, separator: int, starts: Places, ends: Places, marked: NDArray[np.bool_], firsts: Places
) -> tuple[int, int]:
    """Cut rows into cells: fills where each cell starts and ends in `data`, whether it must be quoted when written,
    and each row's first cell; returns how many rows and cells there are.

    Doubled quotes are made single in place, so `data` is changed.
    """
    at = rows = cells = 0
    size = len(data)
    while at < size:
        firsts[rows] = cells
        ended = data[at] == _LF or data[at] == _CR  # a line without anything has no cell
        while not ended:
            mark = False
            begin = put = at
            if at < size and data[at] == _QUOTE:
                at += 1
                begin = put = at
                while at < size:
                    byte = data[at]
                    if byte == _QUOTE:
                        mark |= at + 1 < size and data[at + 1] == _QUOTE
                        if at + 1 >= size or data[at + 1] != _QUOTE:
                            at += 1
                            break
                        at += 1
                    mark |= byte in (_COMMA, _CR, _LF)
                    data[put] = byte
                    put += 1
                    at += 1
            while at < size and data[at] != separator and data[at] != _LF and data[at] != _CR:
                mark |= data[at] == _COMMA or data[at] == _QUOTE
                data[put] = data[at]
                put += 1
                at += 1
            starts[cells], ends[cells], marked[cells] = begin, put, mark
            cells += 1
            ended = at >= size or data[at] != separator
            at += not ended
        if at < size:
            at += data[at] == _CR and at + 1 < size and data[at + 1] == _LF
            at += 1
        rows += 1
    firsts[rows] = cells
    return rows, cells


@njit(inline="always")
def point_at(data: Bytes, at: int) -> Any:
    """The code point at a byte, and where the next one starts, two whole numbers."""
    byte = np.int64(data[at])
    if byte < 0x80:
        return byte, at + 1
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F), at + 2
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F), at + 3
    return (
        (byte & 0x07) << 18
        | (np.int64(data[at + 1]) & 0x3F) << 12
        | (np.int64(data[at + 2]) & 0x3F) << 6
        | (np.int64(data[at + 3]) & 0x3F)
    ), at + 4


@njit(inline="always")
def _is_space(point: int) -> bool:
    """What `str.strip` takes away."""
    if point < 0x80:
        return point == 32 or 9 <= point <= 13 or 28 <= point <= 31
    if point < 0x2000:
        return point in (0x85, 0xA0, 0x1680)
    return point <= 0x200A or point in (0x2028, 0x2029, 0x202F, 0x205F, 0x3000)


@njit(inline="always")
def _is_blank(data: Bytes, start: int, end: int) -> bool:
    at = start
    while at < end:
        point, at = point_at(data, at)
        if not _is_space(point):
            return False
    return True


@njit(cache=True, nogil=True)
def sort_rows(
    data: Bytes, starts: Places, ends: Places, firsts: Places, rows: int, width: int, kept: Places, faulty: Places
) -> tuple[int, int]:
    """Fill `kept` with the rows that can be used and `faulty` with those of too many cells; blank ones are in neither.

    Returns how many of both.
    """
    good = bad = 0
    for row in range(rows):
        blank, odd = True, False
        for cell in range(firsts[row], firsts[row + 1]):
            beyond = cell - firsts[row] >= width
            if (blank or beyond) and not _is_blank(data, starts[cell], ends[cell]):
                blank = False
                odd |= beyond
        if odd:
            faulty[bad] = row
            bad += 1
        elif not blank:
            kept[good] = row
            good += 1
    return good, bad


@njit(inline="always")
def _decode(data: Bytes, start: int, end: int, codes: NDArray[np.uint32], used: int) -> int:
    """Write the code points of a cell without the white space around it behind `used`; returns the new `used`."""
    at, kept = start, used
    first = True
    while at < end:
        point, at = point_at(data, at)
        if _is_space(point):
            if first:
                continue
        else:
            first = False
            kept = used + 1
        codes[used] = point
        used += 1
    return kept


@njit(cache=True, nogil=True)
def read_texts(
    data: Bytes, starts: Places, ends: Places, firsts: Places, kept: Places, columns: Places,
    codes: NDArray[np.uint32], spans: NDArray[np.int64],
) -> int:  # fmt: skip
    """Fill `spans` (rows, 2) and `codes` with the text of each row of `kept`: its `columns`, each without the white
    space around it, joined by a line break where more than one holds anything. Returns how many code points there are.
    """
    used = 0
    for place in range(len(kept)):
        first, have = firsts[kept[place]], firsts[kept[place] + 1] - firsts[kept[place]]
        begin = used
        for column in columns:
            if column < have:
                joint = used > begin
                codes[used] = _LF
                reached = _decode(data, starts[first + column], ends[first + column], codes, used + joint)
                used = reached if reached > used + joint else used
        spans[place, 0], spans[place, 1] = begin, used
    return used


@njit(cache=True, nogil=True)
def drop_escapes(data: Bytes, starts: Places, ends: Places, cells: int, letter: int) -> None:
    """Take Excel's escape of a carriage return, `_x000D_` with D as `letter`, out of the cells, in place."""
    for cell in range(cells):
        at, put, end = starts[cell], starts[cell], ends[cell]
        while at < end:
            same = at + len(_ESCAPE) <= end
            for place in range(len(_ESCAPE)):
                wanted = letter if place == 5 else _ESCAPE[place]
                same = same and data[at + place] == wanted
            if same:
                at += len(_ESCAPE)
            else:
                data[put] = data[at]
                put += 1
                at += 1
        ends[cell] = put
