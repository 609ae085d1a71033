"""Statements of the hot path, compiled once a dialect: building and compiling one costs more than running it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.sql import ClauseElement

__all__ = ["Prepared"]


class Prepared:
    """A statement with plain bind parameters; `run` gives it to the driver as text."""

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement
        self.compiled: dict[str, tuple[str, list[str] | None, dict[str, Any]]] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it in the connection's transaction; rows have their columns by name."""
        name = connection.dialect.name
        if name not in self.compiled:
            compiled = self.statement.compile(dialect=connection.dialect)
            order = list(compiled.positiontup) if compiled.positional and compiled.positiontup else None  # type: ignore[attr-defined]
            self.compiled[name] = (str(compiled), order, dict(compiled.params))
        text, order, usual = self.compiled[name]
        given = {**usual, **values}
        return connection.exec_driver_sql(text, given if order is None else tuple(given[one] for one in order))
