"""Tone: negation, rhetoric and irony move the probabilities of a sentiment head along its scale.

The head is linear and cannot read 不是不满意 or 真是“贴心”. Where `model.tone_grammar` reads a construction, the head's
decision values are moved by a fixed vector of log-odds for that reading, all of it in a short text and less in a longer
one, of which a construction says less. A text in which it reads nothing keeps its values to the bit.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.calibration import BEYOND, calibrate, thresholds
from model.features import join_codes
from model.heads import FittedHead, HeadSpec, layout_of
from model.text import normalise, point_table
from model.tone_readings import READINGS, read_tones
from model.tone_words import tone_words

__all__ = ["SCALE", "has_tone", "move_tone", "temper", "tone_of"]

SCALE = ("正面", "中性", "不满", "愤怒")
_SHIFTS = {
    "denied": (-0.6, 0.0, 0.6, 0.0),
    "ask": (-1.2, 3.6, -1.2, -1.8),
    "praise": (4.2, -1.2, -2.4, -0.6),
    "praise turned": (5.4, -1.8, -1.8, -1.8),
    "praise mixed": (1.8, 0.0, -1.8, 0.0),
    "blame weak": (-1.8, -0.6, 3.6, -0.6),
    "blame": (-3.6, -0.6, 4.2, 1.2),
    "blame turned": (-2.4, -1.2, 4.2, 0.0),
    "blame mixed": (-1.2, 0.0, 1.2, 0.6),
    "blame loud": (-1.8, -1.8, 1.2, 1.8),
    "irony quoted": (-1.8, -1.2, 0.6, 1.2),
    "irony": (-3.0, -1.8, -1.2, 5.4),
    "rage": (-3.0, -1.8, -1.2, 5.4),
    "jest": (1.8, -1.2, -1.8, 1.2),
}
_TABLE = np.array([_SHIFTS.get(reading, (0.0,) * 4) for reading in READINGS])
_SHORT, _LONG, _LEAST = 20, 40, 0.15  # characters up to which all of a shift counts, from which the least share of it
_HEATS = [float(heat) for heat in np.geomspace(1.0, 8.0, 25)]
_ENOUGH = 50  # texts that were moved, to learn the heat from
_MOST = 60  # characters of a text that is read: of longer ones a construction says nothing that the head does not


def has_tone(head: HeadSpec) -> bool:
    """Whether a head's labels are the four of the scale, in their order."""
    return head.labels == SCALE and head.ordered and not head.several


def move_tone(
    heads: Sequence[HeadSpec],
    layout: NDArray[np.int64],
    slope: NDArray[np.float64],
    shift: NDArray[np.float64],
    heat: float,
    codes: NDArray[np.uint32],
    spans: NDArray[np.int64],
    lengths: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> None:
    """Move `scores` (texts, outputs) of the heads that have a tone; `slope` and `shift` (labels) make them log-odds.

    `layout` (heads, 4) is `layout_of(heads)`; `spans` (texts, 2) lie in the code points `codes`, `lengths` (texts,) are
    their characters as the classifier reads them, and `heat` is what the log-odds that were moved are divided by.
    """
    toned = [at for at, head in enumerate(heads) if has_tone(head)]
    if not toned:
        return
    readings, _ = _read(codes, spans, lengths)
    for at in toned:
        _, output, label, size = layout[at].tolist()
        mine = slice(label, label + size)
        _move(readings, lengths, _TABLE, slope[mine], shift[mine], heat, scores[:, output : output + size])


def temper(
    spec: HeadSpec, fitted: FittedHead, texts: Sequence[str], precision: NDArray[np.float64]
) -> tuple[FittedHead, float]:
    """The head with the chances and thresholds it has once its tone has moved them, and the heat that makes them
    likeliest.

    `texts` are all of the fit, `precision` (labels,) is asked of what is accepted. A reading is sometimes wrong:
    without a temperature of their own (Guo et al. 2017) the texts that were moved would be called too sure.
    """
    held = fitted.held
    mine = [texts[row] for row in held.rows.tolist()]
    lengths = np.array([float(len(normalise(text))) for text in mine])
    readings, _ = _read(*join_codes(mine), lengths)
    layout, moved, truth = layout_of([spec]), readings > 0, held.truth.argmax(1)

    def chances(heat: float) -> NDArray[np.float64]:
        scores, out = fitted.scores.copy(), np.empty(held.truth.shape)
        _move(readings, lengths, _TABLE, fitted.slope, fitted.shift, heat, scores)
        calibrate(scores, layout, fitted.slope, fitted.shift, out)
        return out

    def surprise(heat: float) -> float:
        return -float(np.log(chances(heat)[np.arange(len(truth)), truth][moved] + 1e-12).sum())

    heat = min(_HEATS, key=surprise) if int(moved.sum()) >= _ENOUGH else 1.0
    final = chances(heat)
    best = final.argmax(1)
    limit = thresholds(final.max(1), held.truth[np.arange(len(best)), best], best, precision)
    return replace(fitted, threshold=limit, held=replace(held, chances=final)), heat


def tone_of(text: str) -> tuple[str, tuple[int, int], NDArray[np.float64]]:
    """The reading of a text, the span that decides it, and the log-odds by which it moves the four labels, shape (4,).

    >>> tone_of("合作五年，没有一次让我失望")[:2]
    ('praise turned', (5, 13))
    >>> tone_of("快递三天了")[0]
    'none'
    """
    lengths = np.array([float(len(normalise(text)))])
    readings, places = _read(*join_codes([text]), lengths)
    shift = _TABLE[readings[0]] * _share(lengths[0])
    return READINGS[readings[0]], (int(places[0, 0]), int(places[0, 1])), shift


@njit(cache=True, nogil=True)
def _share(length: float) -> float:
    """How much of a shift counts in a text of `length` characters."""
    return float(min(max((_LONG - length) / (_LONG - _SHORT), _LEAST), 1.0))


@njit(cache=True, nogil=True)
def _move(
    readings: NDArray[np.int8],
    lengths: NDArray[np.float64],
    table: NDArray[np.float64],
    slope: NDArray[np.float64],
    shift: NDArray[np.float64],
    heat: float,
    scores: NDArray[np.float64],
) -> None:
    for text in range(len(readings)):
        if readings[text] > 0:
            share = _share(lengths[text])
            cooled = 1.0 + (heat - 1.0) * share
            for place in range(table.shape[1]):
                score = scores[text, place]  # what is above 0 counts less (`model.calibration.bent`), a move does not
                odds = slope[place] * min(score, BEYOND * score) + shift[place] + table[readings[text], place] * share
                moved = (odds / cooled - shift[place]) / slope[place]
                scores[text, place] = max(moved, moved / BEYOND)


def _read(
    codes: NDArray[np.uint32], spans: NDArray[np.int64], lengths: NDArray[np.float64]
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    readings, places = np.empty(len(spans), np.int8), np.empty((len(spans), 2), np.int64)
    read_tones(codes, spans, lengths, point_table(), tone_words(), _MOST, readings, places)
    return readings, places
