"""The settings of a training run, from a TOML file or as they are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tomllib import TOMLDecodeError, loads
from typing import Any

from model.errors import SettingsError

__all__ = ["TrainConfig", "read_config"]


@dataclass(frozen=True)
class TrainConfig:
    """What a training run may be told.

    `grams`: the longest n-gram in characters; `at_least`: in how many complaints one must occur; `most`: how many are
    kept at most; `folds` of the cross-fitting, 0 for as many as the rows allow; `precision`: what share of accepted
    labels must be right; `hold_out`: the card's share of the rows.

    >>> TrainConfig(precision=0.9).precision
    0.9
    """

    grams: int = 3
    at_least: int = 2
    most: int = 600_000
    folds: int = 0
    precision: float = 0.95
    hold_out: float = 0.2

    def __post_init__(self) -> None:
        for name, low, high in (
            ("grams", 1, 6), ("at_least", 1, 1000), ("most", 1000, 4_000_000),
            ("folds", 0, 20), ("precision", 0.5, 0.999), ("hold_out", 0.05, 0.5),
        ):  # fmt: skip
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise SettingsError(f"The training setting {name} is {value!r}: give a number from {low} to {high}.")

    def fitting(self) -> dict[str, Any]:
        """The settings of the classifier itself."""
        return {name: value for name, value in asdict(self).items() if name != "hold_out"}


def read_config(path: Path | str | None) -> TrainConfig:
    """The settings in a TOML file, the defaults without one; SettingsError names an unknown one."""
    if path is None:
        return TrainConfig()
    try:
        said: Mapping[str, Any] = loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, TOMLDecodeError) as error:
        raise SettingsError(f"The training settings {path} cannot be read: {error}.") from error
    known = {field.name: field.type for field in fields(TrainConfig)}
    for name in said:
        if name not in known:
            raise SettingsError(
                f"The training setting {name!r} in {path} is unknown: the known are {', '.join(known)}."
            )
        if known[name] is int and not isinstance(said[name], int):
            raise SettingsError(f"The training setting {name} in {path} is {said[name]!r}: give a whole number.")
    return TrainConfig(**said)
