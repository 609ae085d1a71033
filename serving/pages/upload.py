"""上传 Excel/CSV: a file is read and shown, confirmed by a person, then imported in the background."""

import secrets
import tempfile
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from re import search
from typing import Annotated
from urllib.parse import quote

from fastapi import File, Request, Response, UploadFile

from model.errors import DataError, KesuError
from model.table import RowError, Table, read_table_bytes, write_table
from serving.files import Imported, Preview, import_table, preview_table, save_refused
from serving.pages.screen import Screen
from serving.service import Service

__all__ = ["Upload", "Uploads", "file_words", "reason_words"]

KEPT, KEPT_FOR = 4, timedelta(minutes=30)  # files that wait for a yes stay in memory, unmasked: few, and not for long


def reason_words(error: RowError) -> str:
    """Why a row is refused, in the page's language; a reason without a translation stays as it is.

    >>> reason_words(RowError(3, "内容", "the text is blank"))
    '内容为空'
    """
    reason = error.reason
    if reason in (blank := {"the text is blank": "内容为空", "the time is blank": "时间为空"}):
        return blank[reason]
    for ending, words in {
        "is not a time": "不是可识别的时间，请写成 2026-10-05 14:30",
        "is not a count": "不是数量，请只写数字",
    }.items():
        before, found, _ = reason.partition(" " + ending)
        if found:
            return f"{before} {words}"
    return reason


FILE_WORDS = {
    "is empty;": "是空文件：请选择装有投诉的文件",
    "is an old Excel 97-2003 file": "是旧版 Excel 文件（.xls）：请在 Excel 里另存为 .xlsx 再上传",
    "is an Excel workbook, not text": "其实是 Excel 工作簿：请把文件名的结尾改成 .xlsx",
    "is not text in": '不是 UTF-8、UTF-16 或 GBK 文本：请在 Excel 里另存为 "CSV UTF-8"',
    "that is never closed": '里有一个没有配对的引号：请补上，或在 Excel 里另存为 "CSV UTF-8"',
    "more than once": "里有重名的列：请改掉其中一个列名",
    "has a header and no rows": "只有表头没有数据：请在表头下面填上投诉",
    "unpacks to": "解开后太大：请分成几个文件",
    "is not a readable Excel workbook": "打不开：请在 Excel 里另存为 .xlsx 再上传",
    "has no JSON object": '里没有 JSON 对象：请一行写一个，例如 {"text": "…"}',
}


def file_words(error: DataError, name: str) -> str:
    """Why a file is refused, in the page's language; a reason without a translation stays as it is.

    >>> file_words(DataError("九月.csv is empty; choose the file that holds the complaints"), "九月.csv")
    '九月.csv 是空文件：请选择装有投诉的文件'
    """
    said = str(error)
    no_text = search(r"has no text column \(found: (.*)\); name one of them (.*)", said)
    if no_text:
        return f"{name} 里找不到投诉内容列（现有：{no_text[1]}）：请把其中一列改名为 {no_text[2]} 之一"
    return next((f"{name} {words}" for part, words in FILE_WORDS.items() if part in said), said)


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


class Uploads:
    """The files on their way in; each public method is a route. They live in this process, never on its disk."""

    def __init__(self, service: Service, screen: Screen) -> None:
        self.service = service
        self.screen = screen
        self.uploads: dict[str, Upload] = {}

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
            return self.show(request, problem=file_words(error, name))
        now = self.service.clock()
        running = {k: u for k, u in self.uploads.items() if u.state == "running"}
        recent = [(k, u) for k, u in self.uploads.items() if k not in running and now - u.at < KEPT_FOR][-KEPT:]
        token = secrets.token_urlsafe(12)
        self.uploads = {**running, **dict(recent), token: Upload(table, now)}
        return self.show(request, token, preview=preview)

    def confirm(self, request: Request, token: str) -> Response:
        """确认导入: start, once."""
        upload = self.uploads.get(token)
        if upload is not None:
            with upload.starting:
                if upload.state == "waiting":
                    upload.state, upload.total = "running", len(upload.table.rows)
                    threading.Thread(target=self.run_import, args=(upload,), name="kesu-import", daemon=True).start()
        return self.progress(request, token)

    def run_import(self, upload: Upload) -> None:
        try:
            upload.result = import_table(self.service, upload.table, upload.advance)
            save_refused(self.service.settings.data_dir / "refused", upload.table, upload.result.refused)
            upload.state = "done"
        except KesuError as error:
            upload.state, upload.problem = "failed", str(error)
        except Exception:
            upload.state, upload.problem = "failed", "导入中断：已导入的行都在，再次上传同一个文件会从断处继续"
            raise

    def progress(self, request: Request, token: str) -> Response:
        """How far an import has come."""
        upload = self.uploads.get(token)
        return self.show(request, token, upload=upload, problem="" if upload else "这次上传已经过期：请重新选择文件")

    def show(
        self,
        request: Request,
        token: str = "",
        *,
        preview: Preview | None = None,
        upload: Upload | None = None,
        problem: str = "",
    ) -> Response:
        values = {"preview": preview, "upload": upload, "problem": problem, "token": token, "reason": reason_words}
        return self.screen.render("upload.html", request, values)

    def errors(self, request: Request, token: str) -> Response:
        """The rows that were refused, as a CSV that Excel opens: row, column, reason, and the row itself."""
        upload = self.uploads.get(token)
        if upload is None or upload.result is None:
            return self.screen.missing(request, "这份结果")
        rows = dict(zip(upload.table.numbers, upload.table.rows, strict=True))
        head = ("行", "列", "原因")
        refused = upload.result.refused
        lines = [
            {**dict(zip(head, (e.row, e.column, reason_words(e)), strict=True)), **rows.get(e.row, {})} for e in refused
        ]
        columns = list(dict.fromkeys([*head, *upload.table.columns]))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "errors.csv"
            write_table(path, columns, lines)
            data = path.read_bytes()
        name = quote(f"{Path(upload.table.name).stem}-未导入的行.csv")
        headers = {"Content-Disposition": f"attachment; filename=errors.csv; filename*=UTF-8''{name}"}
        return Response(data, headers=headers, media_type="text/csv; charset=utf-8")
