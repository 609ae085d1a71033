"""Entities: the order and tracking numbers, amounts, dates, products, shops and places that a complaint names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from model.amounts import find_amounts
from model.complaint import SHANGHAI
from model.days import find_days
from model.mentions import find_mentions
from model.references import find_references
from model.text import code_points, point_table

__all__ = ["KINDS", "Entity", "find_entities"]

KINDS = ("order", "tracking", "amount", "date", "product", "shop", "place")
NUMBERS = ("order", "tracking")
KEPT = "，〇"  # a comma between amounts is no thousands separator
GROUPED = re.compile("(?<=[０-９])，(?=[０-９]{3}(?![０-９]))")


NUMERAL = re.compile("[0-9一二三四五六七八九十两半几百千万壹贰叁肆伍陆柒捌玖拾佰仟今昨明前后去上下这本周]")


@dataclass(frozen=True, slots=True)
class Entity:
    """`text[start:end]` of a complaint, and what it says in one way.

    `kind` is one of `KINDS`. `value` is the number without spaces of an order or a parcel, an amount's yuan as a
    decimal number (200-300 for a range), a date's ISO day, else the name in simplified, lower-case characters; None
    where the text does not say it (几百块, 上个月).
    """

    kind: str
    start: int
    end: int
    text: str
    value: str | None


def find_entities(text: str, at: datetime | None = None) -> tuple[Entity, ...]:
    """The entities of a text in order, not overlapping; offsets count characters of `text`.

    `at` is the aware moment the text was written, for 昨天 and 3月5号. Time grows linearly with the text.

    >>> moment = datetime(2026, 3, 14, tzinfo=SHANGHAI)
    >>> found = find_entities("订单号20260305123456789花了三千五百块，3月9号还没到", moment)
    >>> [(e.kind, e.text, e.value) for e in found][1:]
    [('amount', '三千五百块', '3500'), ('date', '3月9号', '2026-03-09')]
    """
    view = table().take(code_points(GROUPED.sub(",", text)), mode="clip").tobytes().decode("utf-32-le")
    day = at.astimezone(SHANGHAI).date() if at is not None else None
    taken = bytearray(len(view))
    entities = []
    for start, end, kind, value in find_all(view, day):
        if taken.find(1, start, end) < 0:  # no character is of two entities; those found first win
            taken[start:end] = b"\1" * (end - start)
            said = text[start:end]
            entities.append(Entity(kind, start, end, said, value if kind not in NUMBERS else number_of(kind, said)))
    entities.sort(key=lambda entity: entity.start)
    return tuple(entities)


def find_all(view: str, day: date | None) -> Iterator[tuple[int, int, str, str | None]]:
    """Everything that may be an entity, the surest kinds first."""
    if NUMERAL.search(view) is not None:
        yield from ((start, end, kind, None) for start, end, kind in find_references(view))
        yield from ((start, end, "date", value) for start, end, value in find_days(view, day))
        yield from ((start, end, "amount", value) for start, end, value in find_amounts(view))
    yield from ((start, end, kind, view[start:end]) for start, end, kind in find_mentions(view))


def number_of(kind: str, said: str) -> str:
    """An order or tracking number as systems write it: half-width, without spaces; a tracking number in capitals."""
    number = normalize("NFKC", said).replace(" ", "")
    return number.upper() if kind == "tracking" else number


@cache
def table() -> NDArray[np.uint32]:
    """What each code point becomes, one for one: what the classifier drops becomes a space."""
    points = point_table().copy()
    points[points == 0] = ord(" ")
    for sign in KEPT:
        points[ord(sign)] = ord(sign)
    return points
