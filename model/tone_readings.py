"""The reading of a text by its tone: from the evaluations of all its clauses, a kind of praise or blame."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.text import view
from model.tone_grammar import (
    ACCUSING,
    ASKS,
    BITTER,
    CLAUSES,
    DENIALS,
    GUSHED,
    HOT,
    IDIOM,
    MOCK_AT,
    MOCK_END,
    MOCKS,
    OWN,
    QUOTED,
    SHOUTS,
    SOFT,
    STATES,
    STRONGER,
    TAKEN_BACK,
    TALLIES,
    TURNED,
    WOES,
    Ints,
    read_events,
)
from model.tone_words import Words, find_words

__all__ = ["READINGS", "read_tones"]

READINGS = (
    "none", "denied", "ask", "praise", "praise turned", "praise mixed", "blame weak", "blame", "blame turned",
    "blame mixed", "blame loud", "irony quoted", "irony", "rage", "jest",
)  # fmt: skip
_NONE, _DENIED, _ASKED, _PRAISE, _PRAISE_TURNED, _PRAISE_MIXED, _BLAME_WEAK, _BLAME, _BLAME_TURNED = range(9)
_BLAME_MIXED, _BLAME_LOUD, _IRONY_QUOTED, _IRONY, _RAGE, _JEST = range(9, 15)


@njit(cache=True, nogil=True)
def _judge(events: Ints, found: int, tally: Ints, span: Ints) -> int:
    """The reading of a text by its events; `span` gets the characters that decide it."""
    standing = 0
    for event in range(found):
        standing += not events[event, 2] & TAKEN_BACK
    goods, bads, soft, loud = 0, 0, 0, tally[SHOUTS] > 0
    last, sober, jest, quoted, hot, turned, thanks = -1, 0, -1, -1, -1, -1, False
    for event in range(found):
        sign, marks = events[event, 1], events[event, 2]
        if marks & HOT and not marks & QUOTED:
            hot = event
        if standing and marks & TAKEN_BACK:
            continue
        last = event
        goods, bads = goods + (sign > 0), bads + (sign < 0)
        soft += marks & SOFT != 0
        loud |= marks & (STRONGER | ACCUSING) != 0
        if not marks & BITTER:
            sober = sign
        elif jest < 0:
            jest, thanks = event, not marks & (IDIOM | GUSHED)
            sober = sober if marks & IDIOM else 0
        if marks & QUOTED:
            quoted = event
        if marks & TURNED:
            turned = event
    reading = _ASKED if tally[ASKS] or tally[OWN] else _DENIED if tally[DENIALS] else _NONE
    decides = turned if turned >= 0 else last
    alone = last >= 0 and events[last, 0] == tally[CLAUSES] - 1
    if tally[MOCKS] and not (last >= 0 and sober > 0 and bads == 0):
        reading, span[0], span[1] = _IRONY, tally[MOCK_AT], tally[MOCK_END]
        return reading
    if hot >= 0:
        reading, decides = _RAGE, hot
    elif quoted >= 0:
        reading, decides = (_IRONY if events[quoted, 2] & HOT or loud else _IRONY_QUOTED), quoted
    elif jest >= 0 and (sober < 0 or (sober == 0 and tally[WOES] and not thanks)):
        reading, decides = _IRONY, jest
    elif found and not standing and not alone:  # all that is said is taken back: what follows says the opposite
        if not tally[ASKS]:
            reading = _BLAME_MIXED if goods else _PRAISE_MIXED
    elif goods and bads:
        reading, decides = (_PRAISE_MIXED if events[last, 1] > 0 else _BLAME_MIXED), last
    elif goods:
        reading = _PRAISE_TURNED if turned >= 0 else _JEST if jest == last and tally[CLAUSES] > 1 else _PRAISE
        if turned >= 0 and tally[OWN]:
            reading = _ASKED
    elif bads:
        reading = _BLAME_WEAK if soft == bads else _BLAME_LOUD if loud else _BLAME_TURNED if turned >= 0 else _BLAME
    if decides >= 0:
        span[0], span[1] = events[decides, 3], events[decides, 4]
    return reading


@njit(cache=True, nogil=True)
def read_tones(
    codes: NDArray[np.uint32],
    spans: Ints,
    lengths: NDArray[np.float64],
    table: NDArray[np.uint32],
    words: Words,
    most: int,
    readings: NDArray[np.int8],
    places: Ints,
) -> None:
    """Fill `readings` (texts,) with places in `READINGS` and `places` (texts, 2) with the span that decides, as offsets
    into the text as it was written; texts whose `lengths` as read are more than `most` characters have none."""
    room = 1
    for text in range(len(spans)):
        if lengths[text] <= most:
            room = max(room, spans[text, 1] - spans[text, 0])
    seen, where = np.empty(room, np.uint32), np.empty(room, np.int32)
    tokens, events = np.empty((most + 1, 3), np.int64), np.empty((3 * most + 8, 5), np.int64)
    now, tally, span = np.empty(STATES, np.int64), np.empty(TALLIES, np.int64), np.empty(2, np.int64)
    readings[:] = 0
    places[:] = 0
    for text in range(len(spans)):
        if lengths[text] > most:
            continue
        length = view(codes, spans[text, 0], spans[text, 1], table, seen, where)
        count = find_words(seen, length, words, tokens)
        found = read_events(seen, length, tokens, count, events, now, tally)
        span[:] = 0
        readings[text] = _judge(events, found, tally, span)
        if span[1] > 0:
            places[text, 0], places[text, 1] = where[span[0]], where[span[1] - 1] + 1
