"""What people change from the page: try a sentence, start the demo, act on incidents, complaints and deliveries.

The page has no login of its own, so a form on another site must not act through a supervisor's browser: every
action is behind `same_origin`. Who acts is the name in the page's head, for the record.
"""

import json
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import Form, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import insert, update

from model.complaint import Complaint
from model.privacy import mask
from serving.complaints import change_complaint, find_complaint
from serving.demo import demo_progress, start_demo
from serving.incidents import acknowledge, ask_to_resolve, give_verdict
from serving.intake import Refusal
from serving.outbox import replay_delivery
from serving.pages.dashboard import coloured
from serving.pages.screen import Screen
from serving.problems import Problem
from serving.schema import audit, complaint
from serving.service import Service
from serving.store import milliseconds

__all__ = ["Actions", "Handling", "same_origin", "trial"]

VERDICTS = ("属实", "误报", "已知")
STATUSES = ("open", "in_progress", "resolved", "closed")
MOMENTS = ("first_response_at", "told_at", "resolved_at")


class Handling(BaseModel):
    """A form about one complaint; a blank field changes nothing. `now` names a time to set to this moment."""

    status: str = ""
    satisfaction: str = ""
    resolution: str = Field("", max_length=2000)
    overdue_reason: str = Field("", max_length=2000)
    category: str = Field("", max_length=100)
    department: str = Field("", max_length=100)
    sentiment: str = Field("", max_length=100)
    why: str = Field("", max_length=2000)
    now: str = ""

    def values(self, at: int) -> dict[str, Any]:
        """The columns to set. Raises Problem for a status or a mark that does not exist."""
        words = ("status", "resolution", "overdue_reason", "category", "department", "sentiment")
        out: dict[str, Any] = {name: value for name in words if (value := getattr(self, name).strip())}
        if self.status and self.status not in STATUSES:
            raise Problem(422, "没有这个处理状态")
        if self.satisfaction:
            if self.satisfaction not in ("1", "2", "3", "4", "5"):
                raise Problem(422, "满意度是 1 到 5 分")
            out["satisfaction"] = int(self.satisfaction)
        if self.now in MOMENTS:
            out[self.now] = at
        return out


def trial(text: str, now: datetime) -> Complaint:
    """A sentence to classify without recording it."""
    return Complaint("try", text, now)


