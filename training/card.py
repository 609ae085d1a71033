"""The card of a model: its figures as JSON and as a quiet page of its own, Chinese, without a script or a link."""

from collections.abc import Mapping, Sequence
from html import escape
from json import dumps
from typing import Any

from model.labels import load_labels
from training.plots import confusion_map, reliability_plot, risk_plot

__all__ = ["card_files", "figures_page"]

_STYLE = """
:root{color-scheme:light}
body{margin:0 auto;max-width:1080px;padding:40px 24px;background:#f8fafc;color:#1e293b;
font:15px/1.7 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
h1{font-size:24px;margin:0}h2{font-size:18px;margin:0 0 12px}p.note{color:#64748b;margin:4px 0 24px}
section{background:#fff;border:1px solid #e2e8f0;border-radius:12px;padding:24px;margin:20px 0}
dl{display:flex;flex-wrap:wrap;gap:12px 32px;margin:0 0 16px}dt{color:#64748b;font-size:13px}
dd{margin:0;font-size:20px;font-weight:600;font-variant-numeric:tabular-nums}
figure{display:inline-block;margin:8px 20px 8px 0;vertical-align:top}figcaption{color:#64748b;font-size:13px}
svg{max-width:100%;height:auto}table{border-collapse:collapse;margin:8px 0}
th,td{padding:4px 14px;text-align:right;border-bottom:1px solid #e2e8f0;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}th{color:#64748b;font-weight:500;font-size:13px}
"""


def card_files(card: Mapping[str, Any]) -> dict[str, bytes]:
    """`card.json` and `card.html` of the figures of `training.fit.train`.

    >>> sorted(card_files({"rows": 3, "folded": 0, "held_out": 1, "by": "hash", "heads": {}}))
    ['card.html', 'card.json']
    """
    how = "时间最晚的" if card["by"] == "time" else "按内容哈希取出的"
    note = (
        f"共 {card['rows']} 条投诉（另合并重复 {card['folded']} 条）。以下数字在{how} {card['held_out']} 条上测得，"
        "测量时模型没有见过它们；随后用全部数据重新训练。"
    )
    return {
        "card.json": dumps(card, ensure_ascii=False, indent=1).encode(),
        "card.html": figures_page("模型卡", note, card["heads"]).encode(),
    }


def figures_page(title: str, note: str, heads: Mapping[str, Mapping[str, Any]]) -> str:
    """A page of figures by head, as `training.evaluate.measure` returns them."""
    titles = {name: head.title for name, head in load_labels().items()}
    body = "".join(_section(titles.get(name, name), figures) for name, figures in heads.items())
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{escape(title)}</h1><p class="note">{escape(note)}</p>{body}</body></html>'
    )


def _section(title: str, figures: Mapping[str, Any]) -> str:
    cover, accepted = figures["coverage"]["0.95"], figures["accepted"]
    precision = "—" if accepted["precision"] is None else f"{accepted['precision']:.1%}"
    facts = (
        ("条数", f"{figures['n']}"),
        ("准确率", f"{figures['accuracy']:.1%}"),
        ("宏平均 F1", f"{figures['macro_f1']:.3f}"),
        ("校准误差（理想下限）", f"{figures['ece']:.3f}（{figures['ece_floor']:.3f}）"),
        ("95% 准确时可自动受理", f"{cover:.1%}"),
        ("按阈值自动受理 / 其中正确", f"{accepted['share']:.1%} / {precision}"),
    )
    drawn = [(reliability_plot(figures["reliability"]), "可靠性：点越靠近对角线，置信度越可信")]
    drawn.append((risk_plot(figures["risk"]), "风险—覆盖：自动受理得越多，出错越多"))
    if figures["confusion"] is not None:
        drawn.append((confusion_map(figures["labels"], figures["confusion"]), "混淆：行为真实，列为判定"))
    terms = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in facts)
    plots = "".join(f"<figure>{svg}<figcaption>{caption}</figcaption></figure>" for svg, caption in drawn)
    return f"<section><h2>{escape(title)}</h2><dl>{terms}</dl>{plots}{_table(figures)}</section>"


def _table(figures: Mapping[str, Any]) -> str:
    rows: Sequence[tuple[str, Mapping[str, Any]]] = list(figures["per_class"].items())
    lines = "".join(
        f"<tr><td>{escape(label)}</td><td>{one['n']}</td><td>{one['precision']:.1%}</td>"
        f"<td>{one['recall']:.1%}</td><td>{one['f1']:.3f}</td></tr>"
        for label, one in rows
    )
    return f"<table><tr><th>标签</th><th>条数</th><th>精确率</th><th>召回率</th><th>F1</th></tr>{lines}</table>"
