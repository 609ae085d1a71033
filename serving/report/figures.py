"""The monthly report's numbers: six chapters, each number with its denominator and its complaints."""

from collections import Counter
from datetime import datetime
from typing import Any

from model.complaint import CHANNELS, ONLINE, SHANGHAI
from serving.report.alerts import incidents_of, warning_of
from serving.report.cases import MISSING, Case, Month, change, count, evidence, read_month, spread, tally
from serving.report.handling import MEANING, compare, handling, key_figures
from serving.report.kinds import types
from serving.report.matters import matters_of
from serving.report.period import complaints_link, iso, periods_of
from serving.report.words import measures, summary, trends
from serving.store import Store, milliseconds, moment

__all__ = ["month_figures"]

DAY = 86_400_000
TOP = 10
WEEKDAYS = "一二三四五六日"
SENTIMENTS = ("中性", "不满", "愤怒")


def month_figures(store: Store, month: str, now: datetime) -> dict[str, Any]:
    """All figures of a month's report, ready for JSON: counts, shares (0–1), hours, and the sentences made of them.

    `month` is such as 2026-10, in natural days of Asia/Shanghai; `now` is aware and says how far an unfinished month
    goes. Raises DataError for a month that is not one, StoreError when the store does not answer.
    """
    periods = periods_of(month, now)
    with store.read() as connection:
        here, before, year_ago = (read_month(connection, period) for period in periods)
        keys, old_keys, older_keys = (key_figures(each) for each in (here, before, year_ago))
        incidents = incidents_of(connection, here)
        figures: dict[str, Any] = {
            "month": month,
            "made_at": iso(milliseconds(now)),
            "period": periods[0].as_dict(),
            "previous": periods[1].as_dict(),
            "year_ago": periods[2].as_dict(),
            "empty": not here.cases and not here.praise,
            "meaning": MEANING,
            "models": models_of(here, before),
            "overview": overview(here, before, year_ago),
            "types": types(connection, here, before, incidents),
            "departments": departments(here),
            "handling": handling(here, keys),
            "matters": matters_of(connection, here, before, incidents),
            "warning": warning_of(connection, periods[0], incidents),
            "effects": compare(keys, old_keys, older_keys, remembered=before.remembered),
        }
    figures["summary"] = summary(figures)
    figures["measures"] = measures(figures)
    figures["trends"] = trends(figures)
    return figures


def models_of(here: Month, before: Month) -> dict[str, Any]:
    """Which models classified the two periods: another one may move the types without any change in the world."""
    now, old = ({case.model for case in month.cases if case.model} for month in (here, before))
    return {
        "now": sorted(now),
        "before": sorted(old),
        "changed": bool(now and old and now != old),
        "unclassified": evidence(here.period, [case for case in here.cases if case.category is None]),
        "unsure": evidence(here.period, [case for case in here.cases if case.accepted is False]),
    }


def overview(here: Month, before: Month, year_ago: Month) -> dict[str, Any]:
    """Chapter one: how many, when, where, in what mood."""
    n, old, older = len(here.cases), len(before.cases), len(year_ago.cases)
    online = [case for case in here.cases if case.channel in ONLINE]
    offline = [case for case in here.cases if case.channel is not None and case.channel not in ONLINE]
    return {
        "total": {"n": n, "link": complaints_link(here.period) if n else None},
        "before": {"n": old, "change": change(n, old), "link": complaints_link(before.period) if old else None},
        "year_ago": {
            "n": older,
            "change": change(n, older),
            "link": complaints_link(year_ago.period) if older else None,
        },
        "praise": evidence(here.period, here.praise),
        "folded": here.folded,
        "customers": len({case.customer for case in here.cases if case.customer}),
        "unidentified": sum(case.customer is None for case in here.cases),
        "online": count(online, n, here.period),
        "offline": count(offline, n, here.period),
        "channels": tally(here, before, "channel", CHANNELS),
        "regions": top(tally(here, before, "region")),
        "products": top(tally(here, before, "product")),
        "sentiment": tally(here, before, "sentiment", SENTIMENTS),
        "days": days_of(here, before),
    }


def top(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The most frequent that have a name, and how many complaints stand outside of the list or have none."""
    named = [row for row in rows if row["name"] != MISSING and row["n"]]
    return {
        "rows": named[:TOP],
        "others": sum(row["n"] for row in named[TOP:]),
        "other_names": len(named[TOP:]),
        "unnamed": sum(row["n"] for row in rows if row["name"] == MISSING),
    }


def days_of(here: Month, before: Month) -> list[dict[str, Any]]:
    """Complaints a natural day, with the weekday and the same date of the previous period."""
    period, counts, old = here.period, day_counts(here), day_counts(before)
    days = []
    for number in range(-(-(period.until - period.since) // DAY)):
        since = period.since + number * DAY
        date = moment(since).astimezone(SHANGHAI)
        link = complaints_link(period, since=iso(since), until=iso(min(since + DAY, period.until)))
        known = since - period.since < before.period.until - before.period.since
        days.append(
            {
                "date": f"{date:%Y-%m-%d}",
                "day": date.day,
                "weekday": WEEKDAYS[date.weekday()],
                "rest": date.weekday() >= 5,
                "n": counts[number],
                "before": old[number] if known else None,
                "link": link if counts[number] else None,
            }
        )
    return days


def day_counts(month: Month) -> Counter[int]:
    return Counter((case.time - month.period.since) // DAY for case in month.cases)


def departments(here: Month) -> dict[str, Any]:
    """Chapter three: who is responsible for what, how often it was passed on, and how far they have come."""
    cells = Counter((case.department, case.category) for case in here.cases)
    categories = [name for name, _ in Counter(case.category for case in here.cases).most_common()]
    groups: dict[str | None, list[Case]] = {}
    for case in here.cases:
        groups.setdefault(case.department, []).append(case)
    rows = []
    for name, cases in sorted(groups.items(), key=lambda item: (item[0] is None, -len(item[1]), str(item[0]))):
        figure = count(cases, len(here.cases), here.period)
        if name is not None:
            figure["link"] = complaints_link(here.period, department=name)
        keys = key_figures(here, cases)
        rows.append(
            {
                "name": "未定" if name is None else name,
                **figure,
                "cells": [
                    {
                        "n": cells[name, category],
                        "link": complaints_link(here.period, department=name, category=category)
                        if cells[name, category] and name is not None and category is not None
                        else None,
                    }
                    for category in categories
                ],
                **{key: keys[key] for key in ("completed", "overdue", "handling_time", "satisfaction", "handed_over")},
                "handovers": spread(case.handovers for case in cases),
            }
        )
    worst = max(here.cases, key=lambda case: case.handovers, default=None)
    return {
        "categories": ["未分类" if name is None else name for name in categories],
        "rows": rows,
        "most": max(cells.values(), default=0),
        "handovers": spread(case.handovers for case in here.cases),
        "worst": None
        if worst is None or not worst.handovers
        else {"n": worst.handovers, "department": worst.department} | {"evidence": evidence(here.period, [worst])},
    }
