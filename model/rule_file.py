"""Rules files that people edit: TOML with English or Chinese keys, refused with file, line, reason and remedy."""

from collections.abc import Iterable, Mapping
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
    Wrong,
    inner,
    labels_of,
    period_of,
    truth,
    whole,
    words_of,
)
from model.rules import FACTS, Closed, Rule, Rules
from model.text import normalise
from model.toml_source import Section, Source, read_toml

__all__ = ["RuleError", "bytes_of", "read_rules", "read_rules_bytes"]

MOST_RULES = 5_000
STAGES = ("none", "threat", "posted", "spreading")


class RuleError(DataError):
    """A rules file that cannot be used; `problems` has each with its line, the message the first of them."""

    def __init__(self, problems: list[str]) -> None:
        more = f" (and {len(problems) - 1} more: kesu rules check tells them all)" if len(problems) > 1 else ""
        super().__init__(problems[0] + more)
        self.problems = problems


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
    model.rule_file.RuleError: r.toml line 3: msut is no key of a rule: did you mean must?
    """
    source = read_toml(data, name)
    problems: list[tuple[int, str]] = []
    rules: list[Rule] = []
    closed: list[Closed] = []
    for kind, table, section in tables(source, problems):
        fields = Fields(table, section)
        try:
            if kind == "closed":
                closed += closed_of(fields)
            elif (rule := rule_of(fields)) is not None:
                rules.append(rule)
        except Wrong as wrong:
            problems.append((fields.line(wrong.key, wrong.value), str(wrong)))
    problems += contradictions(rules, closed)
    if problems:
        raise RuleError([f"{name} line {line}: {reason}" for line, reason in sorted(problems)])
    return Rules(rules, closed, name)


def tables(source: Source, problems: list[tuple[int, str]]) -> list[tuple[str, Mapping[str, Any], Section]]:
    """Every table of the file with its kind and its place, in order; what is no table becomes a problem."""
    out: list[tuple[str, Mapping[str, Any], Section]] = []
    for key, value in source.values.items():
        kind = next((kind for kind, names in TABLES.items() if key in names), None)
        sections = [section for section in source.sections if section.name == key]
        line = sections[0].line if sections else source.sections[0].line_of(key)
        if kind is None:
            problems.append((line, f"{key} is not known here: begin a rule with [[rule]], a closing with [[closed]]"))
        elif kind == "closed" and not sections and isinstance(value, str | list):
            out.append((kind, {"department": value}, Section(key, line)))
        elif not isinstance(value, list) or len(value) != len(sections) or not all(isinstance(v, dict) for v in value):
            problems.append((line, f"{key} is no list of tables: write [[{key}]] on a line above the keys of each"))
        else:
            out += zip([kind] * len(value), value, sections, strict=True)
    out.sort(key=lambda one: one[2].line)
    if not out and not problems:
        problems.append((1, "there is no rule here: begin one with [[rule]], or unset KESU_RULES to have none"))
    if len(out) > MOST_RULES:
        problems.append((out[MOST_RULES][2].line, f"there are more than {MOST_RULES} rules: leave some out"))
    return out


def rule_of(fields: Fields) -> Rule | None:
    """A table as a rule, None for one that is not active. Raises Wrong."""
    said = fields.named({**RULE, **HEADS}, "rule")
    name = said.get("name")
    if not isinstance(name, str) or not name.strip():
        raise Wrong("name", 'the rule has no name: give it one, such as name = "快递丢件"')
    must = said.get("must", [])
    groups = [words_of(one, "must") for one in (must if isinstance(must, list) else [must])]
    groups += [words_of(said["any"], "any")] if said.get("any", []) != [] else []
    none, allow = words_of(said.get("not", []), "not"), words_of(said.get("whitelist", []), "whitelist")
    when = conditions(fields, said.get("when", {}))
    sets = {head: labels_of(said[head], head) for head in HEADS if head in said}
    for key, value in inner(said.get("set", {}), "set").items():
        head = next((head for head, names in HEADS.items() if key in names), key)
        if head in sets:
            raise Wrong(f"set.{key}", f"{key} is set twice: keep one")
        sets[head] = labels_of(value, f"set.{key}")
        fields.written[f"set.{head}"] = f"set.{key}"
    review, active = truth(said.get("review", False), "review"), truth(said.get("active", True), "active")
    if not groups and not when:
        raise Wrong("", f"the rule {name} has nothing that trips it: give it words under must or any")
    if not sets and not review:
        raise Wrong("", f'the rule {name} decides nothing: give it department = "…" or review = true')
    window = whole(said["not_within"], "not_within") if "not_within" in said else None
    if window is not None and not (none and groups):
        raise Wrong("not_within", "not_within says how near the words of not count: give words under not and must")
    within = whole(said["within"], "within") if "within" in said else None
    if within is not None and len(groups) < 2:
        raise Wrong("within", "within says how near words stand to each other: give two under must, or must and any")
    never(groups, none, allow)
    lines = {"": fields.section.line} | {f"set.{h}": fields.line(fields.written.get(f"set.{h}", h)) for h in sets}
    lines |= {f"when.{key}": fields.line(fields.written[f"when.{key}"]) for key in when}
    order = whole(said.get("order", 100), "order")
    period = period_of(said)
    rule = Rule(name.strip(), tuple(groups), none, window, within, allow, when, period, sets, review, order, lines)
    return rule if active else None


def closed_of(fields: Fields) -> list[Closed]:
    """A table of closed labels, one for each head. Raises Wrong."""
    own = {key: (key,) for key in fields.table if not any(key in names for names in {**CLOSED, **HEADS}.values())}
    said = fields.named({**CLOSED, **HEADS, **own}, "closing")
    heads = [name for name in said if name not in CLOSED]
    if len(heads) != 1:
        raise Wrong("", 'name what is closed, one head in each [[closed]]: department = ["市场部"]')
    labels, instead = labels_of(said[heads[0]], heads[0]), None
    if "instead" in said:
        instead = labels_of(said["instead"], "instead")[0]
        if instead in labels:
            raise Wrong("instead", f"{instead} is closed itself: name one that is open")
    lines = {"": fields.section.line} | {key: fields.line(key) for key in (heads[0], "instead")}
    return [Closed(heads[0], labels, period_of(said), instead, lines)]


def contradictions(rules: Iterable[Rule], closed: Iterable[Closed]) -> list[tuple[int, str]]:
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


def never(groups: list[tuple[str, ...]], none: tuple[str, ...], allow: tuple[str, ...]) -> None:
    """Raise Wrong when what is excluded or allowed can never, or must always, take the rule's words away."""
    for phrase in allow:
        if not any(word in phrase for group in groups for word in group):
            remedy = f"write the phrase around the word, or put {phrase} under not"
            raise Wrong("whitelist", f"the whitelist phrase {phrase} holds none of the rule's words: {remedy}", phrase)
    for group in groups:
        if all(any(other in word for other in none) for word in group):
            raise Wrong("not", f"not holds {group[0]} or a part of it, so the rule never trips: take it out of not")
        if all(word in allow for word in group):
            raise Wrong("whitelist", f"the whitelist holds {group[0]} itself: write the phrase around it")


def conditions(fields: Fields, value: object) -> dict[str, tuple[str, ...]]:
    """What a rule asks about the complaint and the model's labels."""
    out: dict[str, tuple[str, ...]] = {}
    for key, wanted in inner(value, "when").items():
        names = (*ASKED.items(), *HEADS.items())
        name = next((name for name, known in names if key in known), key)
        if name in out:
            raise Wrong(f"when.{key}", f"{key} is asked twice: keep one")
        labels = labels_of(wanted, f"when.{key}")
        if name == "stage" and not set(labels) <= set(STAGES):
            raise Wrong(f"when.{key}", f"{key} is one of {', '.join(STAGES)}, not {labels[0]}: write one of them")
        text = name in FACTS and name != "stage"
        out[name] = tuple(normalise(label) for label in labels) if text else labels
        fields.written[f"when.{name}"] = f"when.{key}"
    return out
