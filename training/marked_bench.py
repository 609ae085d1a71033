"""What was marked by hand in `tests/`, measured: entities, pairs that differ in tone, and what is a complaint."""

import re
from collections.abc import Sequence
from csv import QUOTE_NONE, DictReader
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.calibration import Reason
from model.entities import KINDS, find_entities
from model.errors import DataError
from model.privacy import mask
from model.tone import SCALE
from training.several_bench import starter_or

__all__ = ["DAY", "Mark", "marked_bench", "read_marked", "read_pairs", "read_scope", "refused", "sides_right"]

DAY = datetime(2026, 10, 14, 4, tzinfo=UTC)  # the day of the marked entities
Mark = tuple[str, int, int]  # kind, start, end
_CASES = Path(__file__).resolve().parent.parent / "tests"
_MARK = re.compile(r"\[\[(\w+):([^\]|]*)(?:\|([^\]]*))?\]\]")


def marked_bench(bundle: Path | None = None) -> dict[str, float]:
    """Print and return the figures on all marked cases, by a bundle's folder or one trained from the starter corpus.

    Entities: F1 of exact spans. Tone: the share of pairs with both sides right and of sides, by the set a pair belongs
    to, and what the model says without its tone. Scope: the share refused as no complaint.
    """
    model = starter_or(bundle)
    figures: dict[str, float] = {}
    cases = read_marked()
    print(f"entities on {len(cases)} complaints, F1 of exact spans")
    for kind in KINDS:
        hits = wrong = 0
        for text, marks in cases:
            want = {mark for mark in marks if mark[0] == kind}
            got = {(e.kind, e.start, e.end) for e in find_entities(text, DAY) if e.kind == kind}
            hits, wrong = hits + len(want & got), wrong + len(want ^ got)
        figures[kind] = 2 * hits / max(2 * hits + wrong, 1)
        print(f"  {kind:16}{figures[kind]:8.3f}")
    pairs = read_pairs()
    print(f"{'tone, all four labels exact':34}{'pairs':>7}{'sides':>8}{'alone: pairs':>14}{'sides':>8}")
    toned, alone = sides_right(model, pairs), sides_right(model, pairs, toned=False)
    for name in dict.fromkeys(pair["set"] for pair in pairs):
        mine = [pair["set"] == name for pair in pairs]
        said = [float(one) for right in (toned[mine], alone[mine]) for one in (right.all(1).mean(), right.mean())]
        figures[f"{name} pairs"], figures[f"{name} pairs alone"] = said[0], said[2]
        count = f"  {name}, {sum(mine)} pairs"
        print(f"{count:34}{said[0]:7.3f}{said[1]:8.3f}{said[2]:14.3f}{said[3]:8.3f}")
    for file in ("scope_cases.tsv", "scope_unseen.tsv"):
        for side, what in (("off", "texts that are none"), ("in", "complaints")):
            texts = [text for one, _, text in read_scope(file) if one == side]
            figures[f"{file} {side}"] = float(refused(model, texts).mean())
            print(f"{file}: refused of {len(texts)} {what} {figures[f'{file} {side}']:.3f}")
    return figures


def read_marked() -> list[tuple[str, dict[Mark, str | None]]]:
    """The complaints with marked entities, masked as they are stored, each with its marks and their values."""
    cases = []
    for line in _lines("entity_cases.tsv"):
        if line and not line.startswith("#"):
            text, at, marks = "", 0, {}
            for match in _MARK.finditer(line):
                text += line[at : match.start()]
                marks[match[1], len(text), len(text) + len(match[2])] = match[3]
                text, at = text + match[2], match.end()
            cases.append((mask(text + line[at:]), marks))
    return cases


def read_pairs() -> list[dict[str, str]]:
    """The pairs of texts that differ in tone: `text_a`, `label_a`, `text_b`, `label_b`, `type`, and the `set`."""
    return list(DictReader(_lines("tone_pairs.tsv"), delimiter="\t", quoting=QUOTE_NONE))


def sides_right(bundle: Bundle, pairs: Sequence[dict[str, str]], toned: bool = True) -> NDArray[np.bool_]:
    """Which sides of the pairs get their label, shape (pairs, 2); without `toned`, by what was learnt alone."""
    texts = [pair[side] for pair in pairs for side in ("text_a", "text_b")]
    meant = [SCALE.index(pair[side]) for pair in pairs for side in ("label_a", "label_b")]
    said = bundle.classifier.predict_proba(texts, toned)["sentiment"].argmax(1)
    right: NDArray[np.bool_] = (said == np.array(meant)).reshape(-1, 2)
    return right


def read_scope(file: str) -> list[tuple[str, str, str]]:
    """The side (in, off), the kind and the text of each case of a file."""
    rows = (line.split("\t", 2) for line in _lines(file))
    return [(side, kind, text) for side, kind, text in rows]


def refused(bundle: Bundle, texts: Sequence[str]) -> NDArray[np.bool_]:
    """Which texts are refused as no complaint or too short, shape (texts,)."""
    reasons = [next(iter(said.heads.values())).reason for said in bundle.predict(texts)]
    return np.array([reason in (Reason.OUT_OF_SCOPE, Reason.TOO_SHORT) for reason in reasons], np.bool_)


def _lines(name: str) -> list[str]:
    try:
        return (_CASES / name).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"{_CASES / name} cannot be read ({error}): run this bench in a checkout of kesu.") from error
