"""Three quiet drawings as inline SVG: the confusion of labels, reliability, and risk against coverage."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

__all__ = ["SHOWN", "confusion_map", "reliability_plot", "risk_plot"]

_INK, _LINE, _MAIN, _SOFT, _WARN = "#334155", "#e2e8f0", "#2563eb", "#94a3b8", "#dc2626"
_SIDE = 260
SHOWN = 24  # labels of a confusion map at most: more cannot be read
_LEFT, _TOP = 46, 14
_BOUND = 0.05  # the share of errors that is marked


def confusion_map(labels: Sequence[str], table: Sequence[Sequence[int]]) -> str:
    """Rows are true labels, columns what was said; the shade is the share of the row. Of many labels, the 24 that are
    most often taken for another or another for them.

    >>> confusion_map(["物流", "服务"], [[8, 2], [0, 5]]).count("<rect")
    4
    """
    shown = list(range(len(labels)))
    if len(labels) > SHOWN:
        wrong = [sum(row[at] for row in table) + sum(table[at]) - 2 * table[at][at] for at in shown]
        shown = sorted(sorted(shown, key=lambda at: -wrong[at])[:SHOWN])
    cell = 34 if len(shown) <= 12 else 22
    left, top = 92, 84
    parts = []
    for at, row in enumerate(shown):
        total = max(sum(table[row]), 1)
        y = top + at * cell
        parts.append(_text(left - 8, y + cell / 2 + 4, labels[row], "end"))
        for place, column in enumerate(shown):
            count = table[row][column]
            x, share = left + place * cell, count / total
            colour = _MAIN if row == column else _WARN
            title = f"真实 {labels[row]}，判为 {labels[column]}：{count}"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" rx="3" fill="{colour}" '
                f'fill-opacity="{0.04 + 0.9 * share:.2f}"><title>{escape(title)}</title></rect>'
            )
            if count:
                ink = "#fff" if share > 0.55 else _INK
                parts.append(_text(x + cell / 2 - 1, y + cell / 2 + 4, str(count), "middle", ink))
    for place, column in enumerate(shown):
        name, middle = _text(0, 0, labels[column], "start"), left + place * cell + cell / 2
        parts.append(f'<g transform="translate({middle:.0f} {top - 8}) rotate(-40)">{name}</g>')
    size = len(shown) * cell
    return _svg(left + size + 60, top + size + 10, "混淆矩阵：行为真实标签，列为判定标签", parts)


def reliability_plot(bins: Sequence[Mapping[str, Any]]) -> str:
    """The share that was right against the stated confidence; the area of a dot is its number of complaints.

    The upright line through a dot is where its true share lies in 95 of 100 cases (`interval`, if it has one).

    >>> "<circle" in reliability_plot([{"n": 5, "confidence": 0.9, "right": 0.8, "interval": (0.4, 0.96)}])
    True
    """
    parts = [*_frame("置信度", "实际正确率"), _path([(0.0, 0.0), (1.0, 1.0)], _SOFT, "4 4")]
    most = max((one["n"] for one in bins), default=1)
    for one in bins:
        x, y = _place(one["confidence"], one["right"])
        title = f"{one['n']} 条，置信度 {one['confidence']:.2f}，正确率 {one['right']:.2f}"
        radius = 2.5 + 6 * (one["n"] / most) ** 0.5
        if "interval" in one:
            low, high = (_place(0, end)[1] for end in one["interval"])
            line = f'stroke="{_MAIN}" stroke-opacity=".3" stroke-width="2"'
            parts.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" {line}/>')
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{_MAIN}" fill-opacity=".75">'
            f"<title>{title}</title></circle>"
        )
    return _svg(_LEFT + _SIDE + 16, _TOP + _SIDE + 40, "可靠性曲线：越靠近对角线越可信", parts)


def risk_plot(risk: Sequence[Sequence[float]], working: tuple[float, float] | None = None) -> str:
    """The share of wrong labels among the accepted against the share accepted, the vertical axis from 0 to its worst.

    A dashed line marks 5 % errors, and where the curve crosses it for the last time how much is accepted there;
    `working` (share accepted, share wrong among them) is the point the thresholds stand for.

    >>> drawn = risk_plot([(0.25, 0.0), (0.5, 0.04), (1.0, 0.1)], working=(0.5, 0.04))
    >>> "50% 受理" in drawn, drawn.count("<circle")
    (True, 1)
    """
    worst = max([wrong for _, wrong in risk] + [_BOUND])
    if working is not None:
        worst = max(worst, working[1])
    step = _round_step(worst / 4)
    top = step * ceil(worst / step - 1e-9)
    parts = _frame("自动受理比例", "其中出错比例", [step * at for at in range(round(top / step) + 1)])
    curve = [(share, wrong / top) for share, wrong in risk]
    if curve:
        corner = f"L{_place(curve[-1][0], 0)[0]:.1f} {_TOP + _SIDE}L{_place(curve[0][0], 0)[0]:.1f} {_TOP + _SIDE}Z"
        parts.append(f'<path d="{_line(curve)}{corner}" fill="{_MAIN}" fill-opacity=".08"/>')
    parts.append(_path([(0.0, _BOUND / top), (1.0, _BOUND / top)], _WARN, "4 4"))
    parts.append(_path(curve, _MAIN))
    within = [share for share, wrong in risk if wrong <= _BOUND]
    if within:
        x, y = _place(within[-1], _BOUND / top)
        parts.append(f'<path d="M{x:.1f} {y:.1f}V{_TOP + _SIDE}" stroke="{_WARN}" stroke-dasharray="2 3"/>')
        words = f"出错 {_BOUND:.0%} 时受理 {within[-1]:.0%}"  # where the curve is not: right below it, or left above it
        below = within[-1] < 0.6
        parts.append(
            _text(x + 5, _TOP + _SIDE - 7, words, "start", _WARN) if below else _text(x - 5, y - 6, words, "end", _WARN)
        )
    if working is not None:
        x, y = _place(working[0], working[1] / top)
        title = f"按阈值：{working[0]:.0%} 受理，其中 {working[1]:.1%} 出错"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#fff" stroke="{_MAIN}" stroke-width="2.5">'
            f"<title>{title}</title></circle>"
        )
    return _svg(_LEFT + _SIDE + 16, _TOP + _SIDE + 40, "风险—覆盖曲线：虚线为出错 5%，圆圈为所定阈值", parts)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least`."""
    unit = 10.0 ** floor(log10(least))
    return next(unit * times for times in (1, 2, 2.5, 5, 10) if unit * times >= least * (1 - 1e-9))


def _place(x: float, y: float) -> tuple[float, float]:
    return _LEFT + x * _SIDE, _TOP + (1 - y) * _SIDE


def _frame(across: str, up: str, ticks: Sequence[float] = (0, 0.25, 0.5, 0.75, 1)) -> list[str]:
    parts = []
    for tick in ticks:
        y = _place(0, tick / ticks[-1])[1]
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_LEFT + _SIDE}" stroke="{_LINE}"/>')
        parts.append(_text(_LEFT - 7, y + 4, f"{100 * tick:g}%", "end", _SOFT))
    for step in range(5):
        parts.append(_text(_place(step / 4, 0)[0], _TOP + _SIDE + 16, f"{step / 4:.0%}", "middle", _SOFT))
    parts.append(_text(_LEFT + _SIDE / 2, _TOP + _SIDE + 34, f"{across}（纵轴：{up}）", "middle"))
    return parts


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (_place(*point) for point in points))


def _path(points: Sequence[tuple[float, float]], colour: str, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{_line(points)}" fill="none" stroke="{colour}" stroke-width="1.8"{dashed}/>' if points else ""


def _text(x: float, y: float, words: str, anchor: str, colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" fill="{colour}">{escape(words)}</text>'


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
