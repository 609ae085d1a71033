"""The HTTP calls of supervisors and administrators: incidents, receivers, deliveries, silences, reports, models."""

import json
import secrets
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import desc, insert, select

from serving.address_guard import inside_address
from serving.api import in_ms
from serving.complaints import view
from serving.incidents import (
    acknowledge,
    ask_to_resolve,
    find_incident,
    give_verdict,
    incident_view,
    list_incidents,
)
from serving.models import list_bundles, promote, rollback
from serving.outbox import forget_endpoint, message_body, replay_delivery
from serving.problems import Problem
from serving.report.figures import month_figures
from serving.report.page import report_page
from serving.requests import PromoteIn, SilenceIn, VerdictIn, WebhookIn, Who
from serving.schema import attempt, complaint, outbox, silence, webhook
from serving.service import Service
from serving.store import milliseconds, moment
from serving.webhook import new_secret

__all__ = ["add_webhook", "masked_url", "routes"]

Status = Literal["open", "growing", "escalated", "resolved"]


def add_webhook(service: Service, body: WebhookIn) -> dict[str, str]:
    """Register a receiver; the secret is shown this once. Raises Problem 422 for one that may never be reached."""
    inside = inside_address(body.url, service.settings.webhook_allow)
    if inside is not None:
        raise Problem(
            422, f"{inside} is an inside address: set KESU_WEBHOOK_ALLOW to a range that holds it, and start anew"
        )
    made = {"id": "wh-" + secrets.token_hex(8), "secret": body.secret or new_secret()}
    values = {"url": body.url, "kind": body.kind, "created_at": milliseconds(service.clock())}
    chosen = body.filter.model_dump_json(exclude_none=True) if body.filter else None
    with service.store.write() as connection:
        connection.execute(insert(webhook).values(**made, **values, filter=chosen))
    return made


