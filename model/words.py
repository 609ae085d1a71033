"""Whole words of a text, for people to read: titles of incidents and their keywords.

Backward maximum matching over the vocabulary of jieba's dictionary (words of two to four characters that are common
enough), with our own domain words. It needs no engine in memory; a name that no dictionary has falls into its
characters, and `compounds` joins them again where they stand together.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from model.phrases import read_phrases

__all__ = ["segment", "vocabulary"]

COMMON = 20  # times a word stands in the corpus behind the dictionary
LONGEST = 4
LEXICON = Path(__file__).parent / "lexicon" / "words.tsv"


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """The words that may stand alone; read at the first use (0.2 s, 8 MB)."""
    own = {word for words in read_phrases(LEXICON).values() for word in words}
    spec = find_spec("jieba")
    if spec is None or spec.origin is None:
        return frozenset(own)
    with (Path(spec.origin).parent / "dict.txt").open(encoding="utf-8") as file:
        lines = (line.split(" ") for line in file)
        return frozenset(own | {w for w, n, *_ in lines if 2 <= len(w) <= LONGEST and int(n) >= COMMON})


def segment(run: str) -> list[str]:
    """The words of a run of Chinese characters, in order; what is in no dictionary stays single characters.

    >>> segment("城西店鲜牛奶喝了拉肚子")
    ['城西', '店', '鲜牛奶', '喝', '了', '拉肚子']
    """
    words = vocabulary()
    found, end = [], len(run)
    while end > 0:
        size = next((k for k in range(min(LONGEST, end), 1, -1) if run[end - k : end] in words), 1)
        found.append(run[end - size : end])
        end -= size
    return found[::-1]
