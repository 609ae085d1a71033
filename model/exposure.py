"""Social exposure: does this complaint stay between us, is it a threat, is it public, does it spread?

Each act (a place with a verb, 曝光 alone, a call to a journalist) is judged in its clause and the one before it: who
acts, is it denied, only read or heard, an advertisement, meant, or done. The phrases stand in `lexicon/exposure.tsv`.
"""

import re
from dataclasses import dataclass
from functools import cache

from model.complaint import Social
from model.hints import Hint, build_hint
from model.phrases import join_phrases, read_phrases
from model.text import normalise_map

__all__ = ["SPREADING_REACH", "Evidence", "Exposure", "judge_exposure", "reach_of"]

SPREADING_REACH = 5_000  # views, or as many as the other counts are worth; a post below it is merely posted
VIEWS_A_REPOST, VIEWS_A_LIKE, FOLLOWERS_A_VIEW = 50, 10, 20
ACTS = ("platform", "press", "loud", "weak", "reach")
MATTERS = ("regulator", "lawsuit", "rally", "safety")
BREAK = re.compile(r"[，。！？；,!?;\n…~～]|(?:但是|但|可是|不过|而且|并且|然后|所以|因此|于是)")
INSIDE = r"[^，。！？；,!?;\n…~～]"
REPORT = re.compile("(?:报道|报导|曝光|爆光|采访|播出|播|刊登|登)(?:出来|过来)?[了过]?")
OLD_NEWS = re.compile("去年|前年|往年|以前|早年|每年|历年|上次|那次")
AUXILIARY = re.compile(
    r"(?:的人|们|人员|小姐|先生|里|中|上|有|已经?|也|都|就|会|要|想|自己|还|又|再|曾经?|经常|总是?|天天|刚刚?|昨天|今天|前几天|之前|在|可以|能|去|来"
    r"|随便|尽管|帮忙|必须|先|好|的|用|把.{0,8}|拿.{0,6}|跟我|对我|给我|一直|每天|不|直接|主动|偷偷|私自|擅自|到处|好几个?|很多|不少|有些)*"
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The characters that say so: `text[start:end]` of the complaint."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """`stage` is none | threat | posted | spreading; `score` rises from 0 to 1 with stage and certainty.

    `intents` are press, regulator, lawsuit, rally, safety, apart from the stage: 打12315 alone is stage none.
    """

    stage: str
    score: float
    intents: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """One act in the normalised text, judged: stage is none | threat | posted."""

    start: int
    end: int
    stage: str
    score: float
    press: bool


def judge_exposure(text: str, channel: str | None = None, social: Social | None = None) -> Exposure:
    """Judge one complaint by its text, the channel it came through, and the reach of a public post.

    A complaint through 社交媒体 or with a `social` is public already: at least posted; spreading needs reach, see
    `reach_of`. Text that claims reach (视频播放十万了) is posted. Offsets count characters of `text`.

    >>> found = judge_exposure("再不退款我就发抖音曝光你们")
    >>> found.stage, [e.text for e in found.evidence]
    ('threat', ['发抖音曝光'])
    >>> judge_exposure("再不退就打12315").stage, judge_exposure("再不退就打12315").intents
    ('none', ('regulator',))
    >>> judge_exposure("牛奶是酸的", "社交媒体", Social("抖音", views=8000)).stage
    'spreading'
    """
    public = channel == "社交媒体" or social is not None
    acts: list[Act] = []
    intents: list[str] = []
    view, where = normalise_map(text)
    may_act, may_matter = (look(view) for look in looks())
    if may_act:
        acts = find_acts(view)
        intents = ["press"] if any(act.press for act in acts) else []
    if may_matter:
        intents += find_matters(view)
    told = [act for act in acts if act.stage != "none"]
    stage, score = "none", 0.0
    if told:
        best = max(told, key=lambda act: act.score)
        stage, score = best.stage, min(best.score + 0.05 * (len(told) - 1), 0.95)
    if public:
        reach = reach_of(social) if social is not None else 0
        stage = "spreading" if reach >= SPREADING_REACH else "posted"
        score = max(score, 0.8 + 0.15 * min(reach / SPREADING_REACH, 1.0) + (0.05 if reach >= SPREADING_REACH else 0.0))
    evidence: list[Evidence] = []
    for act in told:
        start, end = int(where[act.start]), int(where[act.end - 1]) + 1
        if not evidence or start >= evidence[-1].end:
            evidence.append(Evidence(start, end, text[start:end]))
    return Exposure(stage, round(score, 3), tuple(intents), tuple(evidence))


def reach_of(social: Social) -> int:
    """How many people a post has reached, in views: the largest of what its counts are worth.

    A repost is worth 50 views and a like 10; followers count (one in 20 looks) only where views are not known, so a
    post that ten people saw stays small whoever wrote it. 5,000 views, 100 reposts or 500 likes are spreading.

    >>> reach_of(Social("微博", reposts=100)), reach_of(Social("抖音", followers=1_000_000, views=10))
    (5000, 10)
    """
    guessed = social.followers // FOLLOWERS_A_VIEW if social.views == 0 else 0
    return max(social.views, social.reposts * VIEWS_A_REPOST, social.likes * VIEWS_A_LIKE, guessed)


@cache
def looks() -> tuple[Hint, Hint]:
    """Whether a text may hold an act, and whether it may hold another intent."""
    kinds = read_phrases("exposure.tsv")
    acts = build_hint((phrase for kind in ACTS for phrase in kinds[kind]), kinds["hint"])
    return acts, build_hint((phrase for kind in MATTERS for phrase in kinds[kind]), kinds["matter_hint"])


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    """The expressions built from the phrase file: `act` finds acts; the other kinds are searched around them."""
    kinds = {kind: join_phrases(phrases) for kind, phrases in read_phrases("exposure.tsv").items()}
    post, place, show, press = kinds["post"], kinds["platform"], kinds["show"], kinds["press"]
    to = r"(?:到|在|上|去|至|给|往|进|回|于)?了?"
    act = (
        rf"(?P<post>{post}(?P<done>了|过|的)?{INSIDE}{{0,14}}?{to}(?P<place>{place})(?:{INSIDE}{{0,4}}?(?:曝光|爆光))?)"
        rf"|(?P<go>(?<![晚早网马线])(?:上|去|@){place}(?={INSIDE}{{0,6}}(?:{show})|热搜)?(?![上里的]?{INSIDE}{{0,3}}{kinds['bought']}))"
        rf"|(?P<there>{place}(?:上面|上|里面|里|那边|网)?(?P<mid>{INSIDE}{{0,16}}?){show})"
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
    breaks = [(mark.start(), mark.end()) for mark in BREAK.finditer(view)]
    acts = []
    for match in words["act"].finditer(view):
        start, end = match.span()
        opens = [stop for _, stop in breaks if stop <= start]
        clause = opens[-1] if opens else 0
        before = opens[-2] if len(opens) > 1 else 0
        close = next((at for at, _ in breaks if at >= end), len(view))
        last = next((at for at, _ in breaks if at > close), len(view))
        press = match["call"] is not None or match["press"] is not None
        around = Around(view[before:clause], view[clause:start], match, view[end:close], view[close:last])
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
    if act.startswith("曝光") and act.endswith("相机"):
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
    weak = around.act["weak"] is not None or around.act["place"] == "朋友圈"
    if weak and not (conditional or future or "曝" in own):
        return "none", 0.0
    if behind.startswith("的") and not (conditional or "曝" in act):
        return "none", 0.0
    return "threat", 0.6 + 0.15 * conditional + 0.1 * (future is not None)


def judge_press(
    around: Around, words: dict[str, re.Pattern[str]], conditional: bool, future: bool
) -> tuple[str, float]:
    """The stage of a call to a journalist: reported is public; called, or about to be, is a threat; news is none."""
    act = around.front + around.act[0]
    report = REPORT.search(around.act[0] + around.behind[:3])
    if report is None:
        return "threat", 0.65 + 0.15 * conditional + 0.1 * future
    if OLD_NEWS.search(act) or re.match("[说称的]|指出", around.behind):
        return "none", 0.0
    finished = report[0][-1] in "了过" or words["done"].search(act) is not None
    if finished and not conditional and not future:
        return "posted", 0.8
    return "threat", 0.65 + 0.15 * conditional + 0.1 * future


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
    if re.search("(?:把|将|给|替|对|跟|和|向|找|让|逼|被)$", front[: speaker.start()]) or "逼" in rest:
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


@cache
def matters() -> re.Pattern[str]:
    """One expression for the intents that are not press, each kind a named group."""
    kinds = read_phrases("exposure.tsv")
    return re.compile("|".join(f"(?P<{kind}>{join_phrases(kinds[kind])})" for kind in MATTERS))


def find_matters(text: str) -> list[str]:
    """The intents besides press that a text announces or reports, in fixed order; denied ones are left out."""
    found = set()
    for match in matters().finditer(text):
        front = text[max(0, match.start() - 5) : match.start()]
        if not re.search("(?:不会|不想|没有?|不用|不是|不必|未|无|免|防|没人|以防)[去找打想要想人再]{0,2}$", front):
            found.add(match.lastgroup or "")
    return [kind for kind in MATTERS if kind in found]
