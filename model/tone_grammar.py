"""The grammar of tone: what negation, rhetoric, irony, contrast and questions make of the evaluations in a text.

Each evaluation gets a sign by what stands before it in its clause; a verdict over those of all clauses is the text's
reading. Integers throughout, compiled by numba.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.tone_words import bit

__all__ = [
    "ACCUSING", "ASKS", "BITTER", "CLAUSES", "DENIALS", "GUSHED", "HOT", "IDIOM", "MOCKS", "MOCK_AT", "MOCK_END", "OWN",
    "QUOTED", "SHOUTS", "SOFT", "STATES", "STRONGER", "TAKEN_BACK", "TALLIES", "TURNED", "WOES", "Ints", "read_events",
]  # fmt: skip

Ints = NDArray[np.int64]

GOOD, BARE, BARB, SERVE, BOAST = bit("good"), bit("bare"), bit("barb"), bit("serve"), bit("boast")
RAGE, JEST, THANK, GUSH, MOCK, WOE = bit("rage"), bit("jest"), bit("thank"), bit("gush"), bit("mock"), bit("woe")
NOT, UNDO, WALL, PLAIN, THAN = bit("not"), bit("undo"), bit("wall"), bit("plain"), bit("than")
FLIP, SURE, ACCUSE, NE, NEVER, OTHER = bit("flip"), bit("sure"), bit("accuse"), bit("ne"), bit("never"), bit("other")
BUT, TURN, ASIDE, IF, WISH, SELF = bit("but"), bit("turn"), bit("aside"), bit("if"), bit("wish"), bit("self")
ASK, POLITE, MAY, QUERY, WEAK, TAD = bit("ask"), bit("polite"), bit("may"), bit("query"), bit("weak"), bit("tad")
STRONG, MARK, SHOUT = bit("strong"), bit("mark"), bit("shout")
_BAD = bit("bad", "rage", "barb")
_OUTRIGHT = bit("good", "bad", "rage", "jest")  # the rest evaluates nothing unless it is turned or in quotes
_VALUED = _OUTRIGHT | SERVE | BARE | BARB | BOAST

_SAYING = _VALUED | NEVER | FLIP | MOCK | TAD | ACCUSE | NE | WISH  # a clause without any of these evaluates nothing
_ASKING = ASK | POLITE | IF | QUERY

# what an event, one evaluation, is marked with
TURNED, QUOTED, BITTER, TAKEN_BACK, SOFT, HOT, STRONGER, ACCUSING, IDIOM, GUSHED = (1 << at for at in range(10))
# what is known of a clause while it is read: places are -1 or far away until they are met
_ODD, _REACHES, _WIDE, _TURNER, _FLIPPED, _FIERCE, _SURE, _BETTER, _VOW, _GUSH, _QUESTION = range(11)
_FINE, _WOEFUL, _BITTER_END, _VALUE_END, _UNDONE, _USED, STATES = range(11, 18)
# what is counted over a text
ASKS, OWN, WOES, SHOUTS, DENIALS, CLAUSES, MOCKS, MOCK_AT, MOCK_END, TALLIES = range(10)
_NO, _MORE = ord("不"), ord("再")
_REACH = 8  # characters that a negation of one or two reaches over, a longer one twice as many
_OPEN = np.array([ord(sign) for sign in "“\"「『‘'"], np.uint32)
_CLOSE = np.array([ord(sign) for sign in "”\"」』’'"], np.uint32)


@njit(cache=True, nogil=True)
def read_events(
    seen: NDArray[np.uint32], length: int, tokens: Ints, count: int, events: Ints, now: Ints, tally: Ints
) -> int:
    """Write what the tokens evaluate into `events` (n, 5): clause, sign, marks, start, end; return how many."""
    tally[:] = 0
    low, found, clause, opening = 0, 0, 0, 0
    while low < count:
        if tokens[low, 0] & BUT or (tokens[low, 0] & TURN and tokens[low, 1] <= opening + 1):
            for event in range(found):
                events[event, 2] |= TAKEN_BACK
            tally[WOES] = 0
        high = low if tokens[low, 0] & MARK else low + 1
        while high < count and not tokens[high, 0] & (MARK | BUT):
            high += 1
        behind = int(tokens[high, 0]) if high < count else 0
        tally[SHOUTS] += behind & SHOUT != 0
        found = _read_clause(seen, length, tokens, low, high, clause, behind, events, found, now, tally)
        clause += 1
        opening = tokens[high, 2] if high < count else length
        low = high if behind & BUT else high + 1
    tally[CLAUSES] = clause + (opening < length - 1)
    return found


@njit(cache=True, nogil=True)
def _read_clause(
    seen: NDArray[np.uint32],
    length: int,
    tokens: Ints,
    low: int,
    high: int,
    clause: int,
    behind: int,
    events: Ints,
    found: int,
    now: Ints,
    tally: Ints,
) -> int:
    """Add the events of one clause, the tokens from `low` to `high`; `behind` are the kinds of the mark behind it."""
    first, whole = found, behind & QUERY
    for at in range(low, high):
        whole |= tokens[at, 0]
    if not whole & _SAYING:
        tally[WOES] += whole & (WOE | NOT) != 0
        tally[DENIALS] += whole & NOT != 0
        tally[ASKS] += whole & _ASKING != 0
        tally[OWN] += whole & SELF != 0
        return found
    now[:] = 0
    now[_REACHES] = now[_TURNER] = now[_VOW] = now[_QUESTION] = now[_BITTER_END] = -1
    now[_GUSH] = now[_VALUE_END] = -9
    for at in range(low, high):
        kinds, start, end = tokens[at, 0], tokens[at, 1], tokens[at, 2]
        _hear(kinds, start, end, whole, now, tally)
        if kinds & UNDO and at == high - 1 and start - now[_VALUE_END] <= 2:
            found = _undo(events, first, found, clause, now, end)
        elif kinds & NOT:
            near = start <= now[_REACHES]
            now[_ODD] = 1 - now[_ODD] if near else 1
            now[_TURNER] = now[_TURNER] if near or now[_FLIPPED] else start
            now[_WIDE] = (near and now[_WIDE] != 0) or end - start > 2
            now[_REACHES] = end + (2 * _REACH if now[_WIDE] else _REACH)
        elif kinds & NEVER:
            now[_VOW] = start
        elif kinds & OTHER and not kinds & (PLAIN | _VALUED):
            if now[_VOW] >= 0:
                found = _note(events, found, clause, 1, TURNED, now[_VOW], end)
            now[_VOW] = -1
        elif kinds & _VALUED and not kinds & PLAIN:
            quoted = _in_quotes(seen, length, start, end)
            found = _value(seen[start], kinds, start, end, quoted, whole, clause, first, events, found, now)
    found = _close(tokens, low, high, whole, clause, first, events, found, now)
    tally[WOES] += now[_WOEFUL] != 0 and not (now[_FINE] and now[_BITTER_END] < 0)
    tally[DENIALS] += whole & NOT != 0 and found == first
    tally[ASKS] += whole & _ASKING != 0
    tally[OWN] += whole & SELF != 0
    return _settle(events, first, found, whole, clause, now[_QUESTION], tokens, high)


@njit(inline="always")
def _hear(kinds: int, start: int, end: int, whole: int, now: Ints, tally: Ints) -> None:
    """What a token says about those behind it."""
    if (kinds & (ASK | POLITE) or (kinds & MAY and whole & QUERY)) and now[_QUESTION] < 0:
        now[_QUESTION] = start
    if kinds & WALL:
        now[_REACHES] = -1
    if kinds & SURE:
        now[_SURE], now[_TURNER] = 1, start
    if kinds & GUSH:
        now[_GUSH] = end
    if kinds & MOCK:
        tally[MOCKS] += 1
        tally[MOCK_AT], tally[MOCK_END] = start, end
    if kinds & (WOE | NOT) and not (now[_FINE] and now[_BITTER_END] < 0):
        now[_WOEFUL] = 1
    if kinds & FLIP:
        now[_TURNER] = start if now[_TURNER] < 0 else now[_TURNER]
        now[_FLIPPED] = 1 - now[_FLIPPED]
        now[_FIERCE] |= kinds & STRONG != 0
    if kinds & THAN:
        now[_BETTER] = 1


@njit(inline="always")
def _undo(events: Ints, first: int, found: int, clause: int, now: Ints, end: int) -> int:
    """一点毛病都没有: a negation behind the evaluation."""
    if found > first and events[found - 1, 4] == now[_VALUE_END]:
        events[found - 1, 1] *= -1
        events[found - 1, 2] |= TURNED
        events[found - 1, 4] = end
        return found
    return _note(events, found, clause, now[_UNDONE], TURNED, now[_VALUE_END] - 1, end)


@njit(cache=True, nogil=True)
def _value(
    letter: int,
    kinds: int,
    start: int,
    end: int,
    quoted: bool,
    whole: int,
    clause: int,
    first: int,
    events: Ints,
    found: int,
    now: Ints,
) -> int:
    """Add the event of a word that evaluates and begins with `letter`, if it evaluates here."""
    denied, near, flipped = now[_ODD] != 0, start <= now[_REACHES], now[_FLIPPED] != 0
    denied &= near
    now[_VALUE_END], now[_UNDONE] = end, 1 if kinds & BARB else -1
    outright = kinds & _OUTRIGHT != 0 or (kinds & BARE != 0 and now[_GUSH] == start)
    if not outright:
        if not (near or flipped or quoted or now[_BETTER] or now[_VOW] >= 0):
            now[_FINE] |= kinds & BARE != 0
            return found
        if (kinds & BOAST and not quoted) or (kinds & SERVE and not denied):
            return found
    duty = kinds & SERVE != 0 and not outright
    sign = -1 if kinds & _BAD else 1
    marks = TURNED if near or flipped or now[_SURE] else 0
    sign = -sign if denied else sign
    if flipped and now[_FIERCE] and sign < 0 and not denied and letter != _NO:
        marks |= HOT
    elif flipped and not duty:
        sign = -sign
        marks |= HOT if sign < 0 and whole & QUERY else 0
    if now[_VOW] >= 0:
        sign, marks = -sign if sign < 0 else -1, marks | TURNED
        start, now[_VOW] = now[_VOW], -1
    elif marks & TURNED:
        start = now[_TURNER]
    elif sign > 0 and quoted:
        praised = found > first and events[found - 1, 1] > 0
        sign, marks = -1, QUOTED | (HOT if now[_GUSH] >= start - 4 or whole & JEST or found > first else 0)
        found -= praised
    elif sign > 0 and (kinds & JEST or start - 2 <= now[_GUSH] <= start or (kinds & THANK and found == 0)):
        marks |= BITTER | (IDIOM if kinds & JEST else GUSHED if start - 2 <= now[_GUSH] <= start else 0)
        now[_BITTER_END] = end
    feared = found > first and events[found - 1, 1] > 0 and events[found - 1, 2] & TURNED != 0
    if feared and sign < 0 and not marks & TURNED and start - events[found - 1, 4] < _REACH:
        return found  # 不怕摔: what is not to be feared
    if kinds & GOOD and letter in (_NO, _MORE):
        marks |= TURNED
    if sign < 0 and kinds & RAGE:
        marks |= HOT
    if sign > 0 and not marks & BITTER:
        now[_FINE], now[_WOEFUL] = 1, 0
    now[_USED] = 1
    if not now[_WIDE]:
        now[_REACHES] = -1
    return _note(events, found, clause, sign, marks, start, end)


@njit(inline="always")
def _close(
    tokens: Ints, low: int, high: int, whole: int, clause: int, first: int, events: Ints, found: int, now: Ints
) -> int:
    """Add what a clause says as a whole: a vow, a rhetorical question that evaluates nothing, a mild complaint."""
    if low == high:
        return found
    begin, end = tokens[low, 1], tokens[high - 1, 2]
    if now[_VOW] >= 0:
        found = _note(events, found, clause, -1, TURNED, now[_VOW], end)
    if now[_FLIPPED] and now[_FIERCE] and not now[_USED] and whole & QUERY:
        found = _note(events, found, clause, -1, TURNED | HOT, now[_TURNER], end)
    if whole & TAD and found == first and not now[_FINE]:
        found = _note(events, found, clause, -1, 0, begin, end)
    accused = whole & ACCUSE != 0 or (tokens[high - 1, 0] & NE != 0 and high - low < 4)
    if accused and whole & QUERY and not whole & (ASK | POLITE) and not now[_USED]:
        found = _note(events, found, clause, -1, TURNED | HOT, begin, end)
    return found


@njit(cache=True, nogil=True)
def _settle(events: Ints, first: int, found: int, whole: int, clause: int, asked: int, tokens: Ints, high: int) -> int:
    """Leave out what a clause only supposes, asks for or owns up to, and mark what it takes back or plays down."""
    kept = first
    for event in range(first, found):
        sign, marks = events[event, 1], events[event, 2]
        hot = marks & (HOT | QUOTED) != 0
        supposed = whole & IF and not hot
        praised = whole & QUERY and sign > 0 and not marks & (TURNED | BITTER)
        asks = 0 <= asked < events[event, 3] or (whole & MAY and whole & QUERY)
        if supposed or praised or (asks and (not hot or whole & POLITE)) or (whole & SELF and sign < 0):
            continue
        marks |= TAKEN_BACK if whole & ASIDE else 0
        marks |= SOFT if whole & WEAK else 0
        marks |= STRONGER if whole & STRONG and sign < 0 else 0
        marks |= ACCUSING if whole & QUERY and not whole & (ASK | POLITE | IF | MAY) and sign < 0 else 0
        kept = _note(events, kept, clause, sign, marks, events[event, 3], events[event, 4])
    if whole & WISH and whole & IF:
        kept = _note(events, kept, clause, -1, TURNED, tokens[high - 1, 1], tokens[high - 1, 2])
    return kept


@njit(inline="always")
def _note(events: Ints, found: int, clause: int, sign: int, marks: int, start: int, end: int) -> int:
    events[found, 0], events[found, 1], events[found, 2] = clause, sign, marks
    events[found, 3], events[found, 4] = start, end
    return found + 1


@njit(inline="always")
def _in_quotes(seen: NDArray[np.uint32], length: int, start: int, end: int) -> bool:
    """Whether a word stands in quotation marks, alone or with a few characters more."""
    opened = closed = False
    for at in range(max(start - 3, 0), start):
        opened = _among(seen[at], _OPEN) or (opened and not _among(seen[at], _CLOSE))
    for at in range(end, min(end + 4, length)):
        closed |= _among(seen[at], _CLOSE)
    return opened and closed


@njit(inline="always")
def _among(point: int, signs: NDArray[np.uint32]) -> bool:
    found = False
    for sign in signs:
        found |= sign == point
    return found
