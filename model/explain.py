"""Which characters carried a decision, as offsets into the text as it was written.

A linear score is a sum over n-grams; each n-gram's share is spread evenly over its characters, so the shares of all
characters and the bias add up to the score itself: nothing is approximated. Where a construction moves a sentiment
(`model.tone`) its move is spread over its own characters; the sum is then that of the score before it was cooled.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.calibration import PAIR, SEVERAL
from model.features import feature_rows, join_codes
from model.leaning import spread
from model.text import normalise_map
from model.tone import has_tone, tone_of

if TYPE_CHECKING:
    from model.bundle import Bundle

__all__ = ["character_weights", "explain"]


def explain(bundle: "Bundle", text: str, head: str, top: int = 3) -> list[tuple[int, int, float]]:
    """The `top` spans (start, end, weight) that speak most for the best label of `head`, heaviest first.

    Weights are in units of the head's decision value. KeyError for a head the bundle does not have.
    """
    weights = character_weights(bundle, text, head)
    spans: list[tuple[int, int, float]] = []
    begin, end = tone_of(text)[1] if has_tone(bundle.classifier.heads_[list(bundle.heads).index(head)]) else (0, 0)
    if weights[begin:end].sum() > 0:  # a construction speaks as a whole
        spans.append((begin, end, float(weights[begin:end].sum())))
        weights[begin:end] = 0.0
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
    kind, output, label, _ = classifier.layout_[place].tolist()
    chances = classifier.predict_proba([text])[head][0]
    order = np.argsort(-chances, kind="stable")
    seen, where = normalise_map(text)
    direction = np.zeros(len(classifier.scale_))
    if kind == PAIR:
        direction[output] = 1.0 if order[0] == 1 else -1.0
    else:
        direction[output + order[0]] = 1.0
        if kind != SEVERAL:
            direction[output + order[1]] = -1.0
    if classifier.leanings_:  # the set of weights that this text uses belongs to the head
        spread(direction, classifier.score_spans(*join_codes([text]), toned=False)[0][0], classifier.places_)
    rows, starts, lengths, factors = feature_rows(seen, classifier.vocabulary_)
    shares = (classifier.weights_[rows, 1 : 1 + len(direction)] * (classifier.scale_ * direction)).sum(1) * factors
    out = np.zeros(len(text))
    for share, start, length in zip(shares.tolist(), starts.tolist(), lengths.tolist(), strict=True):
        out[where[start : start + length]] += share / length
    if has_tone(classifier.heads_[place]):
        _, (begin, end), shift = tone_of(text)
        out[begin:end] += (shift[order[0]] - shift[order[1]]) / (classifier.slope_[label] * max(end - begin, 1))
    return out
