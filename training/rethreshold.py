"""Other thresholds for a fitted bundle: chosen on the rows kept in it, their cost forecast, saved as a new bundle."""

from collections.abc import Mapping, Sequence
from json import loads
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from model.calibration import thresholds
from model.errors import DataError, SettingsError
from model.heads import Held
from model.labels import head_columns
from model.table import Table
from training.card import card_files
from training.review_load import Outcome, judge_rows, review_load, volume_of

__all__ = ["KEPT", "forecast_loads", "kept_file", "save_with", "targets_of"]

KEPT = "kept.safetensors"  # in the bundle's folder
_MOST = 20_000  # rows of a head that are kept
_REFUSED = 3  # reasons from here on are no matter of a threshold


def kept_file(held: Mapping[str, Held], unseen: Mapping[str, Outcome]) -> bytes:
    """What thresholds are chosen on and what they cost, without a word of the texts, as safetensors.

    By head: of the cross-fitted rows and of the rows held out for the card the best label's place, its confidence and
    whether it is right; of the latter also the reason why it is not accepted.
    """
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {}
    for head, one in held.items():
        best = one.chances.argmax(1)
        right = one.truth[np.arange(len(best)), best]
        arrays |= _arrays(f"{head}/fitted", Outcome(best, one.chances.max(1), right, np.zeros(len(best), np.int64)))
    for head, outcome in unseen.items():
        arrays |= _arrays(f"{head}/unseen", outcome)
    return save(arrays)


def targets_of(
    bundle: Bundle, precision: float, others: Mapping[str, Mapping[str, float]] | None = None
) -> dict[str, dict[str, float]]:
    """Head → label → the share of accepted labels that must be right: `precision`, or what `others` say.

    SettingsError for a head or label in `others` that the bundle does not have, and for a share not between 0.5 and 1.
    """
    others = others if others is not None else {}
    for head, labels in others.items():
        if head not in bundle.heads:
            raise SettingsError(f"[targets.{head}] is no head of the bundle: it has {', '.join(bundle.heads)}.")
        for label in labels:
            if label not in bundle.heads[head]:
                names = ", ".join(bundle.heads[head])
                raise SettingsError(f"{label!r} under [targets.{head}] is no label of that head: it has {names}.")
    wanted = {
        head: dict.fromkeys(labels, precision) | dict(others.get(head, {})) for head, labels in bundle.heads.items()
    }
    for head, labels in wanted.items():
        for label, share in labels.items():
            if not 0.5 <= share < 1:
                raise SettingsError(f"The precision of {head} {label!r} is {share}: give a share from 0.5 to below 1.")
    return wanted


def forecast_loads(
    bundle: Bundle,
    targets: Mapping[str, Mapping[str, float]],
    table: Table | None = None,
    per_day: float | None = None,
) -> dict[str, dict[str, Any]]:
    """Head → `thresholds` (labels,) for the targets, and `load`, what they cost, as `review_load` says.

    The thresholds are chosen on the bundle's cross-fitted rows; their cost is measured on `table` (with the labels
    that it has), without one on the rows that were held out for the card. `per_day` complaints come a day; without it
    the table's times say it. DataError when the bundle keeps no rows.
    """
    kept = _read(bundle)
    per_day = per_day if per_day is not None or table is None else volume_of(table)
    measured = {head: sides.get("unseen") for head, sides in kept.items()} if table is None else _judge(bundle, table)
    out: dict[str, dict[str, Any]] = {}
    for head, labels in bundle.heads.items():
        fitted, outcome = kept[head]["fitted"], measured.get(head)
        wanted = np.array([targets[head][label] for label in labels])
        limits = thresholds(fitted.confidence, fitted.right, fitted.label, wanted)
        out[head] = {"thresholds": limits, "load": None}
        if outcome is not None:
            accepted = (outcome.reason < _REFUSED) & (outcome.confidence >= limits[outcome.label])
            right = outcome.right if table is None or _labelled(bundle, table, head) else None
            out[head]["load"] = review_load(labels, outcome.label, accepted, right, per_day)
    return out


def save_with(bundle: Bundle, found: Mapping[str, Mapping[str, Any]], out: Path | str, created: str = "") -> str:
    """Write the bundle with the thresholds `forecast_loads` found as a new one, its card amended; returns its version.

    The bundle that is given stays as it is.
    """
    old = bundle.classifier.threshold_
    extra = dict(bundle.extra or {})
    card: dict[str, Any] = loads(extra.get("card.json", b"{}"))
    for head, one in found.items():
        if head in card.get("heads", ()) and one["load"] is not None:
            total = one["load"]["total"]
            card["heads"][head] |= {
                "load": one["load"],
                "accepted": {"share": total["share"], "precision": total["precision"]},
            }
    try:
        bundle.classifier.threshold_ = np.concatenate([found[head]["thresholds"] for head in bundle.heads])
        changed = Bundle(bundle.classifier)
        return changed.save(out, created, {**extra, **(card_files(card) if card else {})})
    finally:
        bundle.classifier.threshold_ = old


def _arrays(name: str, outcome: Outcome) -> dict[str, NDArray[Any]]:
    some = np.linspace(0, len(outcome.label) - 1, min(len(outcome.label), _MOST)).astype(np.int64)
    return {
        f"{name}/label": outcome.label[some].astype(np.uint16),
        f"{name}/confidence": outcome.confidence[some].astype(np.float32),
        f"{name}/right": outcome.right[some].astype(np.uint8),
        f"{name}/reason": outcome.reason[some].astype(np.uint8),
    }


def _read(bundle: Bundle) -> dict[str, dict[str, Outcome]]:
    from safetensors.numpy import load

    data = (bundle.extra or {}).get(KEPT)
    if data is None:
        raise DataError(f"The bundle {bundle.version} keeps no rows to choose on: train it again with `kesu train`.")
    arrays = load(data)
    out: dict[str, dict[str, Outcome]] = {head: {} for head in bundle.heads}
    for head in bundle.heads:
        for side in ("fitted", "unseen"):
            name = f"{head}/{side}"
            if f"{name}/label" in arrays:
                out[head][side] = Outcome(
                    arrays[f"{name}/label"].astype(np.int64),
                    arrays[f"{name}/confidence"].astype(np.float64),
                    arrays[f"{name}/right"].astype(np.bool_),
                    arrays[f"{name}/reason"].astype(np.int64),
                )
    return out


def _column(bundle: Bundle, table: Table, head: str) -> str | None:
    return head if head in table.columns else head_columns(table.columns).get(head)


def _labelled(bundle: Bundle, table: Table, head: str) -> bool:
    column = _column(bundle, table, head)
    return column is not None and any(row.get(column, "").strip() for row in table.rows)


def _judge(bundle: Bundle, table: Table) -> dict[str, Outcome]:
    """What each head says of the table's rows: those with a label where there are any, else all of them."""
    table.require_text()
    rows = [row for row in table.rows if table.text(row)]
    texts: Sequence[str] = [table.text(row) for row in rows]
    cells = {}
    for head in bundle.heads:
        column = _column(bundle, table, head) if _labelled(bundle, table, head) else None
        cells[head] = ["?"] * len(rows) if column is None else [row.get(column, "") for row in rows]
    return judge_rows(bundle, texts, cells)
