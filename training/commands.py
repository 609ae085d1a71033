"""The commands that need no server: train, evaluate, classify, replay, spikes, rules and others."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table as Grid

from model.errors import DataError

__all__ = ["app", "bar", "console"]

app = typer.Typer()
rules = typer.Typer(no_args_is_help=True, help="Rules over the model: is a file valid, and what would it do?")
app.add_typer(rules, name="rules")
console = Console(stderr=True)

Files = Annotated[list[Path], typer.Argument(help="labelled CSV, XLSX or JSONL files")]


@contextmanager
def bar(what: str, *counts: ProgressColumn) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error; the callback takes done, total and optionally what is done now.

    `counts` show how much is done, in place of "done of total".
    """
    shown = (TextColumn("{task.description}"), BarColumn(), *(counts or (MofNCompleteColumn(),)), TimeElapsedColumn())
    with Progress(*shown, console=console, transient=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)

        def step(done: int, total: int, now: str | None = None) -> None:
            progress.update(task, completed=done, total=total or None, description=now or what)

        yield step


@app.command()
def train(
    data: Files,
    out: Annotated[Path, typer.Option("--out", help="folder of the new bundle")],
    head: Annotated[list[str] | None, typer.Option("--head", help="label column to learn; repeat for several")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file with training settings")] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="TOML file with labels and words for them: no labelled row is needed"),
    ] = None,
) -> None:
    """Fit a bundle from labelled files; its model card lies in it as card.html."""
    from training.config import read_config
    from training.fit import train as fit

    with bar("training") as step:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        settings = read_config(config)
        result = fit(data, out, heads=head, config=settings, progress=step, labels=labels, created=now)
    for warning in result.warnings:
        console.print(warning, style="yellow", markup=False, highlight=False, soft_wrap=True)
    grid = Grid("head", "labels", "rows", "accuracy", "macro-F1", "ECE (floor)", title=f"bundle {result.version}")
    for name, said in result.card["heads"].items():
        share = (f"{said['accuracy']:.3f}", f"{said['macro_f1']:.3f}", f"{said['ece']:.3f} ({said['ece_floor']:.3f})")
        grid.add_row(name, str(len(said["labels"])), str(said["n"]), *share)
    Console().print(grid)
    print(f"{out}/card.html")


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="bundle folder")],
    data: Annotated[Path, typer.Argument(help="labelled file")],
    json_out: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
    page: Annotated[Path | None, typer.Option("--page", help="write a page with plots here")] = None,
    per_day: Annotated[float | None, typer.Option(help="complaints a day; without it the rows' times say it")] = None,
) -> None:
    """Measure a bundle on a labelled file: accuracy, macro-F1, calibration, coverage, confusion, a head."""
    from model.bundle import load_bundle
    from model.table import read_table
    from training.evaluate import evaluate as measure
    from training.evaluate import evaluation_page

    result = measure(load_bundle(bundle), read_table(data), per_day)
    if json_out is not None:
        json_out.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    if page is not None:
        page.write_text(evaluation_page(result), encoding="utf-8")
    for name, said in result["heads"].items():
        print(f"{name}: n {said['n']}  accuracy {said['accuracy']:.4f}  macro-F1 {said['macro_f1']:.4f}", end="  ")
        print(f"ECE {said['ece']:.4f} (floor {said['ece_floor']:.4f})")


@app.command()
def thresholds(
    bundle: Annotated[Path, typer.Argument(help="bundle folder")],
    data: Annotated[Path | None, typer.Argument(help="complaints to forecast with; labelled, or not")] = None,
    precision: Annotated[float | None, typer.Option(help="share of accepted labels that must be right")] = None,
    per_day: Annotated[float | None, typer.Option(help="complaints a day; without it the rows' times say it")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="TOML file with precision and [targets.HEAD]")] = None,
    save: Annotated[Path | None, typer.Option("--save", help="write a bundle with these thresholds here")] = None,
) -> None:
    """What a precision costs: how much is accepted without a person, a label, and how many a day go to people."""
    from model.bundle import load_bundle
    from model.table import read_table
    from training.config import read_config
    from training.rethreshold import forecast_loads, save_with, targets_of
    from training.review_load import sentences

    settings, loaded = read_config(config), load_bundle(bundle)
    targets = targets_of(loaded, settings.precision if precision is None else precision, settings.targets)
    daily = per_day if per_day is not None else settings.per_day or None
    found = forecast_loads(loaded, targets, read_table(data) if data is not None else None, daily)
    for head, one in found.items():
        print(f"{head}:" if one["load"] is not None else f"{head}: no labelled row to forecast with")
        for line in sentences(one["load"], targets[head]) if one["load"] is not None else ():
            print(f"  {line}")
    if save is not None:
        version = save_with(loaded, found, save, datetime.now(UTC).isoformat(timespec="seconds"))
        print(f"bundle {version} in {save}")


