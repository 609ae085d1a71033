"""The same message through two channels, and the same customer again about the same matter.

Copies are looked up by bands of a MinHash over character bigrams (Broder 1997; banding: Leskovec, Rajaraman & Ullman,
Mining of Massive Datasets, ch. 3), which a store indexes, and then compared in full: close in wording is not enough
when a number, a negation or a direction differs.
"""

import re
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from model.text import normalise

__all__ = ["BANDS", "bands", "same_matter", "same_message"]

BANDS, ROWS = 12, 3  # two texts that share 60 % of their bigrams meet in some band with 95 %, 70 % with 99 %
LONGEST = 4_000  # characters that are compared; a copy of more shows in them already
ALIKE, CONTAINED, SHORT_ALIKE = 0.55, 0.82, 0.7
MATTER = 0.24

PREFIX = re.compile(
    r"^(?:[【\[(<「][^】\])>」]{1,16}[】\])>」]|(?:来电人?|来访人?|来信人?|用户|客户|顾客|市民|消费者|投诉人|会员|网友|群众|当事人|诉求人?)"
    r"(?:来电|致电|电话|线上|在线|留言|投诉|再次|今日|称|姓名)*(?:反映|反馈|表示|投诉|称|诉求|咨询|诉|说)(?:内容|问题|情况)?(?:[:,]|其|说|称)?"
    r"|(?:工单|订单|投诉|反馈|问题|诉求|留言|内容|描述)(?:内容|描述|详情|号|编号|标题)?:(?:[a-z]{0,4}\d{6,})?"
    r"|(?:转发?|转办|抄送|fw|re|回复):|\d{1,2}[、.]|你好|您好|客服|亲|尊敬的[^,。!]{0,8}|[,。!:;~\s-]+)"
)
SUFFIX = re.compile(
    r"(?:[,。!:;~\s]|请?(?:尽快|及时|速|帮忙|务必|麻烦)*(?:处理|解决|核实|回复|答复|跟进|查实|给个说法)(?:一下|下)?|谢谢(?:你们|您)?|望(?:回复|处理|核实)"
    r"|急+|在线等|(?:客户|来电人|用户)?要求(?:尽快)?(?:处理|回复|核实|回电)|\((?:来自|via)[^)]{1,14}\)|——?来自[^,。]{1,12})+$"
)
NUMBER = re.compile(
    r"\d+(?:\.\d+)?|[零一二三四五六七八九十两]+(?=[天个次元块箱件日月年周斤盒瓶袋单楼号点倍万千百岁份桶台]|小时|分钟)"
)
NUMERALS = {**{c: str(i) for i, c in enumerate("零一二三四五六七八九十")}, "两": "2"}
NEGATION = re.compile("[不没无未非勿甭]")
SIDES = (
    "东西南北中",
    "上下",
    "左右",
    "前后",
    "早晚",
    "大小",
    "男女",
    "多少",
    "进出",
    "新旧",
    "冷热",
    "买卖",
    "周一二三四五六日天",
)
FUNCTION = frozenset(
    "的了是我你他她它们在不有就都也还又很这那个一和与及但而且吗呢吧啊么什怎没给让把被到说要会能可以着过去来对跟为从当才再只上下里后前时候多少最太真所因如果然之其等请本贵该此"
)
GENERIC = frozenset(
    re.findall(
        r"\S\S",
        "客服投诉处理解决问题电话联系回复反映反馈尽快希望公司服务态度人员工作时间今天昨天现在已经感谢谢谢退款订单平台商家购买打电"
        "话客情况顾客消费费者合理答复说法收到商品东西严重非常明天小时分钟星期上周申请系统显示",
    )
)


