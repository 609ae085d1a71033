"""The settings of a training run, from a TOML file or as they are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from tomllib import TOMLDecodeError, loads
from typing import Any

from model.errors import SettingsError

__all__ = ["TrainConfig", "read_config"]


@dataclass(frozen=True)
class TrainConfig:
    """What a training run may be told.

    `grams`: the longest n-gram in characters, beside words; `at_least`: in how many complaints a feature must occur, 0
    for 2 or, of many rows, 4; `most`: how many are kept at most; `folds` of the cross-fitting, 0 for as many as the
    rows allow; `precision`: what share of accepted labels must be right; `targets`: another such share for labels, by
    head and label; `hold_out`: the card's share of the rows; `per_day`: how many complaints come a day, 0 for what the
    rows' times say.

    >>> TrainConfig(precision=0.9).precision
    0.9
    """

    grams: int = 2
    at_least: int = 0
    most: int = 600_000
    folds: int = 0
    precision: float = 0.95
    hold_out: float = 0.2
    per_day: float = 0.0
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("grams", 1, 6), ("at_least", 0, 1000), ("most", 1000, 4_000_000),
            ("folds", 0, 20), ("precision", 0.5, 0.999), ("hold_out", 0.05, 0.5),
            ("per_day", 0, 10_000_000),
        ):  # fmt: skip
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise SettingsError(f"The training setting {name} is {value!r}: give a number from {low} to {high}.")
        for head, labels in self.targets.items():
            for label, share in labels.items() if isinstance(labels, Mapping) else [(head, None)]:
                if isinstance(share, bool) or not isinstance(share, int | float) or not 0.5 <= share <= 0.999:
                    raise SettingsError(f"The precision of {label!r} under [targets.{head}] must be 0.5 to 0.999.")

    def fitting(self) -> dict[str, Any]:
        """The settings of the classifier itself."""
        return {name: value for name, value in asdict(self).items() if name not in ("hold_out", "per_day")}


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
