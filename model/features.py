"""Characters → hashed features → every head's scores, in one pass over the code points; nothing else on the hot path.

A feature (`model.places` says which there are) is hashed into 2^22 places. A bitmap says which places were kept at the
fit; the rank of its bit is the feature's row in a dense table, and one row holds the idf and the weights of every
output: one or two cache lines serve all heads. All sums are integers, so a text scores the same in any batch, on any
thread and any machine.

Sublinear counting as in scikit-learn's TfidfVectorizer: a feature seen t times counts 1 + log(t), here in sixteenths.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.kernel import LANES, MOST, TF, collect_rows, count_rows, count_texts, find_rows, score_texts
from model.places import BITS, LONGEST_WORD, find_places, mark_words, room
from model.text import code_points, point_table
from model.words import vocabulary

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["IDF_UNIT", "Vocabulary", "feature_rows", "join_codes", "warm", "word_marks"]

_PAIRS_AT_LEAST = 5  # texts in which two words must follow each other: rarer ones cost rows and gain nothing
IDF_UNIT = 10.0  # the kernel's idf is in tenths


def join_codes(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """All code points of `texts` one behind the other, and the spans of the texts in them, shape (texts, 2)."""
    spans = np.zeros((len(texts), 2), np.int64)
    spans[:, 1] = list(accumulate(map(len, texts)))
    spans[1:, 0] = spans[:-1, 1]
    return code_points("".join(texts)), spans


@dataclass(frozen=True)
class Vocabulary:
    """Which features are kept: `marks` their bitmap (65536,), `ranks` the kept places before each 64, `idf` by row.

    `dictionary` is the bitmap (65536,) of the words that texts are cut into.
    """

    grams: int
    dictionary: NDArray[np.uint64]
    marks: NDArray[np.uint64]
    ranks: NDArray[np.int32]
    idf: NDArray[np.float32]

    @classmethod
    def fit(cls, texts: Sequence[str], grams: int = 2, at_least: int = 2, most: int = 600_000) -> "Vocabulary":
        """Keep the features found in `at_least` texts, the `most` frequent at most; idf smoothed as in scikit-learn.

        >>> kept = Vocabulary.fit(["快递慢", "快递没到", "态度差"], grams=1)
        >>> len(kept.idf)  # 快, 递, and the word 快递, as one in the opening, as one in the closing
        5
        """
        dictionary = word_marks()
        found, pairs = np.zeros(1 << BITS, np.int32), np.zeros(1 << BITS, np.int32)
        for chunk in _chunks(texts):
            count_texts(*join_codes(chunk), point_table(), grams, dictionary, found, pairs)
        pairs[pairs < max(_PAIRS_AT_LEAST, at_least)] = 0
        found[found < at_least] = 0
        found += pairs
        need = max(at_least, int(np.partition(found, -most)[-most]) if most < len(found) else 0, 1)
        kept = found >= need
        if int(kept.sum()) > most:
            kept = found > need
        marks = np.packbits(kept, bitorder="little").view(np.uint64)
        idf = np.log((1 + len(texts)) / (1 + found[kept])) + 1
        rounded = (np.clip(np.rint(idf * IDF_UNIT), 1, 127) / IDF_UNIT).astype(np.float32)
        return cls(grams, dictionary, marks, _ranks(marks), rounded)

    @classmethod
    def of(
        cls, grams: int, dictionary: NDArray[np.uint64], marks: NDArray[np.uint64], weights: NDArray[np.int8]
    ) -> "Vocabulary":
        """The vocabulary of a bundle's arrays: the bitmaps, and the idf in the weights' first column."""
        for bits in (dictionary, marks):
            if bits.shape != ((1 << BITS) // 64,):
                raise ValueError(f"a bitmap has shape {bits.shape}")
        return cls(grams, dictionary, marks, _ranks(marks), (weights[:, 0] / IDF_UNIT).astype(np.float32))

    @property
    def size(self) -> int:
        """How many features are kept."""
        return int(np.bitwise_count(self.marks).sum(dtype=np.int64))

    def matrix(self, texts: Sequence[str]) -> "csr_matrix":
        """tf-idf rows of length 1, scipy CSR (texts, kept features), float32: what the kernel sees, for a fit."""
        from scipy.sparse import csr_matrix

        table, ends, chunks = point_table(), np.zeros(len(texts) + 1, np.int64), list(_chunks(texts))
        first = 1
        for chunk in chunks:
            sizes = ends[first : first + len(chunk)]
            count_rows(*join_codes(chunk), table, self.grams, self.dictionary, self.marks, sizes)
            first += len(chunk)
        np.cumsum(ends, out=ends)
        columns, values = np.empty(int(ends[-1]), np.int32), np.empty(int(ends[-1]), np.float32)
        first = 0
        for chunk in chunks:
            bounds = ends[first : first + len(chunk) + 1]
            mine = slice(int(bounds[0]), int(bounds[-1]))
            collect_rows(
                *join_codes(chunk), table, self.grams, self.dictionary, self.marks, self.ranks, self.idf,
                columns[mine], values[mine],
            )  # fmt: skip
            first += len(chunk)
        return csr_matrix((values, columns, ends), shape=(len(texts), len(self.idf)))

    def known_shares(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The share of each text's features that are kept, shape (texts,)."""
        codes, spans = join_codes(texts)
        reads, none = np.empty((len(texts), 2)), np.empty(0)
        rows = np.zeros((len(self.idf), LANES), np.int8)
        scores = np.empty((len(texts), 0))
        score_texts(
            codes, spans, point_table(), self.grams, self.dictionary, self.marks, self.ranks, rows, none, none,
            np.empty((0, 5), np.int64), scores, reads,
        )  # fmt: skip
        return reads[:, 1].copy()


