"""Drawings of the report as inline SVG: no script, no file beside the page, sharp on paper."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup, escape

__all__ = ["bar", "daily_curve"]

WIDTH, HEIGHT = 760, 210
LEFT, RIGHT, TOP, BOTTOM = 38, 6, 14, 40


def daily_curve(days: Sequence[Mapping[str, Any]], base: str = "") -> Markup:
    """Complaints a day as columns (days of rest paler), the period before as a line; `days` as in the figures.

    A column links to its day's complaints. The scale begins at 0 and ends at a round number.

    >>> one = {"date": "2026-10-01", "day": 1, "weekday": "四", "rest": False, "n": 3, "before": 2, "link": None}
    >>> str(daily_curve([one])).count("<rect")
    1
    """
    most = max([day["n"] for day in days] + [day["before"] or 0 for day in days], default=0)
    step = tick(most)
    top = max(step, ceil(most / step) * step)
    width = (WIDTH - LEFT - RIGHT) / max(len(days), 1)
    tall = HEIGHT - TOP - BOTTOM

    def level(n: float) -> float:
        return round(TOP + tall * (1 - n / top), 1)

    parts = []
    for value in range(0, top + 1, step):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level(value)}" y2="{level(value)}"/>')
        parts.append(f'<text class="scale" x="{LEFT - 6}" y="{level(value) + 4}">{value:,}</text>')
    highest = max((day["n"] for day in days), default=0)
    for number, day in enumerate(days):
        x = LEFT + number * width
        name = f"{day['date']}（周{day['weekday']}）{day['n']} 件"
        column = (
            f'<rect class="{"rest" if day["rest"] else "work"}" x="{x + width * 0.16:.1f}" y="{level(day["n"])}" '
            f'width="{width * 0.68:.1f}" height="{round(TOP + tall - level(day["n"]), 1)}"><title>{name}</title></rect>'
        )
        link = day["link"] and base + day["link"]
        parts.append(f'<a href="{escape(link)}">{column}</a>' if link else column)
        middle = x + width / 2
        if highest and day["n"] == highest:
            parts.append(f'<text class="peak" x="{middle:.1f}" y="{level(highest) - 4}">{highest:,}</text>')
        tone = " rest" if day["rest"] else ""
        parts.append(f'<text class="day{tone}" x="{middle:.1f}" y="{HEIGHT - BOTTOM + 15}">{day["day"]}</text>')
        parts.append(f'<text class="day{tone}" x="{middle:.1f}" y="{HEIGHT - BOTTOM + 30}">{day["weekday"]}</text>')
    line = [
        f"{LEFT + (number + 0.5) * width:.1f},{level(day['before'])}"
        for number, day in enumerate(days)
        if day["before"] is not None
    ]
    if any(day["before"] for day in days):
        parts.append(f'<polyline class="before" points="{" ".join(line)}"/>')
    total = sum(day["n"] for day in days)
    label = f"每日投诉件数，共 {len(days)} 天 {total} 件"
    return Markup(
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def tick(most: int) -> int:
    """A round step (1, 2 or 5 times a power of ten) that makes three to six lines up to `most`.

    >>> tick(47), tick(6), tick(0)
    (10, 2, 1)
    """
    if most <= 3:
        return 1
    power = 10 ** floor(log10(most / 4))
    return int(next(m * power for m in (1, 2, 5, 10) if most / (m * power) <= 5))


def bar(portion: float | None, of: float | None = 1) -> Markup:
    """A share as a thin bar, whole at `of`; nothing where there is no share.

    >>> 'width="50.0"' in bar(0.5)
    True
    """
    if portion is None or not of:
        return Markup("")
    long = min(100.0, 100 * portion / of)
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="work" width="{long:.1f}" height="8"/></svg>'
    )
