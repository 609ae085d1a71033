"""The stretch of time a report is about, the two it is compared with, and the address of its complaints."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from model.complaint import SHANGHAI
from model.errors import DataError
from serving.store import milliseconds, moment

__all__ = ["LINKED", "Period", "complaints_link", "iso", "periods_of"]

MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
LINKED = 100  # ids listed with a number
ADDRESS = 7_500  # characters of ids in one address: servers and mail programs take about 8,000


@dataclass(frozen=True, slots=True)
class Period:
    """Complaints that happened in [since, until), with their handling as it stood at `as_of`; milliseconds, UTC.

    `day` is the last day covered when the month is not over (0 when it has not begun), else None.
    """

    year: int
    month: int
    since: int
    until: int
    as_of: int
    day: int | None

    @property
    def name(self) -> str:
        """Such as 2026 年 10 月."""
        return f"{self.year} 年 {self.month} 月"

    @property
    def span(self) -> str:
        """The days covered, such as 10 月, or 11 月 1 日至 22 日 of a month that is not over."""
        if not self.day:
            return f"{self.month} 月"
        return f"{self.month} 月 1 日" if self.day == 1 else f"{self.month} 月 1 日至 {self.day} 日"

    @property
    def short(self) -> str:
        """How a table's column is headed when this is the period compared with: 9 月, or 10 月同期."""
        return f"{self.month} 月同期" if self.day else f"{self.month} 月"

    def as_dict(self) -> dict[str, object]:
        """The period for JSON; times are ISO 8601 in Asia/Shanghai."""
        return {
            "name": self.name,
            "span": self.span,
            "short": self.short,
            "day": self.day,
            "cut": f"{self.month} 月 {self.day} 日" if self.day else None,
            "since": iso(self.since),
            "until": iso(self.until),
            "as_of": iso(self.as_of),
            "partial": self.day is not None,
        }


def periods_of(month: str, now: datetime) -> tuple[Period, Period, Period]:
    """The month's natural days in Asia/Shanghai, the month before, and the same month a year ago.

    A month that is not over ends at `now`, and the other two end as long after their own start; the handling of the
    other two is looked at as long after their end as `now` is after the month's, so that none had more time than
    another. Raises DataError for a month that is not one.

    >>> now = datetime(2026, 11, 22, 9, tzinfo=SHANGHAI)
    >>> [p.span for p in periods_of("2026-11", now)]
    ['11 月 1 日至 22 日', '10 月 1 日至 22 日', '11 月 1 日至 22 日']
    >>> periods_of("2026-10", now)[1].as_dict()["until"]
    '2026-10-01T00:00:00+08:00'
    """
    found = MONTH.fullmatch(month)
    if found is None or int(found[1]) == 0:
        raise DataError(f"{month[:40]!r} is not a month; write year and month such as 2026-10")
    index = int(found[1]) * 12 + int(found[2]) - 1
    start, over = first_of(index), first_of(index + 1)
    at = milliseconds(now)
    end = max(start, min(at, over))
    late = at - end
    out = []
    for back in (0, 1, 12):
        since = first_of(index - back)
        until = min(since + end - start, first_of(index - back + 1)) if end < over else first_of(index - back + 1)
        last = moment(max(since, until - 1)).astimezone(SHANGHAI)
        whole = until == first_of(index - back + 1) and end == over
        year, number = divmod(index - back, 12)
        day = None if whole else last.day if until > since else 0
        out.append(Period(year, number + 1, since, until, until + late, day))
    return out[0], out[1], out[2]


def first_of(index: int) -> int:
    """The first moment of the month with this number (year × 12 + month − 1)."""
    year, month = divmod(max(index, 12), 12)
    if year > 9999:
        raise DataError("a report ends with the year 9998; write year and month such as 2026-10")
    return milliseconds(datetime(year, month + 1, 1, tzinfo=SHANGHAI))


def iso(ms: int) -> str:
    """Milliseconds as ISO 8601 in Asia/Shanghai.

    >>> iso(0)
    '1970-01-01T08:00:00+08:00'
    """
    return (moment(0) + timedelta(milliseconds=ms)).astimezone(SHANGHAI).isoformat()


def complaints_link(period: Period | None, ids: Sequence[str] = (), **filters: str | None) -> str:
    """Where the complaints behind a number are listed: by their ids where given (at most LINKED), else by filters
    inside a period.

    `counted=1` leaves out copies and praise, as every count of the report does; `status`, `stage` and the label
    columns are filters by their own names.

    >>> complaints_link(None, ids=["a", "b"])
    '/page/complaints?ids=a%2Cb'
    """
    if ids:
        named: list[str] = []
        room = ADDRESS
        for identity in ids[:LINKED]:
            room -= len(quote(identity)) + 3
            if room < 0:
                break
            named.append(identity)
        return "/page/complaints?" + urlencode({"ids": ",".join(named)})
    given = {name: value for name, value in filters.items() if value is not None}
    span = {} if period is None else {"since": iso(period.since), "until": iso(period.until)}
    return "/page/complaints?" + urlencode({**span, "counted": "1", **given})
