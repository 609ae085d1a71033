"""A receiver of our own for the demo and the campaigns: takes webhooks, checks their signatures, keeps what came."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

__all__ = ["Receiver"]


@dataclass
class Receiver:
    """Listens on loopback. `received` holds the bodies of verified messages by webhook-id; `refused` counts the others.

    `answer` is the status it gives; a campaign changes it to break the receiver.
    """

    secret: str | None = None
    answer: int = 204
    received: dict[str, dict[str, Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    refused: int = 0
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        if self.server is None:
            raise RuntimeError("the receiver is not started")
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """One message: verified by the public library, kept once an id."""
        if self.secret is None:
            return 503
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return 401
        if self.answer < 300:
            identity = headers["webhook-id"]
            self.order.append(identity)
            self.received[identity] = json.loads(body)
        return self.answer

    def start(self) -> None:
        """Listen on a free port in a thread."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status = receiver.take(body, {k.lower(): v for k, v in self.headers.items()})
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet: what came is in `received`."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, name="receiver", daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
