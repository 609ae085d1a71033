"""The card of a model: its figures as JSON and as a quiet page of its own, Chinese, without a script or a link."""

from collections.abc import Mapping, Sequence
from html import escape
from json import dumps
from typing import Any

from model.labels import load_labels
from training.findings import data_section
from training.plots import SHOWN, confusion_map, reliability_plot, risk_plot

__all__ = ["card_files", "figures_page"]

_DOUBTS = {"low_confidence": "把握不足", "close_second": "两类接近", "out_of_scope": "不像投诉", "too_short": "太短"}
_STYLE = """
:root{color-scheme:light}
body{margin:0 auto;max-width:1080px;padding:40px 24px;background:#f8fafc;color:#1e293b;
font:15px/1.7 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
h1{font-size:24px;margin:0}h2{font-size:18px;margin:0 0 12px}h3{font-size:15px;margin:20px 0 4px}
p.note{color:#64748b;margin:4px 0 24px}p.fine{color:#64748b;font-size:13px;margin:6px 0 0}
section{background:#fff;border:1px solid #e2e8f0;border-radius:12px;padding:24px;margin:20px 0}
dl{display:flex;flex-wrap:wrap;gap:12px 32px;margin:0 0 16px}dt{color:#64748b;font-size:13px}
dd{margin:0;font-size:20px;font-weight:600;font-variant-numeric:tabular-nums}
div.row{display:flex;flex-wrap:wrap;gap:8px 36px;align-items:flex-start}
figure{margin:8px 0}figcaption{color:#64748b;font-size:13px;max-width:320px}
svg{max-width:100%;height:auto}div.wide{overflow-x:auto}table{border-collapse:collapse;margin:8px 0}
th,td{padding:4px 14px;text-align:right;border-bottom:1px solid #e2e8f0;font-variant-numeric:tabular-nums;
white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{color:#64748b;font-weight:500;font-size:13px}
tr.total td{border-top:2px solid #cbd5e1;border-bottom:0;font-weight:600}td small{color:#64748b;font-weight:400}
"""


def card_files(card: Mapping[str, Any]) -> dict[str, bytes]:
    """`card.json` and `card.html` of the figures of `training.fit.train`.

    >>> sorted(card_files({"rows": 3, "folded": 0, "held_out": 1, "by": "hash", "heads": {}}))
    ['card.html', 'card.json']
    """
    how = "时间最晚的" if card["by"] == "time" else "按内容哈希取出的"
    seen = "测量时模型没有见过它们；随后用全部数据重新训练。"
    if not card.get("refitted", True):
        seen = "模型没有见过它们：数据很多，没有再用它们重新训练。"
    note = f"共 {card['rows']} 条投诉（另合并重复 {card['folded']} 条）。"
    if card["heads"]:
        note += f"以下数字在{how} {card['held_out']} 条上测得，{seen}"
    else:
        note += "带标签的投诉太少，什么都没有测量。"
    note += "".join(map(_guessed, card.get("guessed", ())))
    return {
        "card.json": dumps(card, ensure_ascii=False, indent=1).encode(),
        "card.html": figures_page("模型卡", note, card["heads"], card.get("honesty"), card.get("data")).encode(),
    }


def figures_page(
    title: str,
    note: str,
    heads: Mapping[str, Mapping[str, Any]],
    honesty: Mapping[str, Any] | None = None,
    data: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """A page of figures by head, as `measure` returns them, of `measure_honesty` and `findings_summary` where taken."""
    titles = {name: head.title for name, head in load_labels().items()}
    body = "".join(_section(titles.get(name, name), figures) for name, figures in heads.items())
    if honesty:
        body += _honesty(honesty, titles)
    body += data_section(data) if data is not None else ""
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{escape(title)}</h1><p class="note">{escape(note)}</p>{body}</body></html>'
    )


def _guessed(head: Mapping[str, Any]) -> str:
    """What is said of a head that has learnt guesses (`learnt_from`)."""
    count = head["labelled"]
    said = f"“{head['title']}”{f'只有 {count} 条' if count else '没有一条'}带标签，"
    said += f"模型还学了 {head['guessed']} 条由系统猜出标签的投诉和 {head['phrases']} 个标签用语；"
    if head["enough"]:
        return said + "猜测不算证据：准确率、置信度和阈值只按带标签的投诉得出。"
    return said + "置信度只是估计，任何判定都不自动受理，须由人确认；标注 50 条以上后请重新训练。"


