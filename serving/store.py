"""The store: one database, opened and migrated by whoever comes first; every write is one short transaction.

SQLite runs embedded, with a write-ahead log and `synchronous=FULL` (both read back), and every writing transaction
begins with BEGIN IMMEDIATE: a transaction that reads first and writes later fails with "database is locked" under
load however long its timeout is. PostgreSQL is meant by an address `postgresql+psycopg://…` (extra `postgres`).
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, select, text
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from model.errors import StoreError
from serving.schema import metadata, secret

__all__ = [
    "SAFE_SQLITE",
    "Store",
    "milliseconds",
    "moment",
    "open_store",
    "run_migrations",
    "sqlite_driver",
    "sqlite_engine",
    "upsert",
    "utc_now",
]

log = logging.getLogger("kesu.store")
SAFE_SQLITE = (3, 51, 3)  # earlier ones can corrupt a write-ahead log that is reset while another connection reads
CHECKPOINT = 10_000  # pages of 4 kB in the log before they go to the database: marks touch many pages at random
HEAD = "0001"  # the newest file in migrations/versions; a test compares


def utc_now() -> datetime:
    """The wall clock. Every caller takes a clock as an argument; this is the one in production."""
    return datetime.now(UTC)


def milliseconds(when: datetime) -> int:
    """Milliseconds since 1970 of an aware time.

    >>> milliseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000
    """
    return round(when.timestamp() * 1000)


def moment(ms: int) -> datetime:
    """The aware UTC time of `milliseconds`."""
    return datetime.fromtimestamp(ms / 1000, UTC)


class Store:
    """The engine and the two ways to use it: `read()` and `write()`, each one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.writing = threading.Lock()
        self.keeper: Connection | None = None
        self.secrets: dict[str, bytes] = {}

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view. Raises StoreError when the store does not answer."""
        with explained(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One writing transaction, committed at the end and rolled back on any error.

        Threads of one process queue at a lock: SQLite's own waiting polls, and polling starves.
        """
        open_one = self.engine.connect
        with explained(), self.writing, open_one().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def key(self, name: str) -> bytes:
        """A random secret of the store, made at its first use and the same ever after."""
        if name not in self.secrets:
            with self.write() as connection:
                found = connection.scalar(select(secret.c.value).where(secret.c.name == name))
                if found is None:
                    found = secrets.token_hex(32)
                    connection.execute(insert(secret).values(name=name, value=found))
            self.secrets[name] = bytes.fromhex(found)
        return self.secrets[name]

    def close(self) -> None:
        """Let go of every connection."""
        if self.keeper is not None:
            self.keeper.close()
        self.engine.dispose()


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> None:
    """Insert rows, or update every given column of those whose keys are there."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as dialect_insert
    else:
        from sqlalchemy.dialects.postgresql import insert as dialect_insert  # type: ignore[assignment]
    statement = dialect_insert(table)
    given = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=given), list(rows))


@contextmanager
def explained() -> Iterator[None]:
    """Turn the driver's errors into one sentence; the cause stays attached."""
    try:
        yield
    except IntegrityError:
        raise
    except (OperationalError, DatabaseError) as error:
        raise StoreError(
            f"the store did not take it ({error.orig}): check disk space and permissions, then retry"
        ) from error


def open_store(url: str) -> Store:
    """Open the store at an SQLAlchemy address, make or migrate its tables, and check its settings.

    Raises StoreError when it cannot be opened, or is newer than this program.
    """
    engine = sqlite_engine(url) if url.startswith("sqlite") else server_engine(url)
    store = Store(engine)
    try:
        migrate(store)
        if store.is_sqlite:
            store.keeper = engine.connect()  # the last connection to close would delete the log under a reader
    except BaseException:
        store.close()
        raise
    return store


def sqlite_engine(url: str) -> Engine:
    path = url.removeprefix("sqlite:///")
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the store's folder {Path(path).parent} ({error.strerror}): choose another"
        ) from None
    engine = create_engine(url, module=sqlite_driver(), pool_size=20, max_overflow=40, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's own BEGIN below, not the driver's late one
        cursor = connection.cursor()
        for pragma, want in (("journal_mode = WAL", "wal"), ("synchronous = FULL", 2), ("foreign_keys = ON", 1)):
            cursor.execute(f"PRAGMA {pragma}")
            got = cursor.execute(f"PRAGMA {pragma.split()[0]}").fetchone()[0]
            if got != want:
                raise StoreError(f"SQLite refused {pragma} for {path} (it says {got}): put the store on a local disk")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")

    return engine


def sqlite_driver() -> Any:
    """The newest SQLite at hand: the `pysqlite3` wheel's, else Python's own with a warning if it is an unsafe one."""
    try:
        driver = import_module("pysqlite3.dbapi2")
    except ImportError:
        driver = import_module("sqlite3")
    if driver.sqlite_version_info < SAFE_SQLITE:
        log.warning("SQLite %s has the WAL-reset bug; install pysqlite3 or a newer SQLite", driver.sqlite_version)
    return driver


def server_engine(url: str) -> Engine:
    from sqlalchemy.exc import ArgumentError

    try:
        return create_engine(url, pool_size=20, max_overflow=40, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        scheme = url.partition(":")[0]
        raise StoreError(f"the store {scheme} needs {error.name}: pip install 'kesu[postgres]'") from None
    except ArgumentError:
        raise StoreError("KESU_DATABASE_URL is not an SQLAlchemy address, e.g. sqlite:////srv/kesu/kesu.db") from None


def migrate(store: Store) -> None:
    """Bring the tables to this program's schema; a store that is there already costs one query.

    An empty store is made from the schema at once, without Alembic in memory; a test holds both ways equal.
    """
    with store.write() as connection:
        has = store.engine.dialect.has_table
        if not has(connection, "alembic_version") and not has(connection, "complaint"):
            metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
            return
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
        if found == HEAD:
            return
        if found is not None and str(found) > HEAD:
            raise StoreError(f"the store is of a newer kesu (schema {found}, this is {HEAD}): upgrade kesu")
    run_migrations(store, lambda command, config: command.upgrade(config, "head"))


def run_migrations(store: Store, act: Callable[[Any, Any], None]) -> None:
    """Run Alembic inside one writing transaction, so that two starting processes do not both do it."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with store.write() as connection:
        config.attributes["connection"] = connection
        act(command, config)
