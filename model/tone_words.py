"""The words of tone in a text: a tree of characters of `lexicon/tone.tsv`, walked once, the longest word first."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.needed import spellings
from model.phrases import read_phrases

__all__ = ["KINDS", "Words", "bit", "find_words", "tone_words"]

KINDS = (
    "good", "bad", "rage", "serve", "bare", "barb", "boast", "jest", "thank", "gush", "mock", "woe", "not", "undo",
    "wall", "plain", "flip", "sure", "accuse", "ne", "never", "other", "than", "but", "turn", "aside", "if", "wish",
    "ask", "polite", "may", "self", "weak", "tad", "strong", "query", "mark", "shout",
)  # fmt: skip
_MARKS = dict.fromkeys(",。;…~ :", ("mark",)) | {"?": ("mark", "query"), "!": ("mark", "shout")}
_POINTS = 0x30000
_PAIRS = 1 << 16


def bit(*kinds: str) -> int:
    """The bits of kinds of words, as `find_words` writes them.

    >>> bit("good", "bad")
    3
    """
    return sum(1 << KINDS.index(kind) for kind in kinds)


class Words(NamedTuple):
    """A tree of words: bitmaps of the characters that are words by themselves (24576,) and of the pairs of characters
    that may begin a longer one (8192,); the node of each first character (196608,); the steps from node to node and the
    nodes they lead to, by hash; and the kinds of the word that ends at each node."""

    alone: NDArray[np.uint8]
    pairs: NDArray[np.uint8]
    gate: NDArray[np.uint16]
    steps: NDArray[np.uint32]
    nodes: NDArray[np.uint16]
    kinds: NDArray[np.int64]


@cache
def tone_words() -> Words:
    """The words of `lexicon/tone.tsv` and the marks, built at the first use; DataError for a line that is not valid."""
    kinds = {mark: bit(*names) for mark, names in _MARKS.items()}
    for kind, phrases in read_phrases("tone.tsv", spellings).items():
        mine, wall = bit(kind), bit("wall")
        for word in frozenset().union(*map(spellings, phrases)):
            kinds[word] = kinds.get(word, 0) | mine | (wall if word[0] == "就" else 0)
    tree: dict[tuple[int, int], int] = {}
    held = [0]
    for word in sorted(kinds, key=lambda word: (len(word), word)):
        node = 0
        for letter in word:
            node = tree.setdefault((node, ord(letter)), len(held))
            held += [0] * (node == len(held))
        held[node] |= kinds[word]
    gate, alone, pairs = np.zeros(_POINTS, np.uint16), np.zeros(_POINTS, np.bool_), np.zeros(_PAIRS, np.bool_)
    size = 1 << (2 * len(tree)).bit_length()
    steps, nodes = np.zeros(size, np.uint32), np.zeros(size, np.uint16)
    for (node, point), child in tree.items():
        if node == 0:
            gate[point], alone[point] = child, held[child] > 0
            continue
        slot = _slot.py_func(node, point, size)
        while steps[slot] > 0:
            slot = (slot + 1) & (size - 1)
        steps[slot], nodes[slot] = node << 16 | point, child
    for word in kinds:
        if len(word) > 1:
            pairs[_pair.py_func(ord(word[0]), ord(word[1]))] = True
    lone, begun = np.packbits(alone, bitorder="little"), np.packbits(pairs, bitorder="little")
    return Words(lone, begun, gate, steps, nodes, np.array(held, np.int64))


@njit(inline="always")
def _is_set(bits: NDArray[np.uint8], at: int) -> bool:
    return bool((bits[np.int64(at) >> 3] >> (np.int64(at) & 7)) & 1)


@njit(inline="always")
def _slot(node: int, point: int, size: int) -> int:
    return int((np.int64(node) * 40503 + np.int64(point) * 2654435) & (size - 1))


@njit(inline="always")
def _pair(first: int, second: int) -> int:
    return int((np.int64(first) * 0x9E37 + np.int64(second)) & (_PAIRS - 1))


@njit(cache=True, nogil=True)
def find_words(seen: NDArray[np.uint32], length: int, words: Words, tokens: NDArray[np.int64]) -> int:
    """Write a text's longest words, from left to right, into `tokens` (n, 3): kinds, start, end; return how many."""
    count, at, size = 0, 0, len(words.steps)
    while at < length:
        further = at + 1 < length and _is_set(words.pairs, _pair(seen[at], seen[at + 1]))
        if seen[at] >= _POINTS or not (further or _is_set(words.alone, seen[at])):
            at += 1
            continue
        node = np.int64(words.gate[seen[at]])
        kinds, behind, end = words.kinds[node], at + 1, at + 1
        while further and end < length:
            key = node << 16 | np.int64(seen[end])
            slot = _slot(int(node), seen[end], size)
            while words.steps[slot] > 0 and words.steps[slot] != key:
                slot = (slot + 1) & (size - 1)
            further = words.steps[slot] == key and seen[end] <= 0xFFFF
            end += 1
            if further:
                node = np.int64(words.nodes[slot])
                if words.kinds[node] != 0:
                    kinds, behind = words.kinds[node], end
        if kinds != 0:
            tokens[count, 0], tokens[count, 1], tokens[count, 2] = kinds, at, behind
            count += 1
        at = behind
    return count
