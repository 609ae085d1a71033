"""A real server in a process of its own, for campaigns that break it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

__all__ = ["ServerProcess"]


class ServerProcess:
    """`kesu serve` on a store in `folder`; `kill` is kill -9, `stop` a polite end."""

    def __init__(self, folder: Path, bundle: Path, **environ: str) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = folder / "kesu.db"
        self.environ = os.environ | {
            "KESU_DATA_DIR": str(folder),
            "KESU_DATABASE_URL": f"sqlite:///{self.database}",
            "KESU_BUNDLE": str(bundle.resolve()),
            "KESU_WEBHOOK_ALLOW": "127.0.0.0/8",
            **environ,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, patience: float = 60.0) -> float:
        """Start it; returns the seconds until it was ready. Raises RuntimeError when it does not become ready."""
        started = time.monotonic()
        with (self.folder / "server.log").open("ab") as log:
            command = [sys.executable, "-m", "kesu", "serve", "--port", str(self.port)]
            self.process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log)
        with httpx.Client(base_url=self.url, trust_env=False, timeout=2) as client:
            while time.monotonic() - started < patience:
                if self.process.poll() is not None:
                    break
                try:
                    if client.get("/readyz").status_code == 200:
                        return time.monotonic() - started
                except httpx.TransportError:
                    pass
                time.sleep(0.02)
        tail = (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"the server did not become ready:\n{tail}")

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> float:
        """SIGTERM; returns the seconds until it was gone."""
        started = time.monotonic()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
        return time.monotonic() - started
