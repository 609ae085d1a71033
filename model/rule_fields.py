"""The keys of a rules file in English and Chinese, and what may stand behind them."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, TypeVar

from model.errors import DataError
from model.labels import HEADS, split_cell
from model.rules import Period
from model.text import normalise
from model.times import parse_time
from model.toml_source import Section

__all__ = ["ASKED", "CLOSED", "RULE", "TABLES", "Fields", "Problem"]
__all__ += ["groups_of", "labels_of", "period_of", "stages_of", "title", "truth", "whole", "words_of"]

T = TypeVar("T")
Names = Mapping[str, tuple[str, ...]]
Problem = tuple[int, str]  # the line, and what is wrong there with its remedy
LONGEST_WORD = 60
FURTHEST = 20_000  # characters: as long as a complaint may be
TRUTH = {"是": True, "否": False, "true": True, "false": False}
STAGES = {"无": "none", "威胁": "threat", "已发布": "posted", "扩散": "spreading"}
NO_WORD = re.compile(r"[|\\;、]|\w\*|\*\w|\.[*+{]|\][+?{]|\(\?")  # alternatives, wildcards and expressions
TABLES = {"rule": ("rule", "rules", "规则"), "closed": ("closed", "停用", "撤销")}
RULE: Names = {
    "name": ("name", "名称", "规则名"),
    "note": ("note", "说明", "备注"),
    "active": ("active", "启用"),
    "order": ("order", "顺序", "优先级"),
    "must": ("must", "必须", "必须包含"),
    "any": ("any", "任一", "任意", "包含任一"),
    "not": ("not", "排除", "不含"),
    "not_within": ("not_within", "排除距离", "排除字数"),
    "within": ("within", "字距", "词距"),
    "whitelist": ("whitelist", "白名单"),
    "when": ("when", "条件"),
    "from": ("from", "从", "开始", "生效"),
    "until": ("until", "到", "截止", "失效"),
    "set": ("set", "设为", "改为"),
    "review": ("review", "转人工", "人工复核"),
}
CLOSED: Names = {name: RULE[name] for name in ("from", "until", "note")} | {"instead": ("instead", "改为", "代替")}
ASKED: Names = {
    "channel": ("channel", "渠道", "来源"),
    "product": ("product", "产品", "商品"),
    "region": ("region", "地区", "区域"),
    "stage": ("stage", "曝光"),
}


class Wrong(Exception):
    """What is wrong with a value, and how to mend it; `value` is the string at fault, to find its line."""

    def __init__(self, reason: str, value: str | None = None) -> None:
        super().__init__(reason)
        self.value = value


class Fields:
    """One table by the English names of its keys; what is wrong in it is added to `problems`, so all is told at once.

    With `free` a key that is not known is the name of a label column. `around` is the key of the table it stands in.
    """

    def __init__(
        self,
        table: Mapping[str, Any],
        section: Section,
        known: Names,
        problems: list[Problem],
        free: bool = False,
        around: str = "",
    ) -> None:
        self.section = section
        self.problems = problems
        self.before = len(problems)
        self.around = around
        self.chinese = any(not key.isascii() for key in table)
        self.said: dict[str, Any] = {}
        self.written: dict[str, str] = {}
        for key, value in table.items():
            name = next((name for name, names in known.items() if key in names), key if free else None)
            if name is None:
                self.wrong(key, f"{key} is no key here: {meant(key, known)}")
            elif name in self.said:
                self.wrong(key, f"{key} and {self.written[name]} are the same key: keep one")
            else:
                self.said[name], self.written[name] = value, key

    def read(self, name: str, reader: Callable[[object, str], T], default: T) -> T:
        """What is under a key; the default without the key, or when it is wrong."""
        if name not in self.said:
            return default
        try:
            return reader(self.said[name], self.written[name])
        except Wrong as wrong:
            self.wrong(name, str(wrong), wrong.value)
            return default

    def inner(self, name: str, known: Names) -> "Fields":
        """The table under a key, with label columns among its keys; an empty one without the key."""
        key, value = self.written.get(name, name), self.said.get(name, {})
        if not isinstance(value, dict):
            self.wrong(name, f'{key} is no table: write {key} = {{ {self.called("department")} = "物流部" }}')
            value = {}
        return Fields(value, self.section, known, self.problems, free=True, around=key)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong in this table so far."""
        return len(self.problems) == self.before

    def wrong(self, name: str, reason: str, value: str | None = None) -> None:
        """Note what is wrong with a key, or with the table where it has no such key."""
        self.problems.append((self.line(name, value), reason))

    def line(self, name: str, value: str | None = None) -> int:
        """The line of a key, or of a string in its value."""
        key = self.written.get(name, name)
        dotted = self.section.keys.get(f"{self.around}.{key}") if self.around else None
        return dotted or self.section.line_of(self.around or key, value)

    def called(self, name: str) -> str:
        """A key as the file writes it, or would."""
        names = {**RULE, **CLOSED, **HEADS}[name]
        return self.written.get(name) or (names[1] if self.chinese and len(names) > 1 else names[0])


