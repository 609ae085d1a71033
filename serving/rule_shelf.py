"""Which rules lie over the model: the file of `KESU_RULES`, taken up when it changes, the last good one kept."""

import logging
import threading
from os import getpid
from pathlib import Path

from model.bundle import Bundle
from model.errors import KesuError
from model.overlay import Overlay
from model.rule_file import bytes_of, read_rules_bytes
from model.rules import Rules

__all__ = ["RuleShelf", "last_accepted"]

log = logging.getLogger("kesu.rules")
ACCEPTED = "accepted.toml"
GO_ON = "the rules before it go on"


class RuleShelf:
    """The rules in use, laid over whichever bundle is asked for. Every version that was in use is kept in `kept`.

    A file that cannot be used, or does not fit the bundle, is refused and told in `problems`; the rules before it go
    on, also after a restart.
    """

    def __init__(self, path: Path | None = None, kept: Path | None = None) -> None:
        self.path = path
        self.kept = kept
        self.rules: Rules | None = None
        self.overlay: Overlay | None = None
        self.refused: str | None = None
        self.seen: tuple[object, ...] | None = None
        self.changing = threading.Lock()

    def __call__(self, bundle: Bundle) -> Overlay | None:
        """The rules over a bundle, None without rules."""
        rules, overlay = self.rules, self.overlay
        if rules is None:
            return None
        if overlay is None or overlay.bundle is not bundle or overlay.rules is not rules:
            overlay = self.overlay = Overlay(rules, bundle)
        return overlay

    @property
    def version(self) -> str | None:
        """The version of the rules in use."""
        return self.rules.version if self.rules else None

    def open(self, bundle: Bundle | None) -> None:
        """The rules at the start of a process. Raises DataError when they cannot be used and none were ever."""
        try:
            self.refresh(bundle)
        except KesuError as error:
            self.rules = last_accepted(self.kept, str(self.path))
            if self.rules is None:
                raise
            log.warning("%s; %s (version %s)", error, GO_ON, self.rules.version)

    def follow(self, bundle: Bundle | None) -> None:
        """Take up a changed file; what is wrong with it is logged once."""
        try:
            if self.refresh(bundle) and self.rules is not None:
                log.info("rules %s: %d from %s", self.rules.version, len(self.rules), self.path)
        except KesuError as error:
            log.warning("%s; %s", error, GO_ON)

    def refresh(self, bundle: Bundle | None) -> bool:
        """Read the file if it, or the bundle, is another than before. A bad one raises and the old rules go on."""
        if self.path is None:
            return False
        with self.changing:
            mark = mark_of(self.path, bundle)
            if mark == self.seen:
                return False
            self.seen = mark
            try:
                data = bytes_of(self.path)
                rules = read_rules_bytes(data, self.path.name)
                overlay = Overlay(rules, bundle).require_fit() if bundle else None
            except KesuError as error:
                self.refused = f"{error}; {GO_ON}"
                raise
            self.rules, self.overlay, self.refused = rules, overlay, None
            self.keep(rules.version, data)
            return True

    def problems(self) -> list[str]:
        """What people should mend, one sentence each."""
        return [self.refused] if self.refused else []

    def keep(self, version: str, data: bytes) -> None:
        """Keep a copy of the file under its version: an old answer can be traced, and a restart has rules to go on."""
        if self.kept is None:
            return
        try:
            self.kept.mkdir(parents=True, exist_ok=True)
            for name in (f"{version}.toml", ACCEPTED):
                fresh = self.kept / f".{name}.{getpid()}"
                fresh.write_bytes(data)
                fresh.replace(self.kept / name)
        except OSError as error:
            log.warning("the rules could not be kept in %s (%s): a restart will need the file", self.kept, error)


def last_accepted(kept: Path | None, name: str) -> Rules | None:
    """The rules that were in use last, None where none were or the copy is spoilt; `name` stands in messages."""
    try:
        return read_rules_bytes((kept / ACCEPTED).read_bytes(), name) if kept else None
    except (OSError, KesuError):
        return None


def mark_of(path: Path, bundle: Bundle | None) -> tuple[object, ...]:
    """What changes when a file or the bundle does."""
    try:
        seen = path.stat()
    except OSError:
        return (None, bundle and bundle.version)
    return (seen.st_mtime_ns, seen.st_size, seen.st_ino, bundle and bundle.version)
