"""What a complaint names: goods and paid services, merchants, places; by `lexicon/entities.tsv` and by how names end.

A maker joins its product (海尔洗衣机), a city its province, district and street. A name that ends in 店, 超市, 路 or
小区 reaches back to the nearest word that cannot belong to it.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = ["find_mentions"]

LEXICON = Path(__file__).parent / "lexicon" / "entities.tsv"
GRADE = "pro|max|plus|ultra|mini|air|se|note|oled"
MODEL = re.compile(
    "(?:iphone|ipad|imac|macbook|airpods|apple ?watch|mate ?(?=[0-9x])|nova ?(?=[0-9])|redmi|reno ?(?=[0-9])|galaxy"
    "|thinkpad|switch|ps[45]|kindle|gopro|pocket ?[0-9]|model ?[3sxy](?![a-z]))"
    f"(?: ?(?:[0-9]{{1,3}}[a-z]{{0,2}}|{GRADE}|k|xs|xr|x)(?![a-z0-9])){{0,4}}"
)
NUMBERED = re.compile(
    " ?(?:mate|nova|redmi|note|reno|find|magic|k|p|x|s|y|z|v|su|gt)? ?[0-9]{1,4}(?![0-9年月日号个件块元天次万千百折%])"
    f"(?: ?(?:{GRADE}|e|s|t|r)(?![a-z0-9])){{0,3}}|(?: ?[a-z]{{1,6}}-?[0-9]{{2,4}}[a-z0-9-]{{0,10}})"
)
CITY = re.compile("省|市(?!民|场|政|面|区|价|内|里|值|长)|自治[区州]|特别行政区")
WARD = re.compile(
    "(?![的在区县镇村])[\u4e00-\u9fff]{1,4}?(?:新区|开发区|(?<![校小景社专地片库辖园])[区县镇乡](?!别|域|分)|街道)"
)
NO_SHOP = re.compile("[铺员长家里主大小面内老方客名庆规址]|服务")
NO_PLACE = re.compile("[线由程过况上灯费口径障边人感段途]")
STOP = re.compile(
    "[^\u4e00-\u9fffa-z0-9·&]|[在去到从的是于给被跟和叫个把向对找来我你他她它咱说讲称让请逛进某该贵次了过着用有没就都也还又再才后前这那哪每"
    "各们啥以凭等要不做推归同另第买住送寄发往离自走开回换改问]|(?<!华)为|(?<!解)放|全(?![聚季家])|[0-9一二三四五六七八九十几今昨明每][天日号月年周]"
    "|附近|地址|[一两三几百千]家|家里|跑到?|需要?|转告|位于|投诉|反映|反馈|举报|[早晚][上间]|[上下中]午|店名|店铺|商家|卖家|商户|隔壁|楼[下上]|[本市]市|周边"
    "|出差|旅游|所有|其[它他]|别的|什么|很多|不少|[一整][条些]|去年|已经"
)
TRADES = (
    "网|酒|饭|商|书|药|鞋|花|本|门|分|总|图文|小卖|烤鸭|小吃|手机|奶茶|眼镜|蛋糕|火锅|水果|宠物|理发|美容|美甲|服装|便利|汽修|修理|维修"
    "|快餐|早餐|烧烤|五金|饰品|珠宝|家具|家电|电器|电脑|母婴|文具|数码|面包|餐饮|甜品|咖啡|照相|婚纱|洗衣|干洗|洗车|汽车|人民|妇产|儿童"
    "|中心|附属|婚宴|机票|收银|积分|名|啥子"
)
COMMON_SHOP = re.compile(
    "(?:街边|路边|门口|门外|对面|社区|小区|本地|当地|外地|[线网镇街][上下]|实体|品牌|所谓|大型|小|大|老|新|周末|一下|海景|校园|学校|县里|城里"
    "|乡下|村里|三甲|公立|私立|正规|普通|网红|免税|度假|亲子|快捷|连锁|加盟|直营|合作|指定|抖音|淘宝|京东|拼多多|微信|平台|官方|旗舰|专卖"
    "|专营|同城|国际|无人|4s|[三四五]星级?|快递|菜鸟|[人大]家|百家|千家|[东南西北])*"
    f"(?:{TRADES})*.?"
)
COMMON_PLACE = re.compile(
    "(?:.*(?:[公绕拐抄塞抢占封赶认找乱铁套思道线电网门半铺跑出绝生销活退末修领探短断弯养盲气水油管带货车原里步纹天坡方趟几条段]|(?<!五)一)"
    "|[0-9]+|.*里山|山)路|.{0,2}(?:上|小吃|美食|当|骂|沿|满)街|[一-龥]街|.?(?:家居|建材|美食|购物|商业|文化|市民|休闲|中心|大型)广场"
    "|.*(?:老旧?|新|本|封闭|高档|安置|住宅|回迁|隔壁|附近|[一二三两])小区|.?(?:后|小|城市|森林|主题|动物|儿童|国家|湿地)(?:花园|公园)"
    "|.?(?:美好|温馨)?家园|.(?:路|大道)"
)
NAMED = re.compile(
    '(?:店[铺名家]|商[家户]|卖家)(?:名[称字]?)?(?:叫做?|是|为|:){1,2}[ “"「【]?(?P<name>[\u4e00-\u9fffa-z0-9·&]{2,16})'
)
LATIN = re.compile("[a-z]{2}")
BACK = 12  # characters a name may have before its ending

Found = tuple[int, int, str]


@cache
def lexicon() -> dict[str, tuple[tuple[str, str], ...]]:
    """The words by their first two characters, the longest first, each with its kind."""
    return index_by(slice(0, 2), "product maker modifier shop province city district none")


@cache
def endings() -> tuple[re.Pattern[str], dict[str, tuple[tuple[str, str], ...]]]:
    """A pattern of the last characters of names of shops and places, and under each how such names end."""
    known = index_by(slice(-1, None), "shop_ending shop_ending_plain place_ending")
    return re.compile(f"[{''.join(known)}]"), known


def index_by(key: slice, kinds: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Words of some kinds under a part of each word, the longest first."""
    words: dict[str, str] = {}
    for line in LEXICON.read_text(encoding="utf-8-sig").splitlines():
        kind, _, listed = line.partition("\t")
        words |= dict.fromkeys(listed.split(), kind) if kind in kinds.split() else {}
    index: dict[str, list[tuple[str, str]]] = {}
    for word in sorted(words, key=len, reverse=True):
        index.setdefault(word[key], []).append((word, words[word]))
    return {part: tuple(under) for part, under in index.items()}


