"""One complaint → its clauses, of which its parts are made: cut in one pass over the code points.

A clause ends at a mark, a blank, a new line or the number of a list, before a word that adds another matter (而且,
另外, 二是 …), and before those whom complaints are about (客服, 骑手 …): many people write no mark at all.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.text import code_points

__all__ = ["Part", "cut_clauses", "split_clauses"]

_SHORTEST = 3  # characters of a clause; fewer belong to what follows
_NUMBER, _NAME = (
    8,
    5,
)  # 订单号2026110188765 is no clause: at least so many digits, and fewer characters than that beside
_MARKS = "，。！？；：、,!?;:…～~\n\r\t \u3000"
_ADDING = (
    "而且", "并且", "还有", "另外", "此外", "同时", "再加上", "再有", "再就是", "再说", "其次", "其二", "其三", "二是",
    "三是", "四是", "最主要的是", "关键是", "顺便",
)  # fmt: skip
_TURNING = ("但", "不过", "然后", "最后", "主要", "首先", "其一", "一是", "不光", "不仅")
_ADDERS = len(_ADDING)
_PEOPLE = ("客服", "店员", "快递员", "骑手", "司机", "师傅", "前台", "服务员", "老板", "经理")
_BEFORE_PEOPLE = "系找给和跟叫让打问工们的线被向对与是个位名家"  # 联系客服, 你们客服: no clause begins there
_MARK, _JOINS, _NAMES, _HOLDS = 1, 2, 4, 8  # bits of what a code point may be


@dataclass(slots=True)
class Part:
    """One matter of a complaint: the characters [start, end) of the text given, and where they belong."""

    start: int
    end: int
    category: str | None
    department: str | None


def split_clauses(text: str) -> list[tuple[int, int]]:
    """The spans of the clauses of `text`, in order, without the marks between them; one clause is all of the text.

    >>> [("快递慢而且客服态度差。"[a:b]) for a, b in split_clauses("快递慢而且客服态度差。")]
    ['快递慢', '而且客服态度差']
    """
    spans, _ = cut_clauses(code_points(text), np.array([[0, len(text)]]))
    return [(start, end) for start, end, _ in spans.tolist()] or [(0, len(text))]


def cut_clauses(codes: NDArray[np.uint32], spans: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The clauses (clauses, 2) of the texts `spans` (texts, 2) of `codes`, and where each text's begin (texts + 1,).

    The texts do not overlap. A text of one clause has none.
    """
    kinds, words = _tables()
    clauses = np.empty((len(codes) // _SHORTEST + len(spans), 3), np.int64)
    bounds = np.zeros(len(spans) + 1, np.int64)
    _cut(codes, spans, kinds, words, clauses, bounds)
    return clauses[: bounds[-1]], bounds


@cache
def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """What each code point may be (65536,), and the words that begin a clause (words, characters), ended by 0."""
    kinds = np.zeros(65536, np.uint8)
    for letters, kind in ((_MARKS, _MARK), (_BEFORE_PEOPLE, _HOLDS)):
        for letter in letters:
            kinds[ord(letter)] |= kind
    both = [*_ADDING, *_TURNING, *_PEOPLE]
    words = np.zeros((len(both), 1 + max(map(len, both))), np.uint32)
    for at, word in enumerate(both):
        words[at, : len(word)] = [ord(letter) for letter in word]
        kinds[ord(word[0])] |= _NAMES if word in _PEOPLE else _JOINS
    return kinds, words


@njit(inline="always")
def _kind(codes: NDArray[np.uint32], at: int, kinds: NDArray[np.uint8]) -> int:
    return int(kinds[codes[at]]) if codes[at] < 65536 else 0


@njit(inline="always")
def _is_digit(codes: NDArray[np.uint32], at: int, first: int, last: int) -> bool:
    return first <= at < last and 48 <= codes[at] <= 57


@njit(inline="always")
def _numbers(codes: NDArray[np.uint32], at: int, first: int, last: int) -> int:
    """How many characters the number of a list at `at` has: 2、 or (2) or 2. but not 2.5; 0 where there is none."""
    digit = at + 1 if codes[at] in (40, 65288) else at
    if digit + 1 >= last or not _is_digit(codes, digit, first, last) or _is_digit(codes, digit - 1, first, last):
        return 0
    if codes[digit + 1] not in (41, 65289, 12289, 46, 65294) or _is_digit(codes, digit + 2, first, last):
        return 0
    return digit + 2 - at


@njit(inline="always")
def _begins(codes: NDArray[np.uint32], at: int, last: int, kind: int, before: int, words: NDArray[np.uint32]) -> int:
    """Which of `words` stands at `at`, -1 where none; people only where nothing before holds them back."""
    if kind & (_JOINS | (0 if before & _HOLDS else _NAMES)) == 0:
        return -1
    for word in range(len(words)):
        size = 0
        while words[word, size] != 0 and at + size < last and codes[at + size] == words[word, size]:
            size += 1
        if words[word, size] == 0:
            return word
    return -1


@njit(inline="always")
def _numbered(codes: NDArray[np.uint32], begin: int, end: int) -> bool:
    """Whether a piece is no more than a number with its name."""
    digits, letters = 0, 0
    for at in range(begin, end):
        digits += int(48 <= codes[at] <= 57 or codes[at] == 42)
        letters += int(97 <= (codes[at] | np.uint32(32)) <= 122)
    return digits >= _NUMBER and end - begin - digits - letters < _NAME


@njit(cache=True, nogil=True)
def _cut(
    codes: NDArray[np.uint32],
    spans: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    words: NDArray[np.uint32],
    clauses: NDArray[np.int64],
    bounds: NDArray[np.int64],
) -> None:
    count = 0
    for text in range(len(spans)):
        first, last = spans[text]
        begin = at = first
        behind = first  # behind the last character that is no mark
        adds = 0
        while at < last:
            kind = _kind(codes, at, kinds)
            end = at
            while end < last and _kind(codes, end, kinds) & _MARK:
                end += 1
            number = _numbers(codes, end, first, last) if end < last else 0
            end += number
            word = -1
            if end == at:
                word = _begins(codes, at, last, kind, _kind(codes, at - 1, kinds) if at > first else 0, words)
            if end > at or word >= 0:
                if at - begin >= _SHORTEST and not _numbered(codes, begin, at):
                    clauses[count] = begin, at, adds
                    count += 1
                    begin, adds = end, 0
                elif at == begin or at - begin >= _SHORTEST:
                    begin = end
                if begin == end and (number > 0 or 0 <= word < _ADDERS):
                    adds = 1
            if end == at:
                end = behind = at + 1
            at = end
        if behind - begin >= _SHORTEST:
            if not _numbered(codes, begin, behind):
                clauses[count] = begin, behind, adds
                count += 1
        elif behind > begin and count > bounds[text]:
            clauses[count - 1, 1] = behind
        if count == bounds[text] + 1:
            count -= 1
        bounds[text + 1] = count
