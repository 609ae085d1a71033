"""Guesses of labels for texts without one, from the texts that have one and from words for the labels.

The guesser works in the space of the texts at hand (latent semantic analysis, Deerwester et al. 1990), where words that
stand in the same complaints are neighbours: a description of ten words reaches complaints with none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.features import Vocabulary

__all__ = ["ColdHead", "Guesser", "Space"]

_SIZES = (50, 100, 200)  # of the space: three guessers that err differently


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


class Space:
    """Texts and phrases as points, near each other where they stand in the same texts: one array a size, rows of
    length 1, texts first.

    >>> texts = ["校车晚点", "校车太挤", "老师拖堂", "老师补课", "校车司机", "老师请假"]
    >>> points = Space(sizes=(2,)).place(texts, ["校车", "老师"])[0]
    >>> (points[:6] @ points[6:].T).argmax(1).tolist()
    [0, 0, 1, 1, 0, 1]
    """

    def __init__(self, sizes: Sequence[int] = _SIZES, grams: int = 2) -> None:
        self.sizes = sizes
        self.grams = grams

    def place(self, texts: Sequence[str], phrases: Sequence[str]) -> list[NDArray[np.float64]]:
        """The points (texts + phrases, size), for each size that these texts allow."""
        seen = Vocabulary.fit([*texts, *phrases], self.grams)
        rows, words = seen.matrix(texts), seen.matrix(phrases)
        values, vectors = np.linalg.eigh((rows @ rows.T).toarray().astype(np.float64))
        values, vectors = values[::-1], vectors[:, ::-1]
        most = int((values > 1e-9 * values[0]).sum())
        sizes = [size for size in self.sizes if size < most] or [most]
        scale = np.sqrt(values[: sizes[-1]])
        axes = vectors[:, : sizes[-1]]
        points = np.vstack((axes * scale, (words @ rows.T).toarray() @ (axes / scale)))
        return [_unit(points[:, :size]) for size in sizes]


class Guesser:
    """Labels for the texts of one cold head, by what rows and words say that are not left out."""

    def __init__(self, head: ColdHead, texts: Sequence[str], grams: int) -> None:
        self.head = head
        self.rows = np.sort(np.concatenate((head.rows, head.others)))
        self.at = np.searchsorted(self.rows, head.rows)  # where the labelled ones are among them
        self.texts = [texts[row] for row in self.rows.tolist()]
        self.points = Space(grams=grams).place(self.texts, head.phrases) if len(head.others) else []

    def guess(
        self, without: NDArray[np.bool_] | None = None, unsaid: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """The place of the label of each text: the true one where it is known, else the likeliest.

        `without` (labelled rows,) are guessed as if they had no label; `unsaid` (phrases,) are not used.
        """
        head = self.head
        kept = np.ones(len(head.rows), np.bool_) if without is None else ~without
        said = np.ones(len(head.meant), np.bool_) if unsaid is None else ~unsaid
        sides = np.append(head.truth[kept], head.meant[said])
        scores = np.zeros((len(self.rows), len(head.labels)))
        for points in self.points:
            taught = points[np.append(self.at[kept], len(self.rows) + np.flatnonzero(said))]
            for label in range(len(head.labels)):
                weights = _machine(taught, np.where(sides == label, 1.0, -1.0))
                scores[:, label] += points[: len(self.rows)] @ weights[:-1] + weights[-1]
        guesses: NDArray[np.int64] = scores.argmax(1)
        guesses[self.at[kept]] = head.truth[kept]
        return guesses


def _machine(rows: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """A support-vector machine with squared hinge loss and C = 1, by Newton's method (Chapelle 2007): weights, bias."""
    wide = np.hstack((rows, np.ones((len(rows), 1))))
    inside = np.ones(len(wide), np.bool_)
    weights: NDArray[np.float64] = np.zeros(wide.shape[1])
    for _ in range(30):
        mine = wide[inside]
        weights = np.linalg.solve(np.eye(wide.shape[1]) + 2 * mine.T @ mine, 2 * mine.T @ sides[inside]).astype(float)
        now = sides * (wide @ weights) < 1
        if bool((now == inside).all()):
            break
        inside = now
    return weights


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    sizes = np.sqrt((rows * rows).sum(1, keepdims=True))
    return rows / np.where(sizes > 0, sizes, 1.0)
