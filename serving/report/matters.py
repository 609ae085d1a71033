"""Matters: those many customers share and more than before, and those the same customer came back about."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from serving.report.cases import Case, Month, evidence
from serving.schema import complaint

__all__ = ["matters_of", "repeats_of", "shortened"]

FEWEST = 3  # customers: below it a matter is one family's
MOST_GROWTH = 3.0
SHOWN = 5
EXCERPT = 40


def matters_of(
    connection: Connection, here: Month, before: Month, incidents: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The matters by customers × growth, highest first.

    A matter is an issue of the early warning, or a type and product where a complaint has no issue. Growth is
    (customers + 1) ÷ (customers before + 1), at most MOST_GROWTH, and 1 when the period before has no complaints
    at all: a small new matter must not outrank a large old one for having started from nothing.
    """
    groups, old = group(here), group(before)
    found = []
    for key, cases in groups.items():
        customers = len({who(case) for case in cases})
        if customers < FEWEST:
            continue
        earlier = len({who(case) for case in old.get(key, ())})
        growth = min((customers + 1) / (earlier + 1), MOST_GROWTH) if before.cases else 1.0
        found.append((-customers * growth, str(key), customers, earlier, growth, cases))
    named = {identity: one["terms"] for one in reversed(incidents) if one["terms"] for identity in one["here"]["ids"]}
    out = []
    for score, _, customers, earlier, growth, cases in sorted(found, key=lambda item: item[:2])[:SHOWN]:
        [(department, led), *_] = Counter(case.department or "未定部门" for case in cases).most_common(1)
        terms: list[str] = next((named[case.id] for case in cases if case.id in named), [])
        out.append(
            {
                "title": title_of(cases, terms),
                "score": round(-score, 1),
                "growth": round(growth, 2),
                "complaints": len(cases),
                "customers": customers,
                "customers_before": earlier,
                "department": department,
                "department_n": led,
                "open": sum(not case.done for case in cases),
                "overdue": sum(case.overdue for case in cases),
                "example": excerpt(connection, cases[-1].id),
                "evidence": evidence(here.period, cases),
            }
        )
    return out


def group(month: Month) -> dict[tuple[str | None, ...], list[Case]]:
    groups: dict[tuple[str | None, ...], list[Case]] = {}
    for case in month.cases:
        key = (case.issue,) if case.issue else (case.category, case.product)
        if case.issue or case.category:
            groups.setdefault(key, []).append(case)
    return groups


def who(case: Case) -> str:
    """The customer, or the complaint itself where nobody is named."""
    return str(case.customer or case.id)


def title_of(cases: Sequence[Case], terms: Sequence[str]) -> str:
    """The matter's words where an incident has some, else its usual type and product."""
    kind = Counter(case.category for case in cases if case.category).most_common(1)
    thing = Counter(case.product for case in cases if case.product).most_common(1)
    words = "、".join(terms[:3]) if terms else thing[0][0] if thing else ""
    return " · ".join(filter(None, (kind[0][0] if kind else "", words)))


def excerpt(connection: Connection, identity: str) -> dict[str, str]:
    """One complaint's beginning, as the customer wrote it."""
    text = connection.scalar(select(complaint.c.text).where(complaint.c.id == identity))
    return {"id": identity, "text": shortened(str(text), EXCERPT)}


def shortened(text: str, most: int) -> str:
    """A text in one line of at most so many characters.

    >>> shortened("快递 丢了\\n三天", 5)
    '快递 丢了…'
    """
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most] + "…"


def repeats_of(connection: Connection, month: Month) -> list[dict[str, Any]]:
    """The matters customers came back about most: each with its complaints of this month, most first.

    A chain of repeats counts from its first complaint; the first may lie in an earlier month.
    """
    before = {case.id: case.repeat_of for case in month.cases}
    chains: dict[str, list[Case]] = {}
    for case in month.cases:
        if case.repeat_of is not None:
            chains.setdefault(root_of(case.repeat_of, before), []).append(case)
    known = {case.id: case for case in month.cases}
    ordered = sorted(chains.items(), key=lambda item: (-len(item[1]), item[0]))
    out = []
    for root, cases in ordered[:SHOWN]:
        whole = [known[root], *cases] if root in known else cases
        last = cases[-1]
        out.append(
            {
                "first": root,
                "example": excerpt(connection, last.id),
                "again": len(cases),
                "category": last.category,
                "department": last.department,
                "after_closing": sum(case.closed_before is not None for case in cases),
                "status": last.status,
                "evidence": evidence(month.period, whole),
            }
        )
    return out


def root_of(identity: str, before: Mapping[str, str | None]) -> str:
    """Follow repeats back to the first one; a circle ends where it closes."""
    seen = {identity}
    while (earlier := before.get(identity)) is not None and earlier not in seen:
        identity = earlier
        seen.add(identity)
    return identity
