"""Which bundle is served: promotion in one step, roll back, swap while serving, a bad one refused."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from model.bundle import load_bundle
from model.errors import BundleError
from serving.models import list_bundles, promote, rollback
from serving.run import running
from serving.service import BundleShelf, Service
from tests.conftest import Clock

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


def test_promotion_over_http_swaps_without_a_failed_request(
    open_at: Callable[..., Service], clock: Clock, shelf: Path
) -> None:
    promote(shelf, shelf / "one", AT)
    opened = open_at(clock, "swap", bundle=shelf / "current", evaluator=False, sender=False)
    with running(opened) as url, httpx.Client(base_url=url, trust_env=False) as client:
        for name in ("two", "one") * 3:
            assert client.post("/models/promote", json={"name": name}).status_code == 200
            assert client.post("/classify", json={"text": "快递三天没到，没人管"}).status_code == 200
        assert client.post("/models/rollback").json()["current"] == opened.shelf().version  # type: ignore[union-attr]
        assert client.post("/models/promote", json={"name": "../one"}).status_code == 422
        assert client.post("/models/promote", json={"name": "none"}).status_code == 422
        assert {b["name"] for b in client.get("/models").json()["bundles"]} == {"one", "two"}


def test_the_review_queue_holds_what_the_model_was_unsure_of(server: httpx.Client) -> None:
    server.post("/classify", json=[{"text": "这个那个嗯嗯啊啊随便说说"}, {"text": "快递三天没到，没人管"}])
    found = server.get("/review").json()["complaints"]
    assert found
    assert all(c["accepted"] is False for c in found)
    confidences = [c["confidence"] for c in found]
    assert confidences == sorted(confidences)