def routes(service: Service) -> APIRouter:
    """The calls about incidents and telling people."""
    router = APIRouter()

    def done(found: bool) -> dict[str, bool]:
        if not found:
            raise Problem(404, "there is no incident with this id")
        return {"done": True}

    @router.get("/incidents", tags=["incidents"], summary="Incidents, newest movement first; `open` is all unresolved")
    def incidents(
        status: Status | None = None, since: datetime | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> dict[str, Any]:
        with service.store.read() as connection:
            return {"incidents": [incident_view(r) for r in list_incidents(connection, status, in_ms(since), limit)]}

    @router.get("/incidents/{identity}", tags=["incidents"], summary="One incident with its evidence")
    def incident(identity: str) -> dict[str, Any]:
        with service.store.read() as connection:
            row = find_incident(connection, identity)
        if row is None:
            raise Problem(404, "there is no incident with this id")
        return incident_view(row)

    @router.post("/incidents/{identity}/acknowledge", tags=["incidents"], summary="认领: somebody takes care of it")
    def on_acknowledge(identity: str, body: Annotated[Who | None, Body()] = None) -> dict[str, bool]:
        return done(acknowledge(service, identity, (body or Who()).who))

    @router.post("/incidents/{identity}/verdict", tags=["incidents"], summary="属实, 误报 or 已知")
    def on_verdict(identity: str, body: VerdictIn) -> dict[str, bool]:
        return done(give_verdict(service, identity, body.who, body.verdict, body.note))

    @router.post("/incidents/{identity}/resolve", tags=["incidents"], summary="结案")
    def on_resolve(identity: str, body: Annotated[Who | None, Body()] = None) -> dict[str, bool]:
        return done(ask_to_resolve(service, identity, (body or Who()).who))

    @router.post(
        "/silences", tags=["incidents"], status_code=201, summary="Tell nobody about what matches, until a time"
    )
    def silences(body: SilenceIn) -> dict[str, Any]:
        match = body.model_dump(include={"incident", "kind", "category", "department"}, exclude_none=True)
        if not match:
            raise Problem(422, "a silence needs one of incident, kind, category, department: name what to silence")
        values = {"author": body.author, "reason": body.reason, "until": in_ms(body.until)}
        values |= {"match": json.dumps(match, ensure_ascii=False), "created_at": milliseconds(service.clock())}
        with service.store.write() as connection:
            made = connection.execute(insert(silence).values(**values))
            return {"id": made.inserted_primary_key[0] if made.inserted_primary_key else None}

    add_receiver_routes(router, service)
    add_report_routes(router, service)
    return router


def add_receiver_routes(router: APIRouter, service: Service) -> None:
    """Receivers and what was sent to them."""

    @router.get("/webhooks", tags=["receivers"], summary="Receivers, without their secrets")
    def webhooks() -> dict[str, Any]:
        with service.store.read() as connection:
            rows = connection.execute(select(webhook).order_by(webhook.c.created_at)).all()
        return {"webhooks": [receiver_view(r) for r in rows]}

    @router.post(
        "/webhooks", tags=["receivers"], status_code=201, summary="Register a receiver; its secret is shown once"
    )
    def register(body: WebhookIn) -> dict[str, str]:
        return add_webhook(service, body)

    @router.delete("/webhooks/{identity}", tags=["receivers"], status_code=204, summary="Forget a receiver")
    def forget(identity: str) -> Response:
        with service.store.write() as connection:
            if not forget_endpoint(connection, identity):
                raise Problem(404, "there is no receiver with this id")
        return Response(status_code=204)

    @router.post("/webhooks/{identity}/test", tags=["receivers"], status_code=202, summary="Send a signed heartbeat")
    def test(identity: str) -> dict[str, str]:
        now = service.clock()
        message = {"id": "msg_" + secrets.token_hex(12), "webhook": identity, "state": "due", "tries": 0}
        body = message_body("incident.heartbeat", now, {"text": "客诉系统测试消息"})
        with service.store.write() as connection:
            if connection.scalar(select(webhook.c.id).where(webhook.c.id == identity)) is None:
                raise Problem(404, "there is no receiver with this id")
            at = milliseconds(now)
            connection.execute(insert(outbox).values(**message, body=body, due_at=at, leased_until=0, created_at=at))
        return {"id": message["id"]}  # type: ignore[dict-item]

    @router.get("/deliveries", tags=["receivers"], summary="What was sent or waits, newest first, with its attempts")
    def deliveries(
        state: Literal["due", "sent", "dead"] | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> dict[str, Any]:
        query = select(outbox).order_by(desc(outbox.c.seq)).limit(limit)
        with service.store.read() as connection:
            rows = connection.execute(query if state is None else query.where(outbox.c.state == state)).all()
            tries = connection.execute(
                select(attempt).where(attempt.c.outbox.in_([r.id for r in rows])).order_by(attempt.c.id)
            ).all()
        return {"deliveries": [delivery_view(r, [t for t in tries if t.outbox == r.id]) for r in rows]}

    @router.post("/deliveries/{identity}/replay", tags=["receivers"], status_code=202, summary="Send again, same id")
    def replay(identity: str) -> dict[str, bool]:
        with service.store.write() as connection:
            if not replay_delivery(connection, identity, service.clock()):
                raise Problem(404, "there is no delivery with this id")
        return {"done": True}


def add_report_routes(router: APIRouter, service: Service) -> None:
    """The monthly report and the model in use."""

    @router.get("/reports/{month}", tags=["reports"], summary="The month's figures; ?format=html is the report")
    def report(month: str, format: Literal["json", "html"] = "json") -> Response:
        now = service.clock()
        if format == "html":
            return HTMLResponse(report_page(service.store, month, now))
        figures = month_figures(service.store, month, now)
        return Response(json.dumps(figures, ensure_ascii=False), media_type="application/json")

    @router.get(
        "/review", tags=["complaints"], summary="Complaints whose labels a person should look at, least sure first"
    )
    def review(limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> dict[str, Any]:
        unsure = select(complaint).where(complaint.c.accepted.is_(False), complaint.c.duplicate_of.is_(None))
        with service.store.read() as connection:
            rows = connection.execute(unsure.order_by(complaint.c.confidence, complaint.c.seq).limit(limit)).all()
        return {"complaints": [view(row) for row in rows]}

    @router.get("/models", tags=["models"], summary="The model in use, and the bundles on the shelf")
    def models() -> dict[str, Any]:
        bundle = service.shelf()
        heads = {name: list(labels) for name, labels in bundle.heads.items()} if bundle else {}
        shelf = [asdict(entry) for entry in list_bundles(service.shelf.folder.parent)]
        return {"current": bundle.version if bundle else None, "heads": heads, "bundles": shelf}

    @router.post("/models/promote", tags=["models"], summary="Serve a bundle of the shelf from now on")
    def on_promote(body: PromoteIn) -> dict[str, str]:
        version = promote(service.shelf.folder.parent, Path(body.name), service.clock(), body.who)
        service.shelf.refresh()
        return {"current": version}

    @router.post("/models/rollback", tags=["models"], summary="Serve the bundle before the present one again")
    def on_rollback(body: Annotated[Who | None, Body()] = None) -> dict[str, str]:
        version = rollback(service.shelf.folder.parent, service.clock(), (body or Who()).who)
        service.shelf.refresh()
        return {"current": version}


def receiver_view(row: Any) -> dict[str, Any]:
    stopped = moment(row.stopped_at).isoformat() if row.stopped_at else None
    return {
        "id": row.id,
        "url": masked_url(row.url),
        "kind": row.kind,
        "filter": json.loads(row.filter) if row.filter else None,
        "stopped_at": stopped,
        "stopped_why": row.stopped_why,
    }


def masked_url(url: str) -> str:
    """A receiver's address without what makes it a secret: query and all but the first part of the path.

    >>> masked_url("https://hooks.example.com/send/k3y?token=1")
    'https://hooks.example.com/send/…'
    """
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("?")[0].partition("/")
    first, more, _ = path.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}/{first}{'/…' if more else ''}"


def delivery_view(row: Any, tries: list[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "webhook": row.webhook,
        "incident": row.incident,
        "state": row.state,
        "due_at": moment(row.due_at).isoformat(),
        "sent_at": moment(row.sent_at).isoformat() if row.sent_at else None,
        "attempts": [
            {
                "at": moment(t.at).isoformat(),
                "outcome": t.outcome,
                "status": t.status,
                "why": t.why,
                "took_ms": t.took_ms,
            }
            for t in tries
        ],
    }
