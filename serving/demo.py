"""播放演示: four weeks of a simulated company's complaints that end now, then the last hour played live.

Everything goes through the same door as real complaints. The handling of the old ones (answered, resolved, rated) is
simulated too, so that the report has something to say.
"""

import logging
import random
import threading
from collections.abc import Callable

from sqlalchemy import bindparam, func, select, update

from serving.demo_history import demo_history
from serving.schema import complaint
from serving.service import HISTORY, DemoProgress, Service
from serving.store import milliseconds

__all__ = ["demo_progress", "play_demo", "start_demo"]

log = logging.getLogger("kesu.demo")
PLAY_SECONDS = 40.0  # the last hour, told in this time
CHUNK = 100
HOUR = 3_600_000


def demo_progress(service: Service) -> DemoProgress:
    """How far this server's demo has come."""
    return service.demo or DemoProgress()


def start_demo(service: Service, seconds: float = PLAY_SECONDS) -> None:
    """Play the demo in a thread of its own; a second start while it plays changes nothing."""
    if service.demo is not None and service.demo.state in ("importing", "playing"):
        return
    service.demo = DemoProgress("importing")
    threading.Thread(target=play_demo, args=(service, None, seconds), name="demo", daemon=True).start()


def play_demo(service: Service, wait: Callable[[float], object] | None = None, seconds: float = PLAY_SECONDS) -> None:
    """Import the history, let the evaluator catch up, then play the last hour in `seconds`."""
    wait = wait or service.stopping.wait
    history = demo_history(service.clock())
    progress = service.demo = DemoProgress("importing", 0, len(history.past) + len(history.live))
    for start in range(0, len(history.past), CHUNK):
        if service.stopping.is_set():
            return
        chunk = history.past[start : start + CHUNK]
        service.intake.accept(chunk, source=f"{HISTORY}demo")
        simulate_handling(service, [c.id for c in chunk])
        progress.done += len(chunk)
    while unevaluated(service) and not service.stopping.is_set():
        service.woken.set()
        wait(0.05)
    progress.state = "playing"
    before = 0.0
    for offset, item in history.live:
        wait((offset - before) / 3600 * seconds)
        if service.stopping.is_set():
            return
        before = offset
        service.intake.accept([item], source="demo")
        progress.done += 1
    progress.state = "done"


def unevaluated(service: Service) -> int:
    """Complaints the evaluator has not seen; 0 where none runs in this process."""
    if not service.settings.evaluator:
        return 0
    with service.store.read() as connection:
        return connection.scalar(select(func.count()).where(complaint.c.evaluated.is_(False))) or 0


def simulate_handling(service: Service, ids: list[str]) -> None:
    """Answer, resolve and rate most of the complaints, the way a decent company does, some of them late."""
    now = milliseconds(service.clock())
    with service.store.write() as connection:
        rows = connection.execute(select(complaint.c.id, complaint.c.time).where(complaint.c.id.in_(ids))).all()
        done = []
        for row in rows:
            chance = random.Random(row.id)
            answered = row.time + round(chance.lognormvariate(1.2, 0.9) * HOUR)
            resolved = answered + round(chance.lognormvariate(3.0, 0.8) * HOUR)
            happy = chance.choices([1, 2, 3, 4, 5], [8, 10, 22, 38, 22])[0]
            is_resolved = resolved < now and chance.random() < 0.96
            status = "resolved" if is_resolved else "in_progress" if answered < now else "open"
            late = is_resolved and resolved - row.time > 72 * HOUR
            done.append(
                {
                    "row": row.id,
                    "status": status,
                    "first_response_at": answered if answered < now else None,
                    "resolved_at": resolved if is_resolved else None,
                    "told_at": resolved if is_resolved and chance.random() < 0.9 else None,
                    "satisfaction": happy if is_resolved and chance.random() < 0.55 else None,
                    "handovers": chance.choices([0, 1, 2], [82, 15, 3])[0],
                    "overdue_reason": chance.choice(["等待供应商答复", "客户联系不上", "跨部门协调", "节假日积压"])
                    if late
                    else None,
                }
            )
        columns = (
            "status",
            "first_response_at",
            "resolved_at",
            "told_at",
            "satisfaction",
            "handovers",
            "overdue_reason",
        )
        change = update(complaint).where(complaint.c.id == bindparam("row"))
        if done:
            connection.execute(change.values({name: bindparam(f"{name}") for name in columns}), done)
