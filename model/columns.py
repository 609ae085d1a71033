"""What a bundle says of many texts, by column: a number a text instead of an object a text.

The same verdicts as `Bundle.predict`, byte for byte, without clauses, parts and alternatives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from re import Pattern

import numpy as np
from numpy.typing import NDArray

from model.acts import patterns
from model.bundle import Bundle
from model.exposure import judge_exposure
from model.features import join_codes
from model.labels import SEPARATOR
from model.needed import Sieve
from model.text import normalise

__all__ = ["STAGES", "HeadColumn", "decide_columns", "decide_spans", "exposure_stages"]

STAGES = ("none", "threat", "posted", "spreading")


@dataclass(frozen=True, slots=True)
class HeadColumn:
    """What one head says of n texts: `words[which[i]]` is text i's label, several joined by `|`.

    `which` (n,) places in `words`, `confidence` (n,) from 0 to 1, `accepted` (n,).
    """

    words: tuple[str, ...]
    which: NDArray[np.int32]
    confidence: NDArray[np.float64]
    accepted: NDArray[np.bool_]


def decide_columns(bundle: Bundle, texts: Sequence[str]) -> dict[str, HeadColumn]:
    """Head → its column over `texts`: the labels, confidences and acceptances that `bundle.predict` gives."""
    return decide_spans(bundle, *join_codes(texts))


def decide_spans(bundle: Bundle, codes: NDArray[np.uint32], spans: NDArray[np.int64]) -> dict[str, HeadColumn]:
    """As `decide_columns`, of the texts `spans` (texts, 2) of the code points `codes`."""
    classifier = bundle.classifier
    scores, reads = classifier.score_spans(codes, spans)
    chances = classifier.chances(scores)
    best, reason = classifier.decide(chances, scores, reads)
    columns = {}
    for at, (spec, (_, _, first, size)) in enumerate(zip(classifier.heads_, classifier.layout_.tolist(), strict=True)):
        top = best[:, at, 0]
        words, which = spec.labels, top.astype(np.int32)
        if spec.several:
            words, which = _joined(spec.labels, chances[:, first : first + size] >= spec.cut, top)
        columns[spec.name] = HeadColumn(words, which, chances[np.arange(len(top)), first + top], reason[:, at] == 0)
    return columns


def exposure_stages(codes: NDArray[np.uint32], spans: NDArray[np.int64]) -> NDArray[np.int32]:
    """The place in `STAGES` of `judge_exposure` by the text alone, of the texts `spans` of `codes`, shape (texts,).

    >>> exposure_stages(*join_codes(["快递丢了", "再不退款我就发抖音曝光你们"])).tolist()
    [0, 1]
    """
    sieve, act = _acts()
    stages = np.zeros(len(spans), np.int32)
    begins = sieve(codes, spans)
    for at in np.flatnonzero(begins >= 0).tolist():
        text = codes[spans[at, 0] : spans[at, 1]].tobytes().decode("utf-32-le", "surrogatepass")
        if act.search(normalise(text), int(begins[at])) is not None:
            stages[at] = STAGES.index(judge_exposure(text).stage)
    return stages


def _joined(
    labels: tuple[str, ...], held: NDArray[np.bool_], top: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The different sets of labels among the texts, each as one word, and each text's place among them."""
    held = held.copy()
    none = ~held.any(1)
    held[none, top[none]] = True
    sets, which = np.unique(held, axis=0, return_inverse=True)
    words = (SEPARATOR.join(labels[place] for place in np.flatnonzero(one)) for one in sets)
    return tuple(words), which.reshape(-1).astype(np.int32)


@cache
def _acts() -> tuple[Sieve, Pattern[str]]:
    act = patterns()["act"]
    return Sieve(act), act
