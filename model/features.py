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
from numpy.typing import NDArray

from model.kernel import BITS, LANES, MOST, TF, collect_rows, count_texts, find_places, find_rows, score_texts
from model.text import code_points, point_table

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["IDF_UNIT", "Vocabulary", "gram_rows", "join_codes", "warm"]

IDF_UNIT = 10.0  # the kernel's idf is in tenths


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
        """Keep the n-grams found in `at_least` texts, the `most` frequent at most; idf smoothed as in scikit-learn.

        >>> kept = Vocabulary.fit(["快递慢", "快递没到", "态度差"], grams=2)
        >>> len(kept.idf)  # 快, 递, 快递
        3
        """
        found = np.zeros(1 << BITS, np.int32)
        for chunk in _chunks(texts):
            count_texts(*join_codes(chunk), point_table(), grams, found)
        need = max(at_least, int(np.partition(found, -most)[-most]) if most < len(found) else 0, 1)
        kept = found >= need
        if int(kept.sum()) > most:
            kept = found > need
        words = np.packbits(kept, bitorder="little").view(np.uint64)
        idf = np.log((1 + len(texts)) / (1 + found[kept])) + 1
        return cls(
            grams, words, _ranks(words), (np.clip(np.rint(idf * IDF_UNIT), 1, 127) / IDF_UNIT).astype(np.float32)
        )

    @classmethod
    def of(cls, grams: int, words: NDArray[np.uint64], weights: NDArray[np.int8]) -> "Vocabulary":
        """The vocabulary of a bundle's arrays: the bitmap, and the idf in the weights' first column."""
        if words.shape != ((1 << BITS) // 64,):
            raise ValueError(f"the bitmap has shape {words.shape}")
        return cls(grams, words, _ranks(words), (weights[:, 0] / IDF_UNIT).astype(np.float32))

    @property
    def size(self) -> int:
        """How many n-grams are kept."""
        return int(np.bitwise_count(self.words).sum(dtype=np.int64))

    def matrix(self, texts: Sequence[str]) -> "csr_matrix":
        """tf-idf rows of length 1, scipy CSR (texts, kept n-grams), float32: what the kernel sees, for a fit."""
        from scipy.sparse import csr_matrix, vstack

        parts = []
        for chunk in _chunks(texts):
            codes, spans = join_codes(chunk)
            room = int(self.grams * len(codes)) + 1
            columns, counts, ends = (
                np.empty(room, np.int32),
                np.empty(room, np.float32),
                np.zeros(len(chunk) + 1, np.int64),
            )
            collect_rows(codes, spans, point_table(), self.grams, self.words, self.ranks, columns, counts, ends)
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
        scores = np.empty((len(texts), 0))
        score_texts(
            codes, spans, point_table(), self.grams, self.words, self.ranks, rows, none, none, scores, reads
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


def gram_rows(
    seen: str, vocabulary: Vocabulary
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The known n-grams of a normalised text: row, start, length, and the factor its weights are counted with.

    The factor of one occurrence times its row's weights, summed over all, is the text's score without the bias.
    """
    places = np.empty(max(len(seen) * vocabulary.grams, 1), np.uint32)
    count = find_places(code_points(seen), len(seen), vocabulary.grams, places)
    rows = np.empty(count + 1, np.int32)
    marks = (vocabulary.words[places[:count] >> 6] >> (places[:count] & 63).astype(np.uint64)) & np.uint64(1)
    find_rows(places, count, vocabulary.words, vocabulary.ranks, rows)
    starts = np.repeat(np.arange(len(seen)), [min(vocabulary.grams, len(seen) - at) for at in range(len(seen))])
    lengths = np.arange(count) - np.searchsorted(starts, starts) + 1
    kept = marks.astype(np.bool_)
    rows = rows[: int(kept.sum())]
    distinct, place, times = np.unique(rows, return_inverse=True, return_counts=True)
    counted = TF[np.minimum(times, MOST)].astype(np.float64)
    idf = np.rint(vocabulary.idf[distinct] * IDF_UNIT).astype(np.float64)
    norm = np.sqrt(max(float(((counted * idf) ** 2).sum()), 1.0))
    return rows, starts[kept], lengths[kept], (counted / times)[place] / norm


def warm() -> None:
    """Compile, or read from the cache, what reads and scores a text, so that no complaint waits for it."""
    words = np.zeros((1 << BITS) // 64, np.uint64)
    Vocabulary(1, words, _ranks(words), np.empty(0, np.float32)).known_shares(["预热"])
