"""A month whose figures are known: thirty complaints in October, with copies, praise and a September before them."""

import json
import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

from sqlalchemy import insert

from model.complaint import SHANGHAI
from serving.schema import alert, complaint, incident
from serving.store import Store, milliseconds

__all__ = ["DAY_ONE", "HOUR", "LATER", "add_incident", "fill", "fill_october", "part", "plain_text", "row", "thirty"]

HOUR = 3_600_000
LATER = datetime(2026, 12, 1, 12, tzinfo=SHANGHAI)
DAY_ONE = datetime(2026, 10, 1, 10, tzinfo=SHANGHAI)


def row(identity: str, when: datetime, **over: Any) -> dict[str, Any]:
    at = milliseconds(when)
    plain: dict[str, Any] = {column.name: None for column in complaint.columns if column.nullable}
    plain |= {
        "id": identity,
        "body_hash": "",
        "source": "api",
        "text": "包裹三天没有更新了",
        "time": at,
        "received_at": at,
    }
    return (
        plain | {"stage": "none", "status": "open", "handovers": 0, "due_at": at + 72 * HOUR, "evaluated": True} | over
    )


def thirty() -> list[dict[str, Any]]:
    """One complaint a day at 10:00. The first 24 are resolved, the k-th after 4k hours; the last six are open."""
    rows = []
    for i in range(30):
        category, department = (
            ("物流配送", "物流部") if i < 12 else ("系统账户", "技术部") if i < 20 else ("服务质量", "客服部")
        )
        one = row(
            f"k{i:02}",
            DAY_ONE + timedelta(days=i),
            customer=f"c{i}",
            category=category,
            department=department,
            sentiment="愤怒" if i % 3 == 0 else "不满",
            channel="电话" if i % 2 == 0 else "APP",
        )
        if i < 24:
            done = one["time"] + 4 * (i + 1) * HOUR
            one |= {"status": "resolved", "resolved_at": done, "told_at": done + HOUR if i < 18 else None}
        if i < 20:
            one["first_response_at"] = one["time"] + (1 if i < 10 else 3) * HOUR
        rows.append(one)
    for i, score in enumerate((5, 5, 5, 4, 4, 3, 3, 2, 1, 1)):
        rows[i]["satisfaction"] = score
    for i, times in ((1, 1), (2, 2), (28, 3)):
        rows[i]["handovers"] = times
    rows[18]["overdue_reason"] = rows[19]["overdue_reason"] = "系统故障"
    rows[5] |= {"customer": "c0", "repeat_of": "k00"}  # k00 was resolved five days before
    rows[7] |= {"customer": "c-sep", "repeat_of": "s00"}  # s00 was resolved in September
    rows[23] |= {"customer": "c22", "repeat_of": "k22"}  # k22 is resolved only three days later
    for i in (3, 4, 6):
        rows[i]["pain_point"] = "响应速度慢"
    return rows


def fill(store: Store, rows: list[dict[str, Any]]) -> None:
    with store.write() as connection:
        connection.execute(insert(complaint), rows)


def fill_october(store: Store) -> None:
    """Thirty complaints, three copies, two praises; four complaints in September, none a year before."""
    rows = thirty()
    rows += [row(f"copy{i}", DAY_ONE + timedelta(days=i), duplicate_of=f"k{i:02}") for i in range(3)]
    rows += [row(f"thanks{i}", DAY_ONE, sentiment="正面", category="服务质量") for i in range(2)]
    earlier = DAY_ONE - timedelta(days=20)
    rows += [row(f"s{i:02}", earlier, category="物流配送", customer=f"s{i}") for i in range(4)]
    rows[-4] |= {"status": "closed", "resolved_at": milliseconds(earlier) + HOUR, "customer": "c-sep"}
    fill(store, rows)


def add_incident(store: Store, identity: str, kind: str, ids: list[str], *, terms: list[str], **over: Any) -> None:
    at = milliseconds(DAY_ONE + timedelta(days=2))
    plain = {"status": "open", "severity": "warning", "opened_at": at, "last_at": at + 30 * HOUR, "customers": 9}
    value = json.dumps({"complaints": ids, "terms": terms})
    line = json.dumps({"complaints": ids[:3], "customers": 3, "terms": terms})
    with store.write() as connection:
        connection.execute(insert(incident), plain | {"id": identity, "kind": kind, "value": value} | over)
        told = {"id": f"{identity}-1", "incident": identity, "reason": "first", "severity": "warning", "line": line}
        connection.execute(insert(alert), told | {"at": at, "decided_at": at})


def part(figure: dict[str, Any]) -> tuple[int, int]:
    return figure["n"], figure["of"]


def plain_text(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", page)))
