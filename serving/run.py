"""Processes: the whole server in one, or evaluator and sender apart when it has grown."""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from model.errors import SettingsError
from serving.memory import lean
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.service import Service

__all__ = ["make_served_app", "run_evaluator", "run_sender", "running", "serve"]


def serve(settings: Settings, host: str, port: int, workers: int = 1) -> None:
    """Serve until stopped. Raises SettingsError when the port is taken."""
    import uvicorn

    check_port(host, port)
    lean()
    options: dict[str, Any] = {"host": host, "port": port, "access_log": False, "timeout_graceful_shutdown": 8}
    if workers == 1:
        from serving.app import make_app
        from serving.service import open_service

        uvicorn.run(make_app(open_service(settings)), **options)
        return
    from serving.store import open_store

    open_store(settings.store_url).close()  # migrated once, before several processes open it
    uvicorn.run("serving.run:make_served_app", factory=True, workers=workers, **options)


@contextmanager
def running(service: "Service") -> Iterator[str]:
    """Serve in a thread on a free port of this machine; gives the address, stops at the end."""
    import uvicorn

    from serving.app import make_app

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = uvicorn.Config(make_app(service), host="127.0.0.1", port=port, access_log=False, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server", daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        service.stopping.wait(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=15)


def make_served_app() -> Any:
    """The application of one of several worker processes; settings come from the environment."""
    lean()
    from serving.app import make_app
    from serving.service import open_service
    from serving.settings import read_settings

    return make_app(open_service(read_settings()))


def check_port(host: str, port: int) -> None:
    """Say in one sentence that a port is taken or not allowed, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"port {port} on {host} cannot be used ({error.strerror}): "
                "stop what runs there, or give another (--port 8001, make run PORT=8001)"
            ) from None


def run_evaluator(settings: Settings) -> None:
    """The evaluator until a signal ends it."""
    lean()
    from serving.early_warning import Evaluator
    from serving.service import open_service

    service = stoppable(open_service(settings))
    Evaluator(service, holder()).run()
    service.store.close()


def run_sender(settings: Settings) -> None:
    """The sender until a signal ends it."""
    from serving.address_guard import guarded_client
    from serving.outbox import Sender
    from serving.service import open_service

    service = stoppable(open_service(settings))
    Sender(service, guarded_client(settings.webhook_allow), holder()).run()
    service.store.close()


def holder() -> str:
    """A name for this process that no later one has."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


def stoppable(service: "Service") -> "Service":
    def stop(*_: object) -> None:
        service.stopping.set()
        service.woken.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return service
