"""The moment a cell means: the ways people and spreadsheets write a time, read as Asia/Shanghai."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

from model.complaint import SHANGHAI
from model.errors import DataError

__all__ = ["parse_time"]

DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})[日号]?")
CLOCK = re.compile(
    r"(?P<before>上午|早上|早晨|凌晨|清晨|中午|下午|傍晚|晚上|晚间|am|pm)?"
    r"(?P<hour>\d{1,2})(?:[:时点](?:(?P<half>半)|(?P<minute>\d{1,2})分?(?::?(?P<second>\d{1,2})(?:[.,](?P<part>\d{1,9}))?秒?)?)?)"
    r"(?P<after>am|pm)?(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)
WEEKDAY = re.compile(r"[(]?(?:星期|周|礼拜)[一二三四五六日天][)]?")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
EXCEL_EPOCH = datetime(
    1899, 12, 30, tzinfo=SHANGHAI
)  # Excel's serial 60 is a day that never was; later ones count here
EXCEL_FIRST, EXCEL_LAST = 20_000.0, 80_000.0  # 1954 to 2119: outside it a bare number is no date
AFTERNOON = frozenset({"下午", "傍晚", "晚上", "晚间", "pm"})
MORNING = frozenset({"凌晨", "am", "清晨", "早上", "上午", "早晨"})


def parse_time(cell: str) -> datetime:
    """Read one cell as an aware time in Asia/Shanghai, to the microsecond where it is given.

    Known are year-first dates with `-`, `/`, `.` or 年月日, with or without a clock (24 hours, 上午/下午, am/pm,
    3点半), ISO 8601 with `Z` or an offset, 20190228, 20190228112505, Excel serials, epoch seconds and milliseconds.
    A time without a zone is Shanghai's. Raises DataError for anything else, also for days not in the calendar.

    >>> parse_time("2024年3月5日 下午3点").isoformat()
    '2024-03-05T15:00:00+08:00'
    >>> parse_time("43856.8244").isoformat()
    '2020-01-26T19:47:08+08:00'
    >>> parse_time("2019-02-28T03:25:05Z").isoformat()
    '2019-02-28T11:25:05+08:00'
    """
    text = unicodedata.normalize("NFKC", cell).strip().lower()
    try:
        moment = from_number(text) if NUMBER.fullmatch(text) else from_words(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        shown = cell.strip()[:40]
        raise DataError(f"{shown!r} is not a time; write it year first, such as 2024-03-05 15:30:00")
    return moment


def from_number(text: str) -> datetime | None:
    """The time of a bare number: compact date, epoch, or Excel serial; None when it is none of them."""
    whole = text.partition(".")[0]
    if "." not in text and len(text) in (8, 12, 14) and text[:2] in ("19", "20"):
        form = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}[len(text)]
        return datetime.strptime(text, form).replace(tzinfo=SHANGHAI)
    value = float(text)
    if len(whole) in (10, 13):
        seconds = value if len(whole) == 10 else value / 1000
        return datetime.fromtimestamp(seconds, SHANGHAI)
    if EXCEL_FIRST <= value < EXCEL_LAST:
        return EXCEL_EPOCH + timedelta(seconds=round(value * 86_400))
    return None


def from_words(text: str) -> datetime | None:
    """The time of a written date with or without a clock; None when the form is not known."""
    date = DATE.match(text)
    if date is None:
        return None
    day = datetime(int(date[1]), int(date[2]), int(date[3]), tzinfo=SHANGHAI)
    rest = text[date.end() :]
    if rest[:1] == "t":
        rest = rest[1:]
    rest = "".join(WEEKDAY.sub("", rest).split())
    if not rest:
        return day
    clock = CLOCK.fullmatch(rest)
    if clock is None or (clock["before"] and clock["after"]):
        return None
    hour = hour_of_day(int(clock["hour"]), clock["before"] or clock["after"])
    minute = 30 if clock["half"] else int(clock["minute"] or 0)
    second, part = int(clock["second"] or 0), int((clock["part"] or "0").ljust(6, "0")[:6])
    if hour == 24 and minute == second == part == 0:
        return day + timedelta(days=1)
    moment = day.replace(hour=hour, minute=minute, second=second, microsecond=part)
    return moment.replace(tzinfo=zone_of(clock["zone"])).astimezone(SHANGHAI) if clock["zone"] else moment


def hour_of_day(hour: int, half: str | None) -> int:
    """The hour on a 24-hour clock for an hour with its half of the day (下午3 is 15, 凌晨12 is 0, 晚上12 is 24)."""
    if half in AFTERNOON and hour <= 12:
        return 24 if hour == 12 and half in ("晚上", "晚间") else hour % 12 + 12
    if half in MORNING and hour == 12 and half != "上午":
        return 0
    if half == "中午" and hour <= 2:
        return hour + 12
    return hour


def zone_of(zone: str) -> timezone:
    """The offset of an ISO zone such as z, +08:00, +0800 or +08."""
    if zone in ("z", "utc", "gmt"):
        return UTC
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if zone[0] == "-" else offset)
