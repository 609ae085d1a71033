"""The same work on many pieces by several processes: pieces go out in order, and results come back in order."""

import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.resource_tracker import ensure_running
from queue import SimpleQueue
from threading import Thread
from traceback import format_exc
from typing import Any, TypeVar

from model.errors import KesuError

__all__ = ["in_order"]

Result = TypeVar("Result")
_AHEAD = 2  # pieces a process holds: one in work, one that waits


def in_order(
    pieces: Iterable[bytes], prepare: Callable[[], Callable[[bytes], Result]], workers: int
) -> Generator[Result, None, None]:
    """What the work that `prepare` makes says of each piece, in order; `prepare` is called once in each process.

    With one worker all happens in this process. With more, `prepare` and the results travel by pickle. Processes end
    when this one does, however it ends. Raises what the work raises, KesuError when a process was killed.

    >>> list(in_order([b"a", b"bc"], lambda: len, 1))
    [1, 2]
    """
    if workers == 1:
        yield from map(prepare(), pieces)
        return
    context = get_context("spawn")
    ends: list[Connection] = []
    processes = []
    try:
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(prepare, theirs), daemon=True)
            with _no_interrupt():
                process.start()
            theirs.close()
            ends.append(ours)
            processes.append(process)
        waiting: deque[Connection] = deque()
        for number, piece in enumerate(pieces):
            if len(waiting) == workers * _AHEAD:
                yield _receive(waiting.popleft())
            _send(ends[number % workers], piece)
            waiting.append(ends[number % workers])
        while waiting:
            yield _receive(waiting.popleft())
    finally:
        for end in ends:
            end.close()
        for process in processes:
            process.join(5)
            process.kill()


@contextmanager
def _no_interrupt() -> Generator[None, None, None]:
    """Ctrl-C waits for the end of the block; a process that is started in it never hears one, and ends with us."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    ensure_running()  # it unblocks the signal when it is started, as it would be in the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(end: Connection, piece: bytes) -> None:
    try:
        end.send_bytes(piece)
    except OSError:
        _receive(end)  # says why the process ended, where it could
        raise


def _receive(end: Connection) -> Any:
    try:
        done = end.recv()
    except (EOFError, OSError):
        raise KesuError("A worker process was killed, perhaps for memory: try again with --workers 1.") from None
    if isinstance(done, BaseException):
        raise done
    return done


def _work(prepare: Callable[[], Callable[[bytes], object]], end: Connection) -> None:
    """A process's whole life: pieces come in by a thread, so that sending never waits for a busy worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and its end ends us
    inbox: SimpleQueue[bytes | None] = SimpleQueue()
    Thread(target=_take, args=(end, inbox), daemon=True).start()
    with suppress(OSError):
        try:
            work = prepare()
            while (piece := inbox.get()) is not None:
                end.send(work(piece))
        except Exception as error:
            error.add_note(format_exc())
            end.send(error)


def _take(end: Connection, inbox: "SimpleQueue[bytes | None]") -> None:
    with suppress(EOFError, OSError):
        while True:
            inbox.put(end.recv_bytes())
    inbox.put(None)
