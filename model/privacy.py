"""Masking: whatever points at a person is replaced, sign by sign, before anything is stored, logged or told.

A mask has the length of what it covers, so every offset into the stored text stays an offset into what people wrote.
Nothing of a masked value is kept, not even the first digits of a phone: three digits and a place narrow it down.
"""

import hmac
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from model.numbers import find_numbers

__all__ = ["Span", "customer_key", "find_personal", "mask"]

LEXICON = Path(__file__).parent / "lexicon" / "names.tsv"
HINT = re.compile("[0-9@叫姓人主件货户幺零〇栋幢元微薇威扣QqXxVvＡ-Ｚａ-ｚ０-９＠\U0001d7ce-\U0001d7ff]")
WIDE = re.compile("[\u3000\uff01-\uff5e\u2010-\u2015\u2212\u200b-\u200d\u2060\ufeff\u00ad\U0001d7ce-\U0001d7ff]")
NARROW = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
NARROW |= {0x3000: " ", 0x2212: "-"} | dict.fromkeys(range(0x2010, 0x2016), "-")
NARROW |= dict.fromkeys((0x200C, 0x200D, 0x2060, 0xFEFF, 0xAD), "\u200b")
NARROW |= {0x1D7CE + i: str(i % 10) for i in range(50)}

PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领][A-HJ-NP-Za-hj-np-z][·• .-]?"
    r"(?=[A-HJ-NP-Z]{0,2}[0-9])(?=(?:[A-HJ-NP-Z]?[0-9]){3})(?:[A-HJ-NP-Z0-9]{5,6}|[A-HJ-NP-Z0-9]{4}[学警港澳挂])(?![A-Za-z0-9])"
)
MAIL_LEFT = re.compile(r"[A-Za-z0-9._%+-]{1,64}$")
MAIL_RIGHT = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}")
ACCOUNT = re.compile(
    r"(?i:微信|薇信|威信|v信|vx|wx|wechat|qq|扣扣)"
    r"(?P<name>(?:号码?|账号|帐号|id|ID)?(?:[是为:] ?|号 ?| (?=[A-Za-z0-9_-]))?)"
    r"(?P<value>[A-Za-z][A-Za-z0-9_-]{5,19}|[0-9]{5,11})(?![A-Za-z0-9_元块年月万.-])"
)
PASSPORT = re.compile(
    r"(?:护照|通行证|军官证|台胞证)(?:号码?)?[是为: ]{0,2}(?P<value>[A-Za-z]{1,2}[0-9]{7,9})(?![0-9])"
)
STREET = re.compile(
    r"(?<=[路街道巷弄])(?<![知报渠频通]道)[ ]?(?P<value>[0-9]{1,5}(?:[-之][0-9]{1,4})?)"
    r"(?=[号弄](?!线|店|门店|公交|车|柜|窗))"
)
UNIT = r"(?:栋|幢|号楼|座|单元|楼|层|室|户|号)"
NUMERAL = r"(?:[0-9]{1,4}|[A-Za-z]|[一二三四五六七八九十]{1,3})"
HOUSE = re.compile(
    rf"{NUMERAL}(?:栋|幢|号楼|座|单元)[ -]?(?:{NUMERAL}{UNIT}[ -]?){{0,4}}"
    r"(?:[0-9]{3,4}(?![0-9元块多个])|[零一二三四五六七八九]{3,4})?"
)
HOUSE_DASH = re.compile(r"(?<=[苑园府城庄湾里庭区寓])[ ]?(?P<value>[0-9]{1,3}-[0-9]{1,3}-[0-9]{2,4})(?![0-9-])")
DOOR = re.compile(r"单元|室|[0-9零一二三四五六七八九]{3}$")
ROOM = re.compile(r"(?<![0-9.])(?P<value>[0-9]{3,4})(?=室(?!内|外))")
HOUSE_NUMBER = re.compile(rf"{NUMERAL}(?={UNIT})|[0-9]{{3,4}}|[零一二三四五六七八九]{{3,4}}")
END = (
    r"(?=[^\u4e00-\u9fff]|$|先生|女士|小姐|电话|手机|联系|身份|家住|今年|住|男|女|现|是|在|因|的|要|想|我|来|反|投|买|购|订"
    r"|前|昨|上|从|去|你|跟|把|被|请|已|账|卡)"
)


@dataclass(frozen=True, slots=True)
class Span:
    """One personal value, `text[start:end]`; kinds: phone, identity, card, mail, account, plate, address, name."""

    start: int
    end: int
    kind: str


def mask(text: str) -> str:
    """The text with every personal value replaced by as many `*`.

    >>> mask("我叫李小明，电话１３８００１３８０００请回，订单号202603051234567890")
    '我叫***，电话***********请回，订单号202603051234567890'
    """
    spans = find_personal(text)
    if not spans:
        return text
    parts, at = [], 0
    for span in spans:
        parts += [text[at : span.start], "*" * (span.end - span.start)]
        at = span.end
    return "".join([*parts, text[at:]])


