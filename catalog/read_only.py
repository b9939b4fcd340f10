"""An SQLite database that is only read: its folder cannot be written, or nothing may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, ExceptionContext, NullPool, create_engine, event
from sqlalchemy.exc import DatabaseError


def log_of(database: Path) -> Path:
    """The write-ahead log of an SQLite database: what is committed and not in its file yet."""
    return database.with_name(f"{database.name}-wal")


def is_log_needed(database: Path) -> bool:
    """Whether a write-ahead log lies beside a database and holds anything."""
    try:
        return log_of(database).stat().st_size > 0
    except OSError:
        return False


def make_reading_engine(database: Path, driver: Any) -> Engine:
    """An engine whose every connection is new, and writes nothing at all.

    SQLite reads a WAL database only with a file of shared memory beside it, which cannot be made
    here. Where nobody writes, that is no log lies there, the file can be taken for unchangeable
    instead; each connection looks anew.
    """

    def connect() -> Any:
        mode = "mode=ro" if is_log_needed(database) else "mode=ro&immutable=1"
        name = f"file:{quote(str(database))}?{mode}"
        connection = driver.connect(name, uri=True, check_same_thread=False)
        connection.isolation_level = None
        return connection

    url = URL.create("sqlite", database=str(database))
    engine = create_engine(url, module=driver, creator=connect, poolclass=NullPool)
    decode_errors(engine)
    event.listen(engine, "begin", _begin)
    return engine


def decode_errors(engine: Engine) -> None:
    """Let what SQLite says of a damaged schema be a DatabaseError of the driver, as ever.

    It quotes names from the schema; where these are no text, drivers fail to read the message.
    """

    @event.listens_for(engine, "handle_error")
    def handle(context: ExceptionContext) -> DatabaseError | None:
        error = context.original_exception
        if not isinstance(error, UnicodeDecodeError):
            return None
        return DatabaseError(context.statement, None, message_of(engine, error))


def message_of(engine: Engine, error: UnicodeDecodeError) -> Exception:
    """The driver's own DatabaseError with a message of SQLite's that is no text."""
    driver: Any = engine.dialect.dbapi
    found: Exception = driver.DatabaseError(error.object.decode(errors="replace"))
    return found


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
