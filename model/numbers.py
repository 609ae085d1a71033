"""Which numbers in a text point at a person: mobile and landline phones, identity cards, bank cards.

Order numbers, tracking numbers, amounts and dates look alike and must stay: Luhn alone calls a tenth of all random
numbers a bank card, so a card also needs the prefix 62 or a word such as 卡号 before it (0.1 %); an identity card needs
region, date and checksum (0.002 %, GB 11643-1999).
"""

import re
from collections.abc import Iterator
from datetime import date

__all__ = ["find_numbers", "is_identity", "is_luhn"]

JOINT = r"(?:[ \-.()]{1,2}(?=[0-9]))"
RUN = re.compile(rf"[0-9](?:[0-9\u200b]|{JOINT})*[xX]?")
GROUP = re.compile(r"[0-9](?:[0-9\u200b]*[0-9])?[xX]?")
SPOKEN = re.compile(r"[零〇一二三四五六七八九幺0-9]{11,12}")
MOBILE = re.compile(r"(?:86|0086)?1[3-9]\d{9}")
LANDLINE = re.compile(r"(?:010|02[0-57-9])[2-9]\d{7}|0[3-9]\d{2}[2-9]\d{6,7}")
MOBILE_SHAPES = frozenset({(11,), (3, 4, 4), (3, 8), (7, 4), (4, 3, 4), (3, 3, 5), (5, 6), (6, 5), (1,) * 11})
SHORT_SHAPES = frozenset({(7,), (8,), (4, 4), (3, 4)})
PROVINCES = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ORDER_WORD = re.compile(
    r"(?:订单号?|单号|编号|流水号?|批号|序列号|条码|编码|票号|工号)码?[是为: ]{0,2}$"
    r"|(?:SF|YT|JD|ZTO|STO|DB|EMS|YD|DPK|NO|LP|YZ|JT|HT|TT|ZJS)[A-Z]{0,2}$"
)
TALK_WORD = re.compile(r"(?i:电话|手机|座机|固话|致电|拨打|来电|联系|号码|回电|tel|phone)[^0-9。!?\n]{0,6}$")
PHONE_LABEL = re.compile(r"(?i:电话|座机|固话|手机|号码|tel)号?码?[是为: ]{0,3}$")
DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])")
CARD_WORD = re.compile(r"(?:卡号|银行卡|储蓄卡|信用卡|借记卡|账号|帐号|账户|卡)[^0-9。!?\n]{0,6}$")
IDENTITY_WORD = re.compile(r"(?:身份证|证件号|公民身份)[^0-9。!?\n]{0,6}$")
LOOK_BACK = 14
LENGTHS = range(7, 20)


def is_luhn(digits: str) -> bool:
    """Whether digits satisfy the Luhn checksum (ISO/IEC 7812).

    >>> is_luhn("6222020000000000000"), is_luhn("6222020000000000001")
    (True, False)
    """
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[::-2]) + sum(doubled)) % 10 == 0


def is_identity(number: str) -> bool:
    """Whether 18 characters are a mainland identity number: province, a day that was, and checksum (GB 11643-1999).

    >>> is_identity("11010519491231002X"), is_identity("110105194912310021")
    (True, False)
    """
    if len(number) != 18 or not number[:17].isdigit() or not PROVINCES.match(number):
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    rest = sum(int(digit) * weight for digit, weight in zip(number, WEIGHTS, strict=False)) % 11
    return 1900 <= born.year <= 2100 and number[17].upper() == "10X98765432"[rest]


def find_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, kind) of numbers that identify: kind is phone, identity or card; in order, not overlapping.

    `text` has half-width digits already. Linear: each run of digits is looked at once, in joins of at most 19 digits.

    >>> list(find_numbers("订单20260305123456789,电话138 0013 8000"))
    [(22, 35, 'phone')]
    """
    for run in RUN.finditer(text):
        if run.end() - run.start() >= 7:
            yield from judge_run(text, run.start(), run.end())
    if "零" in text or "幺" in text or "〇" in text or "八" in text:
        for run in SPOKEN.finditer(text):
            body = run[0]
            if len(body) == 11 and body[0] in "一幺1" and body[1] in "三四五六七八九3456789" and not body.isascii():
                yield run.start(), run.end(), "phone"


def judge_run(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Judge one run of digit groups: from each group, the longest join of groups that identifies."""
    groups = [(m.start(), m.end()) for m in GROUP.finditer(text, start, end)]
    at = 0
    while at < len(groups):
        found = longest(text, groups, at)
        if found is None:
            at += 1
            continue
        last, kind = found
        first = groups[at][0]
        if text[first - 1 : first] == "(" and ")" in text[first : groups[last][1]]:
            first -= 1
        if text[first - 1 : first] == "+":
            first -= 1
        yield first, groups[last][1], kind
        at = last + 1


def longest(text: str, groups: list[tuple[int, int]], at: int) -> tuple[int, str] | None:
    """The last group and the kind of the longest join from `at` that identifies a person, or None."""
    before = text[max(0, groups[at][0] - LOOK_BACK) : groups[at][0]]
    best: tuple[int, str] | None = None
    digits = ""
    shape: tuple[int, ...] = ()
    for last in range(at, min(at + 19, len(groups))):
        piece = text[groups[last][0] : groups[last][1]].replace("\u200b", "")
        digits, shape = digits + piece, (*shape, len(piece))
        if len(digits) > 19:
            break
        if len(digits) in LENGTHS:
            kind = judge(digits, shape, before)
            if kind is not None:
                best = last, kind
    return best


def judge(digits: str, shape: tuple[int, ...], before: str) -> str | None:
    """What a join of digit groups is: phone, identity, card, or None. `before` is the text in front of it."""
    if len(digits) == 18 and is_identity(digits):
        return "identity"
    if 15 <= len(digits) <= 18 and len(shape) == 1 and IDENTITY_WORD.search(before):
        return "identity"  # mistyped, or the old one of 15 digits; the writer says what it is
    if not digits.isdigit():
        return None
    ordered = ORDER_WORD.search(before) is not None
    if before.endswith("+") and 8 <= len(digits) <= 14:
        return "phone"
    if MOBILE.fullmatch(digits):
        bare = shape[1:] if shape[0] in (2, 4) and len(digits) > 11 and digits[: shape[0]] in ("86", "0086") else shape
        if not ordered and (bare in MOBILE_SHAPES or shape in ((13,), (15,)) or TALK_WORD.search(before)):
            return "phone"
    if LANDLINE.fullmatch(digits) and not ordered:
        if len(shape) > 1 and shape[0] in (3, 4) and len(shape) <= 3:
            return "phone"
        if TALK_WORD.search(before):
            return "phone"
    if shape in SHORT_SHAPES and not ordered and digits[0] not in "014" and PHONE_LABEL.search(before):
        return None if DAY.fullmatch(digits) else "phone"
    if 16 <= len(digits) <= 19 and not ordered and (len(shape) == 1 or set(shape[:-1]) <= {4, 6}):
        named = CARD_WORD.search(before) is not None
        if named or (digits.startswith("62") and is_luhn(digits)):
            return "card"
    return None
