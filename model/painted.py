"""A text with its characters coloured by how much each speaks for or against a label, for notebooks and terminals."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.explain import character_weights

if TYPE_CHECKING:
    from model.bundle import Bundle

__all__ = ["Painted", "paint"]

_FOR, _AGAINST = "13 110 126", "178 69 43"


@dataclass(frozen=True)
class Painted:
    """A text, the head and label that it is explained for, and each character's weight, shape (characters,).

    A notebook shows it in colour: darker speaks more for the label, red against it; `print` shows the weights of the
    characters that speak most.
    """

    text: str
    head: str
    label: str
    confidence: float
    weights: NDArray[np.float64]

    def __str__(self) -> str:
        order = np.argsort(-np.abs(self.weights), kind="stable")[:8]
        most = " ".join(f"{self.text[at]}{self.weights[at]:+.2f}" for at in sorted(order.tolist()) if self.weights[at])
        return f"{self.head} {self.label} {self.confidence:.2f}: {most}"

    def _repr_html_(self) -> str:
        top = float(np.abs(self.weights).max(initial=0.0)) or 1.0
        marks = "".join(
            f'<span style="background:rgb({_FOR if weight > 0 else _AGAINST} / {abs(weight) / top * 0.6:.2f})" '
            f'title="{weight:+.3f}">{escape(letter)}</span>'
            for letter, weight in zip(self.text, self.weights.tolist(), strict=True)
        )
        said = f"{escape(self.head)}：<b>{escape(self.label)}</b> {self.confidence:.0%}"
        return f'<div style="line-height:1.9;white-space:pre-wrap">{said}<br>{marks}</div>'


def paint(bundle: "Bundle", text: str, head: str) -> Painted:
    """Colour `text` by how much each character speaks for the label that `bundle` gives it, against the next likeliest.

    The weights are exact: with the bias they add up to the decision value. KeyError for a head that is not there.
    """
    weights = character_weights(bundle, text, head)
    verdict = bundle.predict([text])[0].heads[head]
    return Painted(text, head, verdict.label, verdict.confidence, weights)
