"""What an answer was made with: the versions of the model, of its labels, of the way texts are cut, of dictionaries."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from json import dumps
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.heads import HeadSpec
from model.text import point_table

__all__ = ["label_version", "versions_of"]

_HOUSE = Path(__file__).parent
_CUTTING = ("text.py", "places.py", "clauses.py")  # the files by which a text is read, cut into features and clauses


def versions_of(model: str, heads: Sequence[HeadSpec], words: NDArray[np.uint64]) -> dict[str, str]:
    """The versions for an answer: `model` as given; `labels` of the heads; `segmenter`; `dictionary`, with `words`.

    Each is the beginning of a SHA-256: with equal versions a bundle answers equal texts equally. `words` is the bitmap
    of the words that a bundle cuts texts into.

    >>> said = versions_of("a1", [HeadSpec("category", ("物流", "服务"))], np.zeros(4, np.uint64))
    >>> list(said), said["model"], {len(version) for name, version in said.items() if name != "model"}
    (['model', 'labels', 'segmenter', 'dictionary'], 'a1', {12})
    """
    lexicon = sha256(_lexicon().encode())
    lexicon.update(words.tobytes())
    return {
        "model": model,
        "labels": label_version(heads),
        "segmenter": _segmenter(),
        "dictionary": lexicon.hexdigest()[:12],
    }


def label_version(heads: Sequence[HeadSpec]) -> str:
    """The version of a label set: its heads and labels in their order, and which may be several or are ordered.

    >>> one, other = HeadSpec("category", ("物流", "服务")), HeadSpec("category", ("物流", "费用"))
    >>> label_version([one]) == label_version([one]), label_version([one]) == label_version([other])
    (True, False)
    """
    said = [[head.name, list(head.labels), head.several, head.ordered] for head in heads]
    return sha256(dumps(said, ensure_ascii=False).encode()).hexdigest()[:12]


@cache
def _segmenter() -> str:
    """The code by which texts are cut, and what it makes of every code point, which depends on Python's Unicode too."""
    cut = sha256(point_table().tobytes())
    for name in _CUTTING:
        cut.update((_HOUSE / name).read_bytes().replace(b"\r\n", b"\n"))
    return cut.hexdigest()[:12]


@cache
def _lexicon() -> str:
    """All phrase files that people edit."""
    read = sha256()
    for path in sorted((_HOUSE / "lexicon").glob("*.tsv")):
        read.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n"))
    return read.hexdigest()
