"""A file of a million complaints: rows a second from file to file, training, memory of all processes, two cores.

Left out: making the rows and starting Python. Shown: wall time on this machine as it is, other load included.
"""

import csv
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter
from typing import Any

from model.bundle import load_bundle
from model.errors import KesuError
from model.labels import shipped
from training.classify_file import classify_file, cores
from training.fit import train
from training.made_rows import made_rows, seed_texts

__all__ = ["throughput_bench"]

_YEAR = 120_000_000  # complaints, a year of the world's
_EVERY = 0.1  # seconds between two looks at the memory
_SHARE = 200_000  # texts that the scaling is measured on, at most


def throughput_bench(data: Path | None, rows: int = 1_000_000, bundle: Path | None = None) -> dict[str, float]:
    """Print and return the figures; rows are made from the reviews in `data`, else from the starter corpus.

    With a `bundle` nothing is trained. "One core" is one process on one core, "two" as many workers as `cores()`
    gives, two at most. Memory is the sum over all processes, in MB: `rss` counts shared pages each time, `pss` once.
    """
    said: dict[str, float] = {}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        heads, length = write_rows(folder / "rows.csv", data, rows)
        print(f"{rows:,} rows of {length:.1f} characters on average, heads {', '.join(heads)}")
        print(f"load of the machine before: {os.getloadavg()[0]:.2f} processes ready to run")
        if bundle is None:
            bundle = folder / "bundle"
            ran = measured(_train, folder / "rows.csv", bundle, heads)
            said |= {"train_s": ran["took"], "train_cpu_s": ran["cpu"], "train_mb": ran["rss"]}
            print(f"training: {ran['took']:.1f} s, {ran['cpu']:.1f} s of processor, {ran['rss']:.0f} MB at most")
        size = sum(path.stat().st_size for path in bundle.iterdir()) / 1e6
        load = measured(_load, bundle)["took"]
        said |= {"bundle_mb": size, "load_s": load}
        print(f"bundle: {size:.1f} MB, opened in {load * 1e3:.0f} ms by a fresh process")
        for workers in range(1, min(cores(), 2) + 1):
            ran = measured(_classify, bundle, folder / "rows.csv", folder / "out.csv", workers)
            rate, year = rows / ran["took"], ran["first"] + (ran["took"] - ran["first"]) / ran["rest"] * _YEAR / rows
            said |= {f"rows_a_second_{workers}": rate, f"year_minutes_{workers}": year / 60}
            said |= {f"{name}_{workers}": ran[name] for name in ("cpu", "rss", "pss")}
            print(
                f"file to file by {workers}: {rate:,.0f} rows/s with the start of processes, 120 million in "
                f"{year / 60:.1f} minutes; {ran['cpu'] / rows * 1e6:.1f} µs of processor a row; {ran['rss']:.0f} MB "
                f"resident, {ran['pss']:.0f} MB with shared pages once"
            )
        if "year_minutes_2" in said:
            said["file_scaling"] = said["year_minutes_1"] / said["year_minutes_2"]
            print(f"file to file, two workers on two cores against one on one: {said['file_scaling']:.2f} x")
        said |= scaling(bundle, folder / "rows.csv", min(rows, _SHARE))
    return said


def write_rows(path: Path, data: Path | None, count: int) -> tuple[tuple[str, ...], float]:
    """Write the made rows as a CSV file; returns their heads and the mean length of a text."""
    heads, seeds = seed_texts(data, shipped("starter"))
    total = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "channel", "text", *heads])
        for number, (text, labels) in enumerate(made_rows(seeds, count)):
            writer.writerow([f"C{number:09}", "APP", text, *labels])
            total += len(text)
    return heads, total / max(count, 1)


