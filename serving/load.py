"""`kesu bench serve`: requests a second beside an empty FastAPI route with the same body model, in the same run.

Server and client are processes of their own, each on one core where there are two. The client speaks plain HTTP/1.1
over kept-alive connections, so that it costs little beside the server. What is excluded: TLS, a network.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from serving.demo_history import demo_history
from serving.settings import Settings
from serving.store import utc_now

__all__ = ["bench_serve", "empty_app", "load"]

CONNECTIONS = 16


def empty_app() -> Any:
    """The peer: a FastAPI route that takes the same body and does nothing."""
    from fastapi import FastAPI

    from serving.requests import ComplaintIn

    app = FastAPI()

    @app.post("/classify")
    def classify(body: ComplaintIn) -> dict[str, bool]:
        return {"ok": True}

    return app


async def load(port: int, path: str, bodies: list[bytes], seconds: float, connections: int) -> list[float]:
    """Post the bodies in turn over some connections for some seconds; the latency of each answer, in seconds.

    Raises RuntimeError at the first answer that is not 200.
    """
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: "
    requests = [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def one(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = first
        while (started := time.perf_counter()) < end:
            writer.write(requests[number % len(requests)])
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.partition(b"\r\n")[0].decode("latin-1"))
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            took.append(time.perf_counter() - started)
            number += connections
        writer.close()

    await asyncio.gather(*(one(n) for n in range(connections)))
    return took


@contextmanager
def served(target: str, environ: dict[str, str]) -> Iterator[tuple[int, float, int]]:
    """A uvicorn process on core 0: its port, seconds until it was ready, and its process id."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", target, "--factory", "--port", str(port), "--log-level", "warning"]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--no-access-log"], env=os.environ | environ)
    try:
        if (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(process.pid, {0})
        path = "/readyz" if "make_served_app" in target else "/docs"
        while time.perf_counter() - started < 60:
            try:
                if httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        yield port, time.perf_counter() - started, process.pid
    finally:
        process.terminate()
        process.wait(timeout=15)


def bench_serve(settings: Settings, seconds: float) -> dict[str, float]:
    """Print and return requests a second, latencies, start-up time and memory of a worker."""
    history = demo_history(utc_now()).past
    bodies = [{"text": c.text, "customer": c.customer, "channel": c.channel} for c in history]
    singles = [json.dumps(body, ensure_ascii=False).encode() for body in bodies]
    batch = [json.dumps(bodies[:1000], ensure_ascii=False).encode()]
    out: dict[str, float] = {}
    cores = os.cpu_count() or 1
    with TemporaryDirectory(prefix="kesu-bench-") as folder:
        environ = {
            "KESU_DATABASE_URL": f"sqlite:///{Path(folder) / 'bench.db'}",
            "KESU_BUNDLE": str(settings.bundle_folder.resolve()),
            "KESU_EVALUATOR": "false",
            "KESU_SENDER": "false",
        }
        if cores > 1:
            os.sched_setaffinity(0, {1})
        with served("serving.load:empty_app", environ) as (port, _, _):
            out |= measured("empty route", port, "/classify", singles, seconds, 1)
        with served("serving.run:make_served_app", environ) as (port, ready, pid):
            out["ready_s"] = ready
            out |= measured("classify only", port, "/classify?record=false", singles, seconds, 1)
            out |= measured("classify and record", port, "/classify", singles, seconds, 1)
            out |= measured("lists of 1,000", port, "/classify?record=false", batch, seconds, 1000, connections=2)
            out["resident_mb"] = resident(pid)
    for name in ("classify only", "classify and record"):
        share = out[f"{name}: per second"] / out["empty route: per second"]
        out[f"{name}: share"] = share
        print(f"{name}: {share:.0%} of the empty route's requests a second")
    print(f"ready after {out['ready_s']:.2f} s, {out['resident_mb']:.0f} MB resident")
    return out


def measured(
    name: str, port: int, path: str, bodies: list[bytes], seconds: float, each: int, connections: int = CONNECTIONS
) -> dict[str, float]:
    asyncio.run(load(port, path, bodies, min(1.0, seconds / 2), connections))
    took = sorted(asyncio.run(load(port, path, bodies, seconds, connections)))
    rate, middle, late = len(took) * each / seconds, took[len(took) // 2], took[int(len(took) * 0.99)]
    print(f"{name:22s} {rate:8.0f} complaints/s  median {middle * 1000:6.1f} ms  p99 {late * 1000:6.1f} ms", flush=True)
    return {f"{name}: per second": rate, f"{name}: p99": late}


def resident(pid: int) -> float:
    """Megabytes of memory a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")
