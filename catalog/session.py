"""Open the database of a home, and its transactions.

Does not know what is read or written in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from alembic.util.exc import CommandError
from sqlalchemy import Engine
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.orm import Session

from catalog.engine import WRITER, make_engine, reading
from catalog.home import Home
from catalog.lock import WriterBusy, writer_lock
from catalog.migrate import migrate

__all__ = [
    "ConnectionLost",
    "Database",
    "DatabaseUnavailable",
    "WriterBusy",
    "open_database",
    "writer_lock",
]


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
        """Yield a session that sees the database as of its first query; keeps nothing."""
        with _worded(self.engine), Session(reading(self.engine)) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session in one transaction: committed at the end, rolled back on any error."""
        writer = self.engine.execution_options(**WRITER)
        with _worded(self.engine), Session(writer) as session, session.begin():
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
        with _worded(database.engine):
            migrate(database.engine, home.database_url)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def _worded(engine: Engine) -> Iterator[None]:
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
