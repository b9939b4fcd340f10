"""The database: its SQLAlchemy engine, its transactions, and its migrations by Alembic."""

from __future__ import annotations

import importlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.orm import Session

from catalog.home import Home
from catalog.lock import WriterBusy, writer_lock

__all__ = [
    "ConnectionLost",
    "Database",
    "DatabaseUnavailable",
    "WriterBusy",
    "open_database",
    "writer_lock",
]

# SQLite before this release can corrupt a WAL database when its log is reset.
SOUND_SQLITE = (3, 51, 3)
BUSY_TIMEOUT_MS = 30_000
WRITER = {"tellshow_writer": True}

# A server that falls silent is given up after a minute; the system would wait for hours.
_KEEPALIVE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}

# Of the advisory lock that migrations take; any number will do, as long as it stays the same.
POSTGRESQL_LOCK = 0x7E115110

# Alembic keeps its context in global variables.
_ONE_THREAD = threading.Lock()


class DatabaseUnavailable(Exception):
    """The database cannot be reached, read, written or understood."""


class ConnectionLost(DatabaseUnavailable):
    """The connection to a database server ended, or none comes about; one may soon.

    What was under way is taken back, unless it was lost while it was committed.
    """


@dataclass(frozen=True)
class Database:
    """An open database; safe to share among threads."""

    engine: Engine

    @property
    def url(self) -> str:
        """Its URL, with any password hidden."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def sqlite_version(self) -> str | None:
        """Version of SQLite in use; None on another database."""
        version: str | None = getattr(self.engine.dialect.dbapi, "sqlite_version", None)
        return version

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that sees the database as of its first query; what it writes is lost.

        Raises DatabaseUnavailable.
        """
        with _errors_translated(self.engine), Session(reading(self.engine)) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session in one transaction: committed at the end, rolled back on any error.

        Raises DatabaseUnavailable.
        """
        writer = self.engine.execution_options(**WRITER)
        with _errors_translated(self.engine), Session(writer) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_database(home: Home) -> Database:
    """Open the home's database and bring it to the newest revision.

    Raises DatabaseUnavailable where it cannot be reached, is no database, was made by a newer
    tellshow, or needs a driver that is not installed.
    """
    try:
        database = Database(make_engine(home.database_url))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise DatabaseUnavailable(f"The database URL cannot be used: {error}.") from error
    try:
        with _errors_translated(database.engine):
            migrate(database.engine, home.database_url)
    except BaseException:
        database.close()
        raise
    return database


def make_engine(url: str, *, foreign_keys: bool = True) -> Engine:
    """Return an engine for `url`; connections of `engine.execution_options(**WRITER)` write.

    `foreign_keys` off is for migrations, which may have to recreate a referenced table. Raises
    ArgumentError, NoSuchModuleError and ImportError of SQLAlchemy where the URL cannot be used.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, connect_args=_keepalive(parsed))
    return _make_sqlite_engine(parsed, foreign_keys)


def reading(engine: Engine) -> Engine:
    """The engine with snapshot isolation for readers; SQLite has that anyway."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def sqlite_driver() -> Any:
    """Return `sqlite3`, or `pysqlite3` where that is installed and the built-in SQLite is old."""
    if sqlite3.sqlite_version_info < SOUND_SQLITE:
        try:
            return importlib.import_module("pysqlite3")
        except ImportError:
            pass
    return sqlite3


def migrate(engine: Engine, url: str) -> None:
    """Apply the revisions that the database lacks; one SELECT where it lacks none.

    Raises CommandError of Alembic where the database has a revision that this release does not.
    """
    with _ONE_THREAD:
        _migrate(engine, migration_config(url))


def migration_config(url: str) -> Config:
    """Return Alembic's configuration for `url`, its scripts found wherever they are installed.

    Raises ModuleNotFoundError.
    """
    spec = find_spec("migrations")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("tellshow's own package `migrations` is not installed")
    config = Config()
    config.set_main_option("script_location", spec.submodule_search_locations[0].replace("%", "%%"))
    config.attributes["url"] = url
    return config


def is_modelled(name: str | None, _kind: str, _parents: object) -> bool:
    """Whether models.py describes a table or index; the full-text index only migrations make."""
    return not (name or "").startswith("photo_text_fts")


@contextmanager
def migrating(url: str) -> Iterator[Connection]:
    """Yield a connection in one transaction that keeps every other migration waiting."""
    engine = make_engine(url, foreign_keys=False)
    try:
        with engine.execution_options(**WRITER).begin() as connection:
            if connection.dialect.name == "postgresql":
                lock = text("SELECT pg_advisory_xact_lock(:lock)")
                connection.execute(lock, {"lock": POSTGRESQL_LOCK})
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _errors_translated(engine: Engine) -> Iterator[None]:
    """Raise DatabaseUnavailable for what a driver or Alembic raises about the database itself."""
    url = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except CommandError as error:
        reason = f"it was made by another release of tellshow ({error})"
        raise DatabaseUnavailable(f"The database {url} cannot be used: {reason}.") from error
    except DBAPIError as error:
        if _is_lost(error, engine):
            what = "was lost" if error.connection_invalidated else "cannot be reached"
            raise ConnectionLost(f"The database {url} {what}: {_reason(error)}.") from error
        # The base class itself is how SQLite says that a file is damaged or no database.
        if not isinstance(error, OperationalError) and type(error) is not DatabaseError:
            raise
        message = f"The database {url} cannot be used: {_reason(error)}."
        raise DatabaseUnavailable(message) from error


def _is_lost(error: DBAPIError, engine: Engine) -> bool:
    """Whether a server ended the connection, or does not take a new one."""
    refused = isinstance(error, OperationalError) and error.statement is None
    return error.connection_invalidated or (refused and engine.dialect.name != "sqlite")


def _reason(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split()).rstrip(".")


def _keepalive(url: URL) -> dict[str, str]:
    """Settings by which libpq notices a dead connection, but for those that the URL has itself."""
    if not url.get_driver_name().startswith("psycopg"):
        return {}
    return {name: value for name, value in _KEEPALIVE.items() if name not in url.query}


def _make_sqlite_engine(url: URL, foreign_keys: bool) -> Engine:
    engine = create_engine(url, module=sqlite_driver())

    def prepare(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself; `begin` below does.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute(f"PRAGMA foreign_keys={int(foreign_keys)}")
        connection.execute("PRAGMA journal_mode=WAL")
        # Whatever this SQLite was built with: what is committed survives a power cut.
        connection.execute("PRAGMA synchronous=FULL")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    # A writer that began as a reader would get SQLITE_BUSY at once, whatever the timeout.
    writer = connection.get_execution_options().get("tellshow_writer")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


def _migrate(engine: Engine, config: Config) -> None:
    newest = set(ScriptDirectory.from_config(config).get_heads())
    with engine.connect() as connection:
        current = set(MigrationContext.configure(connection).get_current_heads())
    if current != newest:
        command.upgrade(config, "head")
