"""Rules tried on past complaints: what each would hit and change, which overlap, and which never fire."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from model.bundle import Bundle, Prediction
from model.complaint import Complaint
from model.exposure import judge_exposure
from model.labels import head_columns, split_cell
from model.overlay import Overlay, RuledPrediction, RuledVerdict
from model.privacy import mask
from model.rules import Rules, Trip
from model.table import RowError, Table, write_table

__all__ = ["Tally", "Trial", "trial_lines", "try_rules"]

BATCH = 500
EXAMPLES = 3
AROUND = 12  # characters shown before the first hit and after the last
LONGEST = 60
SHOWN = 10  # overlaps printed

Change = tuple[str, str, str]  # head, what the model says, what the rules say


@dataclass(slots=True)
class Tally:
    """What one rule, or one closing, would do. `hits` are complaints that trip it, `decides` those where it is first.

    `right` counts, where the file has the true label of what it changes: changed, right before, right after.
    """

    name: str
    line: int
    hits: int = 0
    decides: int = 0
    changes: Counter[Change] = field(default_factory=Counter)
    right: tuple[int, int, int] = (0, 0, 0)
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Trial:
    """What rules would do to a file of complaints. `overlaps` pairs rules that hit the same complaint, first one first.

    `asks` are rules that ask what the model says and so were never tried without one.
    """

    version: str
    rows: int = 0
    skipped: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    overlaps: Counter[tuple[str, str]] = field(default_factory=Counter)
    reviewed: int = 0
    changed: int = 0
    judged: bool = False
    asks: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """How many complaints are told something else, in a few words."""
        if not self.judged:
            return "hits alone (give --bundle to see which labels change)"
        return f"{self.changed} get another label, {self.reviewed} go to people"

    @property
    def silent(self) -> list[Tally]:
        """The rules that no complaint trips."""
        return [tally for tally in self.tallies.values() if not tally.hits and tally.name not in self.asks]


def try_rules(
    rules: Rules,
    table: Table,
    bundle: Bundle | None,
    now: datetime,
    out: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trial:
    """Lay rules over every complaint of a table and count; nothing is stored. Texts are masked as the service does.

    Without a bundle only hits are counted. `now` is the time of complaints in a file without a time column. With `out`
    every complaint that a rule touches is written there, with the labels before and after. Raises DataError for rules
    that the bundle cannot follow and for a table without a text column.
    """
    overlay = Overlay(rules, bundle).require_fit() if bundle else None
    tallies = {rule.name: Tally(rule.name, rule.lines.get("", 0)) for rule in rules.rules}
    trial = Trial(rules.version, tallies=tallies, judged=bundle is not None)
    if bundle is None:
        trial.asks = tuple(rule.name for rule in rules.rules if rule.asks_model)
    touched: list[dict[str, Any]] = []
    rows = dict(zip(table.numbers, table.rows, strict=True))
    columns = head_columns(table.columns)
    for good in batches(table, now, trial):
        predictions: Sequence[Prediction | None] = [None] * len(good)
        if bundle is not None:
            predictions = bundle.predict([complaint.text for _, complaint in good])
        for (number, complaint), said in zip(good, predictions, strict=True):
            stage = judge_exposure(complaint.text, complaint.channel, complaint.social).stage
            labels = {head: verdict.labels for head, verdict in said.heads.items()} if said else {}
            trips = rules.trips(complaint, labels, stage)
            ruled = overlay.apply(complaint, said, stage) if overlay and said else None
            truth = {head: split_cell(rows[number].get(column, "")) for head, column in columns.items()}
            changes = count(trial, number, complaint.text, trips, said, ruled, truth)
            if out is not None and (trips or changes):
                touched.append(row_of(number, complaint, trips, said, ruled))
        trial.rows += len(good)
        progress(min(trial.rows + trial.skipped, len(table.rows)), len(table.rows))
    if out is not None:
        heads = [name for head in (bundle.heads if bundle else ()) for name in (head, f"{head}_ruled")]
        write_table(out, ["row", "id", "rules", "hit", "review", *heads, "text"], touched)
    return trial


def batches(table: Table, now: datetime, trial: Trial) -> Iterator[list[tuple[int, Complaint]]]:
    """The usable complaints, masked, some at a time; the others are counted as skipped."""
    good: list[tuple[int, Complaint]] = []
    for number, row in table.complaints(now):
        if isinstance(row, RowError):
            trial.skipped += 1
            continue
        good.append((number, replace(row, text=mask(row.text))))
        if len(good) == BATCH:
            yield good
            good = []
    if good:
        yield good


def count(
    trial: Trial,
    number: int,
    text: str,
    trips: Sequence[Trip],
    said: Prediction | None,
    ruled: RuledPrediction | None,
    truth: dict[str, tuple[str, ...]],
) -> bool:
    """Add one complaint to the tallies; whether a label of it changes."""
    for trip in trips:
        tally = trial.tallies[trip.rule.name]
        tally.hits += 1
        if len(tally.examples) < EXAMPLES:
            tally.examples.append(f"row {number}: {marked(text, trip.spans)}")
    trial.overlaps.update(combinations([trip.rule.name for trip in trips], 2))
    if said is None or ruled is None:
        return False
    deciding = {ruled.review.rule.name} if ruled.review else set()
    trial.reviewed += ruled.review is not None
    changed = False
    for head, verdict in ruled.heads.items():
        before = said.heads[head]
        if not isinstance(verdict, RuledVerdict):
            continue
        deciding.add(verdict.rule)
        tally = trial.tallies.setdefault(verdict.rule, Tally(verdict.rule, 0))
        if verdict.labels == before.labels:
            continue
        changed = True
        tally.changes[head, "|".join(before.labels), "|".join(verdict.labels)] += 1
        if truth.get(head):
            known, was, is_now = tally.right
            tally.right = (known + 1, was + (before.label in truth[head]), is_now + (verdict.label in truth[head]))
    for name in deciding:
        trial.tallies[name].decides += 1
    trial.changed += changed
    return changed


def row_of(
    number: int, complaint: Complaint, trips: Sequence[Trip], said: Prediction | None, ruled: RuledPrediction | None
) -> dict[str, Any]:
    """One touched complaint as a row of the file written."""
    row: dict[str, Any] = {"row": number, "id": complaint.id, "rules": "、".join(trip.rule.name for trip in trips)}
    row["hit"] = marked(complaint.text, trips[0].spans) if trips else ""
    if said is not None and ruled is not None:
        row["review"] = ruled.review.rule.name if ruled.review else ""
        for head, verdict in ruled.heads.items():
            row[head], row[f"{head}_ruled"] = "|".join(said.heads[head].labels), "|".join(verdict.labels)
    return row | {"text": complaint.text}


def marked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The part of a text around its hits, each in brackets.

    >>> marked("六月在城西店买的空调，快递送来时外箱就破了，没人管", [(11, 13), (19, 20)])
    '六月在城西店买的空调，【快递】送来时外箱就【破】了，没人管'
    """
    start = max(0, spans[0][0] - AROUND) if spans else 0
    end = min(len(text), max([end for _, end in spans], default=LONGEST) + AROUND, start + LONGEST)
    out, at = "…" if start else "", start
    for first, last in spans:
        if first >= at and last <= end:
            out += f"{text[at:first]}【{text[first:last]}】"
            at = last
    return " ".join((out + text[at:end] + ("…" if end < len(text) else "")).split())


def trial_lines(trial: Trial) -> Iterator[str]:
    """What a trial found, for people: changes, overlaps, examples, and rules that never fire."""
    for tally in trial.tallies.values():
        for (head, before, after), n in tally.changes.most_common():
            yield f"{tally.name}  {head}: {before} → {after}  {n}"
        known, was, now = tally.right
        if known:
            yield f"{tally.name}  of {known} changed labels that the file knows: {was} right before, {now} right after"
    for (first, second), n in trial.overlaps.most_common(SHOWN):
        yield f"both {first} and {second}: {n}"
    for tally in trial.tallies.values():
        for example in tally.examples:
            yield f"{tally.name}  {example}"
    for tally in trial.silent:
        yield f"{tally.name} (line {tally.line}) never fires"
    if trial.asks:
        yield f"not tried without a model, as they ask what it says: {'、'.join(trial.asks)} (give --bundle)"