def _section(title: str, figures: Mapping[str, Any]) -> str:
    cover, accepted = figures["coverage"]["0.95"], figures["accepted"]
    facts = [
        ("条数", f"{figures['n']}"),
        ("准确率", f"{figures['accuracy']:.1%}"),
        ("宏平均 F1", f"{figures['macro_f1']:.3f}"),
        ("校准误差（理想下限）", f"{figures['ece']:.3f}（{figures['ece_floor']:.3f}）"),
        ("95% 准确时最多可受理", f"{cover:.1%}"),
        ("按阈值自动受理 / 其中正确", f"{accepted['share']:.1%} / {_share(accepted['precision'])}"),
    ]
    if "rank_agreement" in figures:
        facts.append(
            (
                "顺序一致（Kendall τ-b）/ 平均相差级数",
                f"{figures['rank_agreement']:.2f} / {figures['rank_distance']:.2f}",
            )
        )
    if "leans_on" in figures:
        facts.append(("同一个词按什么分别计分", escape(figures["leans_on"])))
    working = None if accepted["precision"] is None else (accepted["share"], 1 - accepted["precision"])
    drawn = [
        (reliability_plot(figures["reliability"]), "可靠性：点越靠近对角线，置信度越可信；竖线是 95% 区间"),
        (risk_plot(figures["risk"], working), "风险与覆盖：自动受理得越多，出错越多；圆圈是现在的阈值"),
    ]
    map_ = ""
    if figures["confusion"] is not None:
        most = f"；最易混淆的 {SHOWN} 类" if len(figures["labels"]) > SHOWN else ""
        map_ = _figure(confusion_map(figures["labels"], figures["confusion"]), f"混淆：行为真实，列为判定{most}")
    plots = "".join(_figure(svg, caption) for svg, caption in drawn)
    return (
        f'<section><h2>{escape(title)}</h2>{_facts(facts)}<div class="row">{plots}</div>{_load(figures)}'
        f'<h3>各标签</h3><div class="row"><div class="wide">{_table(figures)}</div>{map_}</div></section>'
    )


def _load(figures: Mapping[str, Any]) -> str:
    """What the thresholds cost: a line a label and one for all; how many a day only where that is known."""
    load = figures["load"]
    daily = load["per_day"] is not None
    lines = [_load_line(label, one, daily) for label, one in load["classes"].items()]
    lines.append(_load_line("合计", load["total"], daily, "total"))
    head = "".join(f"<th>{name}</th>" for name in ("判为", "条数", "自动受理", "其中正确", *["每天转人工"] * daily))
    fine = "区间是一个月内实际值有 95% 可能落在的范围" if daily else "区间是真实值有 95% 可能落在的范围"
    fine += f"；按每天 {load['per_day']:.0f} 件投诉估计。" if daily else "；数据里没有时间，每天的件数未知。"
    doubts = [f"{words} {figures['reasons'][why]}" for why, words in _DOUBTS.items() if figures["reasons"][why]]
    fine += f"转人工的原因：{'，'.join(doubts)}（条）。" if doubts else ""
    table = f'<div class="wide"><table><tr>{head}</tr>{"".join(lines)}</table></div>'
    return f"<h3>自动受理与转人工</h3>{table}{_fine(fine)}"


def _load_line(label: str, one: Mapping[str, Any], daily: bool, kind: str = "") -> str:
    right = "—" if one["precision"] is None else f"{one['precision']:.1%} <small>{_range(one['interval'])}</small>"
    cells = [escape(label), str(one["said"]), f"{one['share']:.0%}" if one["said"] else "—", right]
    if daily:
        low, high = one["reviews_interval"]
        cells.append(f"{one['reviews']:.1f} <small>{low:.1f}–{high:.1f}</small>")
    return f'<tr class="{kind}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _honesty(said: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """What the bundle refuses, whether its evidence carries its verdicts, what noise costs."""
    away = said["off_topic"]
    facts = [("投诉被误拒（超出范围、太短）", f"{said['refused']:.1%}")]
    fine = "样本太少，还没有学习范围：什么都不会因超出范围被拒。"
    if away is not None:
        facts.append(("无关文字被拒", f"{away['refused']:.1%}"))
        fine = f"无关文字：{away['passages']} 段新闻、诗、代码、闲聊等，判断每一段的模型没有见过它那一类。"
    lines = ""
    for head, noise in said["noise"].items():
        shown, taken = said["explanations"][head], None if away is None else away["accepted"][head]
        cells = (_share(taken), f"{shown['lowered']:.1%}", f"{noise['macro_f1']:.3f} → {noise['noisy']:.3f}")
        lines += f"<tr><td>{escape(titles.get(head, head))}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    names = ("", "无关文字仍被受理", "删去三处依据后置信度下降", "5% 字符有噪声时的宏平均 F1")
    head = "".join(f"<th>{name}</th>" for name in names)
    table = f'<div class="wide"><table><tr>{head}</tr>{lines}</table></div>'
    return f"<section><h2>诚实</h2>{_facts(facts)}{table}{_fine(fine)}</section>"


def _table(figures: Mapping[str, Any]) -> str:
    rows: Sequence[tuple[str, Mapping[str, Any]]] = list(figures["per_class"].items())
    lines = "".join(
        f"<tr><td>{escape(label)}</td><td>{one['n']}</td><td>{one['precision']:.1%}</td>"
        f"<td>{one['recall']:.1%}</td><td>{one['f1']:.3f}</td></tr>"
        for label, one in rows
    )
    return f"<table><tr><th>标签</th><th>条数</th><th>精确率</th><th>召回率</th><th>F1</th></tr>{lines}</table>"


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<div><dt>{escape(name)}</dt><dd>{value}</dd></div>' for name, value in facts)}</dl>"


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def _fine(words: str) -> str:
    return f'<p class="fine">{escape(words)}</p>'


def _share(share: float | None) -> str:
    return "—" if share is None else f"{share:.1%}"


def _range(ends: Sequence[float]) -> str:
    return f"{ends[0]:.1%}–{ends[1]:.1%}"
