"""The page for supervisors and operators: what it shows. What it changes is in `page_actions`.

Complaint texts are hostile input: templates escape everything, and a Content-Security-Policy without inline scripts
or styles stands behind them. Everything the browser loads is in `serving/pages/static`.
"""

import gzip
import json
import mimetypes
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select

from model.complaint import CHANNELS, SHANGHAI, Complaint
from model.errors import DataError
from model.labels import load_labels
from model.times import parse_time
from serving.complaints import find_complaint
from serving.dashboard import (
    coloured,
    count_figures,
    deliveries,
    evidence,
    hourly,
    latest_complaints,
    months,
    open_incidents,
    page_of,
    review_queue,
    sparkline,
    told,
)
from serving.demo import demo_progress
from serving.incidents import find_incident
from serving.intake import Refusal
from serving.page_actions import Actions, same_origin
from serving.schema import audit, complaint, webhook
from serving.service import Service
from serving.store import milliseconds, moment

__all__ = ["Pages", "routes"]

FOLDER = Path(__file__).parent / "pages"
PAGE = 50
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
FILTERS = ("category", "department", "sentiment", "stage", "status", "channel", "product", "region", "issue", "pain_point")


class Pages:
    """The pages of one service; each method is a route."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self.templates.filters |= {"when": self.when, "ago": self.ago, "short": shortened}
        self.templates.globals |= {"asset": asset, "sparkline": sparkline, "channels": CHANNELS}

    def when(self, at: int | None) -> str:
        """A time as people here say it: 14:05 today, 昨天 14:05, 10-05 14:05, with the year when it is another."""
        if at is None:
            return "—"
        then, now = (m.astimezone(SHANGHAI) for m in (moment(at), self.service.clock()))
        days = (now.date() - then.date()).days
        day = {0: "", 1: "昨天 "}.get(days, f"{then:%m-%d} " if then.year == now.year else f"{then:%Y-%m-%d} ")
        return f"{day}{then:%H:%M}"

    def ago(self, at: int) -> str:
        """How long ago, roughly, in words."""
        minutes = (milliseconds(self.service.clock()) - at) // 60_000
        if minutes < 1:
            return "刚刚"
        return f"{minutes} 分钟前" if minutes < 60 else f"{minutes // 60} 小时前" if minutes < 2880 else f"{minutes // 1440} 天前"

    def render(self, name: str, request: Request, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response:
        """A template as an answer, with the headers that keep it safe."""
        who = unquote(request.cookies.get("kesu_who", ""))[:50]
        words = self.templates.get_template(name).render(path=request.url.path, who=who, **values)
        return HTMLResponse(words, status, {**HEADERS, **(headers or {})})

    def missing(self, request: Request, thing: str) -> Response:
        return self.render("missing.html", request, 404, thing=thing)

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
        return {"latest": latest, "figures": figures, "incidents": incidents, "demo": demo_progress(self.service)}

    def overview(self, request: Request) -> Response:
        """/ 今日总览, or three offers while the store is empty."""
        values = self.overview_values()
        model = self.service.shelf()
        if not values["latest"]:
            return self.render("welcome.html", request, demo=values["demo"], has_model=model is not None)
        return self.render("overview.html", request, **values, seen="")

    def live(self, request: Request, seen: str = "") -> Response:
        """The part of the overview that changes; 204 when it is what the browser has already."""
        values = self.overview_values()
        mark = sha256(repr((values["figures"], values["demo"], values["incidents"], values["latest"])).encode())
        mark.update(str(milliseconds(self.service.clock()) // 60_000).encode())  # "3 分钟前" moves on
        now = mark.hexdigest()[:16]
        if now == seen:
            return Response(status_code=204, headers=HEADERS)
        return self.render("live.html", request, **values, seen=now)

    def chart(self, request: Request) -> Response:
        """The last seven days by hour and category."""
        with self.service.store.read() as connection:
            data = hourly(connection, self.service.clock())
        return self.render("chart.html", request, data=data)

    def demo(self, request: Request) -> Response:
        """How far the demo has come; sends the browser to the overview as soon as there is something to see."""
        progress = demo_progress(self.service)
        headers = {"HX-Redirect": "/"} if progress.state in ("playing", "done") else None
        return self.render("demo.html", request, headers=headers, demo=progress)

    def incidents(self, request: Request, resolved: bool = False) -> Response:
        """/page/incidents: all open ones, or the resolved ones."""
        with self.service.store.read() as connection:
            found = open_incidents(connection, 100, resolved=resolved)
        return self.render("incidents.html", request, incidents=found, resolved=resolved)

    def incident(self, request: Request, identity: str) -> Response:
        """/page/incident/{id}: everything the incident rests on."""
        with self.service.store.read() as connection:
            row = find_incident(connection, identity)
            if row is None:
                return self.missing(request, "这个事件")
            found = evidence(row)
            ids = found.get("exemplars") or found.get("complaints", [])[:5]
            examples = [one for one in (find_complaint(connection, each) for each in ids[:5]) if one is not None]
            alerts = told(connection, identity)
        data = {"name": "投诉", "hours": [h for h, _ in found["curve"]], "counts": [n for _, n in found["curve"]]}
        if found["expected"]:
            data["expected"] = [round(found["hourly_expected"], 4)] * len(data["hours"])
        name = "incident_live.html" if request.headers.get("HX-Target") == "incident" else "incident.html"
        return self.render(name, request, one=found, examples=examples, alerts=alerts, data=data)

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
                query["ids"] = evidence(about).get("complaints", [])[:5_000]
            elif "ids" in given:
                query["ids"] = given["ids"].split(",")[:5_000]
            total, rows = page_of(connection, query, at, PAGE, (page - 1) * PAGE)
        pages = max(1, -(-total // PAGE))
        turn = [f"/page/complaints?{urlencode({**given, 'page': n})}" for n in (page - 1, page + 1)]
        values = {"rows": rows, "total": total, "page": page, "pages": pages, "turn": turn, "at": at}
        return self.render("complaints.html", request, **values, given=given, problem=problem, labels=self.labels())

    def complaint(self, request: Request, identity: str) -> Response:
        """/page/complaint/{id}: the text, why it was judged so, its kin, and its handling."""
        with self.service.store.read() as connection:
            row = find_complaint(connection, identity)
            if row is None:
                return self.missing(request, "这条投诉")
            history = connection.execute(select(audit).where(audit.c.complaint == identity).order_by(audit.c.id)).all()
            kin = select(complaint.c.id, complaint.c.channel, complaint.c.time).where(complaint.c.issue == row.issue)
            same = connection.execute(kin.order_by(complaint.c.time.desc()).limit(20)).all() if row.issue else []
        answer = json.loads(row.answer) if row.answer else {}
        today = self.service.intake.classify([Complaint(row.id, row.text, moment(row.time))], explain=True)[0]
        if not isinstance(today, Refusal):  # the model may have been replaced since: colours only of the same one
            answer["explanation"] = today.get("explanation") if today.get("model") == row.model else None
        values = {"row": row, "answer": answer, "pieces": coloured(row.text, answer), "history": history, "same": same}
        name = "complaint_live.html" if request.headers.get("HX-Target") == "complaint" else "complaint.html"
        return self.render(name, request, **values, labels=self.labels(), at=milliseconds(self.service.clock()))

    def review(self, request: Request, order: str = "newest") -> Response:
        """/page/review: what the model left to people."""
        with self.service.store.read() as connection:
            total, rows = review_queue(connection, order)
        return self.render("review.html", request, total=total, rows=rows, order=order, labels=self.labels())

    def deliveries(self, request: Request, state: str | None = None) -> Response:
        """/page/deliveries: receivers, messages, attempts."""
        with self.service.store.read() as connection:
            receivers = connection.execute(select(webhook).order_by(webhook.c.created_at)).all()
            messages = deliveries(connection, state if state in ("due", "sent", "dead") else None)
        return self.render("deliveries.html", request, receivers=receivers, messages=messages, state=state)

    def models(self, request: Request) -> Response:
        """/page/models: the bundle in use."""
        bundle = self.service.shelf()
        return self.render("models.html", request, bundle=bundle, heads=self.labels(), card=bundle.card if bundle else {})

    def reports(self, request: Request) -> Response:
        """/page/reports: months that have complaints."""
        with self.service.store.read() as connection:
            found = months(connection, self.service.clock())
        return self.render("reports.html", request, months=found)

    def start(self, request: Request) -> Response:
        """/page/start: the three offers, also when the store is not empty."""
        model = self.service.shelf()
        return self.render("welcome.html", request, demo=demo_progress(self.service), has_model=model is not None)

    def static(self, request: Request, name: str) -> Response:
        """A file of the page; its address changes with its content, so browsers may keep it."""
        plain, packed = static_files().get(name, (None, None))
        if plain is None or packed is None:
            return self.missing(request, "这个文件")
        small = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        headers |= {"Content-Encoding": "gzip"} if small else {}
        kind = mimetypes.guess_type(name)[0] or "text/plain"
        return Response(packed if small else plain, headers={**HEADERS, **headers}, media_type=kind)


@cache
def static_files() -> dict[str, tuple[bytes, bytes]]:
    """Every file of the page, plain and packed, by name."""
    files = {path.name: path.read_bytes() for path in (FOLDER / "static").iterdir() if path.is_file()}
    return {name: (data, gzip.compress(data, 6, mtime=0)) for name, data in files.items()}


@cache
def asset(name: str) -> str:
    """The address of a static file, with a mark of its content."""
    return f"/static/{name}?v={sha256(static_files()[name][0]).hexdigest()[:10]}"


def day_end(text: str) -> datetime:
    """The moment a filter ends: a day alone is meant to its end, a time to the second."""
    end = parse_time(text)
    return end + timedelta(days=1) if len(text) <= len("2026-10-05") else end


def shortened(text: str, most: int = 120) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def routes(service: Service) -> APIRouter:
    """Every address of the page, those that change something behind a check that the request comes from the page."""
    pages = Pages(service)
    actions = Actions(service, pages.render)
    router = APIRouter(include_in_schema=False)
    for path, show in {
        "/": pages.overview,
        "/page/live": pages.live,
        "/page/chart": pages.chart,
        "/page/demo": pages.demo,
        "/page/start": pages.start,
        "/page/try": pages.start,
        "/page/upload": pages.start,
        "/page/upload/{token}": actions.upload_progress,
        "/page/upload/{token}/errors.csv": actions.upload_errors,
        "/page/incidents": pages.incidents,
        "/page/incident/{identity:path}": pages.incident,
        "/page/complaints": pages.complaints,
        "/page/complaint/{identity:path}": pages.complaint,
        "/page/review": pages.review,
        "/page/deliveries": pages.deliveries,
        "/page/models": pages.models,
        "/page/reports": pages.reports,
        "/static/{name}": pages.static,
    }.items():
        router.add_api_route(path, show, methods=["GET"])
    for path, act in actions.routes().items():
        router.add_api_route(path, act, methods=["POST"], dependencies=[Depends(same_origin)])
    return router
