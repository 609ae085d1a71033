"""Which bundle is served: `current` points to one of the bundles, and every promotion is written down."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from model.bundle import load_bundle
from model.errors import BundleError

__all__ = ["BundleEntry", "list_bundles", "promote", "rollback"]

HISTORY = "promotions.jsonl"
CURRENT = "current"


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One bundle on the shelf."""

    name: str
    version: str
    created: str
    current: bool


def list_bundles(shelf: Path) -> list[BundleEntry]:
    """The bundles in a folder, the newest first."""
    current = (shelf / CURRENT).resolve() if (shelf / CURRENT).exists() else None
    found = []
    for manifest in shelf.glob("*/manifest.json"):
        folder = manifest.parent
        if folder.is_symlink():
            continue
        said = json.loads(manifest.read_text(encoding="utf-8"))
        entry = BundleEntry(
            folder.name, str(said.get("version")), str(said.get("created")), folder.resolve() == current
        )
        found.append(entry)
    return sorted(found, key=lambda e: e.created, reverse=True)


def promote(shelf: Path, folder: Path, at: datetime, who: str = "command line") -> str:
    """Serve a bundle from now on: it is loaded and checked first, then `current` changes in one step.

    Returns its version. Raises BundleError when it cannot be used; the old one goes on serving.
    """
    if len(folder.parts) == 1 and (shelf / folder).exists():
        folder = shelf / folder
    bundle = load_bundle(folder)
    shelf.mkdir(parents=True, exist_ok=True)
    swap = shelf / f".{CURRENT}.{os.getpid()}"
    swap.unlink(missing_ok=True)
    swap.symlink_to(os.path.relpath(folder.resolve(), shelf.resolve()))
    swap.replace(shelf / CURRENT)
    line = {"at": at.isoformat(), "version": bundle.version, "folder": str(folder.resolve()), "who": who}
    with (shelf / HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return bundle.version


def rollback(shelf: Path, at: datetime, who: str = "command line") -> str:
    """Promote the bundle served before the present one. Raises BundleError when there was none."""
    past = promotions(shelf)
    earlier = [p for p in past if past and p["folder"] != past[-1]["folder"] and Path(p["folder"]).exists()]
    if not earlier:
        raise BundleError(f"there is no earlier bundle in {shelf} to go back to: promote one by name")
    return promote(shelf, Path(earlier[-1]["folder"]), at, who)


def promotions(shelf: Path) -> list[dict[str, Any]]:
    """Every promotion, the oldest first."""
    path = shelf / HISTORY
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
