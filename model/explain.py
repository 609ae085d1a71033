"""Which characters carried a decision, as offsets into the text as it was written.

A linear score is a sum over n-grams; each n-gram's share is spread evenly over its characters, so the shares of all
characters and the bias add up to the score itself: nothing is approximated.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.calibration import PAIR, SEVERAL
from model.features import feature_rows
from model.text import normalise_map

if TYPE_CHECKING:
    from model.bundle import Bundle

__all__ = ["character_weights", "explain"]


def explain(bundle: "Bundle", text: str, head: str, top: int = 3) -> list[tuple[int, int, float]]:
    """The `top` spans (start, end, weight) that speak most for the best label of `head`, heaviest first.

    Weights are in units of the head's decision value. KeyError for a head the bundle does not have.
    """
    weights = character_weights(bundle, text, head)
    spans: list[tuple[int, int, float]] = []
    start: int | None = None
    bar = float(weights.max(initial=0.0)) * 0.2
    for at, weight in enumerate([*weights.tolist(), -1.0]):
        if weight > bar and start is None:
            start = at
        elif weight <= bar and start is not None:
            spans.append((start, at, float(weights[start:at].sum())))
            start = None
    return sorted(spans, key=lambda span: -span[2])[:top]


def character_weights(bundle: "Bundle", text: str, head: str) -> NDArray[np.float64]:
    """How much each character of `text` speaks for the best label of `head` against the next, shape (characters,)."""
    classifier = bundle.classifier
    place = list(bundle.heads).index(head) if head in bundle.heads else -1
    if place < 0:
        raise KeyError(f"The bundle has no head {head!r}; it has {', '.join(bundle.heads)}.")
    kind, output, _, _ = classifier.layout_[place].tolist()
    chances = classifier.predict_proba([text])[head][0]
    order = np.argsort(-chances, kind="stable")
    seen, where = normalise_map(text)
    direction = np.zeros(len(classifier.bias_))
    if kind == PAIR:
        direction[output] = 1.0 if order[0] == 1 else -1.0
    else:
        direction[output + order[0]] = 1.0
        if kind != SEVERAL:
            direction[output + order[1]] = -1.0
    rows, starts, lengths, factors = feature_rows(seen, classifier.vocabulary_)
    shares = (classifier.weights_[rows, 1 : 1 + len(direction)] * (classifier.scale_ * direction)).sum(1) * factors
    out = np.zeros(len(text))
    for share, start, length in zip(shares.tolist(), starts.tolist(), lengths.tolist(), strict=True):
        out[where[start : start + length]] += share / length
    return out