def scaling(bundle: Path, rows: Path, count: int) -> dict[str, float]:
    """Texts a second of `predict_proba` by one thread, two threads and two processes, without any file."""
    with rows.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        texts = [row["text"] for row, _ in zip(reader, range(count), strict=False)]
    opened = load_bundle(bundle)
    opened.predict_proba(texts[:1000])
    said = {}
    for name, work in (("one thread", 1), ("two threads", 2)):
        threads = [Thread(target=opened.predict_proba, args=(texts,)) for _ in range(work)]
        started = perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        said[name] = work * len(texts) / (perf_counter() - started)
    said["two processes"] = _by_processes(bundle, texts, 2)
    for name, rate in said.items():
        print(f"{name:16}{rate:12,.0f} texts/s   {rate / said['one thread']:.2f} x")
    return {
        "texts_a_second": said["one thread"],
        "thread_scaling": said["two threads"] / said["one thread"],
        "process_scaling": said["two processes"] / said["one thread"],
    }


def measured(work: Callable[..., dict[str, float] | None], *arguments: Any) -> dict[str, float]:
    """Run `work` in a fresh process: `took` seconds, `cpu` those of processor with its children's, `rss` and `pss` the
    most MB of all of them; and what `work` says itself, which may correct these.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(theirs, work, *arguments))
    process.start()
    theirs.close()
    with watched(process.pid or 0) as most:
        try:
            said = ours.recv()
        except EOFError:
            raise KesuError("The measured process was killed, perhaps for memory: try fewer --rows.") from None
    process.join()
    if isinstance(said, Exception):
        raise said
    return {"rss": most[0], "pss": most[1], **said}


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """The most memory of a process and its descendants so far: resident and proportional, in MB; 0 outside Linux."""
    most = [0.0, 0.0]
    ended = Event()

    def watch() -> None:
        while not ended.wait(_EVERY):
            with suppress(OSError):
                now = [_memory(one) for one in _family(pid)]
                most[0] = max(most[0], sum(rss for rss, _ in now))
                most[1] = max(most[1], sum(pss for _, pss in now))

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _memory(pid: int) -> tuple[float, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    said = {line.split()[0]: int(line.split()[1]) / 1e3 for line in lines}
    return said["Rss:"], said["Pss:"]


def _report(end: Any, work: Callable[..., dict[str, float] | None], *arguments: Any) -> None:
    started = perf_counter()
    try:
        said = work(*arguments) or {}
        both = [getrusage(whose) for whose in (RUSAGE_SELF, RUSAGE_CHILDREN)]
        cpu = sum(one.ru_utime + one.ru_stime for one in both)
        end.send({"took": perf_counter() - started, "cpu": cpu, **said})
    except Exception as error:
        end.send(error)


def _train(rows: Path, out: Path, heads: Sequence[str]) -> None:
    train([rows], out, list(heads))


def _load(bundle: Path) -> None:
    sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]  # as the server and `kesu classify` do
    load_bundle(bundle)


def _classify(bundle: Path, rows: Path, out: Path, workers: int) -> dict[str, float]:
    """`first`: seconds until the first chunk was written; `rest`: the share of the file read after that, all of a small
    one."""
    if workers == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    marks: list[tuple[float, float]] = []
    started = perf_counter()
    classify_file(bundle, rows, out, workers, progress=lambda done, all_: marks.append((perf_counter(), done / all_)))
    first, rest = (marks[0][0] - started, 1 - marks[0][1]) if marks[0][1] < 0.5 else (0.0, 1.0)
    return {"took": perf_counter() - started, "first": first, "rest": rest}


def _by_processes(bundle: Path, texts: list[str], count: int) -> float:
    """All of them wait until the last is ready, and until the last is done: their start and end are left out."""
    context = get_context("spawn")
    barrier = context.Barrier(count + 1)
    processes = [context.Process(target=_predict, args=(bundle, texts, barrier)) for _ in range(count)]
    for process in processes:
        process.start()
    barrier.wait()
    started = perf_counter()
    barrier.wait()
    rate = count * len(texts) / (perf_counter() - started)
    for process in processes:
        process.join()
    return rate


def _predict(bundle: Path, texts: list[str], barrier: Any) -> None:
    opened = load_bundle(bundle)
    opened.predict_proba(texts[:1000])
    barrier.wait()
    opened.predict_proba(texts)
    barrier.wait()
