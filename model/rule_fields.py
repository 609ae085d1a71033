"""The keys of a rules file in English and Chinese, and what may stand behind them."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Any

from model.complaint import SHANGHAI
from model.errors import DataError
from model.labels import split_cell
from model.rules import Period
from model.text import normalise
from model.times import parse_time
from model.toml_source import Section

__all__ = ["ASKED", "CLOSED", "RULE", "TABLES", "Fields", "Wrong"]
__all__ += ["inner", "labels_of", "period_of", "truth", "whole", "words_of"]

Names = dict[str, tuple[str, ...]]
LONGEST_WORD = 60
FURTHEST = 20_000  # characters: as long as a complaint may be
TRUTH = {"是": True, "否": False, "true": True, "false": False}
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
    """What is wrong with a key, and how to mend it; `value` is the string at fault, to find its line."""

    def __init__(self, key: str, reason: str, value: str | None = None) -> None:
        super().__init__(reason)
        self.key = key
        self.value = value


class Fields:
    """One table by the English names of its keys, and the lines where they stand."""

    def __init__(self, table: Mapping[str, Any], section: Section) -> None:
        self.table = table
        self.section = section
        self.written: dict[str, str] = {}  # by what it is called here, as it is written

    def named(self, known: Mapping[str, tuple[str, ...]], what: str) -> dict[str, Any]:
        """The values by their English names. Raises Wrong for an unknown key and for one given in two languages."""
        out: dict[str, Any] = {}
        for key, value in self.table.items():
            name = next((name for name, names in known.items() if key in names), None)
            if name is None:
                raise Wrong(key, f"{key} is no key of a {what}: {meant(key, known)}")
            if name in out:
                raise Wrong(key, f"{key} and {self.written[name]} are the same key: keep one")
            out[name], self.written[name] = value, key
        return out

    def line(self, key: str, value: str | None = None) -> int:
        """The line of a key by its English or its written name, dotted inside a table, or of a string in its value."""
        first, _, rest = key.partition(".")
        first = self.written.get(first, first)
        inner = self.section.keys.get(f"{first}.{rest}") if rest else None
        return inner or self.section.line_of(first, value)


def meant(key: str, known: Mapping[str, tuple[str, ...]]) -> str:
    """What to write instead of an unknown key."""
    if key in TABLES["closed"]:
        return "write [[closed]] on a line of its own and the department below it"
    cutoff = 0.6 if key.isascii() else 0.5  # 必需 for 必须
    near = get_close_matches(key, [one for names in known.values() for one in names], n=1, cutoff=cutoff)
    listed = ", ".join(names[1] if not key.isascii() and len(names) > 1 else names[0] for names in known.values())
    return f"did you mean {near[0]}?" if near else f"the keys are {listed}"


def inner(value: object, key: str) -> Mapping[str, Any]:
    """A table inside a rule."""
    if not isinstance(value, dict):
        raise Wrong(key, f'{key} is no table: write {key} = {{ department = "物流部" }}')
    return value


def strings(value: object, key: str, what: str) -> list[str]:
    """One string or a list of them."""
    listed = value if isinstance(value, list) else [value]
    said = [one for one in listed if isinstance(one, str)]
    if len(said) < len(listed):
        raise Wrong(key, f'{key} is {value!r}: write {what} in quotes, several as ["甲", "乙"]')
    return said


def words_of(value: object, key: str) -> tuple[str, ...]:
    """Words as the classifier sees them. Raises Wrong for one that is empty, too long, or meant as an expression."""
    out = []
    for one in strings(value, key, "words"):
        word = normalise(one)
        if not word:
            raise Wrong(key, f"{key} holds an empty word: take it out", one)
        if len(word) > LONGEST_WORD:
            raise Wrong(key, f"{word[:12]}… is longer than {LONGEST_WORD} characters: give the words that matter", one)
        if "|" in word or ".*" in word:
            raise Wrong(key, f'{word} is read as it stands: write alternatives as a list, ["甲", "乙"]', one)
        out.append(word)
    if not out and key == "must" and value == []:
        raise Wrong(key, "must holds an empty list: take it out")
    return tuple(dict.fromkeys(out))


def labels_of(value: object, key: str) -> tuple[str, ...]:
    """Labels as they are called, one or several."""
    labels = tuple(dict.fromkeys(label for one in strings(value, key, "labels") for label in split_cell(one)))
    if not labels:
        raise Wrong(key, f"{key} names nothing: give a label or take the key out")
    return labels


def truth(value: object, key: str) -> bool:
    """A yes or no."""
    said = TRUTH.get(value) if isinstance(value, str) else value
    if not isinstance(said, bool):
        raise Wrong(key, f"{key} is {value!r}: write true or false")
    return said


def whole(value: object, key: str) -> int:
    """A whole number from 0 to FURTHEST."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= FURTHEST:
        raise Wrong(key, f"{key} is {value!r}: write a whole number from 0 to {FURTHEST}, without quotes")
    return value


def period_of(said: Mapping[str, Any]) -> Period:
    """From the beginning of a day or a moment, until the end of a day or a moment; without a zone Shanghai's."""
    since = moment(said["from"], "from")[0] if "from" in said else None
    until, day = moment(said["until"], "until") if "until" in said else (None, False)
    if until is not None and day:
        until += timedelta(days=1)
    if since is not None and until is not None and until <= since:
        raise Wrong("until", "until lies before from, so it never holds: correct one of them")
    return Period(since, until)


def moment(value: object, key: str) -> tuple[datetime, bool]:
    """A moment, and whether only its day was given."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=SHANGHAI)).astimezone(SHANGHAI), False
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=SHANGHAI), True
    try:
        at = parse_time(value) if isinstance(value, str) else None
    except DataError:
        at = None
    if at is None:
        raise Wrong(key, f"{key} is {value!r}, no date: write it as {key} = 2026-12-01", str(value))
    return at, at.hour == at.minute == 0 and not any(mark in str(value) for mark in ":：点时Tt")
