"""A month's complaints as the report counts them: copies folded into their original, praise kept apart."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, select

from serving.report.period import LINKED, Period, complaints_link
from serving.schema import complaint

__all__ = [
    "ENOUGH",
    "MISSING",
    "SURE",
    "Case",
    "Month",
    "change",
    "count",
    "difference",
    "evidence",
    "read_month",
    "share",
    "spread",
    "tally",
]

PRAISE = "正面"
DAY = 86_400_000
REPEAT_DAYS = 90  # so far back a complaint is looked for that a new one repeats
MISSING = "未注明"
DONE = frozenset({"resolved", "closed"})
ENOUGH = 5  # counts below this are not judged
SURE = 1.96  # a change within two standard errors is called none: chance alone makes one that large 19 times in 20


class Case(NamedTuple):
    """A complaint's columns, when the one it repeats had been closed, and where its handling stood at `as_of`."""

    id: str
    time: int
    customer: str | None
    channel: str | None
    product: str | None
    region: str | None
    category: str | None
    department: str | None
    sentiment: str | None
    accepted: bool | None
    stage: str
    pain_point: str | None
    model: str | None
    repeat_of: str | None
    issue: str | None
    status: str
    due_at: int | None
    overdue_reason: str | None
    first_response_at: int | None
    resolved_at: int | None
    told_at: int | None
    satisfaction: int | None
    handovers: int
    closed_before: int | None
    done: bool
    overdue: bool


COLUMNS = Case._fields[:-3]


@dataclass(frozen=True, slots=True)
class Month:
    """One period's complaints in order of time, its praise, how many copies were folded, and what came again.

    `again` holds the ids of complaints whose customer came back about the same matter until `period.as_of`.
    `remembered` says whether the store reaches back far enough before the period to know every repeat in it.
    """

    period: Period
    cases: Sequence[Case]
    praise: Sequence[Case]
    folded: int
    again: frozenset[str]
    remembered: bool


def read_month(connection: Connection, period: Period) -> Month:
    """Read what happened in a period. A copy is counted where its original is, also when that was a month before."""
    inside = and_(complaint.c.time >= period.since, complaint.c.time < period.until)
    first = complaint.alias("first")
    closed_before = (
        select(first.c.resolved_at)
        .where(first.c.id == complaint.c.repeat_of, first.c.resolved_at <= complaint.c.time)
        .scalar_subquery()
        .label("closed_before")
    )
    rows = connection.execute(
        select(*(complaint.c[name] for name in COLUMNS), closed_before)
        .where(inside, complaint.c.duplicate_of.is_(None))
        .order_by(complaint.c.time, complaint.c.seq)
    )
    cases = [case_of(row, period.as_of) for row in rows]
    folded = connection.scalar(select(func.count()).where(inside, complaint.c.duplicate_of.is_not(None)))
    again = connection.scalars(
        select(complaint.c.repeat_of).where(
            complaint.c.repeat_of.is_not(None),
            complaint.c.duplicate_of.is_(None),
            complaint.c.time >= period.since,
            complaint.c.time <= period.as_of,
        )
    )
    oldest = connection.scalar(select(func.min(complaint.c.time)))
    return Month(
        period,
        [case for case in cases if case.sentiment != PRAISE],
        [case for case in cases if case.sentiment == PRAISE],
        folded if folded is not None else 0,
        frozenset(again),
        oldest is not None and oldest <= period.since - REPEAT_DAYS * DAY,
    )


def case_of(row: Any, as_of: int) -> Case:
    """A row with whether it was done by `as_of`, and whether late: done after its limit, or open past it.

    One reopened since is not done; one closed at an unknown time is never late.
    """
    status, due, resolved = row.status, row.due_at, row.resolved_at
    done = status in DONE and (resolved is None or resolved <= as_of)
    late = due is not None and (resolved is not None and resolved > due if done else as_of > due)
    return Case._make((*row, done, late))


def share(n: int, of: int) -> float | None:
    """n of `of`, to four digits; None where there is nothing to divide by.

    >>> share(1, 3), share(0, 0)
    (0.3333, None)
    """
    return round(n / of, 4) if of else None


def change(n: float, before: float) -> float | None:
    """The relative change against `before`; None where that is 0.

    >>> change(6, 5), change(6, 0)
    (0.2, None)
    """
    return round(n / before - 1, 4) if before else None


def evidence(period: Period, cases: Sequence[Case]) -> dict[str, Any]:
    """The complaints behind a statement: how many, at most LINKED ids, and the address that lists these."""
    ids = [case.id for case in cases[:LINKED]]
    return {"n": len(cases), "ids": ids, "link": complaints_link(period, ids) if ids else None}


def difference(n: int, before: int) -> float | None:
    """How many standard errors two counts lie apart, taken as Poisson; None where one is too small to judge.

    >>> difference(50, 50), difference(8, 4)
    (0.0, None)
    """
    return (n - before) / sqrt(n + before) if min(n, before) >= ENOUGH else None


def count(cases: Sequence[Case], of: int, period: Period) -> dict[str, Any]:
    """How many complaints, as a share of how many, and which."""
    return evidence(period, cases) | {"of": of, "share": share(len(cases), of)}


def tally(now: Month, before: Month, column: str, order: Iterable[str] = ()) -> list[dict[str, Any]]:
    """How often each value of a column occurs, most frequent first or in `order`, with its share and change."""
    value = attrgetter(column)
    groups: dict[str | None, list[Case]] = {}
    for case in now.cases:
        groups.setdefault(value(case), []).append(case)
    old = Counter(map(value, before.cases))
    ranks = {name: rank for rank, name in enumerate(order)}
    counts = {name: len(groups.get(name, ())) for name in {**groups, **old}}
    names = sorted(counts, key=lambda name: (ranks.get(name, len(ranks)), -counts[name], -old[name], str(name)))
    rows = []
    for name in names:
        figure = count(groups.get(name, []), len(now.cases), now.period)
        if figure["n"] and name is not None:
            figure["link"] = complaints_link(now.period, **{column: name})
        row = {"name": MISSING if name is None else name, **figure, "before": old[name], "of_before": len(before.cases)}
        judged = difference(counts[name], old[name])
        rows.append(
            row | {"change": change(counts[name], old[name]), "sure": judged is not None and abs(judged) > SURE}
        )
    return rows


def spread(values: Iterable[float]) -> dict[str, Any]:
    """Mean, median, p90 and the mean's variance of numbers; None where there are none.

    p90 is the smallest value that at least 90 % do not exceed (nearest rank), so that the sentence about it is true.

    >>> spread([1, 2, 3, 4, 10])["p90"], spread([1, 2, 3, 4, 10])["median"], spread([])["mean"]
    (10, 3.0, None)
    """
    ordered = sorted(values)
    n = len(ordered)
    if n == 0:
        return {"n": 0, "mean": None, "median": None, "p90": None, "mean_variance": None}
    mean = fsum(ordered) / n
    return {
        "n": n,
        "mean": round(mean, 2),
        "median": round((ordered[(n - 1) // 2] + ordered[n // 2]) / 2, 2),
        "p90": round(ordered[-(-9 * n // 10) - 1], 2),
        "mean_variance": fsum((value - mean) ** 2 for value in ordered) / (n - 1) / n if n > 1 else None,
    }
