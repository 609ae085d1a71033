"""Acts of exposure in a text: a place with a verb, 曝光 alone, a call to a journalist; each with its stage.

An act is judged in its clause and the one before it: who acts, is it denied, only read or heard, an advertisement,
meant, or done. The phrases stand in `lexicon/exposure.tsv`, which people edit; this file says how they combine.
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache

from model.phrases import join_phrases, read_phrases

__all__ = ["Act", "find_acts", "patterns"]

BREAK = re.compile(r"[，。！？；,!?;\n…~～]|(?:但是|但|可是|不过|而且|并且|然后|所以|因此|于是)")
WINDOW = 60  # characters looked at on each side of an act; without it a text of one clause costs its square
INSIDE = r"[^，。！？；,!?;\n…~～]"
REPORT = re.compile("(?:报道|报导|曝光|爆光|采访|播出|播|刊登|登)(?:出来|过来)?[了过]?")
OFFICIAL = re.compile("(?:公开|公示|公布|发布|挂出)$")  # 网上公示: what offices do, unless the writer means to
OLD_NEWS = re.compile("去年|前年|往年|以前|早年|每年|历年|上次|那次")
AUXILIARY = re.compile(
    r"(?:的人|们|人员|小姐|先生|里|中|上|有|已经?|也|都|就|会|要|想|自己|还|又|再|曾经?|经常|总是?|天天|刚刚?|昨天|今天|前几天|之前|在|可以|能|去|来"
    r"|随便|尽管|帮忙|必须|先|好|的|用|把.{0,8}|拿.{0,6}|跟我|对我|给我|一直|每天|不|直接|主动|偷偷|私自|擅自|到处|好几个?|很多|不少|有些)*"
)


@dataclass(frozen=True, slots=True)
class Act:
    """One act in the normalised text, judged: stage is none | threat | posted."""

    start: int
    end: int
    stage: str
    score: float
    press: bool


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """The expressions built from the phrase file: `act` finds acts; the other kinds are searched around them."""
    kinds = {kind: join_phrases(phrases) for kind, phrases in read_phrases("exposure.tsv").items()}
    post, place, show, press = kinds["post"], kinds["platform"], kinds["show"], kinds["press"]
    to = r"(?:到|在|上|去|至|给|往|进|回|于)?了?"
    act = (
        rf"(?P<post>{post}(?P<done>了|过|的)?{INSIDE}{{0,14}}?{to}(?P<place>{place})(?:{INSIDE}{{0,4}}?(?:曝光|爆光))?)"
        rf"|(?P<go>(?<![晚早网马线])(?:上|去){place}(?={INSIDE}{{0,6}}(?:{show})|热搜)?(?![上里的]?{INSIDE}{{0,3}}{kinds['bought']}))"
        rf"|(?P<there>{place}(?:账号|账户|号|直播)?(?:上面|上|里面|里|那边|网)?(?P<mid>{INSIDE}{{0,16}}?){show})"
        rf"|(?P<call>{kinds['contact']}{INSIDE}{{0,12}}?{press}(?:{INSIDE}{{0,4}}?{kinds['press_act']})?)"
        rf"|(?P<press>{press}{INSIDE}{{0,10}}?{kinds['press_act']})"
        rf"|(?P<reach>{kinds['reach']})|(?P<loud>{kinds['loud']})|(?P<weak>{kinds['weak']})"
    )
    made = {kind: re.compile(phrases) for kind, phrases in kinds.items()}
    made["act"] = re.compile(act)
    made["speaker"] = re.compile(rf"{kinds['other']}")
    made["said"] = re.compile(rf"{INSIDE}{{0,8}}?{kinds['say']}(?:了|过)?[^我]{{0,6}}")
    made["subject"] = re.compile(rf"(?<![把将给对跟让叫向替帮拿用]){kinds['self']}(?![的家爸妈])")
    made["quoted"] = re.compile(rf"{kinds['other']}{INSIDE}{{0,6}}?{kinds['say']}[^我]?$")
    made["denied"] = re.compile(
        rf"{kinds['negation']}(?:再|去|真的?|把.{{0,8}}|在|到|往|直接|随便|乱|给你们|给|用|就|把|也|轻易|主动|向|跟|同意|怎么|如何){{0,3}}"
    )
    return made


def find_acts(view: str) -> list[Act]:
    """Every act of exposure in a normalised text, with its stage; what others did or said stays none."""
    words = patterns()
    breaks = list(BREAK.finditer(view))
    opens, stops = [mark.start() for mark in breaks], [mark.end() for mark in breaks]
    acts = []
    for match in words["act"].finditer(view):
        start, end = match.span()
        at = bisect_right(stops, start)
        clause = stops[at - 1] if at else 0
        before = stops[at - 2] if at > 1 else 0
        later = bisect_left(opens, end)
        close = opens[later] if later < len(opens) else len(view)
        last = opens[later + 1] if later + 1 < len(opens) else len(view)
        press = match["call"] is not None or match["press"] is not None
        around = Around(
            view[max(before, clause - WINDOW) : clause],
            view[max(clause, start - WINDOW) : start],
            match,
            view[end : min(close, end + WINDOW)],
            view[close : min(last, close + WINDOW)],
        )
        stage, score = judge_act(around, words)
        acts.append(Act(start, end, stage, score, press and stage != "none"))
    return acts


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around an act: the clause before, its own clause in front and behind, the clause after."""

    previous: str
    front: str
    act: re.Match[str]
    behind: str
    following: str


