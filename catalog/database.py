"""The database: its SQLAlchemy engine, its transactions, and its migrations by Alembic."""

from __future__ import annotations

import importlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.orm import Session

from catalog.change_feed import resume_changes
from catalog.durable_files import is_full
from catalog.home import Home
from catalog.home_adoption import is_blank, is_of_another_program
from catalog.home_marker import Marker, read_marker, write_marker
from catalog.lock import WriterBusy, writer_lock
from catalog.models import DamagedValue
from catalog.own_files import has_own_files
from catalog.read_only import (
    decode_errors,
    is_log_needed,
    log_of,
    make_reading_engine,
    message_of,
)

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = [
    "CatalogLost",
    "ConnectionLost",
    "Database",
    "DatabaseLocked",
    "DatabaseUnavailable",
    "Standby",
    "TemporarilyUnavailable",
    "WriteConflict",
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

_PREPARE = "prepare_threshold"

# Of the advisory lock that migrations take; any number will do, as long as it stays the same.
POSTGRESQL_LOCK = 0x7E115110

# How PostgreSQL says that a transaction came in another's way: a serialization failure, a deadlock.
_CONFLICTS = ("40001", "40P01")
# PostgreSQL's code of what a standby refuses: read_only_sql_transaction.
_READ_ONLY = "25006"
# What this process wrote the replica has by then.
REPLICA_LAG_SECONDS = 5.0

# Alembic keeps its context in global variables.
_ONE_THREAD = threading.Lock()


class DatabaseUnavailable(Exception):
    """The database cannot be reached, read, written or understood."""


class TemporarilyUnavailable(DatabaseUnavailable):
    """The database does not answer now and may soon: the same may be tried again."""


class WriteConflict(TemporarilyUnavailable):
    """A transaction was taken back for another one at the same time: it may be done again."""


class DatabaseLocked(TemporarilyUnavailable):
    """Another program held an SQLite database for longer than a connection waits by itself."""


class ConnectionLost(TemporarilyUnavailable):
    """The connection to a database server ended, or none comes about; one may soon.

    What was under way is taken back, unless it was lost while it was committed.
    """


class CatalogLost(DatabaseUnavailable):
    """The database is missing or empty in a home that had a catalog."""


class Standby(DatabaseUnavailable):
    """A database server that only follows another one: nothing can be written there."""


class Replica:
    """A standby to read from, but for some seconds after a write, which it may not have yet."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._behind_until = 0.0

    @property
    def is_behind(self) -> bool:
        """Whether this process wrote a moment ago."""
        return time.monotonic() < self._behind_until

    def note_write(self) -> None:
        """Something was written."""
        self._behind_until = time.monotonic() + REPLICA_LAG_SECONDS


@dataclass(frozen=True)
class Database:
    """An open database, and a replica to read from, if any; safe to share among threads."""

    engine: Engine
    replica: Replica | None = None

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
        replica = self.replica
        engine = self.engine if replica is None or replica.is_behind else replica.engine
        with errors_translated(engine), Session(reading(engine)) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session in one transaction: committed at the end, rolled back on any error.

        Raises DatabaseUnavailable.
        """
        writer = self.engine.execution_options(**WRITER)
        with errors_translated(self.engine), Session(writer) as session, session.begin():
            yield session
        if self.replica is not None:
            self.replica.note_write()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        if self.replica is not None:
            self.replica.engine.dispose()


def open_database(home: Home) -> Database:
    """Open the home's database and bring it to the newest revision.

    Raises DatabaseUnavailable where it cannot be reached, is no database, was made by a newer
    tellshow, or needs a driver that is not installed; CatalogLost where the home had a catalog and
    the database is missing or empty.
    """
    try:
        file = home.database_file
        if file is not None:
            _check_file(home, file)
        engine = (
            make_reading_engine(file, sqlite_driver())
            if home.read_only and file is not None
            else make_engine(home.database_url)
        )
        replica = None if home.read_url is None else Replica(make_engine(home.read_url))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise DatabaseUnavailable(f"The database URL cannot be used: {error}.") from error
    try:
        with errors_translated(engine):
            _bring_up_to_date(home, engine)
            with Session(engine) as session, session.begin():
                resume_changes(session)
    except BaseException:
        engine.dispose()
        raise
    return Database(engine, replica)


def _check_file(home: Home, file: Path) -> None:
    """Before SQLite opens it, which would make a missing file, and drop an empty one's log."""
    for path in database_files(file):
        if path.exists() and not path.is_file():
            message = f"{path} is a folder where a file of the database belongs: move it away."
            raise DatabaseUnavailable(message)
    # In this order: another process may be making both just now, the marker last.
    if _had_catalog(home) and is_blank(file):
        raise CatalogLost(_lost(home, f"its database {file} is missing or empty"))
    if is_of_another_program(file):  # opening it would change its mode, and its tables
        raise CatalogLost(_lost(home, f"{file} is now a database of another program"))
    if home.read_only and is_log_needed(file) and not file.with_name(f"{file.name}-shm").exists():
        raise DatabaseUnavailable(
            f"The home {home.path} cannot be written, and its last changes still lie in "
            f"{log_of(file)}: run tellshow status once where it can be written."
        )


def database_files(file: Path) -> list[Path]:
    """An SQLite database and what SQLite puts beside it: its log, and memory that is shared."""
    return [file.with_name(file.name + end) for end in ("", "-wal", "-shm", "-journal")]


def _had_catalog(home: Home) -> bool:
    """Whether a catalog was made here once, by the marker or by what else was made."""
    marker = read_marker(home.path)
    return (marker is not None and marker.catalog is not None) or has_own_files(home.path)


def _lost(home: Home, what: str) -> str:
    marker = read_marker(home.path)
    if marker is not None and marker.catalog == "postgresql":
        remedy = "set $TELLSHOW_DATABASE_URL to its PostgreSQL database, or restore that one's dump"
    else:
        remedy = "bring it back from a backup with tellshow restore FILE"
    return (
        f"The home {home.path} had a catalog, but {what}; nothing was changed. To go on, {remedy}; "
        "to begin anew, name a new folder with --home."
    )


def _bring_up_to_date(home: Home, engine: Engine) -> None:
    """Apply the revisions that are missing, unless all of them are where there was a catalog."""
    had_catalog, backend = _had_catalog(home), engine.dialect.name
    current, newest = _current_revisions(engine), {newest_revision()}
    if had_catalog and not current:
        url = engine.url.render_as_string(hide_password=True)
        raise CatalogLost(_lost(home, f"the database {url} is empty"))
    if current != newest:
        if home.read_only:
            raise DatabaseUnavailable(
                f"The home {home.path} cannot be written, and its database was made by another "
                "release of tellshow: run tellshow status once where it can be written."
            )
        _migrate(engine, home.database_url)
    marker = read_marker(home.path)
    if marker is not None and marker.catalog != backend and not home.read_only:
        write_marker(home.path, Marker(backend))


def _migrate(engine: Engine, url: str) -> None:
    """Apply the missing revisions; raises DatabaseUnavailable where one of them is unknown."""
    from alembic.util.exc import CommandError

    try:
        migrate(engine, url)
    except CommandError as error:
        name = engine.url.render_as_string(hide_password=True)
        reason = f"it was made by another release of tellshow ({error})"
        raise DatabaseUnavailable(f"The database {name} cannot be used: {reason}.") from error


def make_engine(url: str, *, foreign_keys: bool = True) -> Engine:
    """Return an engine for `url`; connections of `engine.execution_options(**WRITER)` write.

    `foreign_keys` off is for migrations, which may have to recreate a referenced table. Errors do
    not repeat what was asked for: they are logged, and queries are private. Raises
    ArgumentError, NoSuchModuleError and ImportError of SQLAlchemy where the URL cannot be used.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(
            parsed.difference_update_query([_PREPARE]),
            pool_pre_ping=True,
            connect_args={**_keepalive(parsed), **_preparing(parsed)},
            hide_parameters=True,
        )
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
    if _current_revisions(engine) != {newest_revision()}:
        # Importing it takes longer than a search does, and most homes are up to date.
        from alembic import command

        with _ONE_THREAD:
            command.upgrade(migration_config(url), "head")


def migration_config(url: str) -> Config:
    """Return Alembic's configuration for `url`, its scripts found wherever they are installed.

    Raises ModuleNotFoundError.
    """
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    config.attributes["url"] = url
    return config


def known_revisions() -> set[str]:
    """Every revision of the database that this release knows, the newest among them."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(migration_config(""))
    return {script.revision for script in scripts.walk_revisions()}


def is_modelled(name: str | None, _kind: str, _parents: object) -> bool:
    """Whether models.py describes a table or index.

    The full-text index only migrations make, and those of pgvector whoever uses it.
    """
    return not (name or "").startswith(("photo_text_fts", "pgvector_"))


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
def errors_translated(engine: Engine) -> Iterator[None]:
    """Raise DatabaseUnavailable for what a driver raises about the database itself.

    Which that is says more: ConnectionLost, WriteConflict, DatabaseLocked, Standby.
    """
    url = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except DamagedValue as error:
        raise DatabaseUnavailable(
            f"The database {url} is damaged: {error}; tellshow doctor says where."
        ) from error
    except DBAPIError as error:
        if _is_lost(error, engine):
            what = "was lost" if error.connection_invalidated else "cannot be reached"
            raise ConnectionLost(f"The database {url} {what}: {_reason(error, engine)}.") from error
        if isinstance(error, IntegrityError) and _is_damaged(engine):
            raise DatabaseUnavailable(
                f"The database {url} is damaged: {_reason(error, engine)}; tellshow doctor says "
                "where."
            ) from error
        if getattr(error.orig, "sqlstate", None) in _CONFLICTS:
            raise WriteConflict(f"The database {url} took back a transaction.") from error
        if getattr(error.orig, "sqlstate", None) == _READ_ONLY:
            raise Standby(
                f"The database {url} is a standby, which can only be read: name the primary by "
                "$TELLSHOW_DATABASE_URL, or promote it."
            ) from error
        if _is_locked(error):
            raise DatabaseLocked(f"The database {url} is locked by another program.") from error
        # The base class itself is how SQLite says that a file is damaged or no database.
        if not isinstance(error, OperationalError) and type(error) is not DatabaseError:
            raise
        message = f"The database {url} cannot be used: {_reason(error, engine)}."
        raise DatabaseUnavailable(message) from error


def _is_lost(error: DBAPIError, engine: Engine) -> bool:
    """Whether a server ended the connection, or does not take a new one."""
    refused = isinstance(error, OperationalError) and error.statement is None
    return error.connection_invalidated or (refused and engine.dialect.name != "sqlite")


def _is_damaged(engine: Engine) -> bool:
    """Whether SQLite finds fault with its own file; asked where a row contradicts another.

    An index that differs from its table lets a row be added that is there already, or refuses one.
    """
    if engine.dialect.name != "sqlite":
        return False
    try:
        with engine.connect() as connection:
            found = connection.execute(text("PRAGMA integrity_check(1)")).scalars().all()
    except DatabaseError:
        return True
    return found != ["ok"]


def _is_locked(error: DBAPIError) -> bool:
    """Whether SQLite waited in vain for another connection, whatever kind of lock that holds."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _reason(error: DBAPIError, engine: Engine) -> str:
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    folder = Path(engine.url.database or ".").parent
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and is_full(folder)):
        return "the disk is full"
    return " ".join(str(error.orig).split()).rstrip(".")


def _keepalive(url: URL) -> dict[str, str]:
    """Settings by which libpq notices a dead connection, but for those that the URL has itself."""
    if not url.get_driver_name().startswith("psycopg"):
        return {}
    return {name: value for name, value in _KEEPALIVE.items() if name not in url.query}


def _preparing(url: URL) -> dict[str, int | None]:
    """After how many runs psycopg prepares a statement, where the URL says so; "none": never.

    It takes a number alone, and a URL has text. Raises ArgumentError of SQLAlchemy for other text.
    """
    given = url.query.get(_PREPARE)
    if given is None:
        return {}
    if given == "none":
        return {_PREPARE: None}
    if not (isinstance(given, str) and given.isascii() and given.isdigit()):
        raise ArgumentError(f"{_PREPARE} is a number or none")
    return {_PREPARE: int(given)}


def _make_sqlite_engine(url: URL, foreign_keys: bool) -> Engine:
    engine = create_engine(url, module=sqlite_driver(), hide_parameters=True)

    def prepare(connection: Any, _record: object) -> None:
        try:
            configure(connection)
        except UnicodeDecodeError as error:
            raise message_of(engine, error) from error

    def configure(connection: Any) -> None:
        # The driver must not begin transactions by itself; `begin` below does.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute(f"PRAGMA foreign_keys={int(foreign_keys)}")
        connection.execute("PRAGMA journal_mode=WAL")
        # Whatever this SQLite was built with: what is committed survives a power cut.
        connection.execute("PRAGMA synchronous=FULL")

    event.listen(engine, "connect", prepare)
    decode_errors(engine)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    # A writer that began as a reader would get SQLITE_BUSY at once, whatever the timeout.
    writer = connection.get_execution_options().get("tellshow_writer")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


def _current_revisions(engine: Engine) -> set[str]:
    """The revisions that a database has, as Alembic notes them; none in an empty one."""
    with engine.connect() as connection:
        if not connection.dialect.has_table(connection, "alembic_version"):
            return set()
        return set(connection.scalars(text("SELECT version_num FROM alembic_version")))


@cache
def newest_revision() -> str:
    """What this release brings a database to: its migrations' files are numbered in their order."""
    return max(file.name for file in (_migrations() / "versions").glob("[0-9]*.py"))[:4]


def _migrations() -> Path:
    spec = find_spec("migrations")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("tellshow's own package `migrations` is not installed")
    return Path(spec.submodule_search_locations[0])
