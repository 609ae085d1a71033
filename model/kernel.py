"""The loops over features that numba compiles: which are known, how often, and what they add up to.

All sums are integers, so a text scores the same in any batch, on any thread and any machine.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.places import is_set, room, write_places
from model.text import view

__all__ = ["LANES", "MOST", "TF", "collect_rows", "count_rows", "count_texts", "find_rows", "score_texts"]

LANES = 16  # rows are padded to a multiple: one block of them is a single vector instruction
MOST = 64  # a feature's further occurrences count no more
TF = np.array([0] + [round(16 * (1 + np.log(t))) for t in range(1, MOST + 1)], np.int32)  # in sixteenths
_READ = 100_000  # characters of one text that are read: more would overflow the 32-bit sums


@njit(inline="always")
def _ones(word: np.uint64) -> np.int32:
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int32((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(inline="always")
def _known(
    places: NDArray[np.uint32], count: int, marks: NDArray[np.uint64], ranks: NDArray[np.int32], rows: NDArray[np.int32]
) -> int:
    """The rows of the places whose bit is set, in order; returns how many. No branch: half of them are unknown."""
    kept = np.int64(0)
    one = np.uint64(1)
    for at in range(count):
        place = np.uint64(places[at])
        rows[kept] = np.int32(place)
        kept += np.int64((marks[place >> np.uint64(6)] >> (place & np.uint64(63))) & one)
    for at in range(kept):
        place = np.uint64(rows[at])
        below = marks[place >> np.uint64(6)] & ((one << (place & np.uint64(63))) - one)
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
def find_rows(
    places: NDArray[np.uint32], count: int, marks: NDArray[np.uint64], ranks: NDArray[np.int32], rows: NDArray[np.int32]
) -> int:
    return _known(places, count, marks, ranks, rows)


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
    codes: NDArray[np.uint32],
    spans: NDArray[np.int64],
    table: NDArray[np.uint32],
    grams: int,
    dictionary: NDArray[np.uint64],
    found: NDArray[np.int32],
    pairs: NDArray[np.int32],
) -> None:
    """Add to `found` (places,) in how many texts each feature occurs, to `pairs` in how many each pair of words."""
    longest = _longest(spans)
    seen, where = np.empty(longest, np.uint32), np.empty(longest, np.int32)
    places = np.empty(room(longest, grams), np.uint32)
    slots = _slots(room(longest, grams))
    keys, times = np.full(slots, -1, np.int64), np.empty(slots, np.int32)
    for text in range(len(spans)):
        length = view(codes, spans[text, 0], min(spans[text, 1], spans[text, 0] + _READ), table, seen, where)
        count, single = write_places(seen, length, grams, dictionary, places)
        for at in range(count):
            if _times_before(places[at], text, keys, times, slots - 1) == 0:
                if at < single:
                    found[places[at]] += 1
                else:
                    pairs[places[at]] += 1


@njit(cache=True, nogil=True)
def count_rows(
    codes: NDArray[np.uint32],
    spans: NDArray[np.int64],
    table: NDArray[np.uint32],
    grams: int,
    dictionary: NDArray[np.uint64],
    marks: NDArray[np.uint64],
    sizes: NDArray[np.int64],
) -> None:
    """Fill `sizes` (texts,) with how many distinct known rows each text has: the room that `collect_rows` needs."""
    longest = _longest(spans)
    seen, where = np.empty(longest, np.uint32), np.empty(longest, np.int32)
    places = np.empty(room(longest, grams), np.uint32)
    slots = _slots(room(longest, grams))
    keys, times = np.full(slots, -1, np.int64), np.empty(slots, np.int32)
    for text in range(len(spans)):
        length = view(codes, spans[text, 0], min(spans[text, 1], spans[text, 0] + _READ), table, seen, where)
        count, _ = write_places(seen, length, grams, dictionary, places)
        sizes[text] = 0
        for at in range(count):
            if is_set(np.uint64(places[at]), marks) and _times_before(places[at], text, keys, times, slots - 1) == 0:
                sizes[text] += 1


@njit(cache=True, nogil=True)
def collect_rows(
    codes: NDArray[np.uint32],
    spans: NDArray[np.int64],
    table: NDArray[np.uint32],
    grams: int,
    dictionary: NDArray[np.uint64],
    marks: NDArray[np.uint64],
    ranks: NDArray[np.int32],
    idf: NDArray[np.float32],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
) -> None:
    """Fill `columns` and `values` with each text's distinct rows and their tf-idf values, of length 1 a text."""
    longest = _longest(spans)
    seen, where = np.empty(longest, np.uint32), np.empty(longest, np.int32)
    size = room(longest, grams)
    places, rows = np.empty(size, np.uint32), np.empty(size + 1, np.int32)
    used = 0
    for text in range(len(spans)):
        length = view(codes, spans[text, 0], min(spans[text, 1], spans[text, 0] + _READ), table, seen, where)
        count, _ = write_places(seen, length, grams, dictionary, places)
        kept = _known(places, count, marks, ranks, rows)
        sorted_rows = np.sort(rows[:kept])
        begin, at, square = used, 0, 0.0
        while at < kept:
            first = at
            while at < kept and sorted_rows[at] == sorted_rows[first]:
                at += 1
            value = np.float64(TF[min(at - first, MOST)]) * np.float64(idf[sorted_rows[first]])
            square += value * value
            columns[used], values[used] = sorted_rows[first], value
            used += 1
        for place in range(begin, used):
            values[place] /= np.sqrt(square)


@njit(cache=True, nogil=True)
def score_texts(
    codes: NDArray[np.uint32],
    spans: NDArray[np.int64],
    table: NDArray[np.uint32],
    grams: int,
    dictionary: NDArray[np.uint64],
    marks: NDArray[np.uint64],
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
    size = room(longest, grams)
    places, rows = np.empty(size, np.uint32), np.empty(size + 1, np.int32)
    slots = _slots(size)
    keys, times = np.full(slots, -1, np.int64), np.empty(slots, np.int32)
    total = np.empty(lanes, np.int32)
    for text in range(len(spans)):
        length = view(codes, spans[text, 0], min(spans[text, 1], spans[text, 0] + _READ), table, seen, where)
        count, _ = write_places(seen, length, grams, dictionary, places)
        kept = _known(places, count, marks, ranks, rows)
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
