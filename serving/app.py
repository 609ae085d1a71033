"""The server: one process with the API, the page, the evaluator and the sender."""

import json
import logging
import os
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from sqlalchemy import text

from model.errors import KesuError
from serving import api, supervision
from serving.address_guard import guarded_client
from serving.auth import Gate
from serving.early_warning import Evaluator
from serving.memory import release_compiler
from serving.metrics import metrics_text
from serving.outbox import Sender
from serving.pages.routes import mount, trial
from serving.problems import install_problems, problem_body
from serving.service import Service

__all__ = ["make_app"]

log = logging.getLogger("kesu.app")
TRIAL = "快递三天没动静，客服也不回复，请尽快处理。"
LOOK_AT_SHELF = 2.0  # seconds between looks for a newly promoted bundle
THREADS = 8  # requests worked on side by side; more would only wait for the interpreter and hold memory
Scope = dict[str, Any]


class Shed:
    """Refuses at once what is too large, or above the number of requests in flight, instead of letting all wait."""

    def __init__(self, app: Any, most: int, largest: int) -> None:
        self.app = app
        self.most = most
        self.largest = largest
        self.now = 0

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in ("/healthz", "/readyz", "/metrics"):
            await self.app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.largest:
            await refuse(send, 413, f"the request is larger than {self.largest} bytes: send smaller lists or files")
            return
        if self.now >= self.most:
            await refuse(send, 503, "too many requests at once: retry in a second")
            return
        self.now += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.now -= 1


async def refuse(send: Any, status: int, detail: str) -> None:
    headers = [(b"content-type", b"application/problem+json"), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem_body(status, detail)).encode()})


def make_app(service: Service) -> FastAPI:
    """The application over an opened service. Its threads start with it and end with it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = THREADS
        threads = start_threads(service, app)
        yield
        service.stopping.set()
        service.woken.set()
        for thread in threads:
            thread.join(timeout=10)
        service.store.close()

    app = FastAPI(
        title="kesu 客诉",
        version="0.1.0",
        lifespan=lifespan,
        description="Classifies complaints and warns early.",
        docs_url=None,  # FastAPI's own would load from a CDN
        redoc_url=None,
    )
    app.state.service = service
    app.state.ready = False
    install_problems(app)
    app.add_middleware(Shed, most=service.settings.in_flight, largest=service.settings.body_limit)
    app.add_middleware(Gate, store=service.store, clock=service.clock)
    app.include_router(api.routes(service))
    app.include_router(supervision.routes(service))
    mount(app, service)
    add_probes(app, service)
    return app


def start_threads(service: Service, app: FastAPI) -> list[threading.Thread]:
    """Warm up, then evaluator and sender. Readiness comes when the warm-up is done."""
    holder = f"{os.getpid()}-{secrets.token_hex(4)}"

    def warm() -> None:
        try:
            service.intake.accept([], source="api")
            if service.shelf() is not None:
                service.intake.classify([trial(TRIAL, service.clock())], explain=True)
            log.debug("%d bytes of the compiler given back", release_compiler())
            app.state.ready = True
        except KesuError as error:
            service.problems.append(str(error))

    def follow_promotions() -> None:
        while not service.stopping.wait(LOOK_AT_SHELF):
            try:
                service.shelf.refresh()
            except KesuError as error:
                log.warning("the promoted bundle is not taken up: %s", error)
            service.rules.follow(service.shelf())

    work = [
        threading.Thread(target=warm, name="warm", daemon=True),
        threading.Thread(target=follow_promotions, name="shelf", daemon=True),
    ]
    if service.settings.evaluator:
        work.append(threading.Thread(target=Evaluator(service, holder).run, name="evaluator", daemon=True))
    if service.settings.sender:
        client = guarded_client(service.settings.webhook_allow)
        work.append(threading.Thread(target=Sender(service, client, holder).run, name="sender", daemon=True))
    for thread in work:
        thread.start()
    return work


def add_probes(app: FastAPI, service: Service) -> None:
    """Health, readiness, metrics, and the documentation of the API."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="kesu API",
            swagger_js_url="/static/swagger-ui-bundle.js",
            swagger_css_url="/static/swagger-ui.css",
            swagger_favicon_url="/static/icon.svg",
        )

    @app.get("/healthz", tags=["operations"], summary="The process answers and the store can be read")
    def health() -> dict[str, str]:
        with service.store.read() as connection:
            connection.execute(text("SELECT 1"))
        return {"status": "ok"}

    @app.get("/readyz", tags=["operations"], summary="503 until the model is loaded and the kernels are compiled")
    def ready(response: Response) -> dict[str, Any]:
        bundle = service.shelf()
        is_ready = app.state.ready and bundle is not None
        if not is_ready:
            response.status_code = 503
        return {
            "ready": is_ready,
            "model": bundle.version if bundle else None,
            "rules": service.rules.version,
            "problems": [*service.problems, *service.rules.problems()]
            or ([] if bundle else ["no model is promoted: run kesu train"]),
        }

    @app.get("/metrics", tags=["operations"], summary="Prometheus metrics, queue lengths read from the store")
    def metrics() -> Response:
        return Response(metrics_text(service), media_type="text/plain; version=0.0.4; charset=utf-8")
