"""The words by which a complaint names its matter: its title, or its opening without manners, as terms."""

import re
from functools import lru_cache
from unicodedata import normalize

__all__ = ["PLAIN", "opening", "terms_of"]

_BLANKED = re.compile(r"\*+|\d{2,4}年|\d{1,2}月\d{1,2}[日号]?|\d{1,2}[:：]\d{2}|\d{1,2}[日号点]")
_GREETING = re.compile(
    r"^(?:尊敬的?\S{0,8}?[,，!！:：]|(?:各位)?领导|[您你]们?好|大家好|喂|客服|麻烦|请问一?下?|想问一?下?|我[要想](?:问|投诉|反映|反馈)一?下?"
    r"|投诉|反映|反馈|[\s,，。.!！?？:：;；~～、\-])+"
)
_RUN = re.compile(r"[a-z0-9\u4e00-\u9fff]+")
_UNIT = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]")
# Pairs of these characters are in every complaint: without them the first hundred would cluster by manners.
_MANNERS = """
我们 你们 他们 一个 没有 什么 怎么 可以 这个 那个 客服 时候 投诉 问题
就是 不是 还是 现在 已经 知道 今天 昨天 明天 前天 我在 在你 们家 你家
家的 了一 买了 的时 之后 以后 结果 发现 但是 而且 因为 所以 要求 希望
处理 解决 给我 我的 你的 的客 说是 说要 一直 到现 在还 都没 没人 人管
为什 是什 么时 多次 打电 电话 联系 回复 不给 一次 一下 几天 天了 了还
不了 太差 非常 严重 请你 贵公 公司 购买 上买 收到 东西 商品 产品 这样
这种 真的 有人 人员 工作 作人 关于 请求 咨询 建议 强烈 的问 题的
"""
PLAIN = frozenset(_MANNERS) | frozenset("谢很都也又过啊吧吗呢呀哦")


def opening(text: str) -> str:
    """The words that name the matter: the title when there is one, else the first 60 characters after greetings.

    >>> opening("您好，城西店的鲜牛奶喝了拉肚子")
    '城西店的鲜牛奶喝了拉肚子'
    >>> opening("月亮湾小区停水三天\\n我是业主，家里从周一开始停水。")
    '月亮湾小区停水三天'
    """
    first, _, rest = text.strip().partition("\n")
    bare = _GREETING.sub("", first)
    if rest and len(bare) < 6:
        bare = _GREETING.sub("", f"{bare} {rest}".strip())
    return bare[:60]


@lru_cache(maxsize=8192)
def terms_of(text: str) -> tuple[str, ...]:
    """Distinct terms of a text's opening, in order: pairs of neighbouring characters, and words of Latin script.

    Runs of `*` (masked personal data) and dates count for nothing.

    >>> terms_of("12月3日 58车贷 App闪退 ****")
    ('58', '58车', '车贷', 'app', 'app闪', '闪退')
    """
    found: dict[str, None] = {}
    for run in _RUN.findall(_BLANKED.sub(" ", normalize("NFKC", opening(text)).lower())):
        units = _UNIT.findall(run)
        for place, unit in enumerate(units):
            if len(unit) > 1:
                found[unit] = None
            if place + 1 < len(units):
                found[unit + units[place + 1]] = None
    return tuple(found)
