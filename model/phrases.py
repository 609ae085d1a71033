"""Phrase files that people edit: `model/lexicon/*.tsv`, one phrase a line under its kind."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from model.errors import DataError

__all__ = ["join_phrases", "read_phrases"]

LEXICON = Path(__file__).parent / "lexicon"


def read_phrases(path: Path | str, check: Callable[[str], object] = re.compile) -> dict[str, list[str]]:
    """Each kind's phrases, longest first; lines are `kind<TAB>phrase<TAB>note`.

    A bare name means a file of `model/lexicon`. A phrase is a regular expression, so `发(?:个|条)?视频` works. Raises
    DataError with file, line and reason when a line has no phrase or `check` finds the phrase no valid expression.

    >>> "抖音" in read_phrases("exposure.tsv")["platform"]
    True
    """
    path = path if isinstance(path, Path) else LEXICON / path
    kinds: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        kind, _, rest = line.partition("\t")
        phrase = rest.partition("\t")[0].strip()
        if not kind.strip() or not phrase:
            raise DataError(f"{path.name} line {number} has no phrase; write kind, a tab, and the phrase")
        try:
            check(phrase)
        except (re.error, ValueError) as error:
            raise DataError(f"{path.name} line {number} is not a valid expression ({error}); correct it") from None
        kinds.setdefault(kind.strip(), []).append(phrase)
    return {kind: sorted(set(phrases), key=len, reverse=True) for kind, phrases in kinds.items()}


def join_phrases(phrases: Iterable[str]) -> str:
    """One expression that matches any of the phrases, trying them in the order given.

    >>> join_phrases(["小红书", "抖音"])
    '(?:小红书|抖音)'
    """
    return f"(?:{'|'.join(phrases)})"
