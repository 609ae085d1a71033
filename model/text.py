"""One view of a text for the machine: traditional→simplified, full-width→half, lower case, one space, no OCR pinyin.

What people wrote is stored as they wrote it; `normalise` is a view with a map of offsets back into it. The whole view
is one table of code points, so that the kernel of `model.features` applies it while it reads.
"""

from functools import cache
from pathlib import Path
from unicodedata import category, normalize

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.errors import TextError

__all__ = ["LONGEST", "check_text", "code_points", "normalise", "normalise_map", "point_table", "view"]

LONGEST = 20_000
_SIZE = 0x30000  # points above are taken as they are
_LEXICON = Path(__file__).parent / "lexicon" / "t2s.tsv"
# Blocks with capitals or compatibility forms; the rest (ideographs, Hangul) has neither.
_BLOCKS = ((0x21, 0x600), (0x10A0, 0x1100), (0x1E00, 0x3400), (0xA640, 0xA800), (0xF900, 0x10000), (0x1F100, 0x1F200))
_TONES = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹ"
_SPACE = 32


def check_text(text: object, longest: int = LONGEST) -> str:
    """Return `text` when it can be classified; raise TextError with one sentence when it cannot.

    >>> check_text("快递三天没到")
    '快递三天没到'
    >>> check_text("   ")
    Traceback (most recent call last):
    model.errors.TextError: The text is blank: send at least one visible character.
    """
    if not isinstance(text, str):
        raise TextError(f"The text is {type(text).__name__}, not a string: send it as a JSON string.")
    if len(text) > longest:
        raise TextError(f"The text has {len(text):,} characters, {longest:,} are allowed: shorten or split it.")
    if not text:
        raise TextError("The text is empty: send at least one visible character.")
    if "\x00" in text:
        raise TextError(f"The text holds a NUL character at offset {text.index(chr(0))}: remove it.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TextError(f"The text holds half a surrogate pair at offset {error.start}: send valid Unicode.") from None
    if not text.strip() or not normalise(text):
        raise TextError("The text is blank: send at least one visible character.")
    return text


def normalise(text: str) -> str:
    """The view of `text` that the classifier reads.

    >>> normalise("  ＡＰＰ總結(jié)：發　票\\n[捂脸]")
    'app总结:发 票 [捂脸]'
    """
    return normalise_map(text)[0]


def normalise_map(text: str) -> tuple[str, NDArray[np.int32]]:
    """The view of `text` and, for each of its characters, the offset in `text` it came from.

    >>> view_, where = normalise_map("總結(jié) 好")
    >>> view_, where.tolist()
    ('总结 好', [0, 1, 7, 8])
    """
    codes = code_points(text)
    seen, where = np.empty(len(codes), np.uint32), np.empty(len(codes), np.int32)
    kept = view(codes, 0, len(codes), point_table(), seen, where)
    return seen[:kept].tobytes().decode("utf-32-le"), where[:kept]


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of `text`, shape (characters,); half a surrogate pair counts as one, and the table drops it."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@cache
def point_table() -> NDArray[np.uint32]:
    """What each code point becomes, shape (196608,): 0 drops it, 32 is any white space."""
    table = np.arange(_SIZE, dtype=np.uint32)
    for first, last in _BLOCKS:
        for point in range(first, last):
            table[point] = _fold(chr(point))
    for line in _LEXICON.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            old, new = line.split("\t")
            table[ord(old)] = ord(new)
    table[:33] = table[0x7F:0xA1] = 0
    table[[9, 10, 11, 12, 13, 0x20, 0x85, 0xA0]] = _SPACE
    table[0xD800:0xE000] = 0
    table[0xFE00:0xFE10] = 0
    table.flags.writeable = False
    return table


def _fold(letter: str) -> int:
    kind = category(letter)
    if kind in ("Cc", "Cf"):
        return 0
    if kind in ("Zs", "Zl", "Zp"):
        return _SPACE
    half = normalize("NFKC", letter)
    lower = (half if len(half) == 1 else letter).lower()
    return ord(lower) if len(lower) == 1 else ord(letter)


@njit(cache=True, nogil=True)
def _pinyin_end(codes: NDArray[np.uint32], at: int, stop: int, tones: NDArray[np.uint32]) -> int:
    """The offset behind `(jié)` when one starts at `at`, else `at`: letters only, and a tone among them."""
    toned = False
    for place in range(at + 1, min(at + 9, stop)):
        point = codes[place]
        if point in (0x29, 0xFF09):
            return place + 1 if toned else at
        mark = False
        for tone in tones:
            mark |= tone == point
        toned |= mark
        if not (mark or 0x61 <= point <= 0x7A or point == 0xFC):
            return at
    return at


_TONE_POINTS = np.array([ord(tone) for tone in _TONES], np.uint32)


@njit(cache=True, nogil=True)
def view(
    codes: NDArray[np.uint32],
    start: int,
    stop: int,
    table: NDArray[np.uint32],
    seen: NDArray[np.uint32],
    where: NDArray[np.int32],
) -> int:
    """Write the view of `codes[start:stop]` into `seen`, the offsets from `start` into `where`; return its length."""
    kept = 0
    last = np.uint32(_SPACE)  # a leading space is dropped like a repeated one
    at = start
    while at < stop:
        point = codes[at]
        point = table[point] if point < _SIZE else point
        if point == 0x28 and last >= 0x3400:
            behind = _pinyin_end(codes, at, stop, _TONE_POINTS)
            if behind > at:
                at = behind
                continue
        if point != 0 and not (point == _SPACE and last == _SPACE):
            seen[kept] = point
            where[kept] = at - start
            kept += 1
            last = point
        at += 1
    if kept > 0 and last == _SPACE:
        kept -= 1
    return kept
