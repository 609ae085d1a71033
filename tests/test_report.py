"""The monthly report: figures that match a count by hand, on the page as in the JSON, honest about small numbers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from model.complaint import SHANGHAI
from model.errors import DataError
from serving.report.figures import month_figures
from serving.report.page import report_page
from serving.store import Store, milliseconds, open_store
from tests.october import DAY_ONE, HOUR, LATER, add_incident, fill, fill_october, part, plain_text, row, thirty


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'report.db'}")
    yield opened
    opened.close()


@pytest.fixture
def october(store: Store) -> Store:
    fill_october(store)
    return store


def test_thirty_complaints_match_a_count_by_hand(october: Store) -> None:
    f = month_figures(october, "2026-10", LATER)
    h = f["handling"]
    assert f["overview"]["total"]["n"] == 30
    assert (f["overview"]["folded"], f["overview"]["praise"]["n"]) == (3, 2)
    assert part(h["completed"]) == (24, 30) and h["completed"]["share"] == 0.8
    assert part(h["overdue"]) == (12, 30)  # six took 76 to 96 hours, six are open past 72
    assert h["overdue_open"]["ids"] == [f"k{i}" for i in range(24, 30)]
    assert [(r["name"], *part(r)) for r in h["overdue_by_category"]] == [("服务质量", 10, 10), ("系统账户", 2, 8)]
    assert [(r["name"], *part(r)) for r in h["overdue_by_reason"]] == [("未填写原因", 10, 12), ("系统故障", 2, 12)]
    assert [h["handling_time"][k] for k in ("n", "mean", "median", "p90")] == [24, 50, 50, 88]
    assert [h["first_response"][k] for k in ("n", "mean", "median", "p90")] == [20, 2, 2, 3]
    assert (h["satisfaction"]["n"], h["satisfaction"]["mean"]) == (10, 3.3)
    assert [r["n"] for r in h["ratings"]] == [3, 2, 2, 1, 2] and part(h["satisfied"]) == (5, 10)
    assert part(h["told"]) == (18, 24)
    assert part(h["repeated"]) == (3, 30) and h["repeated"]["ids"] == ["k05", "k07", "k23"]
    assert h["come_again"]["ids"] == ["k05", "k07"]  # 复投诉: only those that came back after the matter was closed
    # 24 resolved, less three repeats, less two passed on, less the two that were complained about again
    assert part(h["solved_at_once"]) == (17, 24)
    assert f["departments"]["handovers"]["mean"] == 0.2
    assert f["departments"]["worst"]["n"] == 3 and f["departments"]["worst"]["evidence"]["ids"] == ["k28"]
    assert part(f["overview"]["online"]) == part(f["overview"]["offline"]) == (15, 30)


def test_changes_state_what_they_compare_with(october: Store) -> None:
    f = month_figures(october, "2026-10", LATER)
    page = report_page(october, "2026-10", LATER)
    assert f["overview"]["before"] == {"n": 4, "change": 6.5, "link": f["overview"]["before"]["link"]}
    assert f["overview"]["year_ago"]["n"] == 0 and f["overview"]["year_ago"]["change"] is None
    assert "同比 —（2025 年 10 月 0 件）" in plain_text(page)
    parcels = f["types"]["categories"][0]
    assert (parcels["name"], parcels["n"], parcels["before"]) == ("物流配送", 12, 4)
    assert "4→12" in plain_text(page)  # from four, a percentage would say too much
    assert not parcels["sure"]
    total = next(one for one in f["effects"] if one["key"] == "total")
    assert total["verdict"] == "样本不足"


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "十月", "2026-1", "", "2026-10-01", "0000-01", "２０２６-10"])
def test_a_month_that_is_none_is_refused_in_a_sentence(store: Store, month: str) -> None:
    with pytest.raises(DataError, match=r"is not a month; write year and month such as 2026-10$"):
        month_figures(store, month, LATER)


def test_the_month_is_the_natural_one_of_shanghai(store: Store) -> None:
    stamps = ["2026-09-30T23:59:59", "2026-10-01T00:00:00", "2026-10-31T23:59:59", "2026-11-01T00:01:00"]
    fill(store, [row(f"e{i}", datetime.fromisoformat(f"{at}+08:00")) for i, at in enumerate(stamps)])
    counts = {m: month_figures(store, m, LATER)["overview"]["total"]["n"] for m in ("2026-09", "2026-10", "2026-11")}
    assert counts == {"2026-09": 1, "2026-10": 2, "2026-11": 1}
    days = month_figures(store, "2026-10", LATER)["overview"]["days"]
    assert len(days) == 31 and (days[0]["n"], days[30]["n"]) == (1, 1)
    assert (days[0]["weekday"], days[2]["rest"]) == ("四", True)


def test_an_unfinished_month_is_marked_and_compared_with_the_same_days(store: Store) -> None:
    october = [row(f"o{i}", DAY_ONE + timedelta(days=i), status="closed") for i in range(31)]
    november = [row(f"n{i}", DAY_ONE + timedelta(days=31 + i)) for i in range(22)]
    fill(store, october + november)
    now = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # 11:00 in Shanghai
    f = month_figures(store, "2026-11", now)
    assert (f["overview"]["total"]["n"], f["overview"]["before"]["n"]) == (22, 22)
    assert f["previous"]["until"] == "2026-10-22T11:00:00+08:00"
    assert len(f["overview"]["days"]) == 22
    assert f["summary"][0]["text"].startswith("截至 11 月 22 日，") and "10 月 1 日至 22 日" in f["summary"][0]["text"]
    assert "截至 11 月 22 日" in plain_text(report_page(store, "2026-11", now))
    assert not month_figures(store, "2026-10", now)["period"]["partial"]
    assert "还没有开始" in report_page(store, "2026-12", now)


def test_both_months_are_looked_at_after_the_same_time(store: Store) -> None:
    """On 1 November, October's complaints had a day; September's are judged by what was done on 2 October."""
    quick, slow = {"status": "closed", "resolved_at": 0}, {"status": "closed", "resolved_at": 0}
    last = datetime(2026, 9, 30, 10, tzinfo=SHANGHAI)
    quick["resolved_at"] = milliseconds(last + timedelta(days=1))
    slow["resolved_at"] = milliseconds(last + timedelta(days=20))
    fill(store, [row("quick", last, **quick), row("slow", last, **slow), row("new", last + timedelta(days=30))])
    f = month_figures(store, "2026-10", datetime(2026, 11, 2, tzinfo=SHANGHAI))
    done = next(one for one in f["effects"] if one["key"] == "completed")
    assert part(done["before"]) == (1, 2)
    assert part(month_figures(store, "2026-09", LATER)["handling"]["completed"]) == (2, 2)


def test_the_early_warning_is_accounted_for(october: Store) -> None:
    opened = milliseconds(DAY_ONE + timedelta(days=2))
    add_incident(
        october, "g1", "group", ["k00", "k01", "k02"], terms=["快递"], acknowledged_at=opened + 4 * HOUR, verdict="属实"
    )
    add_incident(october, "g2", "group", ["k20"], terms=["客服"], verdict="误报")
    add_incident(october, "x1", "exposure", ["k05"], terms=["抖音"])
    add_incident(
        october,
        "old",
        "group",
        ["s00"],
        terms=["旧"],
        opened_at=opened - 40 * 24 * HOUR,
        last_at=opened - 39 * 24 * HOUR,
    )
    f = month_figures(october, "2026-10", LATER)
    w = f["warning"]
    assert [one["id"] for one in f["types"]["groups"]] == ["g1", "g2"] and [
        o["id"] for o in f["types"]["exposures"]
    ] == ["x1"]
    assert (w["alerts"], w["opened"], w["by_kind"]["group"]) == (4, 3, 2)
    assert part(w["acknowledged"]) == (1, 3) and w["acknowledged_hours"]["median"] == 4
    assert [(v["name"], *part(v)) for v in w["verdicts"]] == [("属实", 1, 2), ("误报", 1, 2), ("已知", 0, 2)]
    assert (w["lead_hours"]["median"], w["customers_first"], w["customers_last"]) == (30, 9, 27)


def test_no_measure_and_no_pain_point_without_its_complaints(october: Store) -> None:
    f = month_figures(october, "2026-10", LATER)
    known = {one["id"] for one in thirty()}
    sentences = [*f["measures"]["do"], *f["measures"]["watch"], *f["types"]["pains"]]
    assert len(sentences) >= 5
    assert all(one["ids"] and set(one["ids"]) <= known for one in sentences)
    pain = f["types"]["pains"][0]
    assert (pain["name"], *part(pain)) == ("响应速度慢", 3, 3)
    assert {example["id"] for example in pain["examples"]} <= {"k03", "k04", "k06"}
    assert any("6 件" in one["text"] and "逾期且未办结" in one["text"] for one in f["measures"]["do"])


def test_a_growing_matter_comes_before_a_larger_steady_one(store: Store) -> None:
    def matter(name: str, customers: int, month: int) -> list[dict[str, Any]]:
        when = datetime(2026, month, 5, 10, tzinfo=SHANGHAI)
        return [
            row(f"{name}{month}-{i}", when, customer=f"{name}{i}", issue=name, category="物流配送")
            for i in range(customers)
        ]

    fill(store, matter("steady", 12, 9) + matter("steady", 12, 10) + matter("new", 5, 10))
    fill(store, [row(f"loud{i}", DAY_ONE, customer="one", issue="loud", category="服务质量") for i in range(50)])
    found = month_figures(store, "2026-10", LATER)["matters"]
    assert [(one["customers"], one["customers_before"], one["growth"]) for one in found] == [(5, 0, 3.0), (12, 12, 1.0)]
