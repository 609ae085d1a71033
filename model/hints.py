"""A quick look whether a text can hold any of many phrases, so that most texts are not searched at all."""

import re
from collections.abc import Iterable

__all__ = ["Hint", "build_hint"]

SYNTAX = re.compile(r"[()\[\]{}|?*+.^$\\]")
LOOK = re.compile(r"\(\?<?[=!][^()]*\)")
GROUP = re.compile(r"\((?:\?:)?([^()]*)\)([?*]|\{0?,[^}]*\})?\??")
CLASS = re.compile(r"\[(?:\\.|[^\]])*\](?:[?*+]|\{[^}]*\})?\??")
LOOSE = re.compile(r"(?:\\.|.)(?:[?*]|\{0?,[^}]*\})\??|\\.|[.^$+]")
GAP = "\0"


class Hint:
    """Whether a text may hold a phrase: a rare character, a word, or one of the few phrases that have neither."""

    def __init__(
        self, characters: re.Pattern[str] | None, words: re.Pattern[str] | None, rest: re.Pattern[str] | None
    ) -> None:
        self.characters = characters
        self.words = words
        self.rest = rest

    def __call__(self, text: str) -> bool:
        """True when a phrase may be there; False is certain."""
        if self.characters is not None and self.characters.search(text) is not None:
            return True
        if self.words is not None and self.words.search(text) is not None:
            return True
        return self.rest is not None and self.rest.search(text) is not None


def build_hint(phrases: Iterable[str], hints: Iterable[str]) -> Hint:
    """Build the look for `phrases` (regular expressions over simplified, lower-case text) from short `hints`.

    A phrase whose every match holds a hint costs nothing; a plain phrase without one becomes a hint itself; any other
    is searched as it is.

    >>> look = build_hint(["抖音", "发(?:个|条)?视频", "热搜"], ["抖", "频"])
    >>> look("我发条视频"), look("上热搜"), look("快递丢了")
    (True, True, False)
    """
    known = set(hints)
    rest = []
    for phrase in phrases:
        if not SYNTAX.search(phrase):
            if not any(hint in phrase for hint in known):
                known.add(phrase)
        elif not is_certain(phrase, known):
            rest.append(phrase)
    characters = "".join(sorted(hint for hint in known if len(hint) == 1))
    words = "|".join(re.escape(hint) for hint in sorted(known) if len(hint) > 1)
    return Hint(
        re.compile(f"[{re.escape(characters)}]") if characters else None,
        re.compile(words) if words else None,
        re.compile("|".join(f"(?:{phrase})" for phrase in rest)) if rest else None,
    )


def is_certain(phrase: str, hints: set[str]) -> bool:
    """Whether every match of an expression surely holds one of the hints.

    >>> is_certain("(?:视频|帖子)[^,]{0,6}(?:火了|爆了)", {"频", "帖"}), is_certain("(?:视频)?火了", {"频"})
    (True, False)
    """

    def settle(group: re.Match[str]) -> str:
        # a group counts when it must be there and each of its alternatives holds a hint
        found = [next((hint for hint in hints if hint in part), None) for part in LOOSE.sub(GAP, group[1]).split("|")]
        return GAP if group[2] or None in found else f"{GAP}{found[0]}{GAP}"

    rest = CLASS.sub(GAP, phrase)
    while True:
        shorter = GROUP.sub(settle, LOOK.sub(GAP, rest))
        if shorter == rest:
            break
        rest = shorter
    return "|" not in rest and any(hint in LOOSE.sub(GAP, rest) for hint in hints)
