"""Rules files that people edit: TOML with English or Chinese keys, refused with file, line, reason and remedy."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from model.errors import DataError
from model.labels import HEADS
from model.rule_fields import (
    ASKED,
    CLOSED,
    RULE,
    TABLES,
    Fields,
    Problem,
    groups_of,
    labels_of,
    period_of,
    stages_of,
    title,
    truth,
    whole,
    words_of,
)
from model.rules import Closed, Rule, Rules
from model.text import normalise
from model.toml_source import Section, Source, read_toml

__all__ = ["RuleError", "bytes_of", "read_rules", "read_rules_bytes"]

MOST_RULES = 5_000
NOTHING: tuple[str, ...] = ()


class RuleError(DataError):
    """Rules that cannot be used; `problems` has each with its file and line, the message the first of them."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.problems = [f"{name} line {line}: {reason}" for line, reason in sorted(set(problems))]
        more = len(self.problems) - 1
        super().__init__(self.problems[0] + (f" (and {more} more: kesu rules check tells them all)" if more else ""))


def read_rules(path: Path | str) -> Rules:
    """The rules of a file. Raises RuleError, a DataError: every message names file, line, reason and remedy."""
    return read_rules_bytes(bytes_of(Path(path)), Path(path).name)


def bytes_of(path: Path) -> bytes:
    """What is in a rules file. Raises DataError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"the rules file {path} cannot be read ({error.strerror}): check the path") from None


def read_rules_bytes(data: bytes, name: str) -> Rules:
    r"""The rules in the bytes of a file, as `read_rules` does.

    >>> rules = read_rules_bytes('[[规则]]\n名称 = "丢件"\n必须 = ["快递", "丢"]\n部门 = "物流部"'.encode("gbk"), "r")
    >>> rules.rules[0].groups, dict(rules.rules[0].sets)
    ((('快递',), ('丢',)), {'department': ('物流部',)})
    >>> read_rules_bytes('[[rule]]\nname = "丢件"\nmsut = ["丢"]'.encode(), "r.toml")
    Traceback (most recent call last):
    ...
    model.rule_file.RuleError: r.toml line 3: msut is no key here: did you mean must?
    """
    problems: list[Problem] = []
    rules: list[Rule] = []
    closed: list[Closed] = []
    for kind, table, section in tables(read_toml(data, name), problems):
        if kind == "closed":
            closed += closed_of(Fields(table, section, {**CLOSED, **HEADS}, problems, free=True))
        else:
            rules += rule_of(Fields(table, section, {**RULE, **HEADS}, problems))
    problems += contradictions(rules, closed)
    if problems:
        raise RuleError(name, problems)
    return Rules(rules, closed, name)


def tables(source: Source, problems: list[Problem]) -> list[tuple[str, Mapping[str, Any], Section]]:
    """Every table of the file with its kind and its place, in order; what is no table becomes a problem."""
    out: list[tuple[str, Mapping[str, Any], Section]] = []
    for key, value in source.values.items():
        kind = next((kind for kind, names in TABLES.items() if key in names), None)
        sections = [section for section in source.sections if section.name == key]
        line = sections[0].line if sections else source.sections[0].line_of(key)
        if kind is None:
            problems.append((line, f"{key} is not known here: write [[rule]] or [[规则]] above each rule"))
        elif kind == "closed" and not sections and isinstance(value, str | list):
            out.append((kind, {"department": value}, Section(key, line)))
        elif not isinstance(value, list) or len(value) != len(sections) or not all(isinstance(v, dict) for v in value):
            problems.append((line, f"{key} is no list of tables: write [[{key}]] on a line above the keys of each"))
        else:
            out += zip([kind] * len(value), value, sections, strict=True)
    out.sort(key=lambda one: one[2].line)
    if not out and not problems:
        problems.append((1, "there is no rule here: begin one with [[rule]] or [[规则]]"))
    if len(out) > MOST_RULES:
        problems.append((out[MOST_RULES][2].line, f"there are more than {MOST_RULES} rules: leave some out"))
    return out


def rule_of(fields: Fields) -> list[Rule]:
    """A table as a rule; none for one that is not active. What is wrong with it is added to the problems."""
    read = fields.read
    groups: tuple[tuple[str, ...], ...] = ()
    groups = read("must", groups_of, groups)
    if "any" in fields.said:
        groups += (read("any", words_of, NOTHING),)
    asks, gives = fields.inner("when", {**ASKED, **HEADS}), fields.inner("set", HEADS)
    sets = {head: read(head, labels_of, NOTHING) for head in HEADS if head in fields.said}
    lines = {"": fields.section.line} | {f"set.{head}": fields.line(head) for head in sets}
    for head in gives.said:
        if head in sets:
            gives.wrong(head, f"{gives.written[head]} is set twice: keep one")
        sets[head], lines[f"set.{head}"] = gives.read(head, labels_of, NOTHING), gives.line(head)
    rule = Rule(
        name=read("name", title, ""),
        groups=groups,
        none=read("not", words_of, NOTHING),
        window=read("not_within", whole, None),
        within=read("within", whole, None),
        allow=read("whitelist", words_of, NOTHING),
        when=conditions(asks),
        period=period_of(fields),
        sets=sets,
        review=read("review", truth, False),
        order=read("order", whole, 100),
        lines=lines | {f"when.{name}": asks.line(name) for name in asks.said},
    )
    active = read("active", truth, True)
    if fields.sound:
        for key, reason, value in faults(rule, fields):
            fields.wrong(key, reason, value)
    return [rule] if active else []


def conditions(asks: Fields) -> dict[str, tuple[str, ...]]:
    """What a rule asks about the complaint and the model's labels."""
    readers = {"stage": stages_of, "channel": names_of, "product": names_of, "region": names_of}
    return {name: asks.read(name, readers.get(name, labels_of), NOTHING) for name in asks.said}


