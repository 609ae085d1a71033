"""Noise as people and phones make it: typos by sound and by look, characters slipped in, traditional and full-width."""

from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from model.text import point_table

__all__ = ["KINDS", "add_noise"]

# Characters that are typed for one another because they sound the same, or because they look the same.
_SOUND = (
    "的得地 在再载 做作坐座 他她它 那哪纳 带戴代待袋 到道倒盗 快块筷 递弟第帝地 送宋颂 慢漫曼 服福副付负复 "
    "务物误雾无 太态泰 度肚渡杜 差插查察 货获或惑 退腿推 款宽 钱前潜 价加假家架佳 格个各隔阁 费废非飞肺 "
    "客刻克可课 电店点垫 话化画花华划 打达答大 不部步布 没每美妹眉 有又由友右 人仁认任 说硕朔 "
    "是事时试使市式室师 这着者折哲 很恨狠 好号豪耗 我卧握 你拟泥尼 们门闷 了乐勒 问文闻稳温 题提体替 "
    "解接街界届 决觉绝 处出初除 理里力立利例 收手受守首 订定丁顶 单担但丹 商伤上尚 品聘贫频 "
    "质治制至知直只支 量亮良凉两 坏怀 修休秀 换还环缓 保包报宝饱 修羞 期七其起气汽 骗片偏篇 虚需须许 宣选轩 "
    "传船穿 广光逛 告高搞稿 系细西洗喜 统通同痛桶 账帐张章 户护互湖 登灯等 录路陆露 密蜜米秘 码马妈骂吗 "
    "信新心欣 息西希席 隐因引印音 私思死四司 漏楼搂 天添田 小晓效笑校 一已以意易 二而儿 三散 五午无 六流留 "
    "九就旧久 十石实食 年念 月越约 日热 分份粉 网往忘望 站战占展 公工功共 司思丝 平瓶评屏 台抬 软阮 "
    "件见建间 机及级极 车撤彻 票漂飘 房方放防 子字自紫 水睡税 路露 学雪 生声升省 老劳牢 妻七 急集及 求球 "
    "真针珍 假甲 太台 贵柜归 少烧 多夺朵 买卖迈 用永勇 找照招 拿那 看砍 听厅 气器弃 怒努 烦凡番 诉速素宿 "
    "投头偷 责则泽 任认 赔陪培 偿常长尝 理离 由油游 原员园元 因阴 果过国 结节 束数树 直值 接借 拖托脱"
)
_LOOK = (
    "未末 己已 土士 人入八 日曰 天夫无 太大犬 干千于 贷货 候侯 拔拨 免兔 未来 析折拆 见贝 住往 今令 王玉主 "
    "买实 问间闻 员圆 处外 话活 请清情晴睛 换唤焕 账胀 购构沟 钱线浅 退腿 快块 慢漫 递梯 差羞 服报 务条 "
    "态志 度庶 质盾 量童 坏坯 修候 保堡 骗编 宣宜 传转 系糸 统流 登凳 录绿 密蜜 码玛 信言 息思 私和 投没 "
    "诉诈 责贵 赔陪 偿尝 理埋 收牧 订钉 单早 商高 品吕 客容 电甩 打扣 不木 没设 有冇 说悦 很狠 好妤 我找 "
    "你称 们闪 期朋 网冈 站沾 公么 司同 平半 台合 件伴 机杭 车东 票漂 房户 水永 生主 老考 急争 求术 真其 "
    "假暇 贵责 少小 多夕 用甩 看着 听昕 气乞 怒恕 烦顿 时吋 间简 价介 格络 费贵 号吕 卡下 店庄 家冢 开井 "
    "关美 手毛 机朳 屏并 充允 发友 热执 冷泠 声吉 音昔 味昧 脏赃 破波 漏满 裂烈 断继 丢去"
)
_SLIPPED = " *.-_~·/|、。"
_HIDDEN = "\u200b\u200c\u200d\u2060\ufeff"


def add_noise(text: str, share: float, seed: int, kinds: Sequence[str] = ()) -> str:
    """`text` with `share` of its characters disturbed, each in one way of `kinds` drawn anew (of all `KINDS` without).

    The same seed, the same noise. A way that does not fit a character (no look-alike is known, no traditional form)
    gives way to the next one drawn; where none fits another character is taken, while there are any.

    >>> text = "快递三天没有送到，客服的态度很差"
    >>> add_noise(text, 0.2, seed=1) == add_noise(text, 0.2, seed=1) != text
    True
    """
    random = Random(f"{seed} {text}")
    whole, rest = divmod(share * len(text), 1)
    count = int(whole) + (random.random() < rest)
    letters = list(text)
    ways = list(kinds) or list(KINDS)
    for at in random.sample(range(len(text)), len(text)):
        for kind in random.sample(ways, len(ways)) if count > 0 else ():
            changed = KINDS[kind](letters[at], random)
            if changed != letters[at]:
                letters[at] = changed
                count -= 1
                break
    return "".join(letters)


def _by_sound(letter: str, random: Random) -> str:
    return _other(letter, _groups(_SOUND), random)


def _by_look(letter: str, random: Random) -> str:
    return _other(letter, _groups(_LOOK), random)


def _slipped_in(letter: str, random: Random) -> str:
    return letter + random.choice(_SLIPPED)


def _hidden(letter: str, random: Random) -> str:
    return letter + random.choice(_HIDDEN)


def _traditional(letter: str, random: Random) -> str:
    return random.choice(_older_forms().get(letter, letter))


def _full_width(letter: str, random: Random) -> str:
    return chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter


KINDS: dict[str, Callable[[str, Random], str]] = {
    "sound": _by_sound,
    "look": _by_look,
    "slipped": _slipped_in,
    "hidden": _hidden,
    "traditional": _traditional,
    "full-width": _full_width,
}


def _other(letter: str, groups: dict[str, str], random: Random) -> str:
    others = groups.get(letter, "").replace(letter, "")
    return random.choice(others) if others else letter


@cache
def _groups(table: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for group in table.split():
        for letter in group:
            found[letter] = found.get(letter, "") + group
    return found


@cache
def _older_forms() -> dict[str, str]:
    """Simplified character → its traditional forms, the way back through the table of the view."""
    forms: dict[str, str] = {}
    for old, new in enumerate(point_table()[0x4E00:0xA000].tolist(), 0x4E00):
        if new != old and new > 0:
            forms[chr(new)] = forms.get(chr(new), "") + chr(old)
    return forms
