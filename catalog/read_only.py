"""An SQLite database that is only read: its folder cannot be written, or nothing may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event


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
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
