"""How complaints were handled: done, late, first response, time taken, satisfaction, solved at once, come again.

Every figure states its denominator. What each means is in `MEANING`, which the report prints.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from math import copysign, inf, sqrt
from typing import Any

from serving.report.cases import ENOUGH, SURE, Case, Month, change, count, difference, evidence, spread
from serving.report.period import Period

__all__ = ["MEANING", "compare", "handling", "key_figures"]

HOUR = 3_600_000
SCORES = (1, 2, 3, 4, 5)

MEANING = {
    "total": "本期发生的投诉；同一投诉经多个渠道到达只计一次，表扬另计",
    "completed": "处理完成率＝已办结 ÷ 全部投诉",
    "overdue": "逾期率＝超过办理期限（已办结的以办结时间、未办结的以统计时刻为准）÷ 有期限的投诉",
    "first_response": "首次响应＝投诉到首次答复的自然小时数，只含已答复的",
    "handling_time": "处理时长＝投诉到办结的自然小时数，只含已办结的",
    "satisfaction": "满意度＝已评分投诉的平均分（1–5 分）",
    "satisfied": "满意率＝评 4 分或 5 分 ÷ 已评分",
    "solved_at_once": "一次解决率＝首次投诉即办结、未改派、客户至今未就同一事再投诉 ÷ 已办结",
    "told": "告知率＝办结后已告知客户结果 ÷ 已办结",
    "repeated": "重复投诉率＝同一客户 90 天内就同一事再次投诉 ÷ 全部投诉",
    "come_again": "复投诉率＝前一次办结之后仍就同一事再投诉 ÷ 全部投诉",
    "angry": "愤怒占比＝情绪为愤怒 ÷ 已判定情绪的投诉",
    "handed_over": "改派率＝至少改派过一次 ÷ 全部投诉",
}
# name → what it is called, its kind, and whether more of it is better (+1), worse (-1)
KEYS = {
    "total": ("投诉总数", "total", -1),
    "completed": ("处理完成率", "rate", 1),
    "overdue": ("逾期率", "rate", -1),
    "first_response": ("首次响应（小时）", "mean", -1),
    "handling_time": ("处理时长（小时）", "mean", -1),
    "satisfaction": ("满意度（分）", "mean", 1),
    "satisfied": ("满意率", "rate", 1),
    "solved_at_once": ("一次解决率", "rate", 1),
    "told": ("告知率", "rate", 1),
    "repeated": ("重复投诉率", "rate", -1),
    "come_again": ("复投诉率", "rate", -1),
    "handed_over": ("改派率", "rate", -1),
    "angry": ("愤怒占比", "rate", -1),
}


def key_figures(month: Month, cases: Sequence[Case] | None = None) -> dict[str, Any]:
    """The figures of KEYS over a month's complaints, or over some of them (a department's)."""
    cases = month.cases if cases is None else cases
    as_of, period = month.period.as_of, month.period
    done = [case for case in cases if case.done]
    limited = [case for case in cases if case.due_at is not None]
    rated = [case for case in cases if case.satisfaction in SCORES]
    felt = [case for case in cases if case.sentiment is not None]

    def part(of: Sequence[Case], fits: Callable[[Case], bool]) -> dict[str, Any]:
        found = [case for case in of if fits(case)]
        return count(found, len(of), period)

    first = hours(cases, "first_response_at", as_of)
    taken = hours(done, "resolved_at", as_of)
    return {
        "total": {"n": len(cases)},
        "completed": part(cases, lambda case: case.done),
        "overdue": part(limited, lambda case: case.overdue),
        "first_response": spread(first) | {"of": len(cases)},
        "handling_time": spread(taken) | {"of": len(done)},
        "satisfaction": spread(case.satisfaction or 0 for case in rated) | {"of": len(cases)},
        "satisfied": part(rated, lambda case: case.satisfaction in SCORES[3:]),
        "solved_at_once": part(
            done, lambda case: case.repeat_of is None and not case.handovers and case.id not in month.again
        ),
        "told": part(done, lambda case: case.told_at is not None and case.told_at <= as_of),
        "repeated": part(cases, lambda case: case.repeat_of is not None),
        "come_again": part(cases, lambda case: case.closed_before is not None),
        "handed_over": part(cases, lambda case: case.handovers > 0),
        "angry": part(felt, lambda case: case.sentiment == "愤怒"),
    }


def hours(cases: Sequence[Case], column: str, as_of: int) -> list[float]:
    """Hours from the complaint to a moment of its handling; those before the complaint are errors and left out."""
    stamps = ((case.time, getattr(case, column)) for case in cases)
    return [(at - start) / HOUR for start, at in stamps if at is not None and start <= at <= as_of]


def handling(month: Month, figures: dict[str, Any]) -> dict[str, Any]:
    """Chapter four: the key figures with what lies behind lateness and satisfaction."""
    period, as_of = month.period, month.period.as_of
    late = [case for case in month.cases if case.overdue]
    still = [case for case in late if not case.done]
    no_answer = [case for case in month.cases if case.first_response_at is None or case.first_response_at > as_of]
    told_not = [case for case in month.cases if case.done and (case.told_at is None or case.told_at > as_of)]
    rated = [case for case in month.cases if case.satisfaction in SCORES]
    limited = Counter(case.category for case in month.cases if case.due_at is not None)
    return {
        **{name: figures[name] for name in KEYS if name not in ("total", "angry", "handed_over")},
        "open": evidence(period, [case for case in month.cases if not case.done]),
        "overdue_open": evidence(period, still),
        "unanswered": evidence(period, no_answer),
        "not_told": evidence(period, told_not),
        "overdue_by_category": split(period, late, "category", limited, "未分类"),
        "overdue_by_reason": split(period, late, "overdue_reason", None, "未填写原因"),
        "ratings": [
            {"score": score} | count([case for case in rated if case.satisfaction == score], len(rated), period)
            for score in reversed(SCORES)
        ],
        "low_rated": evidence(period, [case for case in rated if case.satisfaction in SCORES[:2]]),
    }


def split(
    period: Period, cases: Sequence[Case], column: str, of: Counter[str | None] | None, missing: str
) -> list[dict[str, Any]]:
    """Cases by the values of a column, most first, each with its share of `of` or, without, of all these cases."""
    groups: dict[str | None, list[Case]] = {}
    for case in cases:
        groups.setdefault(getattr(case, column) or None, []).append(case)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), str(item[0])))
    return [
        {"name": missing if name is None else name} | count(found, len(cases) if of is None else of[name], period)
        for name, found in ordered
    ]


def compare(
    now: dict[str, Any], before: dict[str, Any], year_ago: dict[str, Any], *, remembered: bool
) -> list[dict[str, Any]]:
    """Chapter six's table: each key figure beside the two periods', and whether it got better beyond chance.

    Unless `remembered`, the period before knows too few repeats, and what rests on them is not judged.
    """
    rows = []
    for name, (title, kind, good) in KEYS.items():
        a, b, c = now[name], before[name], year_ago[name]
        z = difference(a["n"], b["n"]) if kind == "total" else z_of_rates(a, b) if kind == "rate" else z_of_means(a, b)
        verdict = "样本不足" if z is None else "无明显变化" if abs(z) < SURE else "变好" if z * good > 0 else "变差"
        if not remembered and name in ("repeated", "come_again", "solved_at_once"):
            verdict = "记录不满 90 天"
        value = {"total": "n", "rate": "share", "mean": "mean"}[kind]
        rows.append(
            {
                "key": name,
                "name": title,
                "kind": kind,
                "now": plain(a),
                "before": plain(b),
                "year_ago": plain(c),
                "change": moved_by(kind, a[value], b[value]),
                "year_change": moved_by(kind, a[value], c[value]),
                "verdict": verdict,
            }
        )
    return rows


def plain(figure: dict[str, Any]) -> dict[str, Any]:
    return {key: figure[key] for key in ("n", "of", "share", "mean", "link") if key in figure}


def moved_by(kind: str, a: float | None, b: float | None) -> float | None:
    """Relative for counts and means, in points (0.01 is one) for rates; None where there is nothing to compare."""
    if a is None or b is None:
        return None
    return round(a - b, 4) if kind == "rate" else change(a, b)


def z_of_rates(a: dict[str, Any], b: dict[str, Any]) -> float | None:
    """Two shares, pooled."""
    if min(a["of"], b["of"]) < ENOUGH:
        return None
    pooled = (a["n"] + b["n"]) / (a["of"] + b["of"])
    error = sqrt(pooled * (1 - pooled) * (1 / a["of"] + 1 / b["of"]))
    return float((a["n"] / a["of"] - b["n"] / b["of"]) / error) if error else 0.0


def z_of_means(a: dict[str, Any], b: dict[str, Any]) -> float | None:
    """Two means with unequal variances (Welch)."""
    if min(a["n"], b["n"]) < ENOUGH:
        return None
    error = sqrt(a["mean_variance"] + b["mean_variance"])
    apart = float(a["mean"] - b["mean"])
    return apart / error if error else copysign(inf, apart) if apart else 0.0
