"""Chapter two: what complaints are about, what comes again and again, and what hurts in the handling."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from serving.report.cases import Case, Month, change, count, evidence, tally
from serving.report.matters import repeats_of, shortened
from serving.schema import complaint

__all__ = ["types"]

NO_PAIN = "无"
EXAMPLES = 2
SHORTEST, LONGEST = 15, 100  # characters of an example
STAGES = ("threat", "posted", "spreading")


def types(connection: Connection, here: Month, before: Month, incidents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Chapter two: what about, what comes again and again, what hurts."""
    repeated = [case for case in here.cases if case.repeat_of is not None]
    n = len(here.cases)
    return {
        "categories": tally(here, before, "category"),
        "repeated": count(repeated, n, here.period),
        "repeats": repeats_of(connection, here),
        "groups": [one for one in incidents if one["kind"] == "group"],
        "exposures": [one for one in incidents if one["kind"] == "exposure"],
        "stages": [
            {"name": stage} | count([case for case in here.cases if case.stage == stage], n, here.period)
            for stage in STAGES
        ],
        "exposed_open": evidence(here.period, [case for case in here.cases if case.stage in STAGES and not case.done]),
        "pains": pains_of(connection, here, before),
    }


def pains_of(connection: Connection, here: Month, before: Month) -> list[dict[str, Any]]:
    """What hurts customers in the handling, each with where it is worst and examples in the customers' own words."""
    groups: dict[str, list[Case]] = {}
    for case in here.cases:
        if case.pain_point is not None and case.pain_point != NO_PAIN:
            groups.setdefault(case.pain_point, []).append(case)
    judged = sum(case.pain_point is not None for case in here.cases)
    old = Counter(case.pain_point for case in before.cases)
    out = []
    for name, cases in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        [(where, most), *_] = Counter(case.department or "未定部门" for case in cases).most_common(1)
        chosen = [case for case in cases if (case.department or "未定部门") == where]
        out.append(
            {
                "name": name,
                **count(cases, judged, here.period),
                "before": old[name],
                "change": change(len(cases), old[name]),
                "department": where,
                "department_n": most,
                "examples": examples_of(connection, chosen[-40:]),
            }
        )
    return out


def examples_of(connection: Connection, cases: Sequence[Case]) -> list[dict[str, str]]:
    """Two complaints, from two customers, long enough to say something and short enough to read; latest first."""
    rows = connection.execute(
        select(complaint.c.id, complaint.c.text, complaint.c.customer)
        .where(complaint.c.id.in_([case.id for case in cases]))
        .order_by(complaint.c.time.desc(), complaint.c.id)
    ).all()
    ranked = sorted(rows, key=lambda row: not SHORTEST <= len(row.text) <= LONGEST)
    out: dict[str, dict[str, str]] = {}
    for row in ranked:
        out.setdefault(row.customer or row.id, {"id": row.id, "text": shortened(row.text, LONGEST)})
    return list(out.values())[:EXAMPLES]