def find_personal(text: str) -> list[Span]:
    """The personal values of a text, in order and not overlapping; offsets count characters of `text`.

    Found: mobile and landline phones (also full-width, spaced, spelt in Chinese numerals), identity cards by region,
    date and checksum, bank cards by Luhn with prefix 62 or a context word, mail, WeChat / QQ / passport after their
    word, licence plates, the numbers of a detailed address, names after 我叫, 本人, 姓名, 联系人. Order and tracking
    numbers, amounts and dates are left. Time grows linearly with the text.

    >>> [(s.kind, s.start, s.end) for s in find_personal("住人民路88号3栋502室，微信号ab_12345")]
    [('address', 4, 6), ('address', 7, 8), ('address', 9, 12), ('account', 17, 25)]
    """
    if HINT.search(text) is None:
        return []
    view = text.translate(NARROW) if WIDE.search(text) else text
    found = [Span(start, end, kind) for start, end, kind in find_all(view)]
    found.sort(key=lambda span: (span.start, -span.end))
    spans: list[Span] = []
    for span in found:
        if not spans or span.start >= spans[-1].end:
            spans.append(span)
        elif span.end > spans[-1].end:
            spans[-1] = Span(spans[-1].start, span.end, spans[-1].kind)
    return spans


def find_all(view: str) -> Iterator[tuple[int, int, str]]:
    """Every value of every kind, with overlaps, in a text whose letters and digits are half-width."""
    yield from find_numbers(view)
    at = view.find("@")
    while at >= 0:
        left, right = MAIL_LEFT.search(view[max(0, at - 64) : at]), MAIL_RIGHT.match(view, at + 1, at + 256)
        if left and right:
            yield at - len(left[0]), right.end(), "mail"
        at = view.find("@", at + 1)
    for match in ACCOUNT.finditer(view):
        value = match["value"]
        sure = bool(match["name"].strip()) or (match["name"] and not value.isdigit())
        if sure or (any(c.isdigit() or c in "_-" for c in value) and value[0].isalpha()) or is_qq(match[0], value):
            yield *match.span("value"), "account"
    for match in PASSPORT.finditer(view):
        yield *match.span("value"), "identity"
    for match in PLATE.finditer(view):
        yield *match.span(), "plate"
    yield from find_address(view)
    yield from find_names(view)


def is_qq(whole: str, value: str) -> bool:
    """Whether bare digits directly after QQ are an account: QQ numbers have 5 to 11 digits and no leading zero."""
    return whole[:2].lower() == "qq" and value[0] != "0"


def find_address(view: str) -> Iterator[tuple[int, int, str]]:
    """The numbers of a detailed address; the street, the estate and the words 号, 栋, 室 stay readable."""
    for pattern in (STREET, HOUSE_DASH, ROOM):
        for match in pattern.finditer(view):
            yield *match.span("value"), "address"
    for match in HOUSE.finditer(view):
        if DOOR.search(match[0]):  # 3栋24层的公寓 is a place; 3栋2单元501 is somebody's door
            for number in HOUSE_NUMBER.finditer(view, match.start(), match.end()):
                yield *number.span(), "address"


@cache
def name_patterns() -> tuple[re.Pattern[str], re.Pattern[str], frozenset[str]]:
    """The patterns of names after a sure and after an unsure word, and the words that only look like a name."""
    words: dict[str, list[str]] = {}
    for line in LEXICON.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, _, listed = line.partition("\t")
            words[kind] = listed.split()
    sure = "(?:" + "|".join(sorted(words["sure"], key=len, reverse=True)) + ")"
    wide = "(?:" + "|".join(sorted({*words["surname"], *words["sure"]}, key=len, reverse=True)) + ")"
    label = r"(?:姓名|联系人|收件人|收货人|户主|户名)(?:[是为: ]|是:){1,2}"
    called = r"(?:我叫|本人叫|我的名字叫|我名叫)"
    given = r"[\u4e00-\u9fff·]{1,2}?"
    named = re.compile(
        rf"{label}(?P<value>{wide}(?:{given}{END}|(?=先生|女士|小姐)|[\u4e00-\u9fff]{{1,2}}))"
        rf"|{called}(?P<called>{wide}{given}{END}|{sure}[\u4e00-\u9fff]{{1,2}})"
    )
    plain = re.compile(rf"(?:本人|姓名|联系人|收件人|收货人|户主)(?P<value>{sure}[\u4e00-\u9fff]{{1,2}}?{END})")
    return named, plain, frozenset(words["not_name"])


def find_names(view: str) -> Iterator[tuple[int, int, str]]:
    """Names that their own words announce; a name without such a word is not looked for."""
    if not any(word in view for word in ("叫", "本人", "姓名", "系人", "件人", "货人", "户")):
        return
    named, plain, not_name = name_patterns()
    for pattern in (named, plain):
        for match in pattern.finditer(view):
            if match[match.lastgroup or 0][:2] not in not_name:
                yield *match.span(match.lastgroup or 0), "name"


def customer_key(secret: bytes, customer: str) -> str:
    """A customer's keyed hash, 32 hex characters of HMAC-SHA256; ways to write one phone give one key.

    Without the secret eleven digits cannot be guessed back from the key; a bare hash of them is guessed in minutes.

    >>> customer_key(b"secret", "+86 138-0013-8000") == customer_key(b"secret", "１３８００１３８０００")
    True
    """
    name = "".join(unicodedata.normalize("NFKC", customer).casefold().split())
    digits = re.sub(r"[-+().\u2010-\u2015\u200b]", "", name)
    phone = re.fullmatch(r"(?:0{0,2}86)?(1[3-9]\d{9})", digits)
    return hmac.new(secret, (phone[1] if phone else name).encode("utf-8", "replace"), "sha256").hexdigest()[:32]
