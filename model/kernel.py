"""The loops over code points that numba compiles: n-gram places, known rows, repeats, scores. Integers throughout.

All sums are integers, so a text scores the same in any batch, on any thread and any machine.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.text import view

__all__ = ["BITS", "LANES", "MOST", "TF", "collect_rows", "count_texts", "find_places", "find_rows", "score_texts"]

BITS = 22
LANES = 16  # rows are padded to a multiple: one block of them is a single vector instruction
MOST = 64  # an n-gram's further occurrences count no more
TF = np.array([0] + [round(16 * (1 + np.log(t))) for t in range(1, MOST + 1)], np.int32)  # in sixteenths
_READ = 100_000  # characters of one text that are read: more would overflow the 32-bit sums
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_SHIFT = np.uint64(64 - BITS)


@njit(inline="always")
def _ones(word: np.uint64) -> np.int32:
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int32((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(inline="always")
def _places(seen: NDArray[np.uint32], length: int, grams: int, places: NDArray[np.uint32]) -> int:
    """The hash places of all n-grams of 1 to `grams` characters, in reading order; returns how many."""
    count = 0
    for start in range(length):
        state = np.uint64(0)
        for at in range(start, min(start + grams, length)):
            state = (state ^ (state >> _HALF) ^ np.uint64(seen[at])) * _ODD
            places[count] = np.uint32(state >> _SHIFT)
            count += 1
    return count


@njit(inline="always")
def _known(
    places: NDArray[np.uint32], count: int, words: NDArray[np.uint64], ranks: NDArray[np.int32], rows: NDArray[np.int32]
) -> int:
    """The rows of the places whose bit is set, in order; returns how many. No branch: half of them are unknown."""
    kept = np.int64(0)
    one = np.uint64(1)
    for at in range(count):
        place = np.uint64(places[at])
        rows[kept] = np.int32(place)
        kept += np.int64((words[place >> np.uint64(6)] >> (place & np.uint64(63))) & one)
    for at in range(kept):
        place = np.uint64(rows[at])
        below = words[place >> np.uint64(6)] & ((one << (place & np.uint64(63))) - one)
        rows[at] = ranks[place >> np.uint64(6)] + _ones(below)
    return int(kept)


@njit(inline="always")
def _times_before(row: int, stamp: int, keys: NDArray[np.int64], times: NDArray[np.int32], mask: int) -> int:
    """How often `row` came before in the text numbered `stamp`; what earlier texts left in the slots counts as free."""
    key = (np.int64(stamp) << 32) | np.int64(row)
    slot = (np.int64(row) * 40503) & mask
    while True:
        if keys[slot] == key:
            times[slot] += 1
            return int(times[slot]) - 1
        if (keys[slot] >> 32) != stamp:
            keys[slot] = key
            times[slot] = 1
            return 0
        slot = (slot + 1) & mask


@njit(cache=True, nogil=True)
def find_places(seen: NDArray[np.uint32], length: int, grams: int, places: NDArray[np.uint32]) -> int:
    return _places(seen, length, grams, places)


@njit(cache=True, nogil=True)
def find_rows(
    places: NDArray[np.uint32], count: int, words: NDArray[np.uint64], ranks: NDArray[np.int32], rows: NDArray[np.int32]
) -> int:
    return _known(places, count, words, ranks, rows)


@njit(inline="always")
def _longest(spans: NDArray[np.int64]) -> int:
    longest = 1
    for text in range(len(spans)):
        longest = max(longest, spans[text, 1] - spans[text, 0])
    return min(longest, _READ)


@njit(inline="always")
def _slots(entries: int) -> int:
    slots = 64
    while slots < 2 * entries:
        slots *= 2
    return slots


@njit(cache=True, nogil=True)
def count_texts(
    codes: NDArray[np.uint32], spans: NDArray[np.int64], table: NDArray[np.uint32], grams: int, found: NDArray[np.int32]
) -> None:
    """Add to `found` (places,) in how many texts each n-gram occurs."""
    longest = _longest(spans)
    seen, where = np.empty(longest, np.uint32), np.empty(longest, np.int32)
    places = np.empty(longest * grams, np.uint32)
    slots = _slots(longest * grams)
    keys, times = np.full(slots, -1, np.int64), np.empty(slots, np.int32)
    for text in range(len(spans)):
        length = view(codes, spans[text, 0], min(spans[text, 1], spans[text, 0] + _READ), table, seen, where)
        count = _places(seen, length, grams, places)
        for at in range(count):
            if _times_before(places[at], text, keys, times, slots - 1) == 0:
                found[places[at]] += 1


@njit(cache=True, nogil=True)
def collect_rows(
    codes: NDArray[np.uint32],
    spans: NDArray[np.int64],
    table: NDArray[np.uint32],
    grams: int,
    words: NDArray[np.uint64],
    ranks: NDArray[np.int32],
    columns: NDArray[np.int32],
    counts: NDArray[np.float32],
    ends: NDArray[np.int64],
) -> None:
    """Fill `columns` and `counts` with each text's distinct rows and their sublinear counts, `ends` where they stop."""
    longest = _longest(spans)
    seen, where = np.empty(longest, np.uint32), np.empty(longest, np.int32)
    places, rows = np.empty(longest * grams, np.uint32), np.empty(longest * grams + 1, np.int32)
    used = 0
    for text in range(len(spans)):
        length = view(codes, spans[text, 0], min(spans[text, 1], spans[text, 0] + _READ), table, seen, where)
        kept = _known(places, _places(seen, length, grams, places), words, ranks, rows)
        sorted_rows = np.sort(rows[:kept])
        at = 0
        while at < kept:
            first = at
            while at < kept and sorted_rows[at] == sorted_rows[first]:
                at += 1
            columns[used] = sorted_rows[first]
            counts[used] = np.float32(TF[min(at - first, MOST)])
            used += 1
        ends[text + 1] = used


