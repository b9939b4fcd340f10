"""Bring a database to the newest revision, safely beside other processes doing the same.

Does not know what the revisions do; Alembic and the `migrations` package do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from catalog.engine import WRITER, make_engine

# Any number will do, as long as it is always the same.
POSTGRESQL_LOCK = 0x7E115110

# Alembic keeps what it is working on in global variables.
_ONE_THREAD = threading.Lock()


def migrate(engine: Engine, url: str) -> None:
    """Apply the revisions that the database lacks; one SELECT where it lacks none."""
    with _ONE_THREAD:
        _migrate(engine, migration_config(url))


def _migrate(engine: Engine, config: Config) -> None:
    newest = set(ScriptDirectory.from_config(config).get_heads())
    with engine.connect() as connection:
        current = set(MigrationContext.configure(connection).get_current_heads())
    if current != newest:
        command.upgrade(config, "head")


def migration_config(url: str) -> Config:
    """Return Alembic's configuration for `url`, its scripts found wherever they are installed."""
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
