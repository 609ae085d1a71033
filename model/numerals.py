"""Numbers as people write them in Chinese: 三千五, 两万三, 一千零五十, 壹万, and 五六百 for a range."""

import re
from decimal import Decimal

__all__ = ["CHINESE", "read_chinese", "read_number"]

DIGITS = {
    word: value
    for value, words in enumerate(["零〇", "一壹", "二两贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"])
    for word in words
}
SCALES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "万": 10_000, "亿": 100_000_000}
CHINESE = "零〇一二两三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟"
PAIR = re.compile("([一二三四五六七八九])([二三四五六七八九])([十百千万]*)")
MULTIPLE = {"百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000, "w": 10_000, "k": 1000}
WRITTEN = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?)([百千万亿wk]*)(零?[0-9]*)([百千]?)")


def read_chinese(words: str) -> int | None:
    """The whole number that Chinese numerals say, None when they say none; the last digit may drop its unit.

    >>> [read_chinese(words) for words in ("三千五百", "三千五", "两万三", "三百零五", "二十五", "二〇二六", "十百")]
    [3500, 3500, 23000, 305, 25, 2026, None]
    """
    if not words or len(words) > 16:
        return None
    if all(word in DIGITS for word in words):
        return int("".join(str(DIGITS[word]) for word in words))
    whole = part = 0
    digit: int | None = None
    last, floor = 0, 0  # the unit read last, and the smallest one of this part: units must fall
    for word in words:
        if word in DIGITS:
            if digit:
                return None
            digit = DIGITS[word]
            last = last if digit else 1
        elif (scale := SCALES[word]) < 10_000:
            if (floor and scale >= floor) or digit == 0:
                return None
            part += (1 if digit is None else digit) * scale
            digit, last, floor = None, scale, scale
        else:
            if not part and not digit and not whole:
                return None
            whole, part = (whole + part + (digit or 0)) * scale, 0
            digit, last, floor = None, scale, 0
    if digit and last >= 100:
        digit = digit * last // 10
    return whole + part + (digit or 0)


def read_number(words: str) -> tuple[Decimal, Decimal] | None:
    """The lowest and highest number that digits or numerals say (the same unless it is a range), None when none.

    >>> [str(n) for n in read_number("1.2万") + read_number("五六百") + read_number("2万3") + read_number("1,299.00")]
    ['12000.0', '12000.0', '500', '600', '23000', '23000', '1299.00', '1299.00']
    """
    if len(words) > 20:
        return None
    if words[:1].isdigit():
        match = WRITTEN.fullmatch(words)
        if match is None:
            return None
        scale = Decimal(1)
        for word in match[2]:
            scale *= MULTIPLE[word]
        value = Decimal(match[1].replace(",", "")) * scale
        if match[3]:
            short = len(match[3]) == 1 and not match[4]  # 2万3 is 23,000; 1万零800 and 1万2000 say it all
            value += int(match[3].removeprefix("零")) * (scale / 10 if short else MULTIPLE.get(match[4], 1))
        return value, value
    pair = PAIR.fullmatch(words.removeprefix("十") if len(words) == 3 else words)
    if pair and (DIGITS[pair[2]] - DIGITS[pair[1]] == 1 or (pair[1], pair[2]) == ("三", "五")):
        tens = 10 if words[0] == "十" else 0
        low, high = (read_chinese(digit + pair[3]) for digit in (pair[1], pair[2]))
        return (Decimal(tens + low), Decimal(tens + high)) if low and high else None
    value_ = read_chinese(words) if len(words) == 1 or any(word in SCALES for word in words) else None
    return None if value_ is None else (Decimal(value_), Decimal(value_))
