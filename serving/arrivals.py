"""Complaints on their way into the store: their copies and repeats found, all of one transaction written together."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, desc, insert, select

from model.complaint import Complaint
from model.duplicates import BANDS, bands, same_matter, same_message
from serving.prepared import Prepared
from serving.schema import complaint, fingerprint
from serving.store import milliseconds

__all__ = ["Arrivals", "Kinship"]

DAY = 86_400_000
COPY_WINDOW = 7 * DAY  # the same message through another channel comes within days
REPEAT_WINDOW = 90 * DAY  # 复投诉: the same customer about the same matter
RESOLVE_HOURS = 72
NOMINATED = 500  # marks looked up: a text that thousands send must not cost more than that
COMPARED = 20  # complaints whose words are compared


@dataclass(frozen=True, slots=True)
class Kinship:
    """The complaint this one is a copy of, and the same customer's earlier one about the matter."""

    duplicate_of: str | None = None
    repeat_of: str | None = None


class Earlier(NamedTuple):
    """What is compared of an earlier complaint; `time` in milliseconds."""

    id: str
    text: str
    customer: str | None
    duplicate_of: str | None
    time: int


OF_EARLIER = (complaint.c.id, complaint.c.text, complaint.c.customer, complaint.c.duplicate_of, complaint.c.time)
MARKS = [f"mark{n}" for n in range(BANDS)]
NOMINEES = (
    select(fingerprint.c.complaint)
    .where(fingerprint.c.band.in_([bindparam(name) for name in MARKS]))
    .where(fingerprint.c.time.between(bindparam("since"), bindparam("until")))
    .limit(NOMINATED)
)
NEAR = select(*OF_EARLIER).where(complaint.c.id.in_(NOMINEES)).order_by(complaint.c.seq).limit(COMPARED)
NEAR_ANYBODY, NEAR_NOBODY = Prepared(NEAR), Prepared(NEAR.where(complaint.c.customer.is_(None)))
OF_CUSTOMER = Prepared(
    select(*OF_EARLIER)
    .where(complaint.c.customer == bindparam("customer"))
    .where(complaint.c.time.between(bindparam("since"), bindparam("until")))
    .order_by(desc(complaint.c.time))
    .limit(COMPARED)
)


class Arrivals:
    """The complaints of one transaction: each finds those stored and those before it; `write` puts all of them in."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rows: list[dict[str, Any]] = []
        self.prints: list[dict[str, Any]] = []
        self.by_mark: dict[int, list[Earlier]] = {}
        self.by_customer: dict[str, list[Earlier]] = {}

    def add(self, new: Complaint, kin: Kinship, marks: Sequence[int], **columns: Any) -> None:
        """Take in one complaint (masked text, hashed customer) with what is known about it."""
        row = row_of(new, kin) | columns
        self.rows.append(row)
        self.prints += [{"band": mark, "complaint": new.id, "time": row["time"]} for mark in marks]
        one = Earlier(new.id, new.text, new.customer, kin.duplicate_of, row["time"])
        for mark in marks:
            self.by_mark.setdefault(mark, []).append(one)
        if new.customer:
            self.by_customer.setdefault(new.customer, []).append(one)

    def write(self) -> None:
        """Insert everything that was added."""
        if self.rows:
            self.connection.execute(insert(complaint), self.rows)
        if self.prints:
            self.connection.execute(insert(fingerprint), self.prints)

    def kin_of(self, new: Complaint, marks: Sequence[int]) -> Kinship:
        """Look for copies and repeats of a complaint.

        A copy has the same message and the same customer, or no known customer on one side; the same words from two
        known customers are two complaints. A repeat is the same customer about the same matter in other words.
        """
        at = milliseconds(new.time)
        own = list(self.of_customer(at, new.customer)) if new.customer else []
        for other in (*own, *self.near(at, new.customer, marks)):
            if abs(other.time - at) <= COPY_WINDOW and same_message(other.text, new.text):
                return Kinship(duplicate_of=other.duplicate_of or other.id)
        for other in own:
            if other.time <= at and same_matter(other.text, new.text):
                return Kinship(repeat_of=other.duplicate_of or other.id)
        return Kinship()

    def near(self, at: int, customer: str | None, marks: Sequence[int]) -> Iterator[Earlier]:
        """Complaints of nobody known (of anybody, for one of nobody) that share a mark, the first stored first."""
        if not marks:
            return
        values = dict(zip(MARKS, marks, strict=False)) | {"since": at - COPY_WINDOW, "until": at + COPY_WINDOW}
        values |= {name: marks[-1] for name in MARKS if name not in values}
        query = NEAR_NOBODY if customer else NEAR_ANYBODY
        yield from (Earlier._make(row) for row in query.run(self.connection, values))
        here = {one.id: one for mark in marks for one in self.by_mark.get(mark, ())[:COMPARED]}
        yield from (one for one in here.values() if not (customer and one.customer))

    def of_customer(self, at: int, customer: str) -> Iterator[Earlier]:
        """The customer's other complaints, the latest first."""
        yield from islice(reversed(self.by_customer.get(customer, ())), COMPARED)
        values = {"customer": customer, "since": at - REPEAT_WINDOW, "until": at + COPY_WINDOW}
        yield from (Earlier._make(row) for row in OF_CUSTOMER.run(self.connection, values))

    @staticmethod
    def marks_of(text: str) -> list[int]:
        """The marks under which copies of a text are found."""
        return sorted(set(bands(text)))


def row_of(new: Complaint, kin: Kinship) -> dict[str, Any]:
    """The row of a complaint before anything is known about its content."""
    at = milliseconds(new.time)
    return {
        "id": new.id,
        "text": new.text,
        "time": at,
        "customer": new.customer,
        "channel": new.channel,
        "product": new.product,
        "region": new.region,
        "social": json.dumps(asdict(new.social), ensure_ascii=False) if new.social else None,
        "duplicate_of": kin.duplicate_of,
        "repeat_of": kin.repeat_of,
        "evaluated": False,
        "stage": "none",
        "status": "open",
        "handovers": 0,
        "due_at": at + RESOLVE_HOURS * 3_600_000,
    }
