"""Characters → hashed n-grams → every head's scores, in one pass over the code points; nothing else on the hot path.

An n-gram is hashed into 2^22 places. A bitmap says which places were kept at the fit; the rank of its bit is the
n-gram's row in a dense table, and one row holds the idf and the weights of every output: one or two cache lines serve
all heads. All sums are integers, so a text scores the same in any batch, on any thread and any machine.

Sublinear counting as in scikit-learn's TfidfVectorizer: an n-gram seen t times counts 1 + log(t), here in sixteenths.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.text import code_points, point_table, view

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["IDF_UNIT", "LANES", "TF_UNIT", "Vocabulary", "gram_rows", "join_codes", "score_texts", "warm"]

LANES = 16  # rows are padded to a multiple: one block of them is a single vector instruction
TF_UNIT = 16
IDF_UNIT = 10.0
_BITS = 22
_MOST = 64  # an n-gram's further occurrences count no more
_TF = np.array([0] + [round(TF_UNIT * (1 + np.log(t))) for t in range(1, _MOST + 1)], np.int32)
_READ = 100_000  # characters of one text that are read: more would overflow the 32-bit sums
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_SHIFT = np.uint64(64 - _BITS)


def join_codes(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """All code points of `texts` one behind the other, and the spans of the texts in them, shape (texts, 2)."""
    ends = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=ends[1:])
    return code_points("".join(texts)), np.stack((ends[:-1], ends[1:]), 1)


@dataclass(frozen=True)
class Vocabulary:
    """Which n-grams are kept: `words` the bitmap (65536,), `ranks` the kept places before each word, `idf` by row."""

    grams: int
    words: NDArray[np.uint64]
    ranks: NDArray[np.int32]
    idf: NDArray[np.float32]

    @classmethod
    def fit(cls, texts: Sequence[str], grams: int = 4, at_least: int = 2, most: int = 600_000) -> "Vocabulary":
        """Keep the n-grams found in `at_least` texts, no more than the `most` frequent; idf smoothed as in scikit-learn.

        >>> kept = Vocabulary.fit(["快递慢", "快递没到", "态度差"], grams=2)
        >>> len(kept.idf)  # 快, 递, 快递
        3
        """
        found = np.zeros(1 << _BITS, np.int32)
        for chunk in _chunks(texts):
            _count(*join_codes(chunk), point_table(), grams, found)
        need = max(at_least, int(np.partition(found, -most)[-most]) if most < len(found) else 0, 1)
        kept = found >= need
        if int(kept.sum()) > most:
            kept = found > need
        words = np.packbits(kept, bitorder="little").view(np.uint64)
        idf = np.log((1 + len(texts)) / (1 + found[kept])) + 1
        return cls(grams, words, _ranks(words), (np.clip(np.rint(idf * IDF_UNIT), 1, 127) / IDF_UNIT).astype(np.float32))

    @classmethod
    def of(cls, grams: int, words: NDArray[np.uint64], weights: NDArray[np.int8]) -> "Vocabulary":
        """The vocabulary of a bundle's arrays: the bitmap, and the idf in the weights' first column."""
        if words.shape != ((1 << _BITS) // 64,):
            raise ValueError(f"the bitmap has shape {words.shape}")
        return cls(grams, words, _ranks(words), (weights[:, 0] / IDF_UNIT).astype(np.float32))

    @property
    def size(self) -> int:
        """How many n-grams are kept."""
        return int(np.bitwise_count(self.words).sum(dtype=np.int64))

    def matrix(self, texts: Sequence[str]) -> "csr_matrix":
        """tf-idf rows of Euclidean length 1, scipy CSR (texts, kept n-grams), float32: what the kernel sees, for a fit."""
        from scipy.sparse import csr_matrix, vstack

        parts = []
        for chunk in _chunks(texts):
            codes, spans = join_codes(chunk)
            room = int(self.grams * len(codes)) + 1
            columns, counts, ends = np.empty(room, np.int32), np.empty(room, np.float32), np.zeros(len(chunk) + 1, np.int64)
            _collect(codes, spans, point_table(), self.grams, self.words, self.ranks, columns, counts, ends)
            used = int(ends[-1])
            columns, values = columns[:used].copy(), counts[:used] * self.idf[columns[:used]]
            lengths = np.sqrt(np.add.reduceat(np.append(values * values, np.float32(0)), np.minimum(ends[:-1], used)))
            lengths[np.diff(ends) == 0] = 1
            values /= np.repeat(lengths, np.diff(ends))
            parts.append(csr_matrix((values, columns, ends), shape=(len(chunk), len(self.idf))))
        return vstack(parts, format="csr") if len(parts) != 1 else parts[0]

    def known_shares(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The share of each text's n-grams that are kept, shape (texts,)."""
        codes, spans = join_codes(texts)
        reads, none = np.empty((len(texts), 2)), np.empty(0)
        rows = np.zeros((len(self.idf), LANES), np.int8)
        score_texts(
            codes, spans, point_table(), self.grams, self.words, self.ranks, rows, none, none, np.empty((len(texts), 0)), reads
        )  # fmt: skip
        return reads[:, 1].copy()


def _ranks(words: NDArray[np.uint64]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(np.bitwise_count(words), dtype=np.int64)[:-1]]).astype(np.int32)


def _chunks(texts: Sequence[str], characters: int = 4_000_000) -> Iterator[Sequence[str]]:
    first, size = 0, 0
    for at, text in enumerate(texts):
        if size and size + len(text) > characters:
            yield texts[first:at]
            first, size = at, 0
        size += len(text)
    if first < len(texts):
        yield texts[first:]


