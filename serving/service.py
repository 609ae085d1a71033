"""What every part of a running server shares: settings, store, model, the door, and the clock."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from model.bundle import Bundle, load_bundle
from serving.intake import Intake
from serving.rule_shelf import RuleShelf
from serving.settings import Settings
from serving.store import Store, open_store, utc_now

HISTORY = "history:"  # a source that begins so teaches what is normal and makes incidents, but nobody is told

__all__ = ["HISTORY", "BundleShelf", "DemoProgress", "Service", "open_service"]


@dataclass
class DemoProgress:
    """How far the demo has come; `done` of `total` complaints."""

    state: Literal["idle", "importing", "playing", "done"] = "idle"
    done: int = 0
    total: int = 0


class BundleShelf:
    """The bundle in use, and the swap to another one. Reading it is one attribute: no lock on the way of a request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundle: Bundle | None = None
        self.seen: tuple[str, int] | None = None
        self.swapping = threading.Lock()

    def __call__(self) -> Bundle | None:
        return self.bundle

    def refresh(self) -> bool:
        """Load the folder's bundle if it is another than that in use. A bad one raises and the old one serves on."""
        with self.swapping:
            manifest = self.folder / "manifest.json"
            if not manifest.exists():
                return False
            mark = (str(manifest.resolve()), manifest.stat().st_mtime_ns)
            if mark == self.seen:
                return False
            self.bundle = load_bundle(self.folder.resolve())
            self.seen = mark
            return True


@dataclass
class Service:
    """One server's parts. `woken` is set after each commit so that the evaluator need not wait for its next look."""

    settings: Settings
    store: Store
    shelf: BundleShelf
    intake: Intake
    clock: Callable[[], datetime] = utc_now
    woken: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    problems: list[str] = field(default_factory=list)
    demo: DemoProgress | None = None
    rules: RuleShelf = field(default_factory=RuleShelf)


def open_service(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Service:
    """Open the store, load the bundle and the rules, if there are any. Raises StoreError, BundleError or DataError."""
    store = open_store(settings.store_url)
    shelf = BundleShelf(settings.bundle_folder)
    shelf.refresh()
    rules = RuleShelf(settings.rules, settings.data_dir / "store" / "rules")
    rules.open(shelf())
    woken = threading.Event()
    intake = Intake(store, shelf, clock=clock, text_limit=settings.text_limit, woken=woken.set, rules=rules)
    return Service(settings, store, shelf, intake, clock, woken, rules=rules)
