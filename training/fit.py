"""Labelled files → a bundle's folder with its card."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.classifier import ComplaintClassifier
from model.labels import HeadLabels, load_labels
from model.linear import Recipe
from training.card import card_files
from training.cold_start import cold_heads, fit_cold
from training.config import TrainConfig
from training.dataset import Labelled, held_out, read_labelled, with_descriptions
from training.evaluate import measure
from training.findings import Finding, findings_file, findings_summary, told
from training.honesty import measure_honesty
from training.rethreshold import KEPT, kept_file
from training.review_load import Outcome, daily_volume, judge_rows
from training.suspects import suspects

__all__ = ["Progress", "TrainResult", "fit_bundle", "train"]

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
    created: str = "",
) -> TrainResult:
    """Train on labelled files and write the bundle's folder `out`; `created` is the time to note in its manifest.

    The card is measured on rows held out of a first fit (the latest where rows have times, else by hash of the text);
    the bundle is then fitted on all rows. Raises DataError for data that cannot be learnt from.
    """
    config = config if config is not None else TrainConfig()
    say = progress if progress is not None else _silent
    say(0, 100, "reading")
    data = read_labelled(files, heads)
    test = held_out(data, config.hold_out)
    say(5, 100, "measuring")
    card, outcomes, recipes, notes = _card(
        data, test, config, lambda done, total, what: say(5 + 40 * done // total, 100, "measuring")
    )
    bundle = fit_bundle(data, config, lambda done, total, what: say(50 + 45 * done // total, 100, what), recipes)
    card["rows"], card["folded"] = len(data.texts), data.folded
    findings = [*data.findings, *_suspects(bundle, data)]
    card["data"] = findings_summary(findings)
    kept = {KEPT: kept_file(bundle.classifier.held_, outcomes), "data_report.csv": findings_file(findings)}
    version = bundle.save(out, created, {**card_files(card), **kept})
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
    data: Labelled, test: NDArray[np.bool_], config: TrainConfig, progress: Progress
) -> tuple[dict[str, Any], dict[str, Outcome], dict[str, tuple[Recipe, ...]], list[str]]:
    """Figures by head on the held-out rows, what was said of these, the recipes chosen, and what cannot be measured."""
    learnt, unseen = data.take(np.flatnonzero(~test)), data.take(np.flatnonzero(test))
    enough = {
        head: cells
        for head, cells in learnt.cells.items()
        if len({cell for cell in cells if cell}) > 1 and any(unseen.cells[head])
    }
    missing = [head for head in data.cells if head not in enough]
    notes = [f"Head {head!r} has too few rows to be measured: its card is empty." for head in missing]
    by = "time" if data.times is not None else "hash"
    card: dict[str, Any] = {"by": by, "held_out": int(test.sum()), "heads": {}}
    outcomes: dict[str, Outcome] = {}
    recipes: dict[str, tuple[Recipe, ...]] = {}
    if enough:
        learnt = Labelled(learnt.texts, enough, learnt.times, 0, [])
        bundle = fit_bundle(learnt, config, progress)
        cells = {head: unseen.cells[head] for head in enough}
        daily = daily_volume(data.times)
        per_day = config.per_day or (None if daily is None else daily * (1 + data.folded / len(data.texts)))
        card["heads"] = measure(bundle, unseen.texts, cells, per_day)
        card["honesty"] = measure_honesty(bundle, unseen.texts, cells)
        outcomes = judge_rows(bundle, unseen.texts, cells)
        recipes = {head: held.recipes for head, held in bundle.classifier.held_.items()}
    return card, outcomes, recipes, notes


def _suspects(bundle: Bundle, data: Labelled) -> list[Finding]:
    found: list[Finding] = []
    for spec in bundle.classifier.heads_:
        found += suspects(spec, bundle.classifier.held_[spec.name], data.places, data.columns.get(spec.name, ""))
    return sorted(found, key=lambda one: -(one.confidence or 0.0))


def _silent(done: int, total: int, what: str) -> None:
    return None
