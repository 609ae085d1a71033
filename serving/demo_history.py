"""The simulated company of the demo: four weeks of complaints that end an hour ago, and the last hour to play live.

Pure: the clock and the seed are arguments, the sentences stand in `demo_material.toml`. People, phones and numbers are
invented; a few are planted so that the masking shows.
"""

import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from model.complaint import SHANGHAI, Complaint, Social

__all__ = ["DemoHistory", "demo_history"]

MATERIAL = Path(__file__).parent / "demo_material.toml"
A_DAY = 58  # complaints on an average day, before copies and second tries
HOURS = (2, 1, 1, 0.5, 0.5, 1, 3, 8, 14, 22, 24, 22, 18, 16, 15, 15, 16, 19, 23, 26, 24, 17, 10, 5)
WEEKDAYS = (1.05, 0.95, 0.9, 0.9, 1.0, 1.2, 1.25)
CHANNELS = {"APP": 36, "微信": 20, "电话": 20, "门店": 8, "网站": 6, "邮件": 3, "社交媒体": 2, "监管转办": 3}
CHOICE = re.compile(r"\[([^\[\]]+)\]")
COPIED, SECOND_TRY, CONTACT, THREAT, UNKNOWN = 0.11, 0.07, 0.03, 0.02, 0.08  # shares of all complaints
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴", ("晓敏", "建国", "雨桐", "志强", "婷", "国栋", "思远", "丽华")
STREETS = ("松柏", "青年", "河滨", "学府", "望江", "梅园")


@dataclass(frozen=True, slots=True)
class DemoHistory:
    """`past` in order of time; `live` pairs seconds of the last hour (0 to 3600) with complaints, in order."""

    past: list[Complaint]
    live: list[tuple[float, Complaint]]


@cache
def material() -> dict[str, Any]:
    """The sentences, read once."""
    return tomllib.loads(MATERIAL.read_text(encoding="utf-8"))


def demo_history(now: datetime, seed: int = 0, days: int = 28) -> DemoHistory:
    """Make the demo for a moment `now` (aware): the same `now`, `seed` and `days` give the same complaints.

    The past ends an hour before `now` and follows the hours of the week in Asia/Shanghai; 28 days hold about 1,900
    complaints with copies through a second channel, second tries and customers who write often.

    >>> history = demo_history(datetime(2026, 3, 5, 12, tzinfo=SHANGHAI))
    >>> 1500 < len(history.past) < 2200, len({c.id for c in history.past}) == len(history.past)
    (True, True)
    """
    now = now.astimezone(SHANGHAI)
    writer = Writer(random.Random(f"{seed} {now.isoformat()}"))
    end = now - timedelta(hours=1)
    past = [item for moment in moments(writer.chance, end, days) for item in writer.with_echoes(moment, end)]
    past += writer.past_events(end, days)
    past = sorted((item for item in past if item.time <= end), key=lambda item: item.time)
    live = sorted(writer.last_hour(end), key=lambda item: item.time)
    stamp = now.strftime("%m%d%H%M")
    named = [replace(item, id=f"demo-{stamp}-{number:04d}") for number, item in enumerate([*past, *live], 1)]
    late = [((item.time - end).total_seconds(), item) for item in named[len(past) :]]
    return DemoHistory(named[: len(past)], late)


