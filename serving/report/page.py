"""The monthly report as a page: one HTML file that needs nothing beside it, for the screen, for paper, for mail."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from model.errors import DataError
from serving.report.drawing import bar, daily_curve
from serving.report.figures import month_figures
from serving.report.format import decimal, moved, number, percent, points, portion, signed
from serving.store import Store

__all__ = ["FORMATS", "STYLES", "figure_at", "report_page", "write_report"]

FORMATS = ("html",)
STYLES: Mapping[str, Callable[[Any], str]] = {
    "count": lambda figure: number(figure["n"]),
    "portion": portion,
    "share": lambda figure: percent(figure["share"]),
    "moved": moved,
    "change": lambda figure: signed(figure["change"]),
    "before": lambda figure: number(figure["before"]),
    "of": lambda figure: number(figure["of"]),
    "mean": lambda figure: decimal(figure["mean"]),
    "mean2": lambda figure: decimal(figure["mean"], 2),
    "median": lambda figure: decimal(figure["median"]),
    "p90": lambda figure: decimal(figure["p90"]),
    "number": number,
    "decimal": decimal,
    "signed": signed,
    "points": points,
}
LINKED = frozenset({"count", "portion", "share"})


def report_page(store: Store, month: str, now: datetime, *, public_url: str = "") -> str:
    """The report of a month as one HTML page. `public_url` goes in front of its links, for a page sent by mail.

    Raises DataError for a month that is not one, StoreError when the store does not answer.
    """
    return page_of(month_figures(store, month, now), public_url.rstrip("/"))


def write_report(store: Store, month: str, out: Path, format: str, now: datetime, *, public_url: str = "") -> None:
    """Write the report to a file, whole or not at all. Raises DataError for a format that does not exist."""
    if format not in FORMATS:
        raise DataError(f"there is no report format {format[:20]!r}: choose {' or '.join(FORMATS)}")
    page = report_page(store, month, now, public_url=public_url)
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(out)
    except OSError as error:
        raise DataError(f"{out} cannot be written ({error.strerror}): check the folder and the disk") from error
    finally:
        draft.unlink(missing_ok=True)


def page_of(figures: Mapping[str, Any], base: str) -> str:
    def show(path: str, style: str = "count") -> Markup:
        """A number of the figures, with its path so that a reader's program (and a test) can find it."""
        figure = figure_at(figures, path)
        text = STYLES[style](figure)
        link = figure.get("link") if style in LINKED and isinstance(figure, Mapping) else None
        if link:
            return Markup('<a href="{}" data-figure="{}" data-style="{}">{}</a>').format(base + link, path, style, text)
        return Markup('<span data-figure="{}" data-style="{}">{}</span>').format(path, style, text)

    return template().render(f=figures, show=show, base=base, curve=daily_curve, bar=bar)


def figure_at(figures: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, numbers being positions in a list.

    >>> figure_at({"rows": [{"n": 7}]}, "rows.0.n")
    7
    """
    value: Any = figures
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


@cache
def template() -> Template:
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
