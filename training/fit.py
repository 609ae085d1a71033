"""Labelled files → a bundle's folder with its card."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.archive import WEIGHTS
from model.bundle import Bundle
from model.classifier import ComplaintClassifier
from model.errors import DataError
from model.labels import HeadLabels, load_labels, split_cell
from model.linear import HUGE, Recipe
from training.card import card_files
from training.cold_start import cold_heads, fit_cold, learnt_from
from training.config import TrainConfig
from training.dataset import Labelled, held_out, read_labelled, with_descriptions
from training.evaluate import measure
from training.findings import Finding, findings_file, findings_summary, told
from training.honesty import measure_honesty
from training.rethreshold import KEPT, kept_file
from training.review_load import Outcome, daily_volume, judge_rows
from training.suspects import suspects

__all__ = ["Progress", "TrainResult", "fit_bundle", "train"]

_LARGE = 30  # MB of a bundle from which its size is told
_MEASURED = 20_000  # texts held out of huge data: more would make no figure of the card surer in a way that matters

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class TrainResult:
    """Where the bundle lies, its version, the card's figures by head, and what is wrong with the data.

    `warnings` are lines to print, at most ten findings of a kind among them; `findings` are all, by file and row.
    """

    folder: Path
    version: str
    card: dict[str, Any]
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def train(
    files: Sequence[Path | str],
    out: Path | str,
    heads: Sequence[str] | None = None,
    config: TrainConfig | None = None,
    progress: Progress | None = None,
    *,
    labels: Path | None = None,
    created: str = "",
) -> TrainResult:
    """Train on labelled files and write the bundle's folder `out`; `created` is the time to note in its manifest.

    `labels` is a label file: its heads need no labelled row. The card is measured on rows held out of a first fit (the
    latest where rows have times, else by hash of the text); the bundle is then fitted on all rows. Of 200,000 texts or
    more about 20,000 are held out, and the first fit is the bundle. Raises DataError for data that cannot be learnt
    from.
    """
    config = config if config is not None else TrainConfig()
    say = progress if progress is not None else _silent
    say(0, 100, "reading")
    known = load_labels(labels) if labels is not None else None
    data = read_labelled(files, heads, known)
    if known is not None and not set(known) & set(data.cells):
        raise DataError(f"{labels} describes {', '.join(known)}, but none is learnt: ask for one with --head.")
    huge = len(data.texts) >= HUGE
    test = held_out(data, min(config.hold_out, _MEASURED / len(data.texts)) if huge else config.hold_out)
    learnt = data.take(np.flatnonzero(~test))
    say(5, 100, "measuring")
    card, outcomes, bundle, notes = _card(
        data, learnt, test, config, lambda done, total, what: say(5 + 40 * done // total, 100, "measuring"), known
    )
    card["refitted"] = bundle is None or not huge or not _knows_all(bundle, data)
    if bundle is None or card["refitted"]:
        recipes = {} if bundle is None else {head: held.recipes for head, held in bundle.classifier.held_.items()}
        step: Progress = lambda done, total, what: say(50 + 45 * done // total, 100, what)  # noqa: E731
        bundle, learnt = fit_bundle(data, config, step, recipes, known), data
    card["rows"], card["folded"] = len(data.texts), data.folded
    described = known if known is not None else load_labels()
    cold = cold_heads(learnt, described, known is not None)
    card["guessed"] = learnt_from(cold, described)
    findings = [*data.findings, *_suspects(bundle, learnt, [head.name for head in cold])]
    card["data"] = findings_summary(findings)
    kept = {KEPT: kept_file(bundle.classifier.held_, outcomes), "data_report.csv": findings_file(findings)}
    version = bundle.save(out, created, {**card_files(card), **kept})
    megabytes = (Path(out) / WEIGHTS).stat().st_size / 1e6
    if megabytes > _LARGE:
        notes.append(f"The bundle has {megabytes:.0f} MB, and takes as much memory: heads of many labels need it.")
    say(100, 100, "done")
    # what the classifier warns of labels with few rows is among the findings, with their rows
    warnings = [one for one in (*data.warnings, *bundle.classifier.warnings_, *notes) if not one.startswith("Label ")]
    return TrainResult(Path(out), version, card, (*told(findings), *warnings), tuple(findings))


def fit_bundle(
    data: Labelled,
    config: TrainConfig,
    progress: Progress | None = None,
    recipes: Mapping[str, tuple[Recipe, ...]] | None = None,
    known: Mapping[str, HeadLabels] | None = None,
) -> Bundle:
    """A bundle fitted on all of `data` and, while it is small, the label file's descriptions; not yet saved.

    `recipes` by head when an earlier fit has chosen them; `known` are the labels of a label file, else the starter's.
    Rows without a label are guessed and learnt too where few have one (`cold_start`).
    """
    own = known is not None
    known = known if known is not None else load_labels()
    if cold := cold_heads(data, known, own):
        return Bundle(fit_cold(data, cold, known, config.fitting(), recipes, progress))
    data = with_descriptions(data, known)
    ordered = {name: head.labels for name, head in known.items() if head.ordered}
    return Bundle(
        ComplaintClassifier(**config.fitting(), recipes=recipes).fit(data.texts, data.cells, ordered, progress)
    )


def _card(
    data: Labelled,
    learnt: Labelled,
    test: NDArray[np.bool_],
    config: TrainConfig,
    progress: Progress,
    known: Mapping[str, HeadLabels] | None,
) -> tuple[dict[str, Any], dict[str, Outcome], Bundle | None, list[str]]:
    """Figures by head on the held-out rows, what was said of these, the bundle measured, and what cannot be."""
    unseen = data.take(np.flatnonzero(test))
    enough = {
        head: cells
        for head, cells in learnt.cells.items()
        if len({cell for cell in cells if cell}) > 1 and any(unseen.cells[head])
    }
    missing = [head for head in data.cells if head not in enough]
    notes = [f"Head {head!r} has too few rows to be measured: its card is empty." for head in missing]
    by = "time" if data.times is not None else "hash"
    measured = sum(any(row) for row in zip(*(unseen.cells[head] for head in enough), strict=True))
    card: dict[str, Any] = {"by": by, "held_out": measured, "heads": {}}
    outcomes: dict[str, Outcome] = {}
    bundle = None
    if enough:
        learnt = Labelled(learnt.texts, enough, learnt.times, 0, [])
        bundle = fit_bundle(learnt, config, progress, known=known)
        cells = {head: unseen.cells[head] for head in enough}
        daily = daily_volume(data.times)
        per_day = config.per_day or (None if daily is None else daily * (1 + data.folded / len(data.texts)))
        card["heads"] = measure(bundle, unseen.texts, cells, per_day)
        card["honesty"] = measure_honesty(bundle, unseen.texts, cells)
        outcomes = judge_rows(bundle, unseen.texts, cells)
    return card, outcomes, bundle, notes


def _knows_all(bundle: Bundle, data: Labelled) -> bool:
    """Whether the bundle has every head and label of `data`."""
    return all(
        head in bundle.heads and set(bundle.heads[head]) >= {label for cell in set(cells) for label in split_cell(cell)}
        for head, cells in data.cells.items()
    )


def _suspects(bundle: Bundle, data: Labelled, cold: Sequence[str]) -> list[Finding]:
    """Labels that look wrong; of `cold` heads none, as who has learnt guesses knows less than who labelled."""
    found: list[Finding] = []
    for spec in bundle.classifier.heads_:
        if spec.name in cold:
            continue
        found += suspects(spec, bundle.classifier.held_[spec.name], data.places, data.columns.get(spec.name, ""))
    return sorted(found, key=lambda one: -(one.confidence or 0.0))


def _silent(done: int, total: int, what: str) -> None:
    return None
