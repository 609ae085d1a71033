"""A whole file classified: its own columns plus what each head says."""

from collections.abc import Callable, Iterator
from typing import Any

from model.bundle import Bundle
from model.exposure import judge_exposure
from model.table import Table

__all__ = ["classified_columns", "classify_rows"]

CHUNK = 2_000


def classified_columns(bundle: Bundle, table: Table) -> list[str]:
    """The table's columns, then `<head>`, `<head>_confidence`, `<head>_accepted` for each head, and exposure_stage.

    A column of the file that has one of these names stays under `<name>_given`.
    """
    said = [f"{head}{end}" for head in bundle.heads for end in ("", "_confidence", "_accepted")]
    said += [] if "exposure_stage" in said else ["exposure_stage"]
    return [f"{c}_given" if c in said else c for c in table.columns] + said


def classify_rows(
    bundle: Bundle, table: Table, progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[dict[str, Any]]:
    """Each row with its labels, in order. A blank text gets no labels rather than a guess."""
    table.require_text()
    heads = list(bundle.heads)
    for start in range(0, len(table.rows), CHUNK):
        rows = table.rows[start : start + CHUNK]
        texts = [table.text(row) for row in rows]
        for row, text, prediction in zip(rows, texts, bundle.predict(texts), strict=True):
            said: dict[str, Any] = {}
            for head in heads if text.strip() else ():
                verdict = prediction.heads[head]
                said[head] = "|".join(verdict.labels)
                said[f"{head}_confidence"] = f"{verdict.confidence:.4f}"
                said[f"{head}_accepted"] = str(verdict.accepted).lower()
            stage = judge_exposure(text).stage if text.strip() else ""
            said.setdefault("exposure_stage", stage)
            yield {f"{k}_given" if k in said else k: v for k, v in row.items()} | said
        progress(min(start + CHUNK, len(table.rows)), len(table.rows))