@app.command("learning-curve")
def learning_curve(
    data: Files,
    head: Annotated[str | None, typer.Option("--head", help="label column; needed where there are several")] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="TOML file with labels and words for them; else the starter's")
    ] = None,
    sizes: Annotated[str, typer.Option("--sizes", help="labelled rows a label, with commas between")] = "0,20,50,100",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="choices of the labelled rows to average")] = 5,
) -> None:
    """How good is a bundle with few labels or none? Beside characters 1-3 with a linear SVC on the same rows."""
    from training.learning_curve import curve_lines, read_sizes
    from training.learning_curve import learning_curve as measure

    wanted = read_sizes(sizes)
    with bar("measuring") as step:
        curve = measure(data, head, labels, wanted, seeds, step)
    grid = Grid(*curve_lines(curve)[0], title=f"{curve.head}: macro-F1 on {curve.held_out:,} texts held out")
    for line in curve_lines(curve)[1:]:
        grid.add_row(*line)
    Console().print(grid)
    print(
        f"{curve.texts:,} texts to label some of, {curve.labels} labels; always {curve.commonest!r}: macro-F1 "
        f"{curve.always_f1:.3f}. kesu: the labelled rows, words for the labels and the other texts without labels; "
        f"alone: without the other texts; SVC: characters 1-3 and a linear SVC, the labelled rows."
    )


@app.command()
def classify(
    bundle: Annotated[Path, typer.Argument(help="bundle folder")],
    data: Annotated[Path, typer.Argument(help="CSV, XLSX or JSONL file, or - for standard input")],
    out: Annotated[Path, typer.Option("--out", help="CSV, XLSX or JSONL by its ending")],
    workers: Annotated[int | None, typer.Option(min=1, help="processes; without it one a core, 8 at most")] = None,
    rules: Annotated[Path | None, typer.Option("--rules", help="rules file (TOML) laid over the model")] = None,
) -> None:
    """Classify a whole file: its columns plus, a head, the label, its confidence and whether it is accepted."""
    sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]  # numba would load its BLAS: 0.2 s for nothing
    from training.classify_file import classify_file
    from training.ruling import Ruling

    hook = Ruling.open(bundle, rules, datetime.now(UTC)) if rules else None
    with bar("classifying", DownloadColumn(), TransferSpeedColumn()) as step:
        done = classify_file(bundle, data, out, workers, hook, progress=step)
    if done.first is not None:
        console.print(f"{done.left_out} rows could not be read; row {done.first.row} {done.first.reason}")
    print(f"{done.rows} rows in {out}")


@app.command()
def replay(
    data: Path,
    out: Annotated[Path, typer.Option("--out", help="alerts as JSON lines")],
    bundle: Annotated[Path | None, typer.Option("--bundle", help="classify with this bundle")] = None,
) -> None:
    """The early warning over history in event time, by the same code as the live service."""
    from model.bundle import load_bundle
    from model.table import read_table
    from training.replay import replay as run

    with bar("replaying") as step:
        summary = run(read_table(data), load_bundle(bundle) if bundle else None, out, step)
    print(summary)


@app.command()
def spikes(
    counts: Path,
    false_alarms_per_day: Annotated[float, typer.Option(help="over all series together")],
    out: Annotated[Path, typer.Option("--out", help="CSV, one line an episode's start")],
) -> None:
    """The detector alone on hourly counts: series, group, hour, count; missing hours are 0."""
    from training.spikes import write_spikes

    with bar("judging") as step:
        print(f"{write_spikes(counts, false_alarms_per_day, out, step)} spikes in {out}")


@rules.command("check")
def rules_check(
    file: Annotated[Path, typer.Argument(help="rules file (TOML)")],
    bundle: Annotated[Path | None, typer.Option("--bundle", help="are its heads and labels there?")] = None,
) -> None:
    """Is a rules file valid? Everything that is wrong is told with its line."""
    from model.bundle import load_bundle
    from model.overlay import Overlay
    from model.rule_file import RuleError, read_rules

    try:
        found = read_rules(file)
        if bundle is not None:
            Overlay(found, load_bundle(bundle)).require_fit()
    except RuleError as error:
        for problem in error.problems[:-1]:
            console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
        raise DataError(error.problems[-1]) from None
    print(f"{file.name} is valid, version {found.version}: rules {len(found)}, closings {len(found.closed)}")


@rules.command("try")
def rules_try(
    file: Annotated[Path, typer.Argument(help="rules file (TOML)")],
    data: Annotated[Path, typer.Argument(help="past complaints: CSV, XLSX or JSONL")],
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="whose labels would change; without it only hits")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="every complaint touched: CSV, XLSX or JSONL")] = None,
) -> None:
    """What would rules do to past complaints? Hits, changed labels, overlaps, examples, rules that never fire."""
    from model.bundle import load_bundle
    from model.rule_file import read_rules
    from model.table import read_table
    from training.rules_trial import trial_lines, try_rules

    found, loaded = read_rules(file), load_bundle(bundle) if bundle else None
    with bar("trying") as step:
        trial = try_rules(found, read_table(data), loaded, datetime.now(UTC), out, step)
    print(f"rules {trial.version} over {trial.rows} complaints ({trial.skipped} rows skipped): ", end="")
    print(trial.summary)
    grid = Grid("line", "rule", "hits", *(("decides", "changes") if loaded else ()))
    for tally in trial.tallies.values():
        figures = (tally.hits, tally.decides, tally.changes.total()) if loaded else (tally.hits,)
        grid.add_row(str(tally.line or ""), tally.name, *map(str, figures))
    Console().print(grid)
    for line in trial_lines(trial):
        print(line)
