"""What an incident can show for itself: its words, its exemplars, its hours, whom it touched."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from math import log
from typing import Any

from model.complaint import SHANGHAI, Sighting
from model.opening import opening, terms_of
from model.words import segment

__all__ = ["Member", "copy_share", "core_of", "exemplars", "fits", "majority", "moment", "top_terms", "unity"]

_HAN = re.compile(r"[\u4e00-\u9fff]+|[A-Za-z0-9]{2,}")
_EDGE = frozenset(
    "的了是在我你他她它有不也就都和与或及被把给让对从到又还很太吗呢吧啊呀着过得地之其这那哪谁为以于而但却等个只已再说要会能可想去来上下里外前后中多少几们请您"
)
_MOODS = {"中性": 1, "不满": 2, "愤怒": 3}
_STAGES = {"threat": 1, "posted": 2, "spreading": 3}
_CLOSE = 40  # the latest complaints that unity is judged by
_CODE = 6  # longer strings of letters and digits are order numbers
_SAMPLE = 120  # members looked at for words and exemplars: an incident of thousands stays cheap


@dataclass(frozen=True, slots=True)
class Member:
    """One complaint as an issue remembers it: `number` is its order of arrival, `text` the opening of the text."""

    number: int
    issue: str
    id: str
    seconds: int
    text: str
    customer: str | None = None
    channel: str | None = None
    region: str | None = None
    product: str | None = None
    category: str | None = None
    department: str | None = None
    sentiment: str | None = None
    stage: str = "none"
    intents: tuple[str, ...] = ()
    folded: bool = False
    repeats: bool = False

    @classmethod
    def of(cls, sighting: Sighting, number: int, issue: str, seconds: int) -> "Member":
        """Remember a sighting under an issue."""
        return cls(
            number, issue, sighting.id, seconds, opening(sighting.text), sighting.customer, sighting.channel,
            sighting.region, sighting.product, sighting.category, sighting.department, sighting.sentiment,
            sighting.stage, tuple(sighting.intents), sighting.duplicate_of is not None, sighting.repeat_of is not None,
        )  # fmt: skip

    @property
    def who(self) -> str:
        """The customer, or the complaint itself where nobody is named."""
        return self.customer if self.customer is not None else f"~{self.id}"

    @property
    def counts(self) -> bool:
        """Praise and folded copies never count."""
        return not self.folded and self.sentiment != "正面"

    def as_value(self) -> dict[str, Any]:
        """JSON-ready state, without the fields that are as usual."""
        usual = {one.name: one.default for one in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @classmethod
    def from_value(cls, value: dict[str, Any]) -> "Member":
        """The member that `as_value` described."""
        return cls(**{**value, "intents": tuple(value.get("intents", ()))})


def moment(seconds: int) -> str:
    """Seconds since 1970 as ISO time in Shanghai.

    >>> moment(0)
    '1970-01-01T08:00:00+08:00'
    """
    return datetime.fromtimestamp(seconds, SHANGHAI).isoformat()


def majority(values: Sequence[str | None]) -> str | None:
    """The most frequent value; the first seen wins a tie; None when there is none.

    >>> majority(["物流部", None, "客服部", "客服部"])
    '客服部'
    """
    counted = Counter(value for value in values if value is not None)
    return counted.most_common(1)[0][0] if counted else None


def copy_share(members: Sequence[Member]) -> float:
    """Share of the counted complaints whose opening another counted complaint has word for word."""
    texts = Counter(member.text for member in members if member.counts)
    total = sum(texts.values())
    return round(sum(n for n in texts.values() if n > 1) / total, 3) if total else 0.0


def top_terms(members: Sequence[Member], share: Callable[[str], float], most: int = 5) -> tuple[str, ...]:
    """The words that set these complaints apart from the stream, by log-odds.

    `share` tells how much of the stream carries a pair of characters. Neighbouring words that are said together again
    and again are one word here (文汇路店); a string gives way to a longer one that four fifths of its complaints carry.
    """
    texts = [member.text for member in members if not member.folded][-_SAMPLE:]
    carried: Counter[str] = Counter()
    for text in texts:
        carried.update({word for run in _HAN.findall(text) for word in _candidates(run, joined=len(texts) > 1)})
    need = 1 if len(texts) == 1 else max(2, round(0.25 * len(texts)))
    scored = []
    for word, n in carried.items():
        if n < need or word[0] in _EDGE or word[-1] in _EDGE:
            continue
        pairs = terms_of(word) or (word,)
        odds = sum(log(min(0.97, n / (len(texts) + 0.5)) / share(pair)) for pair in pairs) / len(pairs)
        scored.append((round(n * odds * min(len(word), 4) ** 0.5, 6), word, n))
    chosen: list[tuple[str, int]] = []
    for _, word, n in sorted(scored, key=lambda one: (-one[0], one[1])):
        longer = [w for _, w, m in scored if word in w and w != word and m >= 0.8 * n]
        if longer or any(word in other or other in word or _overlap(word, other) for other, _ in chosen):
            continue
        chosen.append((word, n))
        if len(chosen) == most:
            break
    return tuple(word for word, _ in chosen)


def _candidates(run: str, joined: bool) -> list[str]:
    """The words of a run that may be shown, and with `joined` up to four neighbours as one (a word among them)."""
    if run[0] < "\u4e00":
        return [run] if run.isalpha() or (len(run) <= _CODE and not run.isdigit()) else []
    words = segment(run)
    found = [word for word in words if len(word) > 1]
    if joined:
        for size in range(2, 5):
            near = (words[at : at + size] for at in range(len(words) - size + 1))
            found += [word for some in near if len(word := "".join(some)) <= 6 and len(word) > len(some)]
    return found


def _overlap(one: str, other: str) -> bool:
    """Whether the end of one string is the start of the other: pieces of one phrase."""
    return any(one[-k:] == other[:k] or other[-k:] == one[:k] for k in range(1, min(len(one), len(other))))


def unity(members: Sequence[Member], owned: Callable[[str], float], rarity: Callable[[str], float]) -> float:
    """How much these complaints are one matter rather than one way of speaking, 0..1.

    The product of two shares: how far the best four terms that half of them carry belong to their issue alone
    (安全隐患 is said of many places, 58车贷 of one company), and how much of a complaint's telling words, by squared
    rarity, another one of them says too (a street has many troubles). Measured on a city's messages: one matter lies
    over .2, a topic under .2.
    """
    bags = [terms_of(member.text) for member in members[-_CLOSE:]]
    if len(bags) < 2:
        return 0.0
    carried = Counter(term for bag in bags for term in bag)
    need = max(2.0, 0.5 * len(bags))
    best = sorted((owned(term) * n / len(bags) for term, n in carried.items() if n >= need), reverse=True)
    mass = {term: rarity(term) ** 2 for term in carried}
    shared = [
        sum(mass[term] * (carried[term] - 1) for term in bag) / (sum(mass[term] for term in bag) or 1.0) for bag in bags
    ]
    return sum(best[:4]) / 4 * sum(shared) / len(bags) / (len(bags) - 1)


def core_of(
    members: Sequence[Member], owned: Callable[[str], float], rarity: Callable[[str], float], most: int = 12
) -> dict[str, float]:
    """The telling terms that at least 40 % of these complaints (and two) share, each with its share of their mass."""
    bags = [terms_of(member.text) for member in members[-_SAMPLE:]]
    carried = Counter(term for bag in bags for term in bag)
    need = max(2.0, 0.4 * len(bags))
    mass = {term: owned(term) * rarity(term) ** 2 * (n / len(bags)) ** 6 for term, n in carried.items() if n >= need}
    best = sorted(mass, key=lambda term: (-mass[term], term))[:most]
    total = sum(mass[term] for term in best) or 1.0
    return {term: round(mass[term] / total, 4) for term in best}


def fits(member: Member, core: dict[str, float], least: float) -> bool:
    """Whether a complaint says enough of the core; with no core everything fits."""
    return not core or sum(core.get(term, 0.0) for term in terms_of(member.text)) >= least


def exemplars(members: Sequence[Member]) -> tuple[str, ...]:
    """At most five ids that show the matter: medoid, earliest, latest, worst, most different."""
    shown = [member for member in members if not member.folded]
    if not shown:
        return ()
    sample = shown[-_SAMPLE:]
    bags = [frozenset(terms_of(member.text)) for member in sample]
    common = Counter(term for bag in bags for term in bag)
    near = [sum(common[term] for term in bag) / max(1.0, len(bag) ** 0.5) for bag in bags]
    order = sorted(range(len(sample)), key=lambda at: (-near[at], at))
    worst = max(
        shown, key=lambda one: (_STAGES.get(one.stage, 0), _MOODS.get(one.sentiment or "", 0), len(one.intents))
    )
    picks = [
        sample[order[0]], min(shown, key=lambda one: one.seconds), max(shown, key=lambda one: one.seconds), worst,
        sample[order[-1]],
    ]  # fmt: skip
    return tuple(dict.fromkeys(member.id for member in picks))
