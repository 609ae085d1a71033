"""Three quiet drawings as inline SVG: the confusion of labels, reliability, and risk against coverage."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["confusion_map", "reliability_plot", "risk_plot"]

_INK, _LINE, _MAIN, _SOFT = "#334155", "#cbd5e1", "#2563eb", "#94a3b8"
_SIDE = 260
_LEFT, _TOP = 44, 14


def confusion_map(labels: Sequence[str], table: Sequence[Sequence[int]]) -> str:
    """Rows are true labels, columns what was said; the shade is the share of the row.

    >>> confusion_map(["物流", "服务"], [[8, 2], [0, 5]]).count("<rect")
    4
    """
    cell = 34 if len(labels) <= 12 else 22
    left, top = 92, 84
    parts = []
    for row, counts in enumerate(table):
        total = max(sum(counts), 1)
        y = top + row * cell
        parts.append(_text(left - 8, y + cell / 2 + 4, labels[row], "end"))
        for column, count in enumerate(counts):
            x, share = left + column * cell, count / total
            colour = _MAIN if row == column else "#dc2626"
            title = f"真实 {labels[row]}，判为 {labels[column]}：{count}"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" rx="3" fill="{colour}" '
                f'fill-opacity="{0.04 + 0.9 * share:.2f}"><title>{escape(title)}</title></rect>'
            )
            if count:
                ink = "#fff" if share > 0.55 else _INK
                parts.append(_text(x + cell / 2 - 1, y + cell / 2 + 4, str(count), "middle", ink))
    for column, label in enumerate(labels):
        middle = left + column * cell + cell / 2
        parts.append(f'<g transform="translate({middle:.0f} {top - 8}) rotate(-40)">{_text(0, 0, label, "start")}</g>')
    size = len(labels) * cell
    return _svg(left + size + 60, top + size + 10, "混淆矩阵：行为真实标签，列为判定标签", parts)


def reliability_plot(bins: Sequence[Mapping[str, Any]]) -> str:
    """The share that was right against the stated confidence; the area of a dot is its number of complaints.

    >>> "<circle" in reliability_plot([{"n": 5, "confidence": 0.9, "right": 0.8}])
    True
    """
    parts = [*_frame("置信度", "实际正确率"), _path([(0.0, 0.0), (1.0, 1.0)], _SOFT, "4 4")]
    most = max((one["n"] for one in bins), default=1)
    parts.append(_path([(one["confidence"], one["right"]) for one in bins], _MAIN))
    for one in bins:
        x, y = _place(one["confidence"], one["right"])
        title = f"{one['n']} 条，置信度 {one['confidence']:.2f}，正确率 {one['right']:.2f}"
        radius = 2.5 + 6 * (one["n"] / most) ** 0.5
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{_MAIN}" fill-opacity=".55">'
            f"<title>{title}</title></circle>"
        )
    return _svg(_LEFT + _SIDE + 16, _TOP + _SIDE + 40, "可靠性曲线：越靠近对角线越可信", parts)


def risk_plot(risk: Sequence[Sequence[float]]) -> str:
    """The share of wrong labels among the accepted against the share accepted, the vertical axis from 0 to its worst.

    >>> risk_plot([(0.5, 0.0), (1.0, 0.1)]).count("<path") > 0
    True
    """
    worst = max([wrong for _, wrong in risk] + [0.05])
    parts = _frame("自动受理比例", "其中出错比例", worst)
    if worst > 0.05:
        parts.append(_path([(0.0, 0.05 / worst), (1.0, 0.05 / worst)], _SOFT, "4 4"))
    parts.append(_path([(share, wrong / worst) for share, wrong in risk], _MAIN))
    return _svg(_LEFT + _SIDE + 16, _TOP + _SIDE + 40, "风险—覆盖曲线：虚线为出错 5%", parts)


def _place(x: float, y: float) -> tuple[float, float]:
    return _LEFT + x * _SIDE, _TOP + (1 - y) * _SIDE


def _frame(across: str, up: str, top: float = 1.0) -> list[str]:
    parts = []
    for step in range(5):
        share = step / 4
        x, y = _place(share, share)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_LEFT + _SIDE}" stroke="{_LINE}" stroke-width=".6"/>')
        parts.append(_text(_LEFT - 6, y + 4, f"{share * top:.0%}", "end"))
        parts.append(_text(x, _TOP + _SIDE + 16, f"{share:.0%}", "middle"))
    parts.append(_text(_LEFT + _SIDE / 2, _TOP + _SIDE + 34, f"{across}（纵轴：{up}）", "middle"))
    return parts


def _path(points: Sequence[tuple[float, float]], colour: str, dash: str = "") -> str:
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in (_place(*point) for point in points))
    return (
        f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dash}"/>'
        if line
        else ""
    )


def _text(x: float, y: float, words: str, anchor: str, colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" fill="{colour}">{escape(words)}</text>'


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
