"""Social exposure: does this complaint stay between us, is it a threat, is it public, does it spread?

The stage comes from what the text says the writer does (`model.acts`), from the channel, and from the reach of a post;
the other intents (press, regulator, lawsuit, rally, safety) stand apart from it.
"""

import re
from dataclasses import dataclass
from functools import cache

from model.acts import Act, find_acts
from model.complaint import Social
from model.hints import Hint, build_hint
from model.phrases import join_phrases, read_phrases
from model.text import normalise_map
from model.word_tree import alone

__all__ = ["SPREADING_REACH", "Evidence", "Exposure", "judge_exposure", "reach_of"]

SPREADING_REACH = 5_000  # views, or as many as the other counts are worth; a post below it is merely posted
VIEWS_A_REPOST, VIEWS_A_LIKE, FOLLOWERS_A_VIEW = 50, 10, 20
ACTS = ("platform", "press", "loud", "weak", "reach")
MOST_EVIDENCE = 8
MATTERS = ("regulator", "lawsuit", "rally", "safety")


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
        stage, score = best.stage, min(best.score + 0.03 * (len(told) - 1), 0.75 if best.stage == "threat" else 0.9)
    if public:
        reach = reach_of(social) if social is not None else 0
        stage = "spreading" if reach >= SPREADING_REACH else "posted"
        score = max(score, 0.8 + 0.15 * min(reach / SPREADING_REACH, 1.0) + (0.05 if reach >= SPREADING_REACH else 0.0))
    evidence: list[Evidence] = []
    for act in told[:MOST_EVIDENCE]:
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
def matters() -> re.Pattern[str]:
    """One expression for the intents that are not press, each kind a named group."""
    kinds = read_phrases("exposure.tsv")
    return re.compile("|".join(f"(?P<{kind}>{join_phrases(kinds[kind])})" for kind in MATTERS))


def find_matters(text: str) -> list[str]:
    """The intents besides press that a text announces or reports, in fixed order; denied ones are left out.

    >>> find_matters("打12315投诉"), find_matters("物流单号sf3001234567890")
    (['regulator'], [])
    """
    found = set()
    for match in matters().finditer(text):
        if not alone(text, *match.span()):  # a hotline's digits inside a longer number
            continue
        front = text[max(0, match.start() - 5) : match.start()]
        if not re.search("(?:不会|不想|没有?|不用|不是|不必|未|无|免|防|没人|以防)[去找打想要想人再]{0,2}$", front):
            found.add(match.lastgroup or "")
    return [kind for kind in MATTERS if kind in found]