def find_mentions(view: str) -> Iterator[Found]:
    """Yield (start, end, kind) of products, shops and places in a normalised text, in order, not overlapping.

    Time grows linearly with the text.

    >>> text = "在江苏省苏州市吴中区的城西店买的海尔洗衣机"
    >>> [(text[start:end], kind) for start, end, kind in find_mentions(text)]
    [('江苏省苏州市吴中区', 'place'), ('城西店', 'shop'), ('海尔洗衣机', 'product')]
    """
    words = find_words(view)
    places = find_places(view, words)
    found = [word for word in words if word[2] == "shop"] + find_named(view, places) + places + find_goods(view, words)
    found += [(*match.span("name"), "shop") for match in NAMED.finditer(view)]
    found.sort(key=lambda one: (one[0], -one[1]))
    waiting = 0, 0, ""
    for one in found:
        if one[0] < waiting[1]:
            continue
        if one[2] == waiting[2] == "place" and one[0] == waiting[1]:
            waiting = waiting[0], one[1], "place"
            continue
        if waiting[1]:
            yield waiting
        waiting = one
    if waiting[1]:
        yield waiting


def find_words(view: str) -> list[Found]:
    """Words of the lexicon in order, the longest first; kind `none` only stops the others."""
    index, end = lexicon(), 0
    found = []
    for place in [place for place in range(len(view) - 1) if view[place : place + 2] in index]:
        if place < end:
            continue
        for word, kind in index[view[place : place + 2]]:
            if view.startswith(word, place):
                end = place + len(word)
                if kind != "none":
                    found.append((place, end, kind))
                break
    return found


def find_goods(view: str, words: list[Found]) -> list[Found]:
    """Products, with their maker and model number where these stand beside them; a maker alone is none."""
    pieces = [(start, end, kind == "product") for start, end, kind in words if kind in ("product", "maker", "modifier")]
    numbers = [NUMBERED.match(view, end) for _, end, kind in words if kind == "maker"]
    pieces += [(*number.span(), True) for number in numbers if number is not None]
    if LATIN.search(view) is not None:
        pieces += [(*match.span(), True) for match in MODEL.finditer(view) if not is_latin(view, match.start() - 1)]
    found: list[Found] = []
    first, last, named = 0, -1, False
    for start, end, sold in sorted(pieces):
        if start < last:
            continue
        if last >= 0 and (start == last or view[last:start] == " ") and (sold or not named):
            last, named = end, named or sold
            continue
        if named:
            found.append((first, last, "product"))
        first, last, named = start, end, sold
    return [*found, (first, last, "product")] if named else found


def is_latin(view: str, place: int) -> bool:
    """Whether the character at a place, if there is one, is a Latin letter."""
    return place >= 0 and "a" <= view[place] <= "z"


def find_places(view: str, words: list[Found]) -> list[Found]:
    """Provinces, cities and districts, joined where they follow each other, with a ward behind a city."""
    found: list[Found] = []
    for start, end, kind in words:
        if kind not in ("province", "city", "district"):
            continue
        suffix = CITY.match(view, end)
        stop = suffix.end() if suffix else end
        ward = WARD.match(view, stop) if kind != "district" else None
        if ward and not STOP.search(view, stop, ward.end()):
            stop = ward.end()
        first = found.pop()[0] if found and found[-1][1] == start else start
        found.append((first, stop, "place"))
    return found


def find_named(view: str, places: list[Found]) -> list[Found]:
    """Names by their ending, back to the nearest word that cannot belong to a name."""
    starts = {end: start for start, end, _ in places}
    tails, known = endings()
    found: list[Found] = []
    last: Found = (0, 0, "")
    for tail in tails.finditer(view):
        end = tail.end()
        word, ending = next((one for one in known[tail[0]] if view.endswith(one[0], 0, end)), ("", ""))
        at, kind = end - len(word), ending.partition("_")[0]
        if not word or at < last[1] or (NO_SHOP if kind == "shop" else NO_PLACE).match(view, end):
            continue
        if at == last[1] and kind == last[2]:
            last = found[-1] = last[0], end, kind  # 阳光花园小区
            continue
        first = max(last[1], at - BACK)
        for stop in STOP.finditer(view, first, at):
            first = stop.end()
        near = next((place for place in range(at, first, -1) if place in starts), None)
        if near is not None:  # 杭州城西店 is in 杭州, but 南京店 is named by its town
            first = near if kind == "place" or at - near > 1 else starts[near]
        if kind == "place":
            common = COMMON_PLACE.fullmatch(view, first, end)
        else:
            common = COMMON_SHOP.fullmatch(view, first, at) if ending == "shop_ending_plain" else None
        if (first < at or (kind == "place" and near == at)) and common is None:
            last = first, end, kind
            found.append(last)
    return found