@njit(cache=True, nogil=True)
def score_texts(
    codes: NDArray[np.uint32],
    spans: NDArray[np.int64],
    table: NDArray[np.uint32],
    grams: int,
    words: NDArray[np.uint64],
    ranks: NDArray[np.int32],
    weights: NDArray[np.int8],
    scale: NDArray[np.float64],
    bias: NDArray[np.float64],
    scores: NDArray[np.float64],
    reads: NDArray[np.float64],
) -> None:
    """Fill `scores` (texts, outputs) with decision values, `reads` (texts, 2) with lengths, known shares.

    `weights` (rows, lanes) holds the idf in tenths in column 0 and the outputs' weights behind it.
    """
    longest = _longest(spans)
    lanes = weights.shape[1]
    seen, where = np.empty(longest, np.uint32), np.empty(longest, np.int32)
    places, rows = np.empty(longest * grams, np.uint32), np.empty(longest * grams + 1, np.int32)
    slots = _slots(longest * grams)
    keys, times = np.full(slots, -1, np.int64), np.empty(slots, np.int32)
    total = np.empty(lanes, np.int32)
    for text in range(len(spans)):
        length = view(codes, spans[text, 0], min(spans[text, 1], spans[text, 0] + _READ), table, seen, where)
        count = _places(seen, length, grams, places)
        kept = _known(places, count, words, ranks, rows)
        mask = _slots(kept) - 1
        total[:] = 0
        square = np.int64(0)
        for at in range(kept):
            row = rows[at]
            before = min(_times_before(row, text, keys, times, mask), MOST - 1)
            step = np.int32(TF[before + 1] - TF[before])
            idf = np.int64(weights[row, 0])
            square += idf * idf * step * (TF[before + 1] + TF[before])
            for block in range(0, lanes, LANES):
                for lane in range(LANES):
                    total[block + lane] = np.int32(total[block + lane] + step * np.int32(weights[row, block + lane]))
        norm = 1.0 / np.sqrt(max(float(square), 1.0))
        for output in range(scores.shape[1]):
            scores[text, output] = np.float64(total[output + 1]) * scale[output] * norm + bias[output]
        reads[text, 0] = length
        reads[text, 1] = kept / max(count, 1)
