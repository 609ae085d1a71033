"""Words of many rules found in a text in one walk: a tree of characters, and spans that lie near each other."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["MOST_PLACES", "Span", "WordTree", "alone", "nearest"]

Span = tuple[int, int]
MOST_PLACES = 1_000  # of one word in a text: a complaint has not as many, a hostile text would cost seconds


class WordTree:
    """Words as a tree of characters; the empty string marks where a word ends.

    >>> WordTree(["丢", "丢了", "快递"]).find("没丢,丢了")
    {'丢': [1, 3], '丢了': [3]}
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.root: dict[str, Any] = {}
        for word in words:
            at = self.root
            for one in word:
                at = at.setdefault(one, {})
            at[""] = {}
        self.firsts = re.compile(f"[{re.escape(''.join(self.root))}]" if self.root else "(?!)")

    def find(self, text: str) -> dict[str, list[int]]:
        """The words that stand in a text, and where each begins."""
        found: dict[str, list[int]] = {}
        ended = text + "\0"  # no word holds it
        for match in self.firsts.finditer(text):
            start, end = match.span()
            at = self.root[match[0]]
            while at:
                if "" in at and alone(text, start, end):
                    places = found.setdefault(text[start:end], [])
                    if len(places) < MOST_PLACES:
                        places.append(start)
                at = at.get(ended[end])
                end += 1
        return found


def alone(text: str, start: int, end: int) -> bool:
    """Whether no Latin word or number goes on at either end: `etc` is not in fetch, 315 not in 13150."""
    return not (joined(text[start - 1 : start + 1]) or joined(text[end - 1 : end + 1]))


def joined(pair: str) -> bool:
    """Whether two neighbouring characters belong to one Latin word or one number."""
    return len(pair) == 2 and pair.isascii() and (pair.isalpha() or pair.isdigit())


def nearest(groups: Sequence[Sequence[Span]], within: int) -> list[Span] | None:
    """One hit of each group with at most `within` characters between the first and the last of them, if there are.

    >>> nearest([[(0, 2), (20, 22)], [(24, 26)]], 5), nearest([[(0, 2)], [(24, 26)]], 5)
    ([(20, 22), (24, 26)], None)
    """
    latest: dict[int, Span] = {}
    for hit, group in sorted((hit, group) for group, hits in enumerate(groups) for hit in hits):
        latest[group] = hit
        if len(latest) == len(groups) and hit[0] - min(latest.values())[1] <= within:
            return sorted(set(latest.values()))
    return None
