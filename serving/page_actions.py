"""What people change from the page: try a sentence, upload a file, start the demo, act on incidents and complaints.

The page has no login of its own, so a form on another site must not act through a supervisor's browser: every
action is behind `same_origin`. Who acts is the name in the page's head, for the record.
"""

import json
import secrets
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import File, Form, Request, Response, UploadFile
from sqlalchemy import insert, update

from model.complaint import Complaint
from model.errors import DataError, KesuError
from model.table import RowError, Table, read_table_bytes, write_table
from serving.complaints import change_complaint, find_complaint
from serving.dashboard import coloured
from serving.demo import start_demo
from serving.files import Imported, import_table, preview_table
from serving.incidents import acknowledge, ask_to_resolve, give_verdict
from serving.intake import Refusal
from serving.outbox import replay_delivery
from serving.problems import Problem
from serving.schema import audit, complaint
from serving.service import Service
from serving.store import milliseconds

__all__ = ["Actions", "Upload", "reason_words", "same_origin"]

Render = Callable[..., Response]
KEPT, KEPT_FOR = 4, timedelta(minutes=30)  # uploads that wait for a yes stay in memory, unmasked: few, and not for long
VERDICTS = ("属实", "误报", "已知")
STATUSES = ("open", "in_progress", "resolved", "closed")


