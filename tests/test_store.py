"""The store keeps its promises: settings read back, no lock errors, migrations equal to the schema, no silent loss."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text, update

from model.errors import StoreError
from serving.schema import metadata, secret
from serving.store import HEAD, Store, open_store, run_migrations, sqlite_engine, upsert
from tests.conftest import ROOT


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'a.db'}")


@pytest.mark.parametrize("way", ["at once", "by migrations"])
def test_both_ways_make_exactly_the_schema(tmp_path: Path, way: str) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    store = open_store(url) if way == "at once" else Store(sqlite_engine(url))
    if way == "by migrations":
        run_migrations(store, lambda command, config: command.upgrade(config, "head"))
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
        tables = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all()
        assert [t.name for t in tables if "WITHOUT ROWID" in t.sql] == ["fingerprint"]
    newest = max(p.name for p in (ROOT / "serving" / "migrations" / "versions").glob("*.py"))
    assert newest.startswith(HEAD)


def test_sqlite_writes_ahead_and_waits_for_the_disk(store: Store) -> None:
    with store.read() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2


def test_read_then_write_from_many_threads_and_processes_never_locks(store: Store, tmp_path: Path) -> None:
    with store.write() as connection:
        connection.execute(insert(secret).values(name="n", value="0"))

    def add(times: int) -> None:
        for _ in range(times):
            with store.write() as connection:
                now = int(str(connection.scalar(select(secret.c.value).where(secret.c.name == "n"))))
                connection.execute(update(secret).where(secret.c.name == "n").values(value=str(now + 1)))

    program = (
        "import sys; from serving.store import open_store; from sqlalchemy import select, update\n"
        "from serving.schema import secret\n"
        "s = open_store(sys.argv[1])\n"
        "for _ in range(200):\n"
        "    with s.write() as c:\n"
        "        n = int(c.scalar(select(secret.c.value).where(secret.c.name == 'n')))\n"
        "        c.execute(update(secret).where(secret.c.name == 'n').values(value=str(n + 1)))\n"
        "s.close()\n"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{tmp_path / 'a.db'}"]
    others = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, [100] * 4))
    for other in others:
        _, said = other.communicate(timeout=60)
        assert other.returncode == 0, said
    with store.read() as connection:
        assert connection.scalar(select(secret.c.value).where(secret.c.name == "n")) == "800"


def test_an_error_rolls_back_all_of_a_transaction(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        upsert(connection, secret, [{"name": "a", "value": "1"}], ("name",))
        raise ZeroDivisionError
    with store.read() as connection:
        assert connection.execute(select(secret)).all() == []


def test_a_store_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database " * 100, encoding="utf-8")
    with pytest.raises(StoreError):
        open_store(f"sqlite:///{tmp_path / 'file'}")
    with pytest.raises(StoreError, match="folder"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'below.db'}")
    newer = open_store(f"sqlite:///{tmp_path / 'newer.db'}")
    with newer.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer.close()
    with pytest.raises(StoreError, match="newer"):
        open_store(f"sqlite:///{tmp_path / 'newer.db'}")


def test_a_full_disk_acknowledges_nothing_and_recovers(store: Store) -> None:
    with store.read() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
    big = "x" * 100_000
    limits = [f"PRAGMA max_page_count = {pages + 2}"]
    raw = store.engine.raw_connection()
    raw.driver_connection.execute(limits[0])  # type: ignore[union-attr]
    raw.close()
    with pytest.raises(StoreError, match="full"), store.write() as connection:
        upsert(connection, secret, [{"name": "a", "value": big}], ("name",))
    raw = store.engine.raw_connection()
    raw.driver_connection.execute("PRAGMA max_page_count = 1000000")  # type: ignore[union-attr]
    raw.close()
    with store.write() as connection:
        upsert(connection, secret, [{"name": "a", "value": big}], ("name",))
