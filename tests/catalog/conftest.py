"""A real PostgreSQL beside the real SQLite, and a catalog to put photos into in either."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.database import Database, open_database
from catalog.home import Home, open_home
from tests.catalog.factories import SampleCatalog
from tests.postgresql import Server

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def postgresql_url(postgresql: Server) -> str:
    """URL of the PostgreSQL database, emptied."""
    return postgresql.empty()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_home(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Home:
    """An empty home, once with each kind of database, which `any_database` finds migrated."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        migrated = "any_database" in request.fixturenames
        url = server.empty_catalog() if migrated else server.empty()
        monkeypatch.setenv("TELLSHOW_DATABASE_URL", url)
    return open_home(tmp_path / "home")


@pytest.fixture
def any_database(any_home: Home, empty_catalog: Path) -> Iterator[Database]:
    """The database of `any_home`, migrated and empty."""
    if any_home.database_file is not None:
        shutil.copy(empty_catalog, any_home.path)
    database = open_database(any_home)
    yield database
    database.close()


@pytest.fixture
def any_catalog(any_home: Home, any_database: Database) -> SampleCatalog:
    """A root and a model, once in each kind of database."""
    return SampleCatalog(any_home, any_database)


@pytest.fixture
def catalog(home: Home, database: Database) -> SampleCatalog:
    """A root and a model in SQLite."""
    return SampleCatalog(home, database)


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
