"""How the report writes its numbers: small ones as counts, never as a percentage that looks surer than it is."""

from collections.abc import Mapping
from typing import Any

__all__ = ["decimal", "moved", "number", "percent", "points", "portion", "signed"]

FEW = 5  # below this a percentage says less than the count
NOTHING = "—"


def number(n: float | None) -> str:
    """A whole number with its thousands apart.

    >>> number(12345), number(None)
    ('12,345', '—')
    """
    return NOTHING if n is None else f"{n:,.0f}"


def decimal(value: float | None, digits: int = 1) -> str:
    """A measured number, such as hours or a mean score."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(value: float | None) -> str:
    """A share with one digit after the point.

    >>> percent(0.8312), percent(None)
    ('83.1%', '—')
    """
    return NOTHING if value is None else f"{value:.1%}"


def signed(value: float | None) -> str:
    """A relative change.

    >>> signed(0.095), signed(-0.2), signed(0), signed(None)
    ('+9.5%', '-20.0%', '持平', '—')
    """
    return NOTHING if value is None else f"{value:+.1%}" if value else "持平"


def points(value: float | None) -> str:
    """A change of a share in percentage points.

    >>> points(0.0123)
    '+1.2 个百分点'
    """
    return NOTHING if value is None else f"{value * 100:+.1f} 个百分点"


def portion(figure: Mapping[str, Any]) -> str:
    """A share as a percentage, or as a fraction where there are fewer than five to divide by.

    >>> portion({"n": 2, "of": 4, "share": 0.5}), portion({"n": 2, "of": 8, "share": 0.25}), portion({"n": 0, "of": 0})
    ('2/4', '25.0%', '—')
    """
    if not figure["of"]:
        return NOTHING
    return f"{figure['n']}/{figure['of']}" if figure["of"] < FEW else percent(figure["share"])


def moved(figure: Mapping[str, Any]) -> str:
    """A count's change against `before`; from fewer than five, both counts; from none, a dash.

    >>> moved({"n": 7, "before": 3, "change": 1.3333}), moved({"n": 7, "before": 0, "change": None})
    ('3→7', '—')
    """
    if figure["change"] is None:
        return NOTHING
    return f"{figure['before']}→{figure['n']}" if figure["before"] < FEW else signed(figure["change"])