def moments(chance: random.Random, end: datetime, days: int) -> Iterator[datetime]:
    """The times of ordinary complaints in the `days` before `end`, by the hours of the week."""
    start = (end - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    hours = [start + timedelta(hours=hour) for hour in range(days * 24 + 1)]
    weights = [HOURS[hour.hour] * WEEKDAYS[hour.weekday()] for hour in hours]
    for hour in chance.choices(hours, weights, k=round(A_DAY * days)):
        yield hour + timedelta(seconds=chance.randrange(3600))


@dataclass(slots=True)
class Writer:
    """Writes complaints out of the material with one source of chance."""

    chance: random.Random

    def with_echoes(self, moment: datetime, end: datetime) -> Iterator[Complaint]:
        """One ordinary complaint and, now and then, its copy through another channel or the customer's second try."""
        first, topic = self.ordinary(moment)
        yield first
        if first.channel != "社交媒体" and self.chance.random() < COPIED:
            channel = self.chance.choice([name for name in ("APP", "电话", "微信", "网站") if name != first.channel])
            text = self.chance.choice(material()["copies"][channel]).replace("{text}", first.text)
            yield replace(
                first, text=text, channel=channel, time=moment + timedelta(minutes=self.chance.uniform(3, 900))
            )
        if first.customer and topic and self.chance.random() < SECOND_TRY:
            clause = max(re.split("[，。！？：；]", first.text)[:4], key=len)
            text = self.fill(self.pick("follow_ups").replace("{topic}", topic), first.region, clause)
            yield replace(first, text=text, time=moment + timedelta(days=self.chance.uniform(1.5, 9)))

    def ordinary(self, moment: datetime) -> tuple[Complaint, str]:
        """A complaint of an ordinary day, and the short name of its matter (blank for a question or praise)."""
        matters = material()["matters"]
        matter = self.chance.choices(matters, [one.get("weight", 1.5) for one in matters])[0]
        region, store = self.chance.choice(material()["stores"])
        channel = self.chance.choices(list(CHANNELS), list(CHANNELS.values()))[0]
        text = self.chance.choice(matter["texts"])
        social = None
        complains = matter["category"] not in ("咨询", "表扬")
        if complains:
            text = self.pick("openings") + text + self.pick("asks")
            if self.chance.random() < THREAT:
                text += self.pick("threats")
            if channel == "社交媒体":
                platform, frame = self.chance.choice(material()["posts_small"])
                text = frame.replace("{text}", text)
                social = Social(
                    platform,
                    None,
                    self.chance.randrange(20, 900),
                    0,
                    self.chance.randrange(6),
                    self.chance.randrange(15, 400),
                )
        if self.chance.random() < CONTACT:
            text += self.pick("contacts")
        customer = None if self.chance.random() < UNKNOWN else self.customer()
        text = self.fill(text.replace("{store}", store), region)
        return Complaint("", text, moment, customer, channel, matter["product"], region, social), matter[
            "topic"
        ] if complains else ""

    def customer(self) -> str:
        """A customer's account or phone; a few of the 1,200 write again and again."""
        number = (
            self.chance.choice((7, 19, 23, 58)) if self.chance.random() < 0.04 else self.chance.randrange(100, 1300)
        )
        return f"1390000{number:04d}" if number % 3 == 0 else f"HG{800000 + number}"

    def past_events(self, end: datetime, days: int) -> Iterator[Complaint]:
        """The matters of the past that came and went, each told by different customers."""
        for event in material()["past_events"]:
            if event["days_ago"] > days - 2:
                continue
            begin = (end - timedelta(days=event["days_ago"])).replace(hour=9, minute=20)
            for number, text in enumerate(event["texts"]):
                late = event["hours"] * 3600 * ((number + self.chance.random()) / len(event["texts"])) ** 0.8
                region = event["region"] or self.chance.choice(material()["stores"])[0]
                moment, channel = begin + timedelta(seconds=late), self.chance.choice(["APP", "电话", "微信", "APP"])
                yield Complaint(
                    "", self.fill(text, region), moment, f"HG{910000 + number}", channel, event["product"], region
                )

    def last_hour(self, end: datetime) -> Iterator[Complaint]:
        """An ordinary hour, one shop's spoiled milk told by ever more customers, and a threat that goes public."""
        for _ in range(12):
            item, _ = self.ordinary(end + timedelta(seconds=self.chance.uniform(20, 3590)))
            yield item
        copied, _ = self.ordinary(end + timedelta(seconds=self.chance.uniform(300, 1500)))
        copied = replace(copied, channel="APP", social=None)
        yield copied
        yield replace(copied, text=f"来电反映：{copied.text}", channel="电话", time=copied.time + timedelta(minutes=11))
        group = material()["live_group"]
        for number, text in enumerate(group["texts"]):
            at = 240 + 3000 * (number / len(group["texts"])) ** 0.75 + self.chance.uniform(0, 90)  # ever faster
            channel = "电话" if text.startswith("来电") else self.chance.choice(["APP", "微信", "门店", "电话"])
            yield Complaint(
                "",
                text,
                end + timedelta(seconds=at),
                f"HG{920000 + number}",
                channel,
                group["product"],
                group["region"],
            )
        post = material()["live_post"]
        threat = Complaint(
            "", post["threat"], end + timedelta(seconds=420), "HG930001", "APP", post["product"], post["region"]
        )
        yield threat
        for at, text, views, reposts in zip(
            (1380, 2100, 2820, 3420), post["posts"], (10, 640, 2900, 8000), (0, 6, 31, 140), strict=True
        ):
            social = Social(post["platform"], post["url"], 1260, reposts, views // 18, views)
            yield replace(threat, text=text, time=end + timedelta(seconds=at), channel="社交媒体", social=social)

    def pick(self, kind: str) -> str:
        """One sentence of a kind."""
        return str(self.chance.choice(material()[kind]))

    def fill(self, text: str, region: str | None, clause: str = "") -> str:
        """Choose among [a|b] and fill the slots; every personal value is invented."""
        text = CHOICE.sub(lambda found: self.chance.choice(found[1].split("|")), text)
        if "{" not in text:
            return text
        chance, phone = self.chance, f"1390000{self.chance.randrange(10_000):04d}"
        slots: dict[str, object] = {
            "clause": clause,
            "store": chance.choice([store for place, store in material()["stores"] if place == region] or ["社区店"]),
            "n": chance.randrange(2, 13),
            "money": chance.choice(
                [f"{chance.randrange(12, 300)}", f"{chance.randrange(20, 200)}.{chance.randrange(10, 99)}"]
            ),
            "order": f"HG2026{chance.randrange(10**11):011d}",
            "phone": phone,
            "phone_wide": phone.translate({ord("0") + digit: ord("０") + digit for digit in range(10)}),
            "phone_spaced": f"{phone[:3]} {phone[3:7]} {phone[7:]}",
            "name": chance.choice(SURNAMES) + chance.choice(GIVEN),
            "street": chance.choice(STREETS),
            "number": chance.randrange(1, 400),
            "block": chance.randrange(1, 20),
            "unit": chance.randrange(1, 5),
            "room": chance.randrange(1, 30) * 100 + chance.randrange(1, 5),
            "wechat": f"fresh_{chance.randrange(10_000):04d}",
            "identity": identity(chance),
            "card": card(chance),
        }
        return text.format_map(slots)


def identity(chance: random.Random) -> str:
    """An invented identity number that passes the checksum."""
    born = f"{chance.randrange(1955, 2004)}0{chance.randrange(1, 10)}1{chance.randrange(10)}"
    body = f"110105{born}{chance.randrange(1000):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


def card(chance: random.Random) -> str:
    """An invented bank card number that passes the Luhn check."""
    body = f"622202{chance.randrange(10**12):012d}"
    total = sum(sum(divmod(int(digit) * (2 - at % 2), 10)) for at, digit in enumerate(reversed(body)))
    return body + str(-total % 10)
