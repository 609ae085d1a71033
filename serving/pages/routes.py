"""The page for supervisors and operators: what it shows. What it changes is in `page_actions`."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from sqlalchemy import select

from model.complaint import SHANGHAI, Complaint
from model.errors import DataError
from model.labels import load_labels
from model.times import parse_time
from serving.complaints import find_complaint
from serving.demo import demo_progress
from serving.incidents import find_incident
from serving.intake import Refusal
from serving.models import list_bundles
from serving.pages.actions import Actions, same_origin, trial
from serving.pages.dashboard import (
    coloured,
    count_figures,
    deliveries,
    evidence,
    hourly,
    latest_complaints,
    months,
    open_incidents,
    page_of,
    quotes,
    review_queue,
    told,
)
from serving.pages.screen import Screen
from serving.pages.upload import Uploads
from serving.schema import audit, complaint, webhook
from serving.service import Service
from serving.store import milliseconds, moment

__all__ = ["Pages", "mount", "routes", "trial"]

PAGE = 50
LISTED = 5_000  # complaints of one incident that a list is narrowed to
FILTERS = (
    "category",
    "department",
    "sentiment",
    "stage",
    "status",
    "channel",
    "product",
    "region",
    "issue",
    "pain_point",
)


class Pages:
    """The pages of one service; each method is a route."""

    def __init__(self, service: Service, screen: Screen) -> None:
        self.service = service
        self.screen = screen

    def labels(self) -> dict[str, list[str]]:
        """The labels to choose from: those of the bundle in use, else the starter's."""
        bundle = self.service.shelf()
        if bundle is not None:
            return {name: list(labels) for name, labels in bundle.heads.items()}
        return {name: list(head.labels) for name, head in load_labels().items()}

    def overview_values(self) -> dict[str, Any]:
        with self.service.store.read() as connection:
            latest = latest_complaints(connection)
            figures = count_figures(connection, self.service.clock())
            incidents = open_incidents(connection)
        values: dict[str, Any] = {"latest": latest, "figures": figures, "incidents": incidents}
        values["today"] = self.service.clock().astimezone(SHANGHAI).date().isoformat()
        values["demo"] = demo_progress(self.service)
        values["seen"] = sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]
        return values

    def overview(self, request: Request) -> Response:
        """/ 今日总览, or three offers while the store is empty."""
        values = self.overview_values()
        if not values["latest"]:
            return self.start(request)
        return self.screen.render("overview.html", request, values)

    def live(self, request: Request, seen: str = "") -> Response:
        """The part of the overview that changes; 204 when it is what the browser has already."""
        values = self.overview_values()
        if values["seen"] == seen:
            return self.screen.unchanged()
        return self.screen.render("live.html", request, values)

    def chart(self, request: Request) -> Response:
        """The last seven days by hour and category."""
        with self.service.store.read() as connection:
            data = hourly(connection, self.service.clock())
        return self.screen.render("chart.html", request, {"data": data})

    def demo(self, request: Request) -> Response:
        """How far the demo has come; sends the browser to the overview as soon as there is something to see."""
        progress = demo_progress(self.service)
        headers = {"HX-Redirect": "/"} if progress.state in ("playing", "done") else None
        return self.screen.render("demo.html", request, {"demo": progress}, headers=headers)

    def incidents(self, request: Request, resolved: bool = False) -> Response:
        """/page/incidents: all open ones, or the resolved ones."""
        with self.service.store.read() as connection:
            found = open_incidents(connection, 100, resolved=resolved)
        return self.screen.render("incidents.html", request, {"incidents": found, "resolved": resolved})

    def incident(self, request: Request, identity: str) -> Response:
        """/page/incident/{id}: everything the incident rests on."""
        with self.service.store.read() as connection:
            row = find_incident(connection, identity)
            if row is None:
                return self.screen.missing(request, "这个事件")
            found = evidence(row)
            found["quote"] = quotes(connection, [found]).get(found["id"])
            ids = found.get("exemplars") or found.get("complaints", [])[:5]
            examples = [one for one in (find_complaint(connection, each) for each in ids[:5]) if one is not None]
            alerts = told(connection, identity)
        data = {"name": "投诉", "hours": [h for h, _ in found["curve"]], "counts": [n for _, n in found["curve"]]}
        if found["expected"]:
            data["expected"] = [round(found["hourly_expected"], 4)] * len(data["hours"])
        name = "incident_live.html" if request.headers.get("HX-Target") == "incident" else "incident.html"
        return self.screen.render(name, request, {"one": found, "examples": examples, "alerts": alerts, "data": data})

    def complaints(self, request: Request, page: int = 1) -> Response:
        """/page/complaints: the complaints that fit the filters, 50 a page, newest first."""
        given = {k: v.strip() for k, v in request.query_params.items() if k != "page" and v.strip()}
        query: dict[str, Any] = {name: given.get(name) for name in FILTERS}
        query |= {"search": given.get("search"), "counted": given.get("counted")}
        problem, page, at = None, max(1, min(page, 200_000)), milliseconds(self.service.clock())
        try:
            query["since"] = milliseconds(parse_time(given["since"])) if "since" in given else None
            query["until"] = milliseconds(day_end(given["until"])) if "until" in given else None
        except DataError:
            problem = "时间看不懂，请写成 2026-10-05 的样子"
        with self.service.store.read() as connection:
            about = find_incident(connection, given["incident"]) if "incident" in given else None
            if about is not None:
                query["ids"] = evidence(about).get("complaints", [])[:LISTED]
            elif "ids" in given:
                query["ids"] = given["ids"].split(",")[:LISTED]
            total, rows = page_of(connection, query, at, PAGE, (page - 1) * PAGE)
        pages = max(1, -(-total // PAGE))
        turn = [f"/page/complaints?{urlencode({**given, 'page': n})}" for n in (page - 1, page + 1)]
        values = {"rows": rows, "total": total, "page": page, "pages": pages, "turn": turn, "at": at}
        values |= {"given": given, "problem": problem, "labels": self.labels()}
        return self.screen.render("complaints.html", request, values)

    def complaint(self, request: Request, identity: str) -> Response:
        """/page/complaint/{id}: the text, why it was judged so, its kin, and its handling."""
        with self.service.store.read() as connection:
            row = find_complaint(connection, identity)
            if row is None:
                return self.screen.missing(request, "这条投诉")
            history = connection.execute(select(audit).where(audit.c.complaint == identity).order_by(audit.c.id)).all()
            kin = select(complaint.c.id, complaint.c.channel, complaint.c.time).where(complaint.c.issue == row.issue)
            same = connection.execute(kin.order_by(complaint.c.time.desc()).limit(20)).all() if row.issue else []
        answer = json.loads(row.answer) if row.answer else {}
        today = self.service.intake.classify([Complaint(row.id, row.text, moment(row.time))], explain=True)[0]
        if not isinstance(today, Refusal):  # the model may have been replaced since: colours only of the same one
            answer["explanation"] = today.get("explanation") if today.get("model") == row.model else None
        values = {"row": row, "answer": answer, "pieces": coloured(row.text, answer), "history": history, "same": same}
        name = "complaint_live.html" if request.headers.get("HX-Target") == "complaint" else "complaint.html"
        values |= {"labels": self.labels(), "at": milliseconds(self.service.clock())}
        return self.screen.render(name, request, values)

    def review(self, request: Request, order: str = "newest") -> Response:
        """/page/review: what the model left to people."""
        with self.service.store.read() as connection:
            total, rows = review_queue(connection, order)
        values = {"total": total, "rows": rows, "order": order, "labels": self.labels()}
        return self.screen.render("review.html", request, values)

    def deliveries(self, request: Request, state: str | None = None) -> Response:
        """/page/deliveries: receivers, messages, attempts."""
        with self.service.store.read() as connection:
            receivers = connection.execute(select(webhook).order_by(webhook.c.created_at)).all()
            messages = deliveries(connection, state if state in ("due", "sent", "dead") else None)
        values = {"receivers": receivers, "messages": messages, "state": state}
        return self.screen.render("deliveries.html", request, values)

    def models(self, request: Request) -> Response:
        """/page/models: the bundle in use."""
        bundle = self.service.shelf()
        card = json.loads((bundle.extra or {}).get("card.json", b"{}")) if bundle else {}
        shelf = list_bundles(self.service.settings.data_dir / "bundles")
        values = {"bundle": bundle, "heads": self.labels(), "card": card, "shelf": shelf}
        return self.screen.render("models.html", request, values)

    def reports(self, request: Request) -> Response:
        """/page/reports: months that have complaints."""
        with self.service.store.read() as connection:
            found = months(connection, self.service.clock())
        return self.screen.render("reports.html", request, {"months": found})

    def start(self, request: Request) -> Response:
        """/page/start: the three offers, also when the store is not empty."""
        values = {"demo": demo_progress(self.service), "has_model": self.service.shelf() is not None}
        return self.screen.render("welcome.html", request, values)


def day_end(text: str) -> datetime:
    """The moment a filter ends: a day alone is meant to its end, a time to the second."""
    end = parse_time(text)
    return end + timedelta(days=1) if len(text) <= len("2026-10-05") else end


def routes(service: Service) -> APIRouter:
    """Every address of the page, those that change something behind a check that the request comes from the page."""
    screen = Screen(service.clock)
    pages, actions, uploads = Pages(service, screen), Actions(service, screen), Uploads(service, screen)
    router = APIRouter(include_in_schema=False)
    shown: dict[str, Callable[..., Response]] = {
        "/": pages.overview,
        "/page/live": pages.live,
        "/page/chart": pages.chart,
        "/page/demo": pages.demo,
        "/page/start": pages.start,
        "/page/try": pages.start,
        "/page/upload": pages.start,
        "/page/upload/{token}": uploads.progress,
        "/page/upload/{token}/errors.csv": uploads.errors,
        "/page/incidents": pages.incidents,
        "/page/incident/{identity:path}": pages.incident,
        "/page/complaints": pages.complaints,
        "/page/complaint/{identity:path}": pages.complaint,
        "/page/review": pages.review,
        "/page/deliveries": pages.deliveries,
        "/page/models": pages.models,
        "/page/reports": pages.reports,
        "/static/{name}": screen.static,
    }
    done: dict[str, Callable[..., Response]] = {
        "/page/try": actions.attempt,
        "/page/demo": actions.play,
        "/page/upload": uploads.upload,
        "/page/upload/{token}": uploads.confirm,
        "/page/incident/acknowledge/{identity:path}": actions.acknowledge,
        "/page/incident/verdict/{identity:path}": actions.verdict,
        "/page/incident/resolve/{identity:path}": actions.resolve,
        "/page/complaint/{identity:path}": actions.change,
        "/page/review/{identity:path}": actions.review,
        "/page/deliveries/{identity:path}": actions.replay,
    }
    for path, show in shown.items():
        router.add_api_route(path, show, methods=["GET"])
    for path, act in done.items():
        router.add_api_route(path, act, methods=["POST"], dependencies=[Depends(same_origin)])
    return router


def mount(app: FastAPI, service: Service) -> None:
    """Add the page to an application."""
    app.include_router(routes(service))
