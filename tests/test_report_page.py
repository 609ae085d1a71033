"""The report as a page: the figures and nothing else, self-contained, safe with hostile text, every link true."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from sqlalchemy import func, select

from model.errors import DataError
from serving.report.figures import month_figures
from serving.report.page import STYLES, figure_at, report_page, write_report
from serving.schema import complaint
from serving.store import Store, milliseconds, open_store
from tests.october import DAY_ONE, LATER, add_incident, fill, fill_october, plain_text, row


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'report.db'}")
    yield opened
    opened.close()


@pytest.fixture
def october(store: Store) -> Store:
    fill_october(store)
    return store


def test_a_month_without_complaints_says_so(store: Store) -> None:
    page = report_page(store, "2026-10", LATER)
    assert "2026 年 10 月没有投诉记录" in page and "处理进度" not in page
    fill(store, [row("t", DAY_ONE, sentiment="正面")])
    assert "没有投诉，收到表扬 1 件" in plain_text(report_page(store, "2026-10", LATER))


def test_hostile_text_is_shown_not_run(store: Store) -> None:
    attack = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>{{ 7*7 }}"
    fields = (
        "product",
        "region",
        "category",
        "department",
        "channel",
        "pain_point",
        "overdue_reason",
        "issue",
        "model",
    )
    over: dict[str, Any] = dict.fromkeys(fields, attack) | {"text": attack * 2}
    rows = [row(f"a{i}<b>,&", DAY_ONE + timedelta(hours=i), customer=f"{i}", **over) for i in range(6)]
    rows.append(row("again", DAY_ONE + timedelta(days=2), repeat_of=rows[0]["id"], **over))
    fill(store, rows)
    add_incident(store, "i<1>\"'", "group", [one["id"] for one in rows], terms=[attack])
    page = report_page(store, "2026-10", LATER)
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page
    assert "49" not in plain_text(page)


def test_the_page_needs_nothing_beside_it(october: Store) -> None:
    page = report_page(october, "2026-10", LATER)
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|https?://| src=", page)
    mailed = report_page(october, "2026-10", LATER, public_url="https://kesu.example/")
    assert set(re.findall(r'href="(.)', page)) == {"/"}
    assert all(link.startswith("https://kesu.example/page/") for link in re.findall(r'href="([^"]+)', mailed))


def test_every_number_on_the_page_is_the_figures(october: Store) -> None:
    add_incident(october, "inc1", "group", [f"k{i:02}" for i in range(6)], terms=["快递", "丢件"])
    add_incident(october, "inc2", "exposure", ["k20", "k21"], terms=["抖音"])
    figures = json.loads(json.dumps(month_figures(october, "2026-10", LATER)))
    page = report_page(october, "2026-10", LATER)
    shown = re.findall(r'<(a|span)[^>]*? data-figure="([^"]+)" data-style="([^"]+)">([^<]*)</\1>', page)
    assert len(shown) > 200
    for _, path, style, text in shown:
        assert text == STYLES[style](figure_at(figures, path)), path
    said = re.findall(r'data-sentence="([^"]+)">([^<]*)', page)
    assert len(said) > 6
    for path, text in said:
        assert unescape(text).strip() == figure_at(figures, path)["text"]
    rest = re.sub(r"<(header|style|footer|svg|thead|blockquote|title)\b.*?</\1>", "", page, flags=re.S)
    rest = re.sub(r"<(a|span) [^>]*data-figure=.*?</\1>|<(li|span) data-sentence=.*?</\2>", "", rest, flags=re.S)
    rest = re.sub(
        r"2025 年|10 月|9 月|k28|90 天|95%|[1-5] 分|4–5 分|100 件|最高按 3|数＋1|3 位客户以上|不足 5",
        "",
        plain_text(rest),
    )
    assert not re.search(r"\d", rest), re.findall(r".{12}\d.{12}", rest)


def test_links_open_the_complaints_that_were_counted(october: Store) -> None:
    figures = month_figures(october, "2026-10", LATER)
    found = list(linked(figures))
    assert len(found) > 60
    with october.read() as connection:
        for figure in found:
            query = {k: v[0] for k, v in parse_qs(urlparse(figure["link"]).query).items()}
            if "ids" in query:
                assert len(set(query["ids"].split(","))) == figure["n"]
                assert query["ids"].split(",") == figure.get("ids", query["ids"].split(","))
                continue
            fits = [complaint.c.duplicate_of.is_(None), complaint.c.sentiment.is_distinct_from("正面")]
            assert query.pop("counted") == "1"
            fits.append(complaint.c.time >= milliseconds(datetime.fromisoformat(query.pop("since"))))
            fits.append(complaint.c.time < milliseconds(datetime.fromisoformat(query.pop("until"))))
            fits += [complaint.c[name] == value for name, value in query.items()]
            assert connection.scalar(select(func.count()).where(*fits)) == figure["n"], figure


def linked(value: Any) -> Iterator[dict[str, Any]]:
    """Every figure with a link to complaints, wherever it stands."""
    if isinstance(value, dict):
        if value.get("n") and str(value.get("link", "")).startswith("/page/complaints"):
            yield value
        for one in value.values():
            yield from linked(one)
    elif isinstance(value, list):
        for one in value:
            yield from linked(one)


def test_writing_the_report(october: Store, tmp_path: Path) -> None:
    out = tmp_path / "十月.html"
    write_report(october, "2026-10", out, "html", LATER)
    assert out.read_text(encoding="utf-8") == report_page(october, "2026-10", LATER)
    with pytest.raises(DataError, match="no report format 'docx': choose html"):
        write_report(october, "2026-10", tmp_path / "a.docx", "docx", LATER)
    with pytest.raises(DataError, match="cannot be written"):
        write_report(october, "2026-10", tmp_path / "none" / "a.html", "html", LATER)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == ["十月.html"]
