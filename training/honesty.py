"""How honest a bundle is: what it refuses and why, whether its explanations carry its verdicts, what noise costs it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from model.bundle import Bundle
from model.calibration import REASONS, Reason
from model.explain import explain
from model.scope import read_background
from training.evaluate import measure
from training.noise import add_noise

__all__ = ["measure_explanations", "measure_honesty", "measure_noise", "measure_off_topic"]

_NOISE = 0.05  # of the characters
_EXPLAINED, _DISTURBED = 200, 4_000  # texts that explanations and noise are tried on
_REFUSED = (Reason.OUT_OF_SCOPE, Reason.TOO_SHORT)


def measure_honesty(bundle: Bundle, texts: Sequence[str], cells: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Figures on labelled texts that the bundle has not seen (`cells`: head → one cell a text).

    `refused`: the share of them called out of scope or too short; `off_topic`: `measure_off_topic`; by head
    `explanations` and `noise` of the functions of these names.
    """
    first = next(iter(bundle.reasons(texts).values()))
    shown, disturbed = (_evenly(len(texts), most) for most in (_EXPLAINED, _DISTURBED))
    read = [texts[at] for at in shown]
    refused = np.isin(first, [place for place, why in enumerate(REASONS, 1) if why in _REFUSED])
    return {
        "refused": float(refused.mean()),
        "off_topic": measure_off_topic(bundle),
        "explanations": {head: measure_explanations(bundle, read, head) for head in cells},
        "noise": measure_noise(
            bundle,
            [texts[at] for at in disturbed],
            {head: [column[at] for at in disturbed] for head, column in cells.items()},
        ),
    }


def measure_off_topic(bundle: Bundle) -> dict[str, Any] | None:
    """What becomes of the background's passages, each judged by a scope that has not seen its kind; None if unknown.

    `refused` (too short or out of scope), `accepted` head → the share with a label accepted, `kinds` kind → refused.
    Known only of a bundle that was just fitted: a saved one has seen all kinds.
    """
    passages, kinds = read_background()
    scope = getattr(bundle.classifier, "scope_", None)
    if scope is None or len(scope.others) != len(passages) or not passages:
        return None
    scores, reads = bundle.classifier.score(passages)
    chances = bundle.classifier.chances(scores)
    scores[:, -1] = scope.others
    reasons = bundle.classifier.decide(chances, scores, reads)[1]
    refused = np.isin(reasons[:, 0], [place for place, why in enumerate(REASONS, 1) if why in _REFUSED])
    return {
        "passages": len(passages),
        "refused": float(refused.mean()),
        "accepted": {head: float((reasons[:, at] == 0).mean()) for at, head in enumerate(bundle.heads)},
        "kinds": {kind: float(refused[np.array(kinds) == kind].mean()) for kind in dict.fromkeys(kinds)},
    }


def measure_explanations(bundle: Bundle, texts: Sequence[str], head: str, spans: int = 3) -> dict[str, Any]:
    """Whether what is shown as evidence carries the verdict: the `spans` heaviest spans of each text are deleted.

    `n` texts; `lowered`: the share whose best label is less likely afterwards (a text without evidence counts as not
    lowered); `drop`: by how much on average; `deleted`: the share of characters that went.
    """
    said = bundle.predict_proba(texts)[head]
    cut = []
    for text in texts:
        gone = {at for start, end, _ in explain(bundle, text, head, spans) for at in range(start, end)}
        cut.append("".join(letter for at, letter in enumerate(text) if at not in gone))
    rows, best = np.arange(len(texts)), said.argmax(1)
    before, after = said[rows, best], bundle.predict_proba(cut)[head][rows, best]
    return {
        "n": len(texts),
        "lowered": float((after < before).mean()),
        "drop": float((before - after).mean()),
        "deleted": 1 - sum(map(len, cut)) / max(sum(map(len, texts)), 1),
    }


def measure_noise(
    bundle: Bundle,
    texts: Sequence[str],
    cells: Mapping[str, Sequence[str]],
    kinds: Sequence[str] = (),
    share: float = _NOISE,
    tries: int = 3,
) -> dict[str, Any]:
    """What noise (of these `kinds`, all mixed without) in `share` of the characters costs: head → `macro_f1` of the
    texts as they are, `noisy` (mean of some tries) and `loss`."""
    clean = measure(bundle, texts, cells)
    noisy = [measure(bundle, [add_noise(text, share, seed, kinds) for text in texts], cells) for seed in range(tries)]
    out = {}
    for head, figures in clean.items():
        mean = float(np.mean([one[head]["macro_f1"] for one in noisy]))
        out[head] = {"macro_f1": figures["macro_f1"], "noisy": mean, "loss": figures["macro_f1"] - mean}
    return out


def _evenly(rows: int, most: int) -> list[int]:
    """At most so many of the rows, evenly spread."""
    return np.linspace(0, rows - 1, min(rows, most)).astype(np.int64).tolist() if rows else []
