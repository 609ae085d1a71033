"""Settings: `KESU_…` environment variables, checked at start. An unknown name is refused, never ignored."""

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.errors import SettingsError

__all__ = ["Settings", "read_settings"]

PREFIX = "KESU_"
# Read by the tests and benchmarks alone; named here so that they are not mistaken for typing errors.
OUTSIDE = frozenset({"KESU_BENCH_DATA", "KESU_TEST_POSTGRES", "KESU_TEST_REDIS"})


def default_data_dir() -> Path:
    """The checkout's own `data/` when there is one, else a folder of the user's."""
    beside = Path(__file__).resolve().parent.parent / "data"
    return beside if (beside / "labels.toml").exists() else Path.home() / ".local" / "share" / "kesu"


class Settings(BaseSettings):
    """What an administrator may set. Each field is the environment variable `KESU_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=default_data_dir, description="store, bundles and rejected rows lie here")
    database_url: str | None = Field(None, description="SQLAlchemy address of the store; SQLite in data_dir if unset")
    bundle: Path | None = Field(None, description="a bundle folder to serve instead of the promoted one")
    rules: Path | None = Field(None, description="a rules file (TOML) laid over the model; none without it")
    webhook_allow: str = Field("", description="address ranges a receiver may lie in besides public ones, by comma")
    public_url: str = Field("http://127.0.0.1:8000", description="how people reach the page; links in alerts use it")
    text_limit: int = Field(20_000, ge=100, le=1_000_000, description="characters one complaint may have")
    body_limit: int = Field(16_000_000, ge=10_000, le=1_000_000_000, description="bytes one request may have")
    batch_limit: int = Field(1_000, ge=1, le=10_000, description="complaints one request may hold")
    in_flight: int = Field(64, ge=1, le=10_000, description="requests worked on at once; above it 503")
    evaluator: bool = Field(True, description="run the early warning inside the server")
    sender: bool = Field(True, description="send webhooks from inside the server")

    @field_validator("webhook_allow")
    @classmethod
    def ranges(cls, value: str) -> str:
        for part in filter(None, (p.strip() for p in value.split(","))):
            ip_network(part)
        return value

    @property
    def store_url(self) -> str:
        """The store's address; a SQLite file `store/kesu.db` below `data_dir` unless one is set."""
        return self.database_url or f"sqlite:///{self.data_dir / 'store' / 'kesu.db'}"

    @property
    def bundle_folder(self) -> Path:
        """The bundle to serve: `KESU_BUNDLE`, or the promoted one."""
        return self.bundle or self.data_dir / "bundles" / "current"


def read_settings(environ: Mapping[str, str] | None = None, **over: object) -> Settings:
    """Settings from the environment, `over` in front. Raises SettingsError for an unknown or unusable one.

    >>> read_settings({}, text_limit=500).text_limit
    500
    >>> read_settings({"KESU_TEXT_LIMTI": "9"})
    Traceback (most recent call last):
    ...
    model.errors.SettingsError: unknown setting KESU_TEXT_LIMTI: did you mean KESU_TEXT_LIMIT? Unset it or correct it
    """
    source = os.environ if environ is None else environ
    names = {PREFIX + name.upper(): name for name in Settings.model_fields}
    for given in source:
        if given.startswith(PREFIX) and given not in names and given not in OUTSIDE:
            raise SettingsError(f"unknown setting {given}: {suggest(given, list(names))}? Unset it or correct it")
    values = {names[k]: v for k, v in source.items() if k in names}
    try:
        return Settings.model_validate({**values, **{k: v for k, v in over.items() if v is not None}})
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise SettingsError(f"setting {name} cannot be used: {first['msg']}. Correct it or unset it") from None


def suggest(given: str, names: list[str]) -> str:
    """The nearest known name, or all of them."""
    from difflib import get_close_matches

    near = get_close_matches(given, names, n=1)
    return f"did you mean {near[0]}" if near else f"is it one of {', '.join(sorted(names))}"
