"""The report's sentences, made from its figures by rules: each true by construction, each with its complaints."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.report.cases import ENOUGH
from serving.report.format import decimal, moved, number, points, portion, signed
from serving.report.period import complaints_link

__all__ = ["measures", "summary", "trends"]

Figures = Mapping[str, Any]
Sentence = dict[str, Any]  # text, and the complaints behind it: n, ids, link
SHOWN = 5
KIND_NAMES = {"group": "群体投诉", "repeat": "重复投诉", "exposure": "社交媒体曝光", "volume": "数量异常"}


def summary(figures: Figures) -> list[Sentence]:
    """What happened, in three or four sentences for somebody who reads nothing else."""
    if figures["period"]["day"] == 0:
        return [said(f"{figures['period']['name']}还没有开始。")]
    if figures["empty"]:
        return [said(f"{figures['period']['name']}没有投诉记录，没有可报告的数字。")]
    total = figures["overview"]["total"]
    if not total["n"]:
        return [
            said(f"{figures['period']['name']}没有投诉，收到表扬 {number(figures['overview']['praise']['n'])} 件。")
        ]
    return [happened(figures), about(figures), handled(figures), *watched(figures)]


def said(text: str, figure: Mapping[str, Any] | None = None) -> Sentence:
    """A sentence with the complaints of the figure it speaks of."""
    figure = figure or {}
    return {"text": text, "n": figure.get("n"), "ids": figure.get("ids", []), "link": figure.get("link")}


def happened(figures: Figures) -> Sentence:
    view = figures["overview"]
    n, old = view["total"]["n"], view["before"]
    cut = f"截至 {figures['period']['cut']}，" if figures["period"]["partial"] else ""
    text = f"{cut}本月共收到投诉 {number(n)} 件"
    if old["n"]:
        moves = "持平" if n == old["n"] else f"{'增加' if n > old['n'] else '减少'} {number(abs(n - old['n']))} 件"
        by = f"（{signed(old['change'])}）" if old["n"] >= ENOUGH and n != old["n"] else ""
        text += f"，比 {figures['previous']['span']}的 {number(old['n'])} 件{moves}{by}"
    else:
        text += f"；{figures['previous']['span']}没有记录，不作环比"
    apart = [f"{word} {number(k)} 件" for word, k in (("表扬", view["praise"]["n"]), ("重复到达", view["folded"])) if k]
    return said(text + (f"。另有{'、'.join(apart)}，不计在内。" if apart else "。"), view["total"])


def about(figures: Figures) -> Sentence:
    rows = [row for row in figures["types"]["categories"] if row["name"] != "未注明" and row["n"]]
    if not rows:
        return said("投诉尚未分类，类型分布待模型上线后补出。")
    most = rows[0]
    text = f"{most['name']}最多，{number(most['n'])} 件，占 {portion(most)}"
    rising = risen(figures)
    if rising and rising[0] is most:
        text += f"，也增加最多（{figures['previous']['short']} {number(most['before'])} 件）"
    elif rising:
        row = rising[0]
        text += f"；增加最多的是{row['name']}，由 {number(row['before'])} 件到 {number(row['n'])} 件"
    elif figures["overview"]["before"]["n"]:
        text += "；没有哪一类的增加超出偶然波动"
    return said(text + "。", most)


def risen(figures: Figures) -> list[Mapping[str, Any]]:
    """The types that grew beyond chance, the largest growth first."""
    rows = [row for row in figures["types"]["categories"] if row["sure"] and row["n"] > row["before"]]
    return sorted(rows, key=lambda row: row["before"] - row["n"])


def handled(figures: Figures) -> Sentence:
    view = figures["handling"]
    done, late, rated = view["completed"], view["overdue"], view["satisfaction"]
    text = f"已办结 {number(done['n'])} 件，处理完成率 {portion(done)}"
    if late["of"]:
        still = view["overdue_open"]["n"]
        text += f"；逾期 {number(late['n'])} 件" + (f"，其中 {number(still)} 件仍未办结" if still else "")
    if rated["n"]:
        text += f"；{number(rated['n'])} 位客户评分，满意度 {decimal(rated['mean'], 2)} 分"
    return said(text + "。", done)


def watched(figures: Figures) -> list[Sentence]:
    """The incidents of the month, the largest by name."""
    groups, exposed = figures["types"]["groups"], figures["types"]["exposures"]
    if not groups and not exposed:
        return []
    parts = [f"{KIND_NAMES[k]} {len(v)} 起" for k, v in (("group", groups), ("exposure", exposed)) if v]
    worst = max([*groups, *exposed], key=lambda one: one["customers"])
    which = "：" if len(groups) + len(exposed) == 1 else "，最大的一起是"
    since = "" if worst["new"] else "（上月开始）"
    text = f"预警发现{'、'.join(parts)}{which}「{worst['title']}」{since}，涉及 {number(worst['customers'])} 位客户。"
    return [said(text, worst["here"] | {"link": worst["link"]})]


def measures(figures: Figures) -> dict[str, list[Sentence]]:
    """Chapter five: what to do, and what to watch. A sentence without complaints behind it is not written."""
    todo = [*take_on(figures), *clear(figures), *pass_on(figures), *soothe(figures)]
    watch = [*still_open(figures), *exposed(figures), *growing(figures)]
    return {name: [s for s in found if s["ids"]] for name, found in (("do", todo), ("watch", watch))}


def take_on(figures: Figures) -> list[Sentence]:
    """The first matters in one sentence: the table has their numbers."""
    first = figures["matters"][:3]
    if not first:
        return []
    led = "，".join(f"「{one['title']}」由{one['department']}" for one in first)
    ids = [identity for one in first for identity in one["evidence"]["ids"]]
    n, left = (sum(one[key] for one in first) for key in ("complaints", "open"))
    text = f"先查明原因：{led}牵头；共 {number(n)} 件" + (f"，{number(left)} 件未办结。" if left else "，已全部办结。")
    return [said(text, {"n": n, "ids": ids, "link": complaints_link(None, ids)})]


def clear(figures: Figures) -> list[Sentence]:
    view = figures["handling"]
    still = view["overdue_open"]
    where = view["overdue_by_category"]
    most = f"；本月逾期以{where[0]['name']}最多，{number(where[0]['n'])} 件" if where else ""
    out = [said(f"限期清理逾期且未办结的 {number(still['n'])} 件{most}。", still)] if still["n"] else []
    if view["not_told"]["n"]:
        out.append(said(f"补告知处理结果：{number(view['not_told']['n'])} 件已办结但客户未被告知。", view["not_told"]))
    return out


def pass_on(figures: Figures) -> list[Sentence]:
    rows = [(row["name"], row["handed_over"]) for row in figures["departments"]["rows"] if row["name"] != "未定"]
    known = [(name, part) for name, part in rows if part["of"] >= ENOUGH and part["n"]]
    if not known:
        return []
    name, part = max(known, key=lambda pair: pair[1]["share"])
    rate = f"{number(part['of'])} 件中 {number(part['n'])} 件改派过（{portion(part)}）"
    return [said(f"核对派到{name}的规则：{rate}，各部门中最高。", part)]


def soothe(figures: Figures) -> list[Sentence]:
    out = []
    for pain in figures["types"]["pains"][:1]:
        most = f"{pain['department']}最多，{number(pain['department_n'])} 件"
        text = f"改善「{pain['name']}」（{number(pain['n'])} 件），从{pain['department']}做起：{most}。"
        out.append(said(text, pain))
    low = figures["handling"]["low_rated"]
    if low["n"]:
        out.append(said(f"回访评 1–2 分的 {number(low['n'])} 件。", low))
    return out


def still_open(figures: Figures) -> list[Sentence]:
    found = [one for one in (*figures["types"]["groups"], *figures["types"]["exposures"]) if one["open"]]
    return [
        said(
            f"「{one['title']}」尚未平息：{number(one['customers'])} 位客户"
            + ("" if one["acknowledged"] else "，预警还没有人确认")
            + "。",
            one["here"],
        )
        for one in found[:SHOWN]
    ]


def exposed(figures: Figures) -> list[Sentence]:
    found = figures["types"]["exposed_open"]
    text = f"{number(found['n'])} 件扬言曝光或已经上网的投诉还没有办结，宜先联系客户。"
    return [said(text, found)] if found["n"] else []


def growing(figures: Figures) -> list[Sentence]:
    return [
        said(
            f"{row['name']}由 {number(row['before'])} 件增至 {number(row['n'])} 件（{moved(row)}），超出偶然波动。", row
        )
        for row in risen(figures)[:3]
    ]


def trends(figures: Figures) -> dict[str, list[Sentence]]:
    """Chapter six: what got better and what worse, beyond chance."""
    return {
        "better": told(figures["effects"], "变好"),
        "worse": told(figures["effects"], "变差"),
    }


def told(rows: Sequence[Mapping[str, Any]], verdict: str) -> list[Sentence]:
    out = []
    for row in rows:
        if row["verdict"] == verdict:
            by = points(row["change"]) if row["kind"] == "rate" else signed(row["change"])
            before, now = written(row["kind"], row["before"]), written(row["kind"], row["now"])
            gap = "" if row["name"].endswith("）") else " "
            out.append(said(f"{row['name']}{gap}{before} → {now}（{by}）", row["now"]))
    return out


def written(kind: str, figure: Mapping[str, Any]) -> str:
    """A key figure as it is written beside its name."""
    if kind == "total":
        return number(figure["n"])
    return portion(figure) if kind == "rate" else decimal(figure["mean"], 2)
