"""The command line: each command parses, calls one function and prints. Errors are one sentence and exit code 2."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from model.errors import DataError, KesuError
from serving.admin import keys, models
from training.commands import app as commands
from training.commands import bar, console

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(commands)
app.add_typer(models, name="models")
app.add_typer(keys, name="keys")
BENCHES = "accuracy, honesty, marked, rounding, several, speed, throughput, spikes or serve"


def settings_now(**over: Any) -> Any:
    from serving.settings import read_settings

    return read_settings(**over)


@app.command()
def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: Annotated[
        int, typer.Option(min=1, help="processes; evaluator and sender run in one of them by lease")
    ] = 1,
) -> None:
    """The API, the page, the evaluator and the sender in one process."""
    from serving.run import serve as run

    run(settings_now(), host, port, workers)


@app.command()
def watch() -> None:
    """The evaluator alone, as a process of its own."""
    from serving.run import run_evaluator

    run_evaluator(settings_now())


@app.command()
def deliver() -> None:
    """The sender alone, as a process of its own."""
    from serving.run import run_sender

    run_sender(settings_now())


@app.command()
def demo(seconds: Annotated[float, typer.Option(help="how long the last hour plays")] = 40.0) -> None:
    """Play the demo in a store of its own and show the signed alerts arrive at a receiver of our own."""
    from serving.demo_run import run_demo

    found = run_demo(seconds, print)
    if not {"group", "exposure"} <= found:
        raise KesuError(f"only {', '.join(sorted(found)) or 'nothing'} arrived: run kesu doctor and look at the log")


@app.command(name="import")
def import_(
    file: Path,
    yes: Annotated[bool, typer.Option("--yes", help="import without asking")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="history: it teaches what is normal, nobody is told")] = False,
) -> None:
    """Bring history into the store: preview, then rows one by one; the same file again adds nothing."""
    from model.table import read_table
    from serving.files import import_table, preview_table, save_refused
    from serving.service import open_service

    table = read_table(file)
    service = open_service(settings_now())
    seen = preview_table(table, service)
    print(f"{seen.rows} rows; columns: " + ", ".join(f"{role} = {column}" for role, column in seen.roles.items()))
    for problem in seen.problems[:10]:
        console.print(f"[yellow]row {problem.row} {problem.column}: {problem.reason}[/yellow]")
    print(f"{seen.total_problems} rows cannot be used")
    if service.shelf() is None:
        console.print("[yellow]no model is promoted: the rows are stored unclassified[/yellow]")
    if not yes and not typer.confirm("import them?"):
        raise typer.Exit(1)
    with bar("importing") as step:
        done = import_table(service, table, step, quiet=quiet)
    kept = save_refused(service.settings.data_dir / "refused", table, done.refused)
    print(
        f"{done.added} added, {done.known} were there already, {len(done.refused)} refused"
        + (f": see {kept}" if kept else "")
    )


@app.command()
def export(out: Annotated[Path, typer.Option("--out", help="CSV, XLSX or JSONL by its ending")]) -> None:
    """Complaints with their classification, out of the store."""
    from serving.files import export_complaints
    from serving.service import open_service

    print(f"{export_complaints(open_service(settings_now()).store, out)} complaints in {out}")


@app.command()
def report(
    month: Annotated[str, typer.Option("--month", help="e.g. 2026-10")],
    out: Annotated[Path, typer.Option("--out")],
    format: Annotated[str, typer.Option("--format")] = "html",
) -> None:
    """The monthly report from the true figures of the store."""
    from serving.report.page import write_report
    from serving.store import open_store

    write_report(open_store(settings_now().store_url), month, out, format, datetime.now(UTC))
    print(out)


@app.command()
def doctor() -> None:
    """Check this installation: settings, store, bundle, engine versions; says what to mend."""
    from serving.doctor import examine

    worst = 0
    for check in examine(settings_now()):
        print(f"{'ok  ' if check.ok else 'MEND'}  {check.what}: {check.said}")
        worst = max(worst, 0 if check.ok else 2)
    raise typer.Exit(worst)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help=BENCHES)],
    data: Annotated[
        Path | None, typer.Option(envvar="KESU_BENCH_DATA", help="folder with the public data; several: cases")
    ] = None,
    rows: Annotated[int, typer.Option(min=1000, help="throughput: complaints in the file")] = 1_000_000,
    seeds: Annotated[int, typer.Option(help="spikes: simulations to average")] = 3,
    seconds: Annotated[float, typer.Option(help="serve: how long each load lasts")] = 5.0,
    bundle: Annotated[
        Path | None, typer.Option(help="serve: a bundle other than the promoted one; throughput: train none")
    ] = None,
) -> None:
    """Measure kesu beside its peers in the same run (extra `bench`)."""
    if name == "accuracy":
        from training.accuracy_bench import accuracy_bench

        accuracy_bench(needed(data))
    elif name == "speed":
        from training.speed_bench import speed_bench

        speed_bench(needed(data))
    elif name == "honesty":
        from training.honesty_bench import honesty_bench

        honesty_bench(needed(data))
    elif name == "marked":
        from training.marked_bench import marked_bench

        marked_bench(bundle)
    elif name == "rounding":
        from training.rounding_bench import rounding_bench

        rounding_bench(needed(data))
    elif name == "several":
        from training.several_bench import several_bench

        several_bench(None if data is None or data.is_dir() else data, bundle)
    elif name == "throughput":
        from training.throughput_bench import throughput_bench

        throughput_bench(data, rows, bundle)
    elif name == "spikes":
        from training.spikes_bench import spikes_bench

        spikes_bench(seeds)
    elif name == "serve":
        from serving.load import bench_serve

        bench_serve(settings_now(bundle=bundle), seconds)
    else:
        raise DataError(f"there is no bench {name}: choose {BENCHES}")


def needed(data: Path | None) -> Path:
    if data is None or not data.is_dir():
        raise DataError(
            f"the folder {data or ''} with the public data is not there: give --data DIR or KESU_BENCH_DATA"
        )
    return data


def main() -> None:
    """Run a command; kesu's own errors are one sentence on standard error and exit code 2."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        app()
    except KesuError as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