def names_of(value: object, key: str) -> tuple[str, ...]:
    """Channels, products or regions, read as texts are."""
    return tuple(normalise(name) for name in labels_of(value, key))


def faults(rule: Rule, fields: Fields) -> Iterator[tuple[str, str, str | None]]:
    """What is wrong with keys of a rule that are right by themselves: the key, the reason, and the string at fault."""
    must, not_, any_, whitelist = (fields.called(name) for name in ("must", "not", "any", "whitelist"))
    if not rule.name:
        yield "name", f'the rule has no name: give it one, such as {fields.called("name")} = "快递丢件"', None
    if not rule.groups and not rule.when:
        yield "", f"the rule {rule.name} has nothing that trips it: give it words under {must} or {any_}", None
    if not rule.sets and not rule.review:
        remedy = f'give it {fields.called("department")} = "…" or {fields.called("review")} = true'
        yield "", f"the rule {rule.name} decides nothing: {remedy}", None
    if rule.window is not None and not (rule.none and rule.groups):
        key = fields.called("not_within")
        yield "not_within", f"{key} says how near the words of {not_} count: give words under {not_} and {must}", None
    if rule.within is not None and len(rule.groups) < 2:
        reason = f"{fields.called('within')} says how near words stand to each other"
        yield "within", f"{reason}: give two under {must}, or {must} and {any_}", None
    for phrase in rule.allow:
        if not any(word in phrase for group in rule.groups for word in group):
            remedy = f"write the phrase around the word, or put {phrase} under {not_}"
            yield "whitelist", f"the {whitelist} phrase {phrase} holds none of the rule's words: {remedy}", phrase
    for group in rule.groups:
        if all(any(other in word for other in rule.none) for word in group):
            reason = f"{not_} holds {group[0]} or a part of it, so the rule never trips"
            yield "not", f"{reason}: take it out of {not_}", None
        elif all(word in rule.allow for word in group):
            yield "whitelist", f"{whitelist} holds {group[0]} itself: write the phrase around it", None


def closed_of(fields: Fields) -> list[Closed]:
    """A table of closed labels. What is wrong with it is added to the problems."""
    heads = [name for name in fields.said if name not in CLOSED]
    if len(heads) != 1:
        example = f'{fields.called("department")} = ["市场部"]'
        stands = " and ".join(fields.written[head] for head in heads) or "none"
        fields.wrong("", f"name one label column in each closing, such as {example}; here stands {stands}")
        return []
    head = heads[0]
    labels, instead = fields.read(head, labels_of, NOTHING), fields.read("instead", labels_of, NOTHING)
    if len(instead) > 1:
        fields.wrong("instead", f"{fields.called('instead')} gives {len(instead)} labels: give one")
    if not set(instead).isdisjoint(labels):
        fields.wrong("instead", f"{instead[0]} is closed itself: name one that is open")
    lines = {"": fields.section.line} | {key: fields.line(key) for key in (head, "instead")}
    return [Closed(head, labels, period_of(fields), instead[0] if instead else None, lines)]


def contradictions(rules: Iterable[Rule], closed: Iterable[Closed]) -> list[Problem]:
    """Names that two rules have, and rules that set what is closed all the time they hold."""
    out, names = [], dict[str, int]()
    for rule in rules:
        line = names.setdefault(rule.name, rule.lines[""])
        if line != rule.lines[""]:
            out.append((rule.lines[""], f"the name {rule.name} is that of the rule in line {line}: give another"))
        for one in closed:
            for label in set(one.labels) & set(rule.sets.get(one.head, ())):
                if one.period.covers(rule.period):
                    where = rule.lines[f"set.{one.head}"]
                    out.append((where, f"{label} is closed (line {one.lines['']}): set another or give the rule until"))
    return out
