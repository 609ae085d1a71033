"""Where a text's features lie: each is hashed into 2^22 places. Integers throughout, compiled by numba.

A text's features are its n-grams of 1 to `grams` characters; its words, cut off from the left as the longest entry of
the dictionary, at most four characters; once more, apart, the words that begin in its first or in its last twenty
characters, where people say what it is about and what they want; and every two words that follow each other.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["BITS", "LONGEST_WORD", "find_places", "is_set", "mark_words", "room", "write_places"]

BITS = 22
LONGEST_WORD = 4
_EDGE = 20  # characters of the opening and of the closing
_WORD, _OPENING, _CLOSING = np.uint64(0x5851F42D), np.uint64(0x14057B7E), np.uint64(0x2545F491)
_PAIR = np.uint64(0x6C078965)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_SHIFT = np.uint64(64 - BITS)


@njit(inline="always")
def is_set(place: np.uint64, bits: NDArray[np.uint64]) -> bool:
    """Whether the bit of a place is set in a bitmap (65536,)."""
    return bool((bits[place >> np.uint64(6)] >> (place & np.uint64(63))) & np.uint64(1))


@njit(inline="always")
def write_places(
    seen: NDArray[np.uint32], length: int, grams: int, dictionary: NDArray[np.uint64], places: NDArray[np.uint32]
) -> tuple[int, int]:
    """The hash places of all features: n-grams in reading order, words, pairs of words; how many, how many no pairs."""
    count = 0
    for start in range(length):
        state = np.uint64(0)
        for at in range(start, min(start + grams, length)):
            state = (state ^ (state >> _HALF) ^ np.uint64(seen[at])) * _ODD
            places[count] = np.uint32(state >> _SHIFT)
            count += 1
    start, pairs, last = 0, 0, np.uint64(0)
    waiting = length * (grams + 1) + 2 * _EDGE  # where the pairs wait: never before what else is still written
    while start < length:
        word, behind = np.uint64(0), start + 1
        state = np.uint64(0)
        for at in range(start, min(start + LONGEST_WORD, length)):
            state = (state ^ (state >> _HALF) ^ np.uint64(seen[at])) * _ODD
            if at == start or is_set(state >> _SHIFT, dictionary):
                word, behind = state, at + 1
        word ^= word >> _HALF
        places[count] = np.uint32(((word ^ _WORD) * _ODD) >> _SHIFT)
        count += 1
        if start < _EDGE:
            places[count] = np.uint32(((word ^ _OPENING) * _ODD) >> _SHIFT)
            count += 1
        if start >= length - _EDGE:
            places[count] = np.uint32(((word ^ _CLOSING) * _ODD) >> _SHIFT)
            count += 1
        if start > 0:
            places[waiting + pairs] = np.uint32((((last * _ODD) ^ word ^ _PAIR) * _ODD) >> _SHIFT)
            pairs += 1
        last = word
        start = behind
    for pair in range(pairs):
        places[count + pair] = places[waiting + pair]
    return count + pairs, count


@njit(inline="always")
def room(longest: int, grams: int) -> int:
    """At most how many features a text of `longest` characters has, and a place for each pair while it is written."""
    return longest * (grams + 2) + 2 * _EDGE


@njit(cache=True, nogil=True)
def mark_words(codes: NDArray[np.uint32], spans: NDArray[np.int64], dictionary: NDArray[np.uint64]) -> None:
    """Set in `dictionary` the bit of each word; `spans` (words, 2) of normalised code points."""
    for word in range(len(spans)):
        state = np.uint64(0)
        for at in range(spans[word, 0], spans[word, 1]):
            state = (state ^ (state >> _HALF) ^ np.uint64(codes[at])) * _ODD
        place = state >> _SHIFT
        dictionary[place >> np.uint64(6)] |= np.uint64(1) << (place & np.uint64(63))


@njit(cache=True, nogil=True)
def find_places(
    seen: NDArray[np.uint32],
    length: int,
    grams: int,
    dictionary: NDArray[np.uint64],
    places: NDArray[np.uint32],
    spans: NDArray[np.int64],
) -> int:
    """Fill `places` and `spans` (places, 2), the characters of each; returns how many. To explain, not to score."""
    count, single = write_places(seen, length, grams, dictionary, places)
    at = 0
    for start in range(length):
        for end in range(start + 1, min(start + grams, length) + 1):
            spans[at, 0], spans[at, 1] = start, end
            at += 1
    start, last = 0, 0
    while start < length:
        state, behind = np.uint64(0), start + 1
        for end in range(start, min(start + LONGEST_WORD, length)):
            state = (state ^ (state >> _HALF) ^ np.uint64(seen[end])) * _ODD
            if end > start and is_set(state >> _SHIFT, dictionary):
                behind = end + 1
        for _ in range(1 + int(start < _EDGE) + int(start >= length - _EDGE)):
            spans[at, 0], spans[at, 1] = start, behind
            at += 1
        if start > 0:
            spans[single, 0], spans[single, 1] = last, behind
            single += 1
        last, start = start, behind
    return count