def same_origin(request: Request) -> None:
    """Refuse a request that another site made. Programs that are no browser send neither header and may pass."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site is not None and site not in ("same-origin", "none")
    if not foreign and origin is not None:
        foreign = urlsplit(origin).netloc != request.headers.get("host")
    if foreign:
        raise Problem(403, "这个请求来自别的网站，没有执行：请在本页面上操作")


class Actions:
    """The page's actions; each method is a route."""

    def __init__(self, service: Service, screen: Screen) -> None:
        self.service = service
        self.screen = screen

    def done(self, request: Request, back: str, words: str) -> Response:
        """What follows a change: the page's own script refreshes what it shows; a plain form goes back."""
        if request.headers.get("HX-Request"):
            return Response(
                status_code=204, headers={"HX-Trigger": json.dumps({"kesu-changed": 1, "kesu-said": words})}
            )
        return Response(status_code=303, headers={"Location": back})

    def who(self, request: Request) -> str:
        return unquote(request.cookies.get("kesu_who", "")).strip()[:50] or "页面"

    def attempt(self, request: Request, text: Annotated[str, Form()] = "") -> Response:
        """试一句: classify without recording. A refused text gets its reason in the result's place."""
        answer = self.service.intake.classify([trial(text, self.service.clock())], explain=True)[0]
        if isinstance(answer, Refusal):
            return self.screen.render("try_result.html", request, {"refusal": answer})
        shown = mask(text)
        pieces = coloured(shown, answer)
        values = {"refusal": None, "answer": answer, "text": shown, "pieces": pieces}
        return self.screen.render("try_result.html", request, values)

    def play(self, request: Request) -> Response:
        """播放演示."""
        start_demo(self.service)
        return self.screen.render("demo.html", request, {"demo": demo_progress(self.service)})

    def acknowledge(self, request: Request, identity: str) -> Response:
        """认领."""
        found = acknowledge(self.service, identity, self.who(request))
        return self.about_incident(request, identity, found, "已认领")

    def verdict(
        self,
        request: Request,
        identity: str,
        verdict: Annotated[str, Form()],
        note: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        """属实, 误报 or 已知, with an optional note."""
        if verdict not in VERDICTS:
            raise Problem(422, "判定只能是属实、误报或已知")
        found = give_verdict(self.service, identity, self.who(request), verdict, note.strip() or None)
        return self.about_incident(request, identity, found, f"已判定为{verdict}")

    def resolve(self, request: Request, identity: str) -> Response:
        """结案: the evaluator carries it out at its next look."""
        found = ask_to_resolve(self.service, identity, self.who(request))
        return self.about_incident(request, identity, found, "已申请结案，系统随即处理")

    def about_incident(self, request: Request, identity: str, found: bool, words: str) -> Response:
        if not found:
            raise Problem(404, "没有这个事件，可能已被合并")
        return self.done(request, f"/page/incident/{quote(identity)}", words)

    def change(self, request: Request, identity: str, form: Annotated[Handling, Form()]) -> Response:
        """办理 and 改派: change what was sent. Resolving notes the time; another department needs its reason."""
        at, why = milliseconds(self.service.clock()), form.why.strip()
        changes = form.values(at)
        with self.service.store.write() as connection:
            before = find_complaint(connection, identity)
            if before is None:
                raise Problem(404, "没有这条投诉")
            if changes.get("status") in ("resolved", "closed") and before.resolved_at is None:
                changes["resolved_at"] = at
            if "department" in changes and changes["department"] != before.department and not why:
                raise Problem(422, "改派要写明原因，下次才能派对")
            done = change_complaint(connection, identity, changes, who=self.who(request), why=why or None, at=at)
        return self.done(request, f"/page/complaint/{quote(identity)}", "已保存" if done else "没有变化")

    def review(
        self,
        request: Request,
        identity: str,
        category: Annotated[str, Form(max_length=100)] = "",
        department: Annotated[str, Form(max_length=100)] = "",
        choice: Annotated[str, Form(max_length=100)] = "",
    ) -> Response:
        """复核: confirm the labels or give the right ones; `choice` is a category picked by its button.

        Either way the complaint leaves the queue.
        """
        who, at = self.who(request), milliseconds(self.service.clock())
        given = {k: v.strip() for k, v in (("category", choice or category), ("department", department)) if v.strip()}
        with self.service.store.write() as connection:
            before = find_complaint(connection, identity)
            if before is None:
                raise Problem(404, "没有这条投诉")
            changed = change_complaint(connection, identity, given, who=who, why="人工复核", at=at)
            if before.accepted is False:
                connection.execute(update(complaint).where(complaint.c.id == identity).values(accepted=True))
                row = {"complaint": identity, "at": at, "who": who, "field": "accepted", "old": "False", "new": "True"}
                connection.execute(insert(audit).values(**row, why="人工复核"))
        if request.headers.get("HX-Request"):
            said = json.dumps({"kesu-said": "已改正" if changed else "已确认"})
            return Response("", headers={"HX-Trigger": said}, media_type="text/html")
        return Response(status_code=303, headers={"Location": "/page/review"})

    def replay(self, request: Request, identity: str) -> Response:
        """重发: a message becomes due again under its own id."""
        with self.service.store.write() as connection:
            if not replay_delivery(connection, identity, self.service.clock()):
                raise Problem(404, "没有这条消息")
        return self.done(request, "/page/deliveries", "已排队重发")
