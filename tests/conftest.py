"""What the tests share: a bundle fitted once from the starter corpus, a store of one's own, a server that runs."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from serving.run import running
from serving.service import Service, open_service
from serving.settings import read_settings

ROOT = Path(__file__).resolve().parent.parent
NOON = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)  # a Wednesday, 12:00 in Shanghai


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture(scope="session")
def starter_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle fitted from the starter corpus."""
    from training.fit import train

    folder = tmp_path_factory.mktemp("bundles") / "starter"
    train(sorted((ROOT / "data" / "starter").glob("*.csv")), folder)
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_at(tmp_path: Path, starter_bundle: Path) -> Callable[..., Service]:
    """Opens a service on a store below the test's own folder; again with the same name is a restart."""

    def opened(clock: Clock, name: str = "kesu", **over: object) -> Service:
        url = f"sqlite:///{tmp_path / name}.db"
        chosen = {"database_url": url, "bundle": starter_bundle, "data_dir": tmp_path, "webhook_allow": "127.0.0.0/8"}
        return open_service(read_settings({}, **(chosen | over)), clock)

    return opened


@pytest.fixture
def service(open_at: Callable[..., Service], clock: Clock) -> Iterator[Service]:
    opened = open_at(clock)
    yield opened
    opened.store.close()


@pytest.fixture
def server(open_at: Callable[..., Service], clock: Clock) -> Iterator[httpx.Client]:
    """A client of a server that runs, without evaluator and sender: tests take those steps themselves."""
    opened = open_at(clock, evaluator=False, sender=False)
    with running(opened) as url, httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        while client.get("/readyz").status_code != 200:
            pass
        yield client
