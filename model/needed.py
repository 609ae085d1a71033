"""Which words every match of an expression needs, and which of many texts hold enough of them: one pass, no search.

An expression is an alternative of sequences. Of each sequence at least one word out of each of some small sets must be
in the text (Cox 2012, Regular Expression Matching with a Trigram Index); a text without them cannot match.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from re import IGNORECASE, Pattern
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.text import point_table, view

__all__ = ["Sieve", "needed_words", "spellings"]

_parse: Any = import_module("re._parser").parse
_POINTS = 0x30000
_MARKS = "，。！？,!?"
_MARK_POINTS = np.array([ord(mark) for mark in _MARKS], np.uint32)
_SPECIAL = set("\\.^$*+?{}[]()")  # what makes a phrase more than words with | between them
_MOST = 300  # words of one set
_PAIRS = 1 << 16
_INNER = ("BRANCH", "SUBPATTERN", "ATOMIC_GROUP", "MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
Set = frozenset[str]


class Sieve:
    """Tells which texts may match an expression over normalised text; a text it leaves out certainly does not."""

    def __init__(self, expression: Pattern[str]) -> None:
        nodes = _ways(list(_parse(expression.pattern, expression.flags)))
        ways = needed_words(expression)
        sets = sorted({one for way in ways for one in way}, key=sorted)
        words = sorted({word for one in sets for word in one})
        self._wanted = _bits([[one in way for one in sets] for way in ways])
        self._bits = _bits([[word in one for one in sets] for word in words])
        firsts = sorted({word[0] for word in words})
        self._gate = np.zeros(_POINTS, np.uint16)
        self._gate[[ord(first) for first in firsts]] = np.arange(1, len(firsts) + 1)
        starts = [word[0] for word in words]
        self._groups = np.array([starts.index(first) for first in firsts] + [len(words)], np.int32)
        self._ends = np.cumsum([0] + [len(word) for word in words], dtype=np.int32)
        rare = {word for way in ways if way for word in _rarest(list(way))}
        self._lead = np.zeros(_POINTS, np.uint8)  # 1 where a rare word begins, 2 where the character is one
        self._lead[[ord(word[0]) for word in rare if len(word) > 1]] = 1
        self._lead[[ord(word) for word in rare if len(word) == 1]] = 2
        self._pairs = np.zeros(_PAIRS, np.bool_)
        self._pairs[[_pair.py_func(ord(word[0]), ord(word[1])) for word in rare if len(word) > 1]] = True
        self._rare = np.array([word in rare for word in words])
        self._open = not all(ways)  # a way asks for nothing
        self._confined = np.array([not any(_may_hold(way, ord(mark)) for mark in _MARKS) for way in nodes])
        self._letters = np.array([ord(letter) for word in words for letter in word], np.uint32)

    def __call__(self, codes: NDArray[np.uint32], spans: NDArray[np.int64]) -> NDArray[np.int32]:
        """Where in each of the texts `spans` (texts, 2) of the code points `codes` a match may begin at the earliest,
        as a place in its normalised view, shape (texts,); -1 in a text that cannot match.

        >>> from re import compile as pattern
        >>> from model.features import join_codes
        >>> sieve = Sieve(pattern("(?:发|上传)[^，。！？,!?]{0,4}(?:抖音|网上)"))
        >>> sieve(*join_codes(["再不退，我发到抖音", "发货慢", "網上買的"])).tolist()
        [4, -1, -1]
        """
        found = np.zeros(len(spans), np.int32)
        if not self._open:
            words = self._gate, self._groups, self._ends, self._letters, self._bits
            ways = self._wanted, self._confined, _MARK_POINTS
            _sift(codes, spans, point_table(), self._lead, self._pairs, self._rare, *words, *ways, found)
        return found


def needed_words(expression: Pattern[str]) -> list[frozenset[Set]]:
    """The ways to match an expression; of each way's sets, every match holds at least one word of each.

    A way without sets asks for nothing: any text may match.

    >>> from re import compile as pattern
    >>> [sorted(map(sorted, way)) for way in needed_words(pattern("(?:发|上传).{0,4}(?:抖音|网上)|曝(?:光)?你"))]
    [[['上传', '发'], ['抖音', '网上']], [['曝你', '曝光你']]]
    """
    if expression.flags & IGNORECASE:
        return [frozenset()]
    return [frozenset(_all_of(way)) for way in _ways(list(_parse(expression.pattern, expression.flags)))]


@cache
def spellings(expression: str) -> Set:
    """Every text that an expression without gaps and repeats matches; ValueError for any other.

    >>> sorted(spellings("打不[通开]|(?:好)?几次"))
    ['几次', '好几次', '打不开', '打不通']
    """
    if not set(expression) & _SPECIAL:
        return frozenset(expression.split("|"))
    ways = [_product(way) for way in _ways(list(_parse(expression)))]
    if any(way is None for way in ways):
        raise ValueError(f"{expression} matches too many texts")
    return frozenset().union(*ways)  # type: ignore[arg-type]


def _ways(nodes: list[Any]) -> list[list[Any]]:
    """The alternatives of a sequence that is nothing but an alternative, however deep in groups."""
    if len(nodes) == 1:
        kind, said = str(nodes[0][0]), nodes[0][1]
        if kind == "SUBPATTERN" and not said[1]:
            return _ways(list(said[3]))
        if kind == "BRANCH":
            return [way for inner in said[1] for way in _ways(list(inner))]
    return [nodes]


def _all_of(nodes: Sequence[Any]) -> list[Set]:
    """Sets of words of which a match of the sequence holds one each."""
    sets: list[Set] = []
    run: Set = frozenset(("",))  # every way to write what was read since the last gap
    for node in [*nodes, ("END", None)]:
        more = _whole(node)
        if more is not None and len(run) * len(more) <= _MOST:
            run = frozenset(front + behind for front in run for behind in more)
            continue
        if "" not in run:
            sets.append(run)
        run = more if more is not None else frozenset(("",))
        kind, said = str(node[0]), node[1]
        if more is not None or kind not in _INNER or (kind == "SUBPATTERN" and said[1]):
            continue  # a group with flags of its own may read letters otherwise
        if kind == "BRANCH":
            inner = [_all_of(list(one)) for one in said[1]]
            if all(inner):
                sets.append(frozenset().union(*(_rarest(one) for one in inner)))
        elif kind in ("SUBPATTERN", "ATOMIC_GROUP") or said[0] > 0:
            sets += _all_of(_inside(kind, said))
    return sets


def _whole(node: Any) -> Set | None:
    """Every text that a node matches, None where they are too many; a look around matches the empty text."""
    kind, said = str(node[0]), node[1]
    if kind in ("ASSERT", "ASSERT_NOT", "AT"):
        return frozenset(("",))
    if kind == "LITERAL":
        return frozenset((chr(said),))
    if kind == "IN":
        return frozenset(chr(one[1]) for one in said) if all(str(one[0]) == "LITERAL" for one in said) else None
    if kind == "BRANCH":
        ways = [_product(list(one)) for one in said[1]]
        return frozenset().union(*ways) if all(way is not None for way in ways) else None  # type: ignore[arg-type]
    if kind in ("SUBPATTERN", "ATOMIC_GROUP"):
        return None if kind == "SUBPATTERN" and said[1] else _product(_inside(kind, said))
    if kind in _INNER and said[1] == 1:
        inner = _product(_inside(kind, said))
        return None if inner is None else inner | {""} if said[0] == 0 else inner
    return None


def _product(nodes: list[Any]) -> Set | None:
    out: Set = frozenset(("",))
    for node in nodes:
        more = _whole(node)
        if more is None or len(out) * len(more) > _MOST:
            return None
        out = frozenset(front + behind for front in out for behind in more)
    return out


def _inside(kind: str, said: Any) -> list[Any]:
    return list(said if kind == "ATOMIC_GROUP" else said[3] if kind == "SUBPATTERN" else said[2])


def _rarest(sets: list[Set]) -> Set:
    """The set that fewest texts will hold a word of: long words first, then few of them."""
    return min(sets, key=lambda one: (-min(map(len, one)), len(one), sorted(one)))


def _bits(rows: list[list[bool]]) -> NDArray[np.uint64]:
    """Rows of truth values as bits, 64 a column."""
    width = -(-max([1, *map(len, rows)]) // 64) * 64
    table = np.zeros((len(rows), width), np.bool_)
    for at, row in enumerate(rows):
        table[at, : len(row)] = row
    return np.packbits(table, axis=1, bitorder="little").view(np.uint64)


def _may_hold(nodes: Any, point: int) -> bool:
    """Whether a match of the sequence may take this character."""
    for kind, said in ((str(node[0]), node[1]) for node in nodes):
        if kind in ("ASSERT", "ASSERT_NOT", "AT"):
            continue
        if kind in ("LITERAL", "NOT_LITERAL"):
            held = (said == point) == (kind == "LITERAL")
        elif kind == "SUBPATTERN":
            held = _may_hold(said[3], point)
        elif kind == "BRANCH":
            held = any(_may_hold(one, point) for one in said[1])
        elif kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            held = _may_hold(said[2], point)
        elif kind == "IN":
            held = _in_class(said, point)
        else:
            held = True
        if held:
            return True
    return False


def _in_class(said: Any, point: int) -> bool:
    inside = False
    for kind, one in ((str(node[0]), node[1]) for node in said):
        if kind == "LITERAL":
            inside |= one == point
        elif kind == "RANGE":
            inside |= one[0] <= point <= one[1]
        elif kind == "CATEGORY":
            inside |= str(one) not in ("CATEGORY_DIGIT", "CATEGORY_WORD")
    return inside != (str(said[0][0]) == "NEGATE")


@njit(inline="always")
def _pair(first: int, second: int) -> int:
    return (first * 0x9E37 + second) & (_PAIRS - 1)


@njit(inline="always")
def _stands(seen: NDArray[np.uint32], at: int, length: int, letters: NDArray[np.uint32], begin: int, end: int) -> bool:
    """Whether the word `letters[begin:end]`, whose first letter is known to fit, stands at `at`."""
    if at + end - begin > length:
        return False
    letter = 1
    while begin + letter < end and seen[at + letter] == letters[begin + letter]:
        letter += 1
    return begin + letter >= end


@njit(cache=True, nogil=True)
def _sift(
    codes: NDArray[np.uint32], spans: NDArray[np.int64], table: NDArray[np.uint32], lead: NDArray[np.uint8],
    pairs: NDArray[np.bool_], rare: NDArray[np.bool_], gate: NDArray[np.uint16], groups: NDArray[np.int32],
    ends: NDArray[np.int32], letters: NDArray[np.uint32], bits: NDArray[np.uint64], wanted: NDArray[np.uint64],
    confined: NDArray[np.bool_], marks: NDArray[np.uint32], found: NDArray[np.int32],
) -> None:  # fmt: skip
    """Fill `found` (texts,); `bits` (words, columns), `wanted` (ways, columns), `confined` (ways,): whether a match
    lies between two marks."""
    longest = 1
    for text in range(len(spans)):
        longest = max(longest, spans[text, 1] - spans[text, 0])
    seen, where = np.empty(longest + 1, np.uint32), np.empty(longest, np.int32)
    here, ever = np.zeros(wanted.shape[1], np.uint64), np.zeros(wanted.shape[1], np.uint64)
    for text in range(len(spans)):
        length = view(codes, spans[text, 0], spans[text, 1], table, seen, where)
        seen[length] = 0
        hope = False
        for at in range(length):
            starts = lead[seen[at]] if seen[at] < _POINTS else 0
            if starts == 2 or (starts == 1 and pairs[_pair(seen[at], seen[at + 1])]):
                group = gate[seen[at]]
                for word in range(groups[group - 1], groups[group]):
                    hope |= rare[word] and _stands(seen, at, length, letters, ends[word], ends[word + 1])
                if hope:
                    break
        found[text] = -1
        if not hope:
            continue
        clause = 0
        here[:], ever[:] = 0, 0
        for at in range(length):
            point = seen[at]
            for mark in marks:
                if point == mark:
                    if found[text] < 0 and _enough(here, wanted, confined, True):
                        found[text] = clause
                    clause = at + 1
                    here[:] = 0
            group = gate[point] if point < _POINTS else 0
            if group == 0:
                continue
            for word in range(groups[group - 1], groups[group]):
                if _stands(seen, at, length, letters, ends[word], ends[word + 1]):
                    for column in range(len(here)):
                        here[column] |= bits[word, column]
                        ever[column] |= bits[word, column]
        if found[text] < 0 and _enough(here, wanted, confined, True):
            found[text] = clause
        if _enough(ever, wanted, confined, False):
            found[text] = 0


@njit(inline="always")
def _enough(have: NDArray[np.uint64], wanted: NDArray[np.uint64], confined: NDArray[np.bool_], which: bool) -> bool:
    for way in range(len(wanted)):
        lacks = np.uint64(0)
        for column in range(len(have)):
            lacks |= wanted[way, column] & ~have[column]
        if lacks == 0 and confined[way] == which:
            return True
    return False
