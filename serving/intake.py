"""The one door: every complaint, from the API, a file or the demo, goes through `Intake.accept`.

mask → classify → exposure → rules → copies and repeats → commit → answer. The answer is made inside the transaction
that stores it and leaves after the commit; the same id and body again gives the stored answer, byte for byte.
"""

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, astuple, dataclass, field, replace
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from model.bundle import Bundle, Prediction
from model.complaint import Complaint
from model.errors import KesuError, TextError
from model.exposure import Exposure, judge_exposure
from model.overlay import Overlay
from model.privacy import customer_key, mask
from model.text import check_text
from serving.answers import answer_of, columns_of, explanation_of
from serving.arrivals import Arrivals
from serving.schema import complaint, idempotency
from serving.store import Store, milliseconds, utc_now

__all__ = ["Conflict", "Intake", "Refusal"]

TOGETHER = 64  # requests in one transaction at most
REST = 10.0  # seconds without work after which the writer ends
LOOK_UP = 500  # ids asked for in one query


class Conflict(KesuError):
    """A key or an id that was used before with another body."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one complaint of a list was not taken: an HTTP status and one sentence without its text."""

    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class Classified:
    """A complaint (masked, customer hashed) with what was decided about it."""

    complaint: Complaint
    answer: dict[str, Any]
    exposure: Exposure
    body_hash: str


@dataclass(slots=True)
class Work:
    """One request's complaints on their way into the store."""

    good: dict[int, Classified]
    out: list[dict[str, Any] | Refusal | None]
    source: str
    key: str | None
    fresh: set[str]  # ids made here just now: nobody can have used them
    future: Future[list[dict[str, Any] | Refusal]] = field(default_factory=Future)


class Intake:
    """Takes complaints in. `bundle` and its `rules` are asked at every call: a promoted one serves the next request."""

    def __init__(
        self,
        store: Store,
        bundle: Callable[[], Bundle | None],
        *,
        clock: Callable[[], datetime] = utc_now,
        text_limit: int = 20_000,
        woken: Callable[[], None] = lambda: None,
        rules: Callable[[Bundle], Overlay | None] = lambda bundle: None,
    ) -> None:
        self.store = store
        self.bundle = bundle
        self.clock = clock
        self.text_limit = text_limit
        self.woken = woken
        self.rules = rules
        self.waiting: SimpleQueue[Work] = SimpleQueue()
        self.writer: threading.Thread | None = None
        self.starting = threading.Lock()

    def classify(self, complaints: Sequence[Complaint], *, explain: bool = False) -> list[dict[str, Any] | Refusal]:
        """Answers without recording anything."""
        good, out = self.prepare(complaints, explain=explain, stored=False)
        for position, item in good.items():
            out[position] = item.answer
        return [answer if answer is not None else Refusal(503, NO_BUNDLE) for answer in out]

    def accept(self, complaints: Sequence[Complaint], **how: Any) -> list[dict[str, Any] | Refusal]:
        """`submit`, and wait for the commit."""
        return self.submit(complaints, **how).result()

    def submit(
        self,
        complaints: Sequence[Complaint],
        *,
        source: str = "api",
        key: str | None = None,
        explain: bool = False,
        unclassified: bool = False,
    ) -> Future[list[dict[str, Any] | Refusal]]:
        """Classify now, record soon; after the commit the future has one answer or refusal a complaint, in order.

        `key` is an idempotency key for the whole list: the same list again gives the same answers, another list
        raises Conflict. Without a bundle every complaint is refused, unless `unclassified` says to store it as it is.
        """
        named = [c if c.id else replace(c, id=new_id(key, n)) for n, c in enumerate(complaints)]
        good, out = self.prepare(named, explain=explain, unclassified=unclassified)
        fresh = {a.id for a, b in zip(named, complaints, strict=True) if not b.id and key is None}
        work = Work(good, out, source, key, fresh)
        if good:
            self.waiting.put(work)
            self.keep_writing()
        else:
            work.future.set_result([answer if answer is not None else Refusal(503, NO_BUNDLE) for answer in out])
        return work.future

    def keep_writing(self) -> None:
        """See to it that a thread takes what waits; it ends by itself when nothing comes for a while."""
        if self.writer is None:
            with self.starting:
                if self.writer is None:
                    self.writer = threading.Thread(target=self.write, name="writer", daemon=True)
                    self.writer.start()

    def write(self) -> None:
        """Commit what waits together, while the next ones gather; what its caller has given up by then is left out."""
        while True:
            try:
                works = [self.waiting.get(timeout=REST)]
            except Empty:
                self.writer = None
                if self.waiting.empty():
                    return
                self.keep_writing()  # it came between the last look and the end
                return
            while len(works) < TOGETHER and not self.waiting.empty():
                works.append(self.waiting.get())
            self.commit([work for work in works if work.future.set_running_or_notify_cancel()])

    def commit(self, works: Sequence["Work"]) -> None:
        """Record some requests in one transaction, and only then give their answers.

        When that fails each is tried alone, so that one cannot spoil the others.
        """
        if not works:
            return
        try:
            with self.store.write() as connection:
                arrivals = Arrivals(connection)
                answers = [self.record(connection, work, arrivals) for work in works]
                arrivals.write()
        except Exception as error:
            if len(works) == 1:
                works[0].future.set_exception(error)
                return
            for work in works:
                self.commit([work])
            return
        self.woken()
        for work, answer in zip(works, answers, strict=True):
            work.future.set_result(answer)

    def record(self, connection: Connection, work: "Work", arrivals: Arrivals) -> list[dict[str, Any] | Refusal]:
        """Take in one request's complaints and give its answers. Raises Conflict for a key used with another body."""
        good, out = work.good, list(work.out)
        whole = hashlib.sha256("".join(i.body_hash for i in good.values()).encode()).hexdigest()
        if work.key is not None and (before := recall(connection, work.key, whole)) is not None:
            return [Refusal(**answer["refused"]) if "refused" in answer else answer for answer in before]
        known = stored(connection, [i.complaint.id for i in good.values() if i.complaint.id not in work.fresh])
        known |= {row["id"]: (row["body_hash"], json.loads(row["answer"])) for row in arrivals.rows}
        now = milliseconds(self.clock())
        for position, item in good.items():
            if (old := known.get(item.complaint.id)) is not None:
                out[position] = old[1] if old[0] == item.body_hash else Refusal(409, OTHER_BODY)
                continue
            marks = arrivals.marks_of(item.complaint.text)
            kin = arrivals.kin_of(item.complaint, marks)
            answer = item.answer | {"duplicate_of": kin.duplicate_of, "repeat_of": kin.repeat_of}
            said = {"body_hash": item.body_hash, "source": work.source, "received_at": now} | columns_of(answer)
            arrivals.add(item.complaint, kin, marks, **said)
            known[item.complaint.id] = (item.body_hash, answer)
            out[position] = answer
        answers: list[dict[str, Any] | Refusal] = [a if a is not None else Refusal(503, NO_BUNDLE) for a in out]
        if work.key is not None:
            remember(connection, work.key, whole, answers, now)
        return answers

    def known(self, ids: Sequence[str]) -> list[str]:
        """Those ids that are in the store already."""
        with self.store.read() as connection:
            return list(stored(connection, ids))

    def prepare(
        self,
        complaints: Sequence[Complaint],
        *,
        explain: bool = False,
        unclassified: bool = False,
        stored: bool = True,
    ) -> tuple[dict[int, Classified], list[dict[str, Any] | Refusal | None]]:
        """Mask and classify: what is usable by its position, and a list with the refusals in their places.

        What is not to be `stored` needs no keyed hashes.
        """
        bundle = self.bundle()
        out: list[dict[str, Any] | Refusal | None] = [None] * len(complaints)
        usable: dict[int, tuple[Complaint, str]] = {}
        secret = self.store.key("customer")
        for position, incoming in enumerate(complaints):
            try:
                text = mask(check_text(incoming.text, longest=self.text_limit))
            except TextError as error:
                out[position] = Refusal(422, str(error))
                continue
            customer = customer_key(secret, incoming.customer) if stored and incoming.customer else None
            digest = body_hash(secret, incoming) if stored else ""
            usable[position] = (replace(incoming, text=text, customer=customer), digest)
        if bundle is None and not unclassified:
            return {}, [a if a is not None else Refusal(503, NO_BUNDLE) for a in out]
        texts = [c.text for c, _ in usable.values()]
        predictions: Sequence[Prediction | None] = (
            bundle.predict(texts, explain=explain) if bundle and texts else [None] * len(texts)
        )
        overlay = self.rules(bundle) if bundle else None
        good = {}
        for (position, (c, digest)), prediction in zip(usable.items(), predictions, strict=True):
            exposure = judge_exposure(c.text, channel=c.channel, social=c.social)
            ruled = overlay.apply(c, prediction, exposure.stage) if overlay and prediction else prediction
            answer = answer_of(c, ruled, exposure)
            answer |= {"explanation": explanation_of(ruled, c.text)} if explain and ruled else {}
            good[position] = Classified(c, answer, exposure, digest)
        return good, out