def meant(key: str, known: Names) -> str:
    """What to write instead of an unknown key."""
    if key in TABLES["closed"]:
        return f"write [[{key}]] on a line of its own and the department below it"
    cutoff = 0.6 if key.isascii() else 0.5  # 必需 for 必须
    near = get_close_matches(key, [one for names in known.values() for one in names], n=1, cutoff=cutoff)
    if near:
        return f"did you mean {near[0]}?"
    chinese = not key.isascii()
    listed = ", ".join(names[1] if chinese and len(names) > 1 else names[0] for names in known.values())
    return f"the keys are {listed}; a label column of your own is {'设为' if chinese else 'set'}.{key}"


def strings(value: object, key: str, what: str) -> list[str]:
    """One string or a list of them, not empty."""
    listed = value if isinstance(value, list) else [value]
    said = [one for one in listed if isinstance(one, str)]
    if len(said) < len(listed):
        raise Wrong(f'{key} is {value!r}: write {what} in quotes, several as ["甲", "乙"]')
    if not said:
        raise Wrong(f"{key} is an empty list: put {what} into it or take the key out")
    return said


def words_of(value: object, key: str) -> tuple[str, ...]:
    """Words as the classifier sees them. Raises Wrong for one that is empty, too long, or meant as an expression."""
    out = []
    for one in strings(value, key, "words"):
        word = normalise(one)
        if not word:
            raise Wrong(f"{key} holds an empty word: take it out", one)
        if len(word) > LONGEST_WORD:
            raise Wrong(f"{word[:12]}… is longer than {LONGEST_WORD} characters: give the words that matter", one)
        if NO_WORD.search(word):
            remedy = 'write alternatives as a list, ["甲", "乙"], and give what stands apart as words of their own'
            raise Wrong(f"{word} is read as it stands, signs and all: {remedy}", one)
        out.append(word)
    return tuple(dict.fromkeys(out))


def groups_of(value: object, key: str) -> tuple[tuple[str, ...], ...]:
    """Groups of words, of each of which one must be there: a word of a list stands for itself, a list for a group."""
    if not isinstance(value, list) or not value:
        return (words_of(value, key),)
    return tuple(words_of(one, key) for one in value)


def labels_of(value: object, key: str) -> tuple[str, ...]:
    """Labels as they are called, one or several."""
    labels = tuple(dict.fromkeys(label for one in strings(value, key, "labels") for label in split_cell(one)))
    if not labels:
        raise Wrong(f"{key} names nothing: give a label or take the key out")
    return labels


def stages_of(value: object, key: str) -> tuple[str, ...]:
    """Stages of exposure, in Chinese or English."""
    stages = tuple(STAGES.get(stage, stage) for stage in labels_of(value, key))
    for stage in stages:
        if stage not in STAGES.values():
            known = ", ".join(f"{english} ({chinese})" for chinese, english in STAGES.items())
            raise Wrong(f"{key} is one of {known}, not {stage}: write one of them", stage)
    return stages


def title(value: object, key: str) -> str:
    """A name that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise Wrong(f'{key} is {value!r}: give the rule a name in quotes, such as "快递丢件"')
    return value.strip()


def truth(value: object, key: str) -> bool:
    """A yes or no."""
    said = TRUTH.get(value) if isinstance(value, str) else value
    if not isinstance(said, bool):
        raise Wrong(f"{key} is {value!r}: write true or false (是 or 否)")
    return said


def whole(value: object, key: str) -> int:
    """A whole number from 0 to FURTHEST."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= FURTHEST:
        raise Wrong(f"{key} is {value!r}: write a whole number from 0 to {FURTHEST}")
    return number


def period_of(fields: Fields) -> Period:
    """From the beginning of a day or a moment, until the end of a day or a moment; without a zone Shanghai's."""
    never: tuple[datetime | None, bool] = None, False
    since, _ = fields.read("from", moment, never)
    until, day = fields.read("until", moment, never)
    if until is not None and day:
        until += timedelta(days=1)
    if since is not None and until is not None and until <= since:
        first, last = fields.called("from"), fields.called("until")
        fields.wrong("until", f"{last} lies before {first}, so it never holds: correct one of them")
    return Period(since, until)


def moment(value: object, key: str) -> tuple[datetime | None, bool]:
    """A moment, and whether only its day was given."""
    said = str(value)
    try:
        at = parse_time(said)
    except DataError:
        raise Wrong(f"{key} is {said!r}, no date: write it as {key} = 2026-12-01", said) from None
    return at, at.hour == at.minute == 0 and not any(mark in said for mark in ":：点时Tt")