def bands(text: str) -> tuple[int, ...]:
    """Twelve 63-bit marks of a text; a copy shares at least one of them with high probability. Blank text has none.

    The same text gives the same marks on every machine and in every release.

    >>> len(bands("牛奶打开是酸的，打了三次电话没人管"))
    12
    >>> bands("【APP反馈】牛奶打开是酸的，打了三次电话") == bands("牛奶打开是酸的! 打了三次电话")
    True
    """
    words = core(text)
    if not words:
        return ()
    codes = np.frombuffer(words.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    grams = np.unique(codes[:-1] << np.uint64(21) | codes[1:]) if len(codes) > 1 else codes
    least = mix(grams[None, :] ^ SEEDS[:, None]).min(axis=1).reshape(BANDS, ROWS)
    marks = mix(np.arange(1, BANDS + 1, dtype=np.uint64))
    for row in range(ROWS):
        marks = mix(marks ^ least[:, row])
    return tuple(int(mark) for mark in marks >> np.uint64(1))


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a fixed, well-spread permutation of 64-bit numbers."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return mixed ^ mixed >> np.uint64(31)


SEEDS = mix(np.arange(101, 101 + BANDS * ROWS, dtype=np.uint64))


@lru_cache(maxsize=4096)
def core(text: str) -> str:
    """What a message says without the marks of its channel: simplified, lower case, no prefix, suffix or punctuation.

    >>> core("【APP反馈】来电反映：牛奶是酸的，请尽快处理！！")
    '牛奶是酸的'
    """
    words = normalise(text[: 2 * LONGEST])
    whole = words
    for _ in range(6):
        shorter = PREFIX.sub("", words, count=1)
        if shorter == words or not shorter:
            break
        words = shorter
    words = re.sub(r"[\W_]+", "", SUFFIX.sub("", words))
    return (words or re.sub(r"[\W_]+", "", whole))[:LONGEST]


@lru_cache(maxsize=4096)
def bigrams(words: str) -> frozenset[str]:
    """The character bigrams of a text; the text itself when it is one character."""
    return frozenset(words[at : at + 2] for at in range(len(words) - 1)) or frozenset({words})


@lru_cache(maxsize=4096)
def numbers(text: str) -> frozenset[str]:
    """The numbers of a text, 三天 as 3; masked ones are not there to differ."""
    found = NUMBER.findall(normalise(text[: 2 * LONGEST]))
    return frozenset("".join(NUMERALS.get(c, c) for c in number).lstrip("0") for number in found)


def same_message(a: str, b: str) -> bool:
    """Whether two texts are one message that came twice: small edits, another channel's prefix, other punctuation.

    Texts that each have a number the other lacks, that differ in a negation or in a direction, are two messages.

    >>> same_message("来电反映：牛奶打开是酸的，没人管", "牛奶打开是酸的!! 没人管")
    True
    >>> same_message("快递丢了", "快递没丢")
    False
    """
    one, other = core(a), core(b)
    if not one or not other:
        return False
    own, others = numbers(a), numbers(b)
    if own - others and others - own:
        return False
    if one == other:
        return True
    left, right = bigrams(one), bigrams(other)
    common, shorter = len(left & right), min(len(left), len(right))
    alike = common / (len(left) + len(right) - common)
    if shorter < 10:
        if alike < SHORT_ALIKE:
            return False
    elif alike < ALIKE and not (common / shorter >= CONTAINED and shorter >= 12 and alike >= 0.35):
        return False
    return not differs_in_sense(one, other)


def differs_in_sense(one: str, other: str) -> bool:
    """Whether a short edit between two close texts turns the meaning: a negation, or 东 for 西."""
    for kind, i, j, k, end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal" or max(j - i, end - k) > 3:
            continue
        old, new = one[i:j], other[k:end]
        if (NEGATION.search(old) is None) != (NEGATION.search(new) is None):
            return True
        if len(old) == len(new) == 1 and any(old in side and new in side for side in SIDES):
            return True
    return False


def same_matter(a: str, b: str) -> bool:
    """Whether one customer's two messages are about the same matter, in whatever words; ask it of one customer only.

    True when they share an order number or enough of their content words (function words and the words of every
    complaint, such as 客服 and 处理, do not count).

    >>> same_matter("酸奶胀包了，打开一股馊味", "上次说的酸奶胀包的事怎么还没人管，馊味那么大")
    True
    >>> same_matter("酸奶胀包了，打开一股馊味", "会员费自动续了，没有提前通知我")
    False
    """
    one, other = core(a), core(b)
    if not one or not other:
        return False
    if one == other or any(len(number) >= 6 for number in numbers(a) & numbers(b)):
        return True
    left, right = content(one), content(other)
    if not left or not right:
        return False
    common = len(left & right)
    return common >= 2 and common / min(len(left), len(right), 40) >= MATTER


@lru_cache(maxsize=4096)
def content(words: str) -> frozenset[str]:
    """The bigrams that carry a matter: no function word, none of the words of every complaint."""
    return frozenset(pair for pair in bigrams(words) if not (FUNCTION & set(pair)) and pair not in GENERIC)
