"""The HTTP calls that other systems use. Work on the disk, or of more than a moment, is done in a thread."""

from asyncio import wrap_future
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from model.complaint import SHANGHAI, Complaint, Social
from serving.complaints import change_complaint, find_complaint, list_complaints, view
from serving.intake import Refusal
from serving.problems import Problem, problem_body
from serving.requests import ComplaintIn, Patch, parse_batch
from serving.service import Service
from serving.store import milliseconds

__all__ = ["answered", "in_ms", "routes", "whole_body"]

AT_ONCE = 2_000  # bytes of a body that is classified without leaving the event loop
CLASSIFY_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        ComplaintIn.model_json_schema(),
                        {"type": "array", "items": ComplaintIn.model_json_schema(), "maxItems": 1000},
                    ]
                },
                "example": {"text": "快递慢而且客服态度差", "customer": "C-1024", "channel": "APP"},
            }
        },
    }
}


async def whole_body(request: Request) -> bytes:
    """The raw body, refused as soon as it passes the limit."""
    limit: int = request.app.state.service.settings.body_limit
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Problem(413, f"the request is larger than {limit} bytes: send smaller lists")
        parts.append(part)
    return b"".join(parts)


def complaint_of(body: ComplaintIn, now: datetime) -> Complaint:
    """A complaint as it came in; without a time it happened now, without a zone the time is Shanghai's."""
    time = body.time or now
    if time.tzinfo is None:
        time = time.replace(tzinfo=SHANGHAI)
    social = Social(**body.social.model_dump()) if body.social else None
    text = f"{body.title}\n{body.text}" if body.title else body.text
    return Complaint(
        "" if body.id is None else str(body.id),
        text,
        time.astimezone(UTC),
        body.customer,
        body.channel,
        body.product,
        body.region,
        social,
        time_given=body.time is not None,
    )


def routes(service: Service) -> APIRouter:
    """The calls about complaints."""
    router = APIRouter(tags=["complaints"])

    @router.post("/classify", openapi_extra=CLASSIFY_BODY, summary="Classify and record one complaint or a list")
    async def classify(
        raw: Annotated[bytes, Depends(whole_body)],
        record: Annotated[bool, Query(description="false: only classify")] = True,
        explain: Annotated[bool, Query(description="add the characters that carried each decision")] = False,
        idempotency_key: Annotated[str | None, Header(max_length=255, pattern=r"^[\x21-\x7e]+$")] = None,
    ) -> Response:
        one, bodies = parse_batch(raw, service.settings.batch_limit)
        now = service.clock()
        good = [complaint_of(b, now) for b in bodies if isinstance(b, ComplaintIn)]

        def start() -> Future[list[dict[str, Any] | Refusal]]:
            if record:
                return service.intake.submit(good, key=idempotency_key, explain=explain)
            done: Future[list[dict[str, Any] | Refusal]] = Future()
            done.set_result(service.intake.classify(good, explain=explain))
            return done

        # a fifth of a millisecond is spent here: going to a thread and back would cost as much
        started = start() if len(raw) < AT_ONCE else await run_in_threadpool(start)
        ready = started.result() if started.done() else await wrap_future(started)
        found = iter(ready)
        answers = [next(found) if isinstance(b, ComplaintIn) else b for b in bodies]
        if one and isinstance(answers[0], Refusal):
            raise Problem(answers[0].status, answers[0].detail)
        if one:
            return answered(answers[0])
        return answered([problem_body(a.status, a.detail) if isinstance(a, Refusal) else a for a in answers])

    @router.get("/complaints", summary="Find complaints, newest first")
    def find(
        category: str | None = None,
        department: str | None = None,
        sentiment: str | None = None,
        stage: str | None = None,
        status: str | None = None,
        channel: str | None = None,
        product: str | None = None,
        region: str | None = None,
        issue: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        search: Annotated[str | None, Query(max_length=200)] = None,
        ids: Annotated[str | None, Query(max_length=8000, description="by comma")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    ) -> dict[str, Any]:
        query = {
            "category": category,
            "department": department,
            "sentiment": sentiment,
            "stage": stage,
            "status": status,
            "channel": channel,
            "product": product,
            "region": region,
            "issue": issue,
            "since": in_ms(since),
            "until": in_ms(until),
            "search": search,
            "ids": ids.split(",") if ids else None,
        }
        with service.store.read() as connection:
            total, rows = list_complaints(connection, query, limit, offset)
        return {"total": total, "complaints": [view(row) for row in rows]}

    @router.get("/complaints/{identity:path}", summary="One complaint with its classification and handling")
    def read(identity: str) -> dict[str, Any]:
        with service.store.read() as connection:
            row = find_complaint(connection, identity)
        if row is None:
            raise Problem(404, "there is no complaint with this id")
        return view(row)

    @router.patch(
        "/complaints/{identity:path}", summary="Follow its handling: status, times, satisfaction, 改派, corrections"
    )
    def change(identity: str, body: Annotated[Patch, Body()]) -> dict[str, Any]:
        with service.store.write() as connection:
            before = find_complaint(connection, identity)
            if before is None:
                raise Problem(404, "there is no complaint with this id")
            now = milliseconds(service.clock())
            changes = body.values(before.resolved_at or now)
            change_complaint(connection, identity, changes, who=body.who, why=body.why, at=now)
            row = find_complaint(connection, identity)
        return view(row) if row is not None else {}

    return router


def in_ms(when: datetime | None) -> int | None:
    if when is None:
        return None
    return milliseconds(when if when.tzinfo else when.replace(tzinfo=SHANGHAI))


def answered(content: Any) -> Response:
    return Response(to_json(content), media_type="application/json")