@cache
def word_marks() -> NDArray[np.uint64]:
    """The bitmap (65536,) of all words that may stand alone: jieba's common ones and our own (`model.words`)."""
    dictionary = np.zeros((1 << BITS) // 64, np.uint64)
    mark_words(*join_codes(sorted(word for word in vocabulary() if len(word) <= LONGEST_WORD)), dictionary)
    dictionary.flags.writeable = False
    return dictionary


def _ranks(marks: NDArray[np.uint64]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(np.bitwise_count(marks), dtype=np.int64)[:-1]]).astype(np.int32)


def _chunks(texts: Sequence[str], characters: int = 4_000_000) -> Iterator[Sequence[str]]:
    first, size = 0, 0
    for at, text in enumerate(texts):
        if size and size + len(text) > characters:
            yield texts[first:at]
            first, size = at, 0
        size += len(text)
    if first < len(texts):
        yield texts[first:]


def feature_rows(
    seen: str, vocabulary: Vocabulary
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The known features of a normalised text: row, start, length, and the factor its weights are counted with.

    The factor of one occurrence times its row's weights, summed over all, is the text's score without the bias.
    """
    most = room(max(len(seen), 1), vocabulary.grams)
    places, spans = np.empty(most, np.uint32), np.empty((most, 2), np.int64)
    count = find_places(code_points(seen), len(seen), vocabulary.grams, vocabulary.dictionary, places, spans)
    rows = np.empty(count + 1, np.int32)
    marks = (vocabulary.marks[places[:count] >> 6] >> (places[:count] & 63).astype(np.uint64)) & np.uint64(1)
    find_rows(places, count, vocabulary.marks, vocabulary.ranks, rows)
    kept = marks.astype(np.bool_)
    rows = rows[: int(kept.sum())]
    starts, lengths = spans[:count, 0][kept], (spans[:count, 1] - spans[:count, 0])[kept]
    distinct, place, times = np.unique(rows, return_inverse=True, return_counts=True)
    counted = TF[np.minimum(times, MOST)].astype(np.float64)
    idf = np.rint(vocabulary.idf[distinct] * IDF_UNIT).astype(np.float64)
    norm = np.sqrt(max(float(((counted * idf) ** 2).sum()), 1.0))
    return rows, starts, lengths, (counted / times)[place] / norm


def warm() -> None:
    """Compile, or read from the cache, what reads and scores a text, so that no complaint waits for it."""
    none = np.zeros((1 << BITS) // 64, np.uint64)
    Vocabulary(1, none, none, _ranks(none), np.empty(0, np.float32)).known_shares(["预热"])