def judge_act(around: Around, words: dict[str, re.Pattern[str]]) -> tuple[str, float]:
    """The stage of one act and how sure: who acts, denied, heard, advertised, failing, done, or meant."""
    front, act, behind = around.front, around.act[0], around.behind
    own = front + act + behind
    press = around.act["call"] is not None or around.act["press"] is not None
    if around.act["loud"] and act in ("曝光", "爆光") and words["camera"].search(own):
        return "none", 0.0
    if front.endswith("被") and "曝" not in act and around.act["place"]:
        return "none", 0.0  # a leak done to the writer
    if words["campaign"].search(own) or words["failing"].search(act + behind) or words["glad"].search(own):
        return "none", 0.0
    if around.act["reach"]:
        return ("none", 0.0) if words["hearsay"].search(front) else ("posted", 0.85)
    mid = around.act["mid"] or ""
    if words["bought"].search(mid) or (around.act["post"] and words["bought"].match(behind)):
        return "none", 0.0
    if is_others(around, words, mid):
        return "none", 0.0
    wished = words["unnegate"].search(front) is not None
    denied = list(words["denied"].finditer(front + mid))
    if denied and not wished and denied[-1].end() >= len(front + mid) - 1:
        turned = re.match(r"[，,。]?(?:但|可|不过|是你们逼|是被你们逼)", around.following.lstrip("，,。")) is not None
        if not (turned and words["condition"].search(around.following + behind)):
            return "none", 0.0
    conditional = words["condition"].search(front) is not None or words["condition"].search(around.previous) is not None
    future = words["future"].search(front + mid)
    done = last_of(words["done"], front + mid)
    settled = done is not None and not words["intend"].search((front + mid)[done.end() :])
    if press:
        return judge_press(around, words, conditional, future is not None)
    if settled:
        return "posted", 0.85
    if is_finished(around) and not conditional and not future:
        return "posted", 0.8
    if around.act["done"] == "的" and words["self"].search(front) and not (conditional or future):
        return "posted", 0.75
    meant = conditional or (future is not None and words["self"].search(around.previous + front) is not None)
    if around.act["weak"] and not (conditional or future):
        return "none", 0.0
    if OFFICIAL.search(act) and not meant:
        return "none", 0.0
    if around.act["place"] == "朋友圈" and not (conditional or future or "曝" in own):
        return "none", 0.0
    if behind.startswith("的") and not (conditional or "曝" in act):
        return "none", 0.0
    return "threat", 0.5 + 0.1 * conditional + 0.05 * (future is not None)


def judge_press(
    around: Around, words: dict[str, re.Pattern[str]], conditional: bool, future: bool
) -> tuple[str, float]:
    """The stage of a call to a journalist: reported is public; called, or about to be, is a threat; news is none."""
    act = around.front + around.act[0]
    report = REPORT.search(around.act[0] + around.behind[:3])
    if report is None:
        return "threat", 0.5 + 0.1 * conditional + 0.05 * future
    if OLD_NEWS.search(act) or re.match("[说称的]|指出", around.behind):
        return "none", 0.0
    finished = report[0][-1] in "了过" or words["done"].search(act) is not None
    if finished and not conditional and not future:
        return "posted", 0.8
    if around.act["press"] and not conditional and not future:
        return "none", 0.0  # 报纸刊登的…: what journalists do anyway
    return "threat", 0.5 + 0.1 * conditional + 0.05 * future


def last_of(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The last match of a pattern, or None."""
    found = None
    for match in pattern.finditer(text):
        found = match
    return found


def is_finished(around: Around) -> bool:
    """Whether the verb itself says it is done: 发了, 挂到网上了, 曝光过."""
    act, behind = around.act[0], around.behind
    if around.act["done"] in ("了", "过"):
        return True
    if re.match("(?:之后|以后|后)(?!悔)", behind):
        return True
    after = re.match(r"(?:超话|上面|上|里|去|出去|出来|完|好){0,2}[了过](?!吧|解)", behind)
    return after is not None or re.search("(?:[发写传晒挂布开光贴放做作]|[在到])[了过]", act) is not None


def is_others(around: Around, words: dict[str, re.Pattern[str]], mid: str) -> bool:
    """Whether somebody else acts or speaks, or the writer only read or heard of it."""
    front = around.front + mid
    if words["hearsay"].search(front):
        return True
    speaker = last_of(words["speaker"], front)
    if speaker is None:
        return words["quoted"].search(around.previous) is not None and not words["self"].search(front)
    rest = front[speaker.end() :]
    if re.search("(?:把|将|给|替|对|跟|和|向|找|让|逼|被|帮)$", front[: speaker.start()]) or "逼" in rest:
        return False
    if re.search("我(?:跟|和|对|给|已经?告诉|告诉|警告|通知|明确)?$", front[: speaker.start()]):
        return False
    if speaker[0] in ("他", "她") and words["condition"].search(around.previous + front):
        return False  # 若还要奶奶跑一趟，她会发到网上: the family speaks
    own = words["subject"].search(rest)
    said = words["said"].fullmatch(rest)
    if said is not None:
        return True
    return own is None and AUXILIARY.fullmatch(rest) is not None
