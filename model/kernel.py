"""The loops over features that numba compiles: which are known, how often, and what they add up to.

All sums are integers, so a text scores the same in any batch, on any thread and any machine.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.places import is_set, room, write_places
from model.text import view

__all__ = ["LANES", "MOST", "TF", "collect_rows", "count_rows", "count_texts", "find_rows", "likeliest", "score_texts"]

LANES = 16  # rows are padded to a multiple, which vector instructions read whole
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


@njit(inline="always")
def _add_rows(
    weights: NDArray[np.int8], rows: NDArray[np.int32], steps: NDArray[np.int32], count: int, total: NDArray[np.int32]
) -> None:
    """Put in `total` (lanes,) the sum of the first `count` of `rows`, each times its step; both have room for 8 more.

    Eight rows are read together: one at a time, each would wait for the sum of the one before.
    """
    total[:] = 0
    rows[count : count + 8] = 0
    steps[count : count + 8] = 0
    for at in range(0, count, 8):
        a, b, c, d = np.uint64(rows[at]), np.uint64(rows[at + 1]), np.uint64(rows[at + 2]), np.uint64(rows[at + 3])
        e, f, g, h = np.uint64(rows[at + 4]), np.uint64(rows[at + 5]), np.uint64(rows[at + 6]), np.uint64(rows[at + 7])
        first, second, third, fourth = steps[at], steps[at + 1], steps[at + 2], steps[at + 3]
        fifth, sixth, seventh, eighth = steps[at + 4], steps[at + 5], steps[at + 6], steps[at + 7]
        for lane in range(len(total)):
            total[lane] = np.int32(
                total[lane]
                + first * np.int32(weights[a, lane])
                + second * np.int32(weights[b, lane])
                + third * np.int32(weights[c, lane])
                + fourth * np.int32(weights[d, lane])
                + fifth * np.int32(weights[e, lane])
                + sixth * np.int32(weights[f, lane])
                + seventh * np.int32(weights[g, lane])
                + eighth * np.int32(weights[h, lane])
            )


@njit(cache=True, nogil=True)
def likeliest(scores: NDArray[np.float64], first: int, labels: int) -> int:
    """The label of the highest decision value in one text's `scores` (outputs,); two labels have one output."""
    if labels == 2:
        return int(scores[first] > 0)
    best = 0
    for label in range(1, labels):
        if scores[first + label] > scores[first + best]:
            best = label
    return best


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
    leanings: NDArray[np.int64],
    scores: NDArray[np.float64],
    reads: NDArray[np.float64],
) -> None:
    """Fill `scores` (texts, outputs) with decision values, `reads` (texts, 2) with lengths, known shares.

    `weights` (rows, lanes) holds the idf in tenths in column 0, the outputs' weights behind it, and behind these the
    sets that leaning heads choose from (`model.leaning`): only the one that a text uses is read.
    """
    longest = _longest(spans)
    lanes = -(-(scores.shape[1] + 1) // LANES) * LANES
    seen, where = np.empty(longest, np.uint32), np.empty(longest, np.int32)
    size = room(longest, grams)
    places, rows, steps = np.empty(size, np.uint32), np.empty(size + 8, np.int32), np.empty(size + 8, np.int32)
    slots = _slots(size)
    keys, times = np.full(slots, -1, np.int64), np.empty(slots, np.int32)
    total = np.empty(lanes, np.int32)
    for text in range(len(spans)):
        length = view(codes, spans[text, 0], min(spans[text, 1], spans[text, 0] + _READ), table, seen, where)
        count, _ = write_places(seen, length, grams, dictionary, places)
        kept = _known(places, count, marks, ranks, rows)
        mask = _slots(kept) - 1
        square = np.int64(0)
        for at in range(kept):
            row = rows[at]
            before = min(_times_before(row, text, keys, times, mask), MOST - 1)
            steps[at] = TF[before + 1] - TF[before]
            idf = np.int64(weights[row, 0])
            square += idf * idf * steps[at] * (TF[before + 1] + TF[before])
        _add_rows(weights, rows, steps, kept, total)
        norm = 1.0 / np.sqrt(max(float(square), 1.0))
        for output in range(scores.shape[1]):
            scores[text, output] = np.float64(total[output + 1]) * scale[output] * norm + bias[output]
        for one in range(len(leanings)):
            output, outputs, gate, labels, first = leanings[one]
            first += outputs * likeliest(scores[text], gate, labels)
            for place in range(outputs):
                added = np.int32(0)
                for at in range(kept):
                    added = np.int32(added + steps[at] * np.int32(weights[rows[at], first + place + 1]))
                scores[text, output + place] += np.float64(added) * scale[first + place] * norm
        reads[text, 0] = length
        reads[text, 1] = kept / max(count, 1)
