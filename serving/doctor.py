"""Looks an installation over and says what to mend."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import disk_usage

from model.bundle import Bundle, load_bundle
from model.errors import KesuError
from model.overlay import Overlay
from model.rule_file import read_rules
from serving.settings import Settings
from serving.store import SAFE_SQLITE, open_store, sqlite_driver

__all__ = ["Check", "examine"]

ROOM = 1_000_000_000  # bytes below which a busy store fills the disk within days


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    what: str
    ok: bool
    said: str


def examine(settings: Settings) -> Iterator[Check]:
    """Each check in turn; nothing is changed but that the store is made if it is not there."""
    for package in ("fastapi", "numba", "sqlalchemy", "standardwebhooks"):
        try:
            yield Check(package, True, version(package))
        except PackageNotFoundError:
            yield Check(package, False, "is not installed: pip install kesu")
    if settings.store_url.startswith("sqlite"):
        driver = sqlite_driver()
        safe = driver.sqlite_version_info >= SAFE_SQLITE
        yield Check(
            "SQLite",
            safe,
            driver.sqlite_version + ("" if safe else ": install pysqlite3, this one has the WAL-reset bug"),
        )
    try:
        store = open_store(settings.store_url)
        store.key("customer")
        store.close()
        yield Check("store", True, settings.store_url.rpartition("@")[2])
    except KesuError as error:
        yield Check("store", False, str(error))
    bundle: Bundle | None = None
    try:
        bundle = load_bundle(settings.bundle_folder)
        yield Check("bundle", True, f"{bundle.version}: {', '.join(bundle.heads)}")
    except KesuError as error:
        yield Check("bundle", False, f"{error}")
    if settings.rules is not None:
        yield rules_check(settings.rules, bundle)
    free = disk_usage(settings.data_dir if settings.data_dir.exists() else settings.data_dir.anchor).free
    yield Check("disk", free > ROOM, f"{free / 1e9:.1f} GB free in {settings.data_dir}")


def rules_check(path: Path, bundle: Bundle | None) -> Check:
    """Whether the rules can be used, and with this bundle."""
    try:
        rules = read_rules(path)
        if bundle is not None:
            Overlay(rules, bundle).require_fit()
    except KesuError as error:
        return Check("rules", False, f"{error}; a running server goes on with the rules before it")
    return Check("rules", True, f"{rules.version}: {len(rules)} from {path}")
