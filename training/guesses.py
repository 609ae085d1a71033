"""Guesses of labels for texts without one, from the texts that have one and from words for the labels.

First in the space of the texts at hand (latent semantic analysis, Deerwester et al. 1990), where words that stand in
the same complaints are neighbours: a description of ten words reaches complaints with none of them. Then once more by
the classifier's own machine, which has learnt the first guesses of other texts (self-training: Scudder 1965).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from model.features import Vocabulary
from model.linear import Recipe, cross_fit, fit_outputs

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["FOLDS", "RECIPE", "ColdHead", "Guesser", "fold_of", "latent"]

RECIPE = Recipe(1.0, 0.1)
FOLDS = 3
_SIZES = (50, 100, 200)  # of the space: three guessers that err differently
_SPACE_RECIPE = Recipe(0.2, balance=0.0)  # of the machines in it
_ALWAYS = -1  # the fold of what every machine learns


@dataclass(frozen=True)
class ColdHead:
    """A head to be learnt from few rows: its labels, words for them, the places of the rows with a label and of others.

    `phrases` are words for labels and `meant` (phrases,) the place of each one's label; `rows` are the labelled texts,
    `truth` (rows,) the places of their labels; `others` are texts to be guessed.
    """

    name: str
    labels: tuple[str, ...]
    phrases: tuple[str, ...]
    meant: NDArray[np.int64]
    rows: NDArray[np.int64]
    truth: NDArray[np.int64]
    others: NDArray[np.int64]


class Guesser:
    """Labels for the texts of one cold head, by what rows and words say that are not left out.

    >>> texts = ["校车晚点", "校车太挤", "老师拖堂", "老师补课", "校车司机", "老师请假"]
    >>> words, none = np.array([0, 1]), np.empty(0, np.int64)
    >>> head = ColdHead("matter", ("出行", "教学"), ("校车", "老师"), words, none, none, np.arange(6))
    >>> Guesser(head, texts).guess().tolist()
    [0, 0, 1, 1, 0, 1]
    """

    def __init__(self, head: ColdHead, texts: Sequence[str], grams: int = 2, at_least: int = 2) -> None:
        self.head = head
        self.rows = np.sort(np.concatenate((head.rows, head.others)))
        self.at = np.searchsorted(self.rows, head.rows)  # where the labelled ones are among them
        self.texts = [texts[row] for row in self.rows.tolist()]
        self.grams = grams
        self.at_least = at_least

    def guess(
        self, without: NDArray[np.bool_] | None = None, unsaid: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """The place of the label of each text: the true one where it is known, else the likeliest.

        `without` (labelled rows,) are guessed as if they had no label; `unsaid` (phrases,) are not used.
        """
        head = self.head
        if not len(self.rows):
            return np.empty(0, np.int64)
        kept = np.ones(len(head.rows), np.bool_) if without is None else ~without
        said = np.flatnonzero(np.ones(len(head.meant), np.bool_) if unsaid is None else ~unsaid)
        guesses = self._first(self.at[kept], head.truth[kept], said)
        guesses[self.at[kept]] = head.truth[kept]
        guesses = self._second(guesses, said)
        guesses[self.at[kept]] = head.truth[kept]
        return guesses

    @cached_property
    def _matrix(self) -> "csr_matrix":
        """tf-idf of texts, then phrases."""
        every = [*self.texts, *self.head.phrases]
        return Vocabulary.fit(every, self.grams, self.at_least).matrix(every)

    @cached_property
    def _points(self) -> list[NDArray[np.float64]]:
        return latent(self._matrix[: len(self.rows)], self._matrix[len(self.rows) :])

    def _first(self, rows: NDArray[np.int64], truth: NDArray[np.int64], said: NDArray[np.int64]) -> NDArray[np.int64]:
        """By machines in the space that know `rows` and the phrases `said`."""
        from scipy.sparse import csr_matrix

        taught = np.append(rows, len(self.rows) + said)
        sides = np.eye(len(self.head.labels), dtype=np.bool_)[np.append(truth, self.head.meant[said])]
        scores = np.zeros((len(self.rows), len(self.head.labels)))
        for points in self._points:
            weights, bias = fit_outputs(csr_matrix(points[taught].astype(np.float32)), sides, _SPACE_RECIPE)
            scores += points[: len(self.rows)] @ weights + bias
        first: NDArray[np.int64] = scores.argmax(1)
        return first

    def _second(self, guesses: NDArray[np.int64], said: NDArray[np.int64]) -> NDArray[np.int64]:
        """By machines over all features that know the first guesses of other texts, and the phrases `said`."""
        taught = np.append(np.arange(len(self.rows)), len(self.rows) + said)
        fold = np.append([fold_of(text) for text in self.texts], np.full(len(said), _ALWAYS))
        targets = np.eye(len(self.head.labels), dtype=np.bool_)[np.append(guesses, self.head.meant[said])]
        folds = np.unique(fold[: len(self.rows)]).tolist()
        scores = cross_fit(self._matrix[taught], targets, fold, RECIPE, folds)
        second: NDArray[np.int64] = scores[: len(self.rows)].argmax(1)
        return second


def fold_of(text: str) -> int:
    """The fold of a text in cross-fitting: the same wherever it stands."""
    return crc32(text.encode("utf-8", "surrogatepass")) % FOLDS


def latent(rows: "csr_matrix", words: "csr_matrix", sizes: Sequence[int] = _SIZES) -> list[NDArray[np.float64]]:
    """Points (texts + phrases, size) of length 1, near each other where they stand in the same texts, for each of
    `sizes` that these texts allow; `rows` and `words` are the tf-idf rows of texts and phrases.

    >>> texts, words = ["校车晚点", "校车太挤", "老师拖堂", "老师补课", "校车司机", "老师请假"], ["校车", "老师"]
    >>> seen = Vocabulary.fit([*texts, *words])
    >>> points = latent(seen.matrix(texts), seen.matrix(words), sizes=(2,))[0]
    >>> (points[:6] @ points[6:].T).argmax(1).tolist()
    [0, 0, 1, 1, 0, 1]
    """
    values, vectors = np.linalg.eigh((rows @ rows.T).toarray().astype(np.float64))
    values, vectors = values[::-1], vectors[:, ::-1]
    most = int((values > 1e-9 * values[0]).sum())
    fitting = [size for size in sizes if size < most] or [most]
    scale = np.sqrt(values[: fitting[-1]])
    axes = vectors[:, : fitting[-1]]
    points = np.vstack((axes * scale, (words @ rows.T).toarray() @ (axes / scale)))
    return [_unit(points[:, :size]) for size in fitting]


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    sizes = np.sqrt((rows * rows).sum(1, keepdims=True))
    return rows / np.where(sizes > 0, sizes, 1.0)
