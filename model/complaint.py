"""What came in: one complaint through any door, and what became of it for the early warning."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

__all__ = ["CHANNELS", "ONLINE", "SHANGHAI", "Complaint", "Sighting", "Social"]

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no daylight saving since 1991: a fixed offset is exact
CHANNELS = ("电话", "邮件", "网站", "APP", "微信", "社交媒体", "门店", "监管转办")
ONLINE = frozenset({"邮件", "网站", "APP", "微信", "社交媒体"})


@dataclass(frozen=True, slots=True)
class Social:
    """How far a public post has come. Counts are totals at the time of the report."""

    platform: str
    url: str | None = None
    followers: int = 0
    reposts: int = 0
    likes: int = 0
    views: int = 0


@dataclass(frozen=True, slots=True)
class Complaint:
    """One complaint as it came in. `text` holds title and body joined by a newline; `time` is aware, when it happened.

    `customer` is what the sender calls the customer (account, phone, name); it is turned into a keyed hash before
    anything is stored. `time_given` is False where the sender gave no time and `time` is that of arrival.
    """

    id: str
    text: str
    time: datetime
    customer: str | None = None
    channel: str | None = None
    product: str | None = None
    region: str | None = None
    social: Social | None = None
    time_given: bool = True


@dataclass(frozen=True, slots=True)
class Sighting:
    """One committed complaint as the early warning sees it: masked text, hashed customer, its classification.

    `stage` is none | threat | posted | spreading; `intents` are press, regulator, lawsuit, rally, safety.
    `duplicate_of` names the complaint this is a copy of, `repeat_of` the same customer's earlier one about the matter.
    """

    id: str
    text: str
    time: datetime
    customer: str | None = None
    channel: str | None = None
    product: str | None = None
    region: str | None = None
    category: str | None = None
    department: str | None = None
    sentiment: str | None = None
    stage: str = "none"
    intents: tuple[str, ...] = ()
    social: Social | None = None
    duplicate_of: str | None = None
    repeat_of: str | None = None
