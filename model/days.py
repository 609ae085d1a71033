"""Dates in a text: 2026年3月5日, 3月5号, 10.8号, 昨天, 上周五, 3天前, 上个月15号; as an ISO day where one is certain.

A date names a place in the calendar. Durations (等了3天), clocks without a day, 每周三, 周一至周五 and the running
period alone (今年, 这周) are none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from model.numerals import read_chinese

__all__ = ["find_days"]

MONTH = "(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
DAY = "(?:3[01]|[12][0-9]|0?[1-9]|三十一?|二十[一二三四五六七八九]?|十[一二三四五六七八九]?|[一二三四五六七八九])"
PART = "(?:月?[底末](?!尾)|月?初(?![一二三四五六七八九十])|[上中下]旬)"
FEAST = (
    "双(?:十一|十二|11|12)|618|五一|十一(?!月)|国庆节?|元旦|春节|过年|中秋节?|端午节?|清明节?|年底|年初|年中|年末"
    "|[春夏秋冬][天季]|[上下]半年"
)
IN_MONTH = (
    rf"份?[ 的]?(?P<day>{DAY}) ?(?:[日号](?!线|楼|店)"
    "|(?:(?<=[0-9])|(?<=十[一二三四五六七八九])|(?<=[二三]十))(?![0-9.元块个多几万千百%件单天次年人一二三四五六七八九]))"
)
NOT_A_DAY = (
    "线|楼|店|门|柜|机(?!票)|台|车|桌|房|厅|口|站|馆|院|仓|库|码|窗|电|球|员|床|位|出|入(?!住)|地|别墅|公|航|铺|卡|坑|区"
    "|井|杆|标|技|师|汽油|客房|包|间|室|座|舱|炉|锅|池|墙|箱|笔|字|链|粮"
)
WRITTEN = re.compile(
    r"(?:(?<![0-9.])(?P<year>(?:19|20)[0-9]{2}|[0-9]{2}(?=年 ?[01]?[0-9] ?月)|[一二][零〇一二三四五六七八九]{3})年"
    r"(?![款版度产])"
    rf"|(?<!过)(?P<which>[今去前明])年)(?:[ 的]?(?P<month>{MONTH}) ?月(?:{IN_MONTH}|份)?{PART}?|的?(?P<feast>{FEAST}))?"
)
MONTHED = re.compile(
    rf"(?:(?<![0-9.年个每零〇一二三四五六七八九十第])(?P<month>{MONTH}) ?月"
    "(?!龄|嫂|子|饼|亮|球|光|卡|供|租|结|费|天|[一两三]次|有余)"
    rf"|(?<![马晚早以线])(?P<which>上上个?|上个?|这个?|本|当|下个?)月)(?:{IN_MONTH}|份)?(?P<part>{PART})?"
)
NUMERIC = re.compile(
    r"(?<![0-9a-z._/*:-])(?:(?P<year>(?:19|20)[0-9]{2})(?P<gap>[-/.])(?P<month>[0-9]{1,2})(?P=gap)(?P<day>[0-9]{1,2})(?![0-9])"
    r"|(?P<m>[0-9]{1,2})[./](?P<d>[0-9]{1,2}) ?[日号](?!线|楼|店)"
    r"|(?P<mm>[0-9]{1,2})[-/.](?P<dd>[0-9]{1,2})(?= ?[0-9]{1,2}:[0-9]{2}))"
)
COMPACT = re.compile(
    r"(?<![0-9a-z._/*号次码-])(?P<year>20[0-9]{2})(?P<month>[01][0-9])(?P<day>[0-3][0-9])(?![0-9a-z*._-])"
)
NEAR = re.compile(
    "[今昨大前明后](?:(?<=今)(?:[天日](?!头条)|早|晚|晨|儿)|(?<=昨)(?:天|日|晚|夜|儿|早)|(?<=大)[前后]天"
    "|(?<=前)(?<![目之以提空生面年日月周期天候货]前)(?:天(?![天气])|日|晚(?![上饭餐]))"
    "|(?<=明)(?:天(?![然气花窗线天])|日|早|晚(?!间))|(?<=后)(?<![之以然最售事今往饭前过]后)天(?![性天气黑]))"
)
AGO = re.compile(
    r"(?<![0-9.第零一二两三四五六七八九十百几])(?P<number>[0-9]{1,3}|[一二两三四五六七八九十]{1,3}|半)(?P<more>多)?个?多?"
    "(?P<unit>天|周|星期|礼拜|半?月|年)多?(?:之前|以前|前(?![台面后往脸排胎轮挡端任夫妻男女途车方半门]))"
)
WEEK = re.compile(
    "(?P<which>上上个?|上个?|这个?|本|下下个?|下个?)?(?:周|星期|礼拜)"
    "(?P<day>[一二三四五六日天末](?![直共样起个次连下度边些概旦天回趟遍通条单台件箱福]))?"
)
LONE = re.compile(
    r"(?<![0-9a-z.一二三四五六七八九十第路街道巷弄线楼栋幢座门店柜台车桌房机厅口站字月每近工号周期拜几:*#~-])"
    rf"(?:(?P<first>{DAY})-)?(?P<day>{DAY})(?:号(?!{NOT_A_DAY})|日(?!之?[内后]|[均游租卡无间常用报记历夜语本元]))"
)
NUMERAL = "[0-9零〇一二三四五六七八九十]"
PATTERNS = (  # each with a character it must hold, and a quick look whether it can match at all
    (WRITTEN, frozenset("年"), re.compile(rf"{NUMERAL}年|[今去前明]年")),
    (MONTHED, frozenset("月"), re.compile(rf"{NUMERAL} ?月|[上这本当下个]月")),
    (NUMERIC, frozenset("-/."), re.compile("[0-9][-/.][0-9]")),
    (COMPACT, frozenset("2"), re.compile("20[0-9]{6}")),
    (NEAR, frozenset("今昨前明后"), NEAR),
    (AGO, frozenset("前"), re.compile("[天周期拜月年]多?(?:之前|以前|前)")),
    (WEEK, frozenset("周期拜"), re.compile("[周星礼](?:[一二三四五六日天末]|(?<=星)期|(?<=礼)拜|(?<=[上下]周))")),
    (LONE, frozenset("号日"), re.compile(f"{NUMERAL}[号日]")),
)
WEEKDAYS = {word: place for place, word in enumerate("一二三四五六日")} | {"天": 6}
SHIFTS = {"上上": -2, "上": -1, "这": 0, "本": 0, "当": 0, "下": 1, "下下": 2}
YEARS = {"今": 0, "去": -1, "前": -2, "明": 1}
STEPS = {"大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "后": 2, "大后": 3}
UNTIL = re.compile(" ?(?:至|到|~|-|—|——) ?")
HABIT = re.compile("(?:[至到~、和或及-]|—+)?(?:下?(?:周|星期|礼拜)|[六日天末](?![早中下晚]))|[至到~-][一二三四五六日]")
PAIRED = re.compile("[周期拜][一二三四五六日天][和或及]$")
NO_WEEKDAY = "每个至到~-、一二两三四五六七八九十几半0123456789多数整"
AHEAD = timedelta(days=45)  # a day without a year is the latest that was, or one that comes within this time


@dataclass(slots=True)
class Calendar:
    """What is known while a text is read: the day it was written, the last day told, and the last one with its year."""

    at: date | None
    last: date | None = None
    dated: date | None = None

    def read(self, match: re.Match[str], joined: bool) -> date | None:
        """The day of a match, None where it is uncertain; `joined`: it ends a stretch that the last one begins."""
        if match.re is NEAR:
            return self.at + timedelta(days=STEPS[match[0][:-1]]) if self.at else None
        given = match.groupdict()
        if match.re is AGO:
            return self.ago(given)
        if match.re is WEEK:
            return self.in_week(given["which"], given["day"])
        if match.re is LONE:
            return self.in_month(int_of(given["day"]), joined) if not given["first"] else None
        if match.re is NUMERIC and not given["year"]:
            return self.in_year(int_of(given["m"] or given["mm"]), int_of(given["d"] or given["dd"]), joined)
        if not given["day"]:
            return None
        day = int_of(given["day"])
        if given.get("year"):
            year = int_of(given["year"])
            self.dated = date(year + 2000 if year < 100 else year, int_of(given["month"]), day)
            return self.dated
        which = given.get("which")
        if not which:
            return self.in_year(int_of(given["month"]), day, joined)
        if self.at is None:
            return None
        if match.re is WRITTEN:
            return date(self.at.year + YEARS[which], int_of(given["month"]), day)
        months = self.at.year * 12 + self.at.month - 1 + SHIFTS[which.removesuffix("个")]
        return date(months // 12, months % 12 + 1, day)

    def in_year(self, month: int, day: int, joined: bool) -> date | None:
        """A day without a year: of the stretch it ends, else by `at`; None where the text speaks of another year."""
        if joined and self.dated is not None:
            end = date(self.dated.year, month, day)
            return end if end >= self.dated else date(self.dated.year + 1, month, day)
        if self.at is None:
            return None
        year = self.at.year
        if month == 2 and day == 29:
            return None
        found = max(d for d in (date(year + n, month, day) for n in (-1, 0, 1)) if d <= self.at + AHEAD)
        return found if self.dated is None or self.dated.year == found.year else None

    def in_month(self, day: int, joined: bool) -> date | None:
        """A day without a month: in that of the last day told and not before it, else in this one if it has been."""
        if self.last is not None:
            if day < self.last.day and not joined:
                return None
            months = self.last.year * 12 + self.last.month - (day >= self.last.day)
            return date(months // 12, months % 12 + 1, day)
        return date(self.at.year, self.at.month, day) if self.at is not None and day <= self.at.day else None

    def in_week(self, which: str | None, day: str | None) -> date | None:
        """A weekday of a named week."""
        if self.at is None or which is None or day is None or day == "末":
            return None
        monday = self.at - timedelta(days=self.at.weekday())
        return monday + timedelta(days=7 * SHIFTS[which.removesuffix("个")] + WEEKDAYS[day])

    def ago(self, given: dict[str, str]) -> date | None:
        """Some days or weeks back; months and years are too rough for a day."""
        days = {"天": 1, "周": 7, "星期": 7, "礼拜": 7}.get(given["unit"])
        if self.at is None or days is None or given["more"] or given["number"] == "半":
            return None
        return self.at - timedelta(days=days * int_of(given["number"]))


def find_days(view: str, at: date | None = None) -> Iterator[tuple[int, int, str | None]]:
    """Yield (start, end, day) of dates in a normalised text, in order; `day` is YYYY-MM-DD or None where uncertain.

    `at` is the day the text was written; without it only full dates have a day. A day without a year is the latest
    that was, or one within 45 days to come. Months, years and seasons have none. Time grows linearly with the text.

    >>> text = "3月5号买的,上周五坏了,昨天说3天内修,10.9号又说等"
    >>> [day for _, _, day in find_days(text, date(2026, 10, 14))]
    ['2026-03-05', '2026-10-09', '2026-10-13', '2026-10-09']
    """
    characters = set(view)
    found = [
        match
        for pattern, signs, look in PATTERNS
        if not signs.isdisjoint(characters) and look.search(view) is not None
        for match in pattern.finditer(view)
        if is_date(view, match)
    ]
    found.sort(key=lambda match: (match.start(), -match.end()))
    calendar, end = Calendar(at), 0
    for match in found:
        if match.start() < end or (match.re is WEEK and end and view[end : match.start()] in ("", " ", "(", "（")):
            continue  # 10月14日(周三) is one date
        joined = end > 0 and UNTIL.fullmatch(view, end, match.start()) is not None
        try:
            day = calendar.read(match, joined)
        except (ValueError, OverflowError):
            day = None  # 2月30号
        if day is None and match.re is COMPACT:
            continue
        calendar.last, end = day or calendar.last, match.end()
        yield match.start(), end, day.isoformat() if day else None


def is_date(view: str, match: re.Match[str]) -> bool:
    """Whether a match names a place in the calendar: not the running year alone, not what happens every week."""
    before = view[max(0, match.start() - 1) : match.start()] or " "
    if match.re is LONE:
        return match[0][-1] != "日" or before not in "已了满超逾足共约达"  # 至今已十二日 is a duration
    if match.re not in (WRITTEN, MONTHED, WEEK):
        return True
    which = match["which"]
    if match.re is WRITTEN:
        return which != "今" or match["month"] is not None or match["feast"] is not None
    if match.re is MONTHED:
        if which is None:
            return match["day"] is not None or match["month"].isascii() or before not in "了过近有满"
        return match["day"] is not None or match["part"] is not None or which[0] in "上下"
    if which is None:
        if match["day"] in (None, "末") or before in NO_WEEKDAY:
            return False
        if PAIRED.search(view, max(0, match.start() - 3), match.start()):
            return False
        return not HABIT.match(view, match.end()) and view[match.end() : match.end() + 1] not in tuple("生边黑围")
    return match["day"] is not None or which[0] in "上下"


def int_of(digits: str) -> int:
    """The number that digits or Chinese numerals say."""
    found = int(digits) if digits.isascii() else read_chinese(digits)
    if found is None:
        raise ValueError(digits)
    return found