def same_origin(request: Request) -> None:
    """Refuse a request that another site made. Programs that are no browser send neither header and may pass."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site is not None and site not in ("same-origin", "none")
    if not foreign and origin is not None:
        foreign = urlsplit(origin).netloc != request.headers.get("host")
    if foreign:
        raise Problem(403, "这个请求来自别的网站，没有执行：请在本页面上操作")


def reason_words(error: RowError) -> str:
    """Why a row is refused, in the page's language; a reason without a translation stays as it is.

    >>> reason_words(RowError(3, "内容", "the text is blank"))
    '内容为空'
    """
    reason = error.reason
    if reason in (blank := {"the text is blank": "内容为空", "the time is blank": "时间为空"}):
        return blank[reason]
    for ending, words in {"is not a time": "不是可识别的时间，请写成 2026-10-05 14:30", "is not a count": "不是数量，请只写数字"}.items():
        before, found, _ = reason.partition(" " + ending)
        if found:
            return f"{before} {words}"
    return reason


@dataclass
class Upload:
    """A file on its way into the store: read, then confirmed, then imported row by row."""

    table: Table
    at: datetime
    done: int = 0
    total: int = 0
    state: str = "waiting"  # waiting, running, done, failed
    result: Imported | None = None
    problem: str = ""
    starting: threading.Lock = field(default_factory=threading.Lock)

    def advance(self, done: int, total: int) -> None:
        self.done, self.total = done, total


class Actions:
    """The page's actions; each method is a route. `render` makes an answer out of a template."""

    def __init__(self, service: Service, render: Render) -> None:
        self.service = service
        self.render = render
        self.uploads: dict[str, Upload] = {}

    def routes(self) -> Mapping[str, Callable[..., Response]]:
        """The addresses, for POST."""
        return {
            "/page/try": self.attempt,
            "/page/demo": self.play,
            "/page/upload": self.upload,
            "/page/upload/{token}": self.confirm,
            "/page/incident/acknowledge/{identity:path}": self.acknowledge,
            "/page/incident/verdict/{identity:path}": self.verdict,
            "/page/incident/resolve/{identity:path}": self.resolve,
            "/page/complaint/{identity:path}": self.change,
            "/page/review/{identity:path}": self.review,
            "/page/deliveries/{identity:path}": self.replay,
        }

    def done(self, request: Request, back: str, words: str) -> Response:
        """What follows a change: the page's own script refreshes what it shows; a plain form goes back."""
        if request.headers.get("HX-Request"):
            return Response(status_code=204, headers={"HX-Trigger": json.dumps({"kesu-changed": 1, "kesu-said": words})})
        return Response(status_code=303, headers={"Location": back})

    def who(self, request: Request) -> str:
        return unquote(request.cookies.get("kesu_who", "")).strip()[:50] or "页面"

    def attempt(self, request: Request, text: Annotated[str, Form()] = "") -> Response:
        """试一句: classify without recording. A refused text gets its reason in the result's place."""
        answer = self.service.intake.classify([Complaint("try", text, self.service.clock())], explain=True)[0]
        if isinstance(answer, Refusal):
            return self.render("try_result.html", request, refusal=answer, answer=None, pieces=[])
        masked = answer.pop("text", None) or text
        return self.render("try_result.html", request, refusal=None, answer=answer, pieces=coloured(masked, answer))

    def play(self, request: Request) -> Response:
        """播放演示."""
        from serving.demo import demo_progress

        start_demo(self.service)
        return self.render("demo.html", request, demo=demo_progress(self.service))

    def upload(self, request: Request, file: Annotated[UploadFile, File()]) -> Response:
        """Read a file and show what an import would do; nothing is stored yet."""
        name = Path(file.filename or "上传的文件").name[-80:]
        limit = self.service.settings.body_limit
        data = file.file.read(limit + 1)
        try:
            if len(data) > limit:
                raise DataError(f"{name} 超过 {limit // 1_000_000} MB：请分成几个文件，或用命令 kesu import 导入")
            table = read_table_bytes(data, name)
            preview = preview_table(table, self.service)
        except DataError as error:
            return self.render("upload.html", request, preview=None, problem=str(error), token="", upload=None)
        now = self.service.clock()
        fresh = {k: u for k, u in self.uploads.items() if u.state == "running" or now - u.at < KEPT_FOR}
        token = secrets.token_urlsafe(12)
        self.uploads = {**dict(list(fresh.items())[-KEPT:]), token: Upload(table, now)}
        return self.render("upload.html", request, preview=preview, problem="", token=token, upload=None, reason=reason_words)

    def confirm(self, request: Request, token: str) -> Response:
        """确认导入: start, once."""
        upload = self.uploads.get(token)
        if upload is not None:
            with upload.starting:
                if upload.state == "waiting":
                    upload.state, upload.total = "running", len(upload.table.rows)
                    threading.Thread(target=self.run_import, args=(upload,), name="kesu-import", daemon=True).start()
        return self.upload_progress(request, token)

    def run_import(self, upload: Upload) -> None:
        try:
            upload.result = import_table(self.service, upload.table, upload.advance)
            upload.state = "done"
        except KesuError as error:
            upload.state, upload.problem = "failed", str(error)
        except Exception:
            upload.state, upload.problem = "failed", "导入中断：已导入的行都在，再次上传同一个文件会从断处继续"
            raise

    def upload_progress(self, request: Request, token: str) -> Response:
        """How far an import has come."""
        upload = self.uploads.get(token)
        problem = "" if upload else "这次上传已经过期：请重新选择文件"
        return self.render("upload.html", request, preview=None, problem=problem, token=token, upload=upload, reason=reason_words)

    def upload_errors(self, request: Request, token: str) -> Response:
        """The rows that were refused, as a CSV that Excel opens: row, column, reason, and the row itself."""
        upload = self.uploads.get(token)
        if upload is None or upload.result is None:
            return self.render("missing.html", request, 404, thing="这份结果")
        rows = dict(zip(upload.table.numbers, upload.table.rows, strict=True))
        told = [{"行": e.row, "列": e.column, "原因": reason_words(e), **rows.get(e.row, {})} for e in upload.result.refused]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "errors.csv"
            write_table(path, ["行", "列", "原因", *(c for c in upload.table.columns if c not in ("行", "列", "原因"))], told)
            data = path.read_bytes()
        name = quote(f"{Path(upload.table.name).stem}-未导入的行.csv")
        headers = {"Content-Disposition": f"attachment; filename=errors.csv; filename*=UTF-8''{name}"}
        return Response(data, headers=headers, media_type="text/csv; charset=utf-8")

    def acknowledge(self, request: Request, identity: str) -> Response:
        """认领."""
        found = acknowledge(self.service, identity, self.who(request))
        return self.about_incident(request, identity, found, "已认领")

    def verdict(
        self, request: Request, identity: str, verdict: Annotated[str, Form()], note: Annotated[str, Form(max_length=2000)] = ""
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

    def change(
        self,
        request: Request,
        identity: str,
        status: Annotated[str | None, Form()] = None,
        satisfaction: Annotated[str | None, Form()] = None,
        resolution: Annotated[str | None, Form(max_length=2000)] = None,
        overdue_reason: Annotated[str | None, Form(max_length=2000)] = None,
        category: Annotated[str | None, Form(max_length=100)] = None,
        department: Annotated[str | None, Form(max_length=100)] = None,
        sentiment: Annotated[str | None, Form(max_length=100)] = None,
        why: Annotated[str, Form(max_length=2000)] = "",
        now: Annotated[str | None, Form()] = None,
    ) -> Response:
        """Change what was sent, blank fields aside; `now` names a time column to set to this moment."""
        at = milliseconds(self.service.clock())
        labels = {"category": category, "department": department, "sentiment": sentiment}
        changes: dict[str, Any] = {k: v.strip() for k, v in labels.items() if v and v.strip()}
        changes |= {k: v.strip() for k, v in (("resolution", resolution), ("overdue_reason", overdue_reason)) if v and v.strip()}
        if status:
            if status not in STATUSES:
                raise Problem(422, "没有这个处理状态")
            changes["status"] = status
        if satisfaction:
            if satisfaction not in "12345" or len(satisfaction) != 1:
                raise Problem(422, "满意度是 1 到 5 分")
            changes["satisfaction"] = int(satisfaction)
        if now in ("first_response_at", "told_at", "resolved_at"):
            changes[now] = at
        with self.service.store.write() as connection:
            before = find_complaint(connection, identity)
            if before is None:
                raise Problem(404, "没有这条投诉")
            if changes.get("status") in ("resolved", "closed") and before.resolved_at is None:
                changes["resolved_at"] = at
            if "department" in changes and changes["department"] != before.department and not why.strip():
                raise Problem(422, "改派要写明原因，下次才能派对")
            done = change_complaint(connection, identity, changes, who=self.who(request), why=why.strip() or None, at=at)
        return self.done(request, f"/page/complaint/{quote(identity)}", "已保存" if done else "没有变化")

    def review(
        self,
        request: Request,
        identity: str,
        category: Annotated[str, Form(max_length=100)],
        department: Annotated[str, Form(max_length=100)],
    ) -> Response:
        """复核: a person confirms the labels or gives the right ones; either way the complaint leaves the queue."""
        who, at = self.who(request), milliseconds(self.service.clock())
        given = {k: v.strip() for k, v in (("category", category), ("department", department)) if v.strip()}
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