OTHER_BODY = "this id was used before with another body: send a new id"
NO_BUNDLE = "no model is promoted yet: run `kesu train` and `kesu models promote`, then retry"


def new_id(key: str | None, position: int) -> str:
    """An id for a complaint that came without one; under an idempotency key the same every time."""
    return f"k-{hashlib.sha256(f'{key}/{position}'.encode()).hexdigest()[:24]}" if key else f"c-{secrets.token_hex(12)}"


def body_hash(secret: bytes, incoming: Complaint) -> str:
    """A keyed hash of all that was sent, so that another body under the same id is noticed."""
    c = incoming
    body = [c.text, c.customer, c.channel, c.product, c.region, c.social and astuple(c.social)]
    body.append(c.time.isoformat() if c.time_given else None)
    return hmac.new(secret, json.dumps(body, ensure_ascii=False).encode(), "sha256").hexdigest()


def recall(connection: Connection, key: str, whole: str) -> list[dict[str, Any]] | None:
    """The answers given under an idempotency key before, or None. Raises Conflict when the body was another."""
    row = connection.execute(select(idempotency).where(idempotency.c.key == key)).first()
    if row is None:
        return None
    if row.body_hash != whole:
        raise Conflict("this Idempotency-Key was used before with another body: send a new key")
    before: list[dict[str, Any]] = json.loads(row.answer)
    return before


def remember(
    connection: Connection, key: str, whole: str, answers: Sequence[dict[str, Any] | Refusal], at: int
) -> None:
    body = [{"refused": asdict(a)} if isinstance(a, Refusal) else a for a in answers]
    connection.execute(
        insert(idempotency).values(key=key, body_hash=whole, answer=json.dumps(body, ensure_ascii=False), at=at)
    )


KNOWN = select(complaint.c.id, complaint.c.body_hash, complaint.c.answer).where(
    complaint.c.id.in_(bindparam("ids", expanding=True))
)


def stored(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Body hash and answer of those ids that are in the store."""
    found = {}
    for start in range(0, len(ids), LOOK_UP):
        for row in connection.execute(KNOWN, {"ids": ids[start : start + LOOK_UP]}):
            found[row.id] = (row.body_hash, json.loads(row.answer))
    return found