@njit(inline="always")  # type: ignore[misc]
def _ones(word: np.uint64) -> np.int32:
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int32((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(inline="always")  # type: ignore[misc]
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


@njit(inline="always")  # type: ignore[misc]
def _known(
    places: NDArray[np.uint32], count: int, words: NDArray[np.uint64], ranks: NDArray[np.int32], rows: NDArray[np.int32]
) -> int:
    """The rows of the places whose bit is set, in order; returns how many. No branch: half of them are unknown."""
    kept = 0
    one = np.uint64(1)
    for at in range(count):
        place = np.uint64(places[at])
        rows[kept] = np.int32(place)
        kept += np.int64((words[place >> np.uint64(6)] >> (place & np.uint64(63))) & one)
    for at in range(kept):
        place = np.uint64(rows[at])
        below = words[place >> np.uint64(6)] & ((one << (place & np.uint64(63))) - one)
        rows[at] = ranks[place >> np.uint64(6)] + _ones(below)
    return kept


@njit(inline="always")  # type: ignore[misc]
def _times_before(row: int, stamp: int, keys: NDArray[np.int64], times: NDArray[np.int32], mask: int) -> int:
    """How often `row` came before in the text numbered `stamp`; what earlier texts left in the slots counts as free."""
    key = (np.int64(stamp) << 32) | np.int64(row)
    slot = (np.int64(row) * 40503) & mask
    while True:
        if keys[slot] == key:
            times[slot] += 1
            return times[slot] - 1
        if (keys[slot] >> 32) != stamp:
            keys[slot] = key
            times[slot] = 1
            return 0
        slot = (slot + 1) & mask


def gram_rows(
    seen: str, vocabulary: Vocabulary
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The known n-grams of a normalised text: row, start, length, and the factor its weights are counted with.

    The factor of one occurrence times its row's weights, summed over all, is the text's score without the bias.
    """
    places = np.empty(max(len(seen) * vocabulary.grams, 1), np.uint32)
    count = _places_of(code_points(seen), len(seen), vocabulary.grams, places)
    rows = np.empty(count + 1, np.int32)
    marks = (vocabulary.words[places[:count] >> 6] >> (places[:count] & 63).astype(np.uint64)) & np.uint64(1)
    _known_of(places, count, vocabulary.words, vocabulary.ranks, rows)
    starts = np.repeat(np.arange(len(seen)), [min(vocabulary.grams, len(seen) - at) for at in range(len(seen))])
    lengths = np.arange(count) - np.searchsorted(starts, starts) + 1
    kept = marks.astype(np.bool_)
    rows = rows[: int(kept.sum())]
    distinct, place, times = np.unique(rows, return_inverse=True, return_counts=True)
    counted = _TF[np.minimum(times, _MOST)].astype(np.float64)
    idf = np.rint(vocabulary.idf[distinct] * IDF_UNIT).astype(np.float64)
    norm = np.sqrt(max(float(((counted * idf) ** 2).sum()), 1.0))
    return rows, starts[kept], lengths[kept], (counted / times)[place] / norm


@njit(cache=True, nogil=True)  # type: ignore[misc]
def _places_of(seen: NDArray[np.uint32], length: int, grams: int, places: NDArray[np.uint32]) -> int:
    return _places(seen, length, grams, places)


@njit(cache=True, nogil=True)  # type: ignore[misc]
def _known_of(
    places: NDArray[np.uint32], count: int, words: NDArray[np.uint64], ranks: NDArray[np.int32], rows: NDArray[np.int32]
) -> int:
    return _known(places, count, words, ranks, rows)


@njit(inline="always")  # type: ignore[misc]
def _longest(spans: NDArray[np.int64]) -> int:
    longest = 1
    for text in range(len(spans)):
        longest = max(longest, spans[text, 1] - spans[text, 0])
    return min(longest, _READ)


@njit(inline="always")  # type: ignore[misc]
def _slots(entries: int) -> int:
    slots = 64
    while slots < 2 * entries:
        slots *= 2
    return slots


@njit(cache=True, nogil=True)  # type: ignore[misc]
def _count(
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


@njit(cache=True, nogil=True)  # type: ignore[misc]
def _collect(
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
    """Fill `columns` and `counts` with each text's distinct rows and their sublinear counts, `ends` where each stops."""
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
            counts[used] = np.float32(_TF[min(at - first, _MOST)])
            used += 1
        ends[text + 1] = used


@njit(cache=True, nogil=True)  # type: ignore[misc]
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
    """Fill `scores` (texts, outputs) with decision values, `reads` (texts, 2) with lengths and known shares of n-grams.

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
            before = min(_times_before(row, text, keys, times, mask), _MOST - 1)
            step = np.int32(_TF[before + 1] - _TF[before])
            idf = np.int64(weights[row, 0])
            square += idf * idf * step * (_TF[before + 1] + _TF[before])
            for block in range(0, lanes, LANES):
                for lane in range(LANES):
                    total[block + lane] = np.int32(total[block + lane] + step * np.int32(weights[row, block + lane]))
        norm = 1.0 / np.sqrt(np.float64(max(square, 1)))
        for output in range(scores.shape[1]):
            scores[text, output] = np.float64(total[output + 1]) * scale[output] * norm + bias[output]
        reads[text, 0] = length
        reads[text, 1] = kept / max(count, 1)


def warm() -> None:
    """Compile, or read from the cache, all that a prediction runs, so that the first complaint does not wait for it."""
    Vocabulary.fit(["预热"], grams=1, at_least=1).known_shares(["预热"])
