"""Amounts of money in a text, and what they are worth in yuan: 三千五百块, 1.2万元, ¥1,299.00, 两百来块, 200-300元.

A number is an amount by its unit, by a sign before it, or by a word of paying before it (花了299).
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from model.numerals import CHINESE, read_number

__all__ = ["find_amounts"]

PLAIN = r"(?:[0-9]{1,3}(?:,[0-9]{3}(?![0-9])){1,4}+(?:\.[0-9]{1,4})?|[0-9]++(?:\.[0-9]{1,4}(?![0-9]))?)"
SCALED = rf"{PLAIN}(?:[百千万亿]++(?:零?[0-9]++(?![.][0-9])[百千]?)?|[wk](?![a-z0-9]))?"
SPOKEN = rf"(?:好(?=几)|上(?=[百千万亿]))?[{CHINESE}几][{CHINESE}几]*+"
MEASURES = (
    "个斤件瓶次天份张条箱袋只盒包杯碗根块串公里小时分点月年平位人晚趟把支本双套台度克升米两口片桌扎打局盘组股间"
    "节课桶罐吨方"
)
MINOR = (
    r"(?<![多来几][元圆块])(?P<tenth>半|[0-9](?![0-9.])|[一二三四五六七八九])"
    r"(?:[毛角](?:(?P<cent>[0-9一二三四五六七八九])分)?"
    rf"|(?<!元.)(?!花肉|[零十百千万亿0-9{MEASURES}星折起样共直般下边定些家群层级号页岁倍成]))"
)
FOREIGN = "美元|美金|美刀|欧元|日元|港币|港元|英镑|韩元|韩币|澳元|加元|新币|台币|卢布|泰铢"
# where a number begins that may be money; it starts with a set of characters, so that other text is skipped fast
START = re.compile(
    rf"[0-9¥$€£{CHINESE}几](?:(?<=[0-9])(?<![0-9][0-9])|(?<=[¥$€£])|(?<=[{CHINESE}几])(?<![{CHINESE}几][{CHINESE}几])"
    rf"(?=[{CHINESE}几多余来把元圆块毛角美欧日港英韩澳加新台卢泰大软rw ~—至到或-]|人民币|分钱))"
)
AMOUNT = re.compile(
    rf"(?<![0-9a-z*_{CHINESE}几第])(?<![0-9][.:/-])(?P<sign>¥ ?|rmb ?|cny ?|[$€£] ?)?"
    rf"(?:(?P<low>{SCALED}|[{CHINESE}]++)(?:(?:元|块)?(?:-|~|—|--|——)|[至到或])(?=[0-9{CHINESE}]))?"
    rf"(?P<number>{SCALED}|{SPOKEN})(?P<about>[多余来把])?(?P<scale>[百千万亿]*+)[多来]?(?: (?=元|块|rmb))?"
    rf"(?:(?P<foreign>{FOREIGN})|(?P<unit>元整?(?![素旦宵月])|圆(?![形柱通满珠])|块)(?:{MINOR})?(?P<money>钱)?"
    r"|(?P<tenths>[毛角](?:[0-9一二三四五六七八九](?=分))?分?钱?)|(?P<cents>分钱)|(?P<word>rmb|人民币|软妹币|大洋|cny))?"
)
BLOCKS = re.compile(  # what is counted in 块 and is no money
    "[肉骨排屏表瓷石地布玻板糖饼蛋豆木铁铜银玉牌匾伤疤皮钢硬内显芯毯垫补油污斑锈镜腕披鸡牛鱼香肥滑田黑绿蓝完碎空招电巧三钻宝腊姜积拼芝"
    "抹海乌烂砖墙区儿旧冰腐废瓦炭煤胶吸磁料雕蜂臭假牙脂毛]|红(?!包)|白(?!白|扔|交|花)|大(?!家|洋)|小(?!费|时)|面(?!值)|主(?!要|动)|金(?!额)"
    "|新(?!人|币|用)|手(?!续)"
)
FEATHERS = re.compile("[病衣巾线孔发皮绒刺边毯球肚豆坯利裤笔囊重糙呢料坑尖钉膜质落度色逐斗形铁阀标架星大债楼特党]")
PAY = re.compile(
    "(?:花|钱|扣|退|付|交|充|赔|收|价|费|款|押金|[定订]金|首付|本金|利息|存|取|转|借|贷|欠|卖|买|罚|补|返|损失|赔偿|总额|[合总]计|[一总]共"
    "|加起来|加[到价]?|成|吃了|余额|金额|[只才]给|值|领|挣|赚|要|变|涨到|降到|[降涨省少多刷贵][了出]|便宜|打赏|人均|人民币|到手|写着|写的是|剩下?"
    "|一问|说好|才|仅)"
    "(?:[了我他她你们掉给到是为成:得出走去约近才只仅共又还要的有个差格用额价也就都回一说写]|将近|大概|大约|整整|足足|孩子|客户|老人"
    "|人家){0,5} ?$"
)
FREE = re.compile(
    "[,，。!?;、…~)+\n 买的左上多现却还就都也才没不给到说变改成我你他她办请修装订充租去呢吗啊吧了结整而但只退赔以"
    "起来吃住报入和跟与或优押学包做拿购理剪洗看参加预且又并因后谁算够是在被可呀嘛用打这那找让能应该早白扔全涨降]"
    "|出头|$"
)
EACH = re.compile(f"(?:一|/|每)[{MEASURES}]")
EVERY = re.compile(f"每[{MEASURES}]$")
PIECES = re.compile(f"[0-9一二两三四五六七八九十半][{MEASURES}]$")
SPELT = re.compile("[一二三四五六七八九]+")
MOVED = re.compile("(?:涨|降|变|调|加|提)(?:价|高|整|低|成|为)?到?")
BODY = re.compile("(?:体重|身高|时速|速度|血[压糖]|心率|高压|低压|显示|[开跑跳升飙]到)[是了到]?$")
SHORT = re.compile(f"[{CHINESE}]*[百千万][一二三四五六七八九]")
DAIRY = re.compile("[牛奶酸里桥区食期论]")
LARGE = "百千万亿wk"
LONGEST = 16  # characters of a number; what is longer is no sum of money
NEAR = 20  # characters behind three pieces of meat in which ten pieces are no money either
IDLE = re.compile("[都也没不未]|的(?:便宜|诚意)")


def find_amounts(view: str) -> Iterator[tuple[int, int, str | None]]:
    """Yield (start, end, yuan) of amounts in a normalised text, in order; `yuan` is a decimal number, a range, or None.

    None stands for an amount that says no number (几百块) or is in another currency. Time grows linearly.

    >>> text = "花了三千五百块,退1.2万元,¥1,299.00,两百来块,200-300元,三块五,一共280"
    >>> [yuan for _, _, yuan in find_amounts(text)]
    ['3500', '12000', '1299', '200', '200-300', '3.5', '280']
    """
    last, blocks = 0, -NEAR  # the end of the last amount; where something counted in 块 stood
    for start in START.finditer(view):
        first = begin(view, start.start())
        match = AMOUNT.match(view, first) if first >= last else None
        if match is None:
            continue
        if len(match["number"]) > LONGEST:
            continue
        bare = match["unit"] == "块" and not match["tenth"] and not match["money"]
        if bare and first - blocks < NEAR:
            continue
        named = match["sign"] or match["unit"] or match["foreign"] or match["tenths"] or match["cents"] or match["word"]
        if is_money(view, match) if named else is_paid(view, match, last > 0 and view[last:first] in ("+", "、")):
            last = match.end()
            yield first, last, worth(match)
        elif bare:
            blocks = match.end()


def begin(view: str, at: int) -> int:
    """Where an amount begins whose number begins at a place: rmb, 好 and 上 stand before it."""
    before = view[max(0, at - 4) : at]
    if before.endswith(("rmb", "cny")):
        return at - 3
    if before in ("rmb ", "cny "):
        return at - 4
    return at - 1 if before[-1:] + view[at] in ("好几", "上百", "上千", "上万") else at


def is_paid(view: str, match: re.Match[str], joined: bool) -> bool:
    """Whether a number without unit or sign is money: a word of paying before it, nothing counted behind it.

    `joined`: it follows an amount with a sign such as `+` between.
    """
    number, start, end = match["number"], match.start(), match.end()
    if not 2 <= len(number) <= 10 or (number[0] in CHINESE and not any(unit in number for unit in "十百千万亿")):
        return False
    if number.isdigit() and (len(number) > 7 or number[0] == "0"):
        return False
    if EACH.match(view, end) and (PAY.search(view, max(0, start - 14), start) or "." in number):
        return True
    if MOVED.match(view, end) and view[start - 1 : start] in ("从", "由"):
        return True
    if not FREE.match(view, end):
        return False
    if joined or EVERY.search(view, max(0, start - 2), start):
        return True
    if "." in number and PIECES.search(view, max(0, start - 2), start):
        return True
    if SHORT.fullmatch(number) and not BODY.search(view, max(0, start - 5), start):
        return True  # 一百八, 五千六: only prices are cut short
    return PAY.search(view, max(0, start - 14), start) is not None


def is_money(view: str, match: re.Match[str]) -> bool:
    """Whether a number with a unit or sign is money: 两块屏幕, 三角, 一分钱没退 are none."""
    number, end = match["number"], match.end()
    if len(number) > 1 and SPELT.fullmatch(number) and read_number(number) is None:
        return False  # 唯一一块
    if match["unit"] == "块" and match["tenth"] is None:
        if match["money"] is None:
            return number not in ("一", "1") and not BLOCKS.match(view, end)
        return number != "一" or not IDLE.match(view, end)
    if match["cents"] is not None or match["tenths"] is not None:
        if number in ("一", "1") and not match["low"]:
            return False
        if match["cents"] is not None or match["tenths"][-1] in "分钱":
            return True
        return not FEATHERS.match(view, end) and (number[0].isdigit() or match["tenths"] == "毛") and len(number) < 3
    return match["unit"] != "元" or number not in ("三", "二") or not DAIRY.match(view, end)


def worth(match: re.Match[str]) -> str | None:
    """The yuan an amount says, as a decimal number without needless zeros, `low-high` for a range, or None."""
    if match["foreign"] is not None or (match["sign"] or " ")[0] in "$€£":
        return None
    words = match["number"].removeprefix("好")  # 上百 and 几百 say no number
    words = (words.removesuffix("几") if len(words) > 1 else words) + match["scale"]
    found = None if "几" in words or words[0] == "上" else read_number(words)
    if found is None:
        return None
    low, high = found
    if match["low"]:
        first = read_number(match["low"] + (words[-1] if words[-1] in LARGE and match["low"][-1] not in LARGE else ""))
        if first is None:
            return None
        low = first[0]
    unit, extra = Decimal(1), Decimal(0)
    if match["tenths"] is not None:
        unit = Decimal("0.1")
        extra = part_of(match["tenths"][1:2], Decimal("0.01")) if "分" in match["tenths"] else extra
    elif match["cents"] is not None:
        unit = Decimal("0.01")
    elif match["tenth"]:
        extra = part_of(match["tenth"], Decimal("0.1")) + part_of(match["cent"] or "", Decimal("0.01"))
    shown = [plain(number * unit + extra) for number in (low, high)]
    return shown[0] if low == high else "-".join(shown)


def part_of(digit: str, unit: Decimal) -> Decimal:
    """What the digit behind the unit adds: 三块五, 三块半."""
    found = read_number(digit) if digit and digit != "半" else None
    return Decimal("0.5") if digit == "半" else found[0] * unit if found else Decimal(0)


def plain(number: Decimal) -> str:
    """A number in digits without needless zeros."""
    return f"{number:f}".rstrip("0").rstrip(".") if number % 1 else str(int(number))
