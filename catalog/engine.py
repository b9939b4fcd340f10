"""The SQLAlchemy engine: which driver, and how its transactions begin.

Does not know the tables, nor that they may have to be migrated.
"""

from __future__ import annotations

import importlib
import sqlite3
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

# SQLite before this release can corrupt a WAL database when its log is reset.
SOUND_SQLITE = (3, 51, 3)
BUSY_TIMEOUT_MS = 30_000
WRITER = {"tellshow_writer": True}

# A server that falls silent is given up after a minute; the system would wait for hours.
_LIVELY = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


def make_engine(url: str, *, foreign_keys: bool = True) -> Engine:
    """Return an engine for `url`; connections of `engine.execution_options(**WRITER)` write.

    `foreign_keys` off is for migrations, which may have to recreate a referenced table.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, connect_args=_lively(parsed))
    return _make_sqlite_engine(parsed, foreign_keys)


def reading(engine: Engine) -> Engine:
    """The engine, each of whose transactions sees one moment; SQLite's do so anyway."""
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


def _lively(url: URL) -> dict[str, str]:
    """What libpq needs to notice a dead connection, but for what the URL says itself."""
    if not url.get_driver_name().startswith("psycopg"):
        return {}
    return {name: value for name, value in _LIVELY.items() if name not in url.query}


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
