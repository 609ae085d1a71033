"""One complaint → its clauses → its parts: several matters in one complaint, each with its span.

A clause ends at a stop, a comma, a new line, or before a word that starts another matter (而且, 另外, 同时 …).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from re import compile as pattern

__all__ = ["Part", "merge_clauses", "split_clauses"]

_END = pattern(r"[，。！？；,!?;\n…～]+|(?=而且|并且|还有|另外|此外|同时|但是|不过|再就是|其次|二是|三是)")
_SHORTEST = 3


@dataclass(slots=True)
class Part:
    """One matter of a complaint: the characters [start, end) of the text given, and where they belong."""

    start: int
    end: int
    category: str | None
    department: str | None


def split_clauses(text: str) -> list[tuple[int, int]]:
    """The spans of the clauses of `text`, in order, without the marks between them.

    >>> [("快递慢而且客服态度差。"[a:b]) for a, b in split_clauses("快递慢而且客服态度差。")]
    ['快递慢', '而且客服态度差']
    """
    spans, start = [], 0
    for mark in _END.finditer(text):
        if mark.start() - start >= _SHORTEST:
            spans.append((start, mark.start()))
            start = mark.end()
    if len(text) - start >= _SHORTEST or not spans:
        spans.append((start, len(text)))
    return spans


def merge_clauses(spans: Sequence[tuple[int, int]], labels: Sequence[int]) -> list[tuple[int, int, int]]:
    """Runs of neighbouring clauses of one label; a clause without one (-1) joins the run before it, or the first.

    >>> merge_clauses([(0, 3), (4, 8), (9, 12)], [5, -1, 2])
    [(0, 8, 5), (9, 12, 2)]
    """
    runs: list[tuple[int, int, int]] = []
    begin = spans[0][0]
    for (start, end), label in zip(spans, labels, strict=True):
        if runs and label in (-1, runs[-1][2]):
            runs[-1] = (runs[-1][0], end, runs[-1][2])
        elif label >= 0:
            runs.append((start if runs else begin, end, label))
    return runs
