"""Which bundle is served: promotion in one step, roll back, swap while serving, a bad one refused."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.bundle import load_bundle
from model.errors import BundleError
from serving.models import list_bundles, promote, rollback
from serving.service import BundleShelf

AT = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def shelf(tmp_path: Path, starter_bundle: Path) -> Path:
    for name in ("one", "two"):
        shutil.copytree(starter_bundle, tmp_path / "shelf" / name)
    return tmp_path / "shelf"


def test_promote_and_roll_back(shelf: Path, starter_bundle: Path) -> None:
    with pytest.raises(BundleError, match="earlier"):
        rollback(shelf, AT)
    assert promote(shelf, shelf / "one", AT) == load_bundle(starter_bundle).version
    promote(shelf, Path("two"), AT)
    assert [e.name for e in list_bundles(shelf) if e.current] == ["two"]
    rollback(shelf, AT)
    assert [e.name for e in list_bundles(shelf) if e.current] == ["one"]


def test_a_damaged_bundle_is_refused_and_the_old_one_serves(shelf: Path) -> None:
    promote(shelf, shelf / "one", AT)
    served = BundleShelf(shelf / "current")
    assert served.refresh()
    before = served()
    weights = shelf / "two" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError):
        promote(shelf, shelf / "two", AT)
    assert not served.refresh()
    assert served() is before
    with pytest.raises(BundleError):
        promote(shelf, shelf / "none", AT)
