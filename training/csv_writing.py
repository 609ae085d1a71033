"""The loop that writes CSV rows and that numba compiles: cells as they were read, then words ready to be copied.

It writes as Python's `csv` writes (`QUOTE_MINIMAL`, CRLF), with the guard of `model.export` before what a spreadsheet
would run. The bytes are valid UTF-8.
"""

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.csv_kernel import Bytes, Places, point_at

__all__ = ["decimals", "write_rows"]

_TAB, _LF, _CR, _QUOTE, _GUARD, _PLUS, _COMMA, _MINUS = 9, 10, 13, 34, 39, 43, 44, 45
_DECIMALS = 0x20000


@cache
def decimals() -> NDArray[np.bool_]:
    """Which code points are decimal digits to Python's regular expressions, shape (131072,)."""
    return np.array([chr(point).isdecimal() for point in range(_DECIMALS)])


@njit(inline="always")
def _is_number(data: Bytes, start: int, end: int, digits: NDArray[np.bool_]) -> bool:
    """Whether a cell is what `model.export` calls a plain number: -1.5, +86, 1e-3, or signs alone."""
    at = start
    while at < end and (data[at] == _PLUS or data[at] == _MINUS):
        at += 1
    if at == end:
        return True
    if at > start + 1:
        return False
    for part in range(3):  # whole, behind the point, behind the e
        if part == 1:
            if at >= end or data[at] != 46:
                continue
            at += 1
        if part == 2:
            if at >= end or (data[at] != 69 and data[at] != 101):
                continue
            at += 1
            at += at < end and (data[at] == _PLUS or data[at] == _MINUS)
        count = 0
        while at < end:
            point, behind = point_at(data, at)
            if not (point < len(digits) and digits[point]) and not (part == 0 and count > 0 and point == _COMMA):
                break
            at = behind
            count += 1
        if count == 0:
            return False
    at += at < end and data[at] == 37
    return at == end


@njit(inline="always")
def _is_formula(data: Bytes, start: int, end: int, digits: NDArray[np.bool_]) -> bool:
    """Whether a spreadsheet might run the cell: it begins with = + - @, a tab or a line, and is no plain number."""
    if start == end:
        return False
    byte = data[start]
    if byte == 0xEF:  # the full-width ones
        return data[start + 1] == 0xBC and data[start + 2] in (0x9D, 0x8B, 0x8D, 0xA0)
    if byte in (_PLUS, _MINUS):
        return not _is_number(data, start, end, digits)
    return byte in {61, 64} or byte in (_TAB, _CR)


@njit(cache=True, nogil=True)
def write_rows(
    data: Bytes, starts: Places, ends: Places, marked: NDArray[np.bool_], firsts: Places, kept: Places, width: int,
    digits: NDArray[np.bool_], words: Bytes, places: Places, said: NDArray[np.int64], out: Bytes,
) -> int:  # fmt: skip
    """Write the rows of `kept` into `out`: their first `width` cells, then the words `said` (rows, columns) of each.

    Word i is `words[places[i]:places[i + 1]]`, ready to be copied. Returns how many bytes were written.
    """
    put = 0
    for place in range(len(kept)):
        first, have = firsts[kept[place]], firsts[kept[place] + 1] - firsts[kept[place]]
        for column in range(width):
            if column > 0:
                out[put] = _COMMA
                put += 1
            if column >= have:
                continue
            start, end = starts[first + column], ends[first + column]
            quoted = marked[first + column]
            if quoted:
                out[put] = _QUOTE
                put += 1
            if _is_formula(data, start, end, digits):
                out[put] = _GUARD
                put += 1
            if quoted:
                for at in range(start, end):
                    if data[at] == _QUOTE:
                        out[put] = _QUOTE
                        put += 1
                    out[put] = data[at]
                    put += 1
                out[put] = _QUOTE
                put += 1
            else:
                for at in range(start, end):
                    out[put] = data[at]
                    put += 1
        for column in range(said.shape[1]):
            word = said[place, column]
            for at in range(places[word], places[word + 1]):
                out[put] = words[at]
                put += 1
        out[put] = _CR
        out[put + 1] = _LF
        put += 2
    return put
