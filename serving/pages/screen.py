"""How the page is drawn: templates, the words for times, static files, and the headers that keep all of it safe.

Complaint texts are hostile input: templates escape everything, and a Content-Security-Policy without inline scripts
or styles stands behind them. Everything the browser loads is in `serving/pages/static`.
"""

import gzip
import mimetypes
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model.complaint import CHANNELS, SHANGHAI
from serving.pages.dashboard import sparkline
from serving.store import moment
from serving.supervision import masked_url

__all__ = ["Screen"]

FOLDER = Path(__file__).parent
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
FOREVER = "public, max-age=31536000, immutable"


class Screen:
    """Makes answers out of templates. `clock` decides what 昨天 is."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self.templates.filters |= {"when": self.when, "short": shortened, "address": masked_url}
        self.templates.globals |= {"asset": asset, "sparkline": sparkline, "channels": CHANNELS}

    def when(self, at: int | None) -> str:
        """A time (ms) as people here say it: 14:05 today, 昨天 14:05, 10-05 14:05, with the year when it is another."""
        if at is None:
            return "—"
        then, now = (m.astimezone(SHANGHAI) for m in (moment(at), self.clock()))
        days = (now.date() - then.date()).days
        day = {0: "", 1: "昨天 "}.get(days, f"{then:%m-%d} " if then.year == now.year else f"{then:%Y-%m-%d} ")
        return f"{day}{then:%H:%M}"

    def render(
        self,
        name: str,
        request: Request,
        values: Mapping[str, Any],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A template as an answer."""
        who = unquote(request.cookies.get("kesu_who", ""))[:50]
        words = self.templates.get_template(name).render(path=request.url.path, who=who, **values)
        return HTMLResponse(words, status, {**HEADERS, **(headers or {})})

    def missing(self, request: Request, thing: str) -> Response:
        """404, as a page."""
        return self.render("missing.html", request, {"thing": thing}, status=404)

    def unchanged(self) -> Response:
        """204: the browser has it already."""
        return Response(status_code=204, headers=HEADERS)

    def static(self, request: Request, name: str) -> Response:
        """A file of the page; its address changes with its content, so browsers may keep it."""
        plain, packed = static_files().get(name, (None, None))
        if plain is None or packed is None:
            return self.missing(request, "这个文件")
        small = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"} | (
            {"Content-Encoding": "gzip"} if small else {}
        )
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


def shortened(text: str, most: int = 120) -> str:
    """The beginning of a text on one line.

    >>> shortened("退款\\n三周没到账", 6)
    '退款 三周…'
    """
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
