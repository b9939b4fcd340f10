"""What every test may ask for: real photos, the shipped models, and homes to put things in.

Nothing here stands in for the real thing: the database is SQLite, the vectors are FAISS's, the
photos are photographs and the captioner is the one that is shipped. Knows nothing about Flask.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer.sample_photos import copy_sample_photos

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from captioner.network import Network
    from catalog.database import Database
    from catalog.home import Home
    from search.engine import SearchEngine
    from tests.postgresql import Server
    from tests.s3 import S3

# Photos come one batch at a time: past a few threads they only get in each other's way.
MOST_THREADS = 4
MOST_WORKERS = 4  # each takes over a gigabyte
# Fixtures that load a model or start processes: those of Chromium, PostgreSQL, Python.
HEAVY_FIXTURES = {
    "captioner",
    "network",
    "embedder",
    "browser",
    "postgresql",
    "wheel",
    "start_python",
}
# Under tests/: what is run there loads the models by itself.
FOLDERS_OF_COMMANDS = {"cli", "benchmarks"}


def pytest_configure() -> None:
    """Keep the tests off the network, off the settings of whoever runs them, and off each other.

    Threads are shared out before torch starts them: between workers, and to what tests start.
    What is compiled is kept, or each of some hundred processes would compile tellshow again.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in ("TELLSHOW_DATABASE_URL", "TELLSHOW_DATABASE_READ_URL", "TELLSHOW_STORE"):
        os.environ.pop(name, None)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    threads = min(MOST_THREADS, max(1, cores() // workers))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow by what it asks for; what starts processes unasked says so itself."""
    for item in items:
        needed = set(getattr(item, "fixturenames", ()))
        # `any_home` asks for PostgreSQL by its parameter alone.
        parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
        runs_commands = item.path.parent.name in FOLDERS_OF_COMMANDS
        if runs_commands or HEAVY_FIXTURES & needed or "postgresql" in parameters:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Of `-n auto`: one more than cores, as tests often wait for servers and browsers."""
    return min(cores() + 1, MOST_WORKERS)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A test that forgets to name a home meets an empty one, never the user's."""
    os.environ["TELLSHOW_HOME"] = str(tmp_path_factory.mktemp("own") / "home")


@pytest.fixture(scope="session", autouse=True)
def _readers_look_each_time() -> None:
    """What a test has changed is seen at once, also within a second of what it looked at before."""
    from catalog import cache

    cache.SECONDS_BETWEEN_LOOKS = 0.0


@pytest.fixture(scope="session")
def sample_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a dozen photographs. Shared by the whole session: copy it before changing it."""
    folder = tmp_path_factory.mktemp("samples") / "photos"
    copy_sample_photos(folder)
    return folder


@pytest.fixture
def album(sample_photos: Path, tmp_path: Path) -> Path:
    """A folder of two photos that a test may change."""
    made = tmp_path / "album"
    made.mkdir()
    for name in ("cat.png", "rocket.jpg"):
        shutil.copy(sample_photos / name, made / name)
    return made


@pytest.fixture(scope="session")
def captioner() -> "Captioner":
    """The shipped checkpoint, on the CPU, by the runtime that is the default there."""
    from captioner.checkpoint import load_checkpoint

    return load_checkpoint(device="cpu")


@pytest.fixture(scope="session")
def network() -> "Network":
    """The shipped checkpoint's network in torch, on the CPU."""
    from captioner.network import load_network

    return load_network(device="cpu")


@pytest.fixture(scope="session")
def embedder() -> "SentenceEmbedder":
    """The default sentence embedder, on the CPU."""
    from captioner.embedder import choose_embedder

    return choose_embedder(device="cpu")


@pytest.fixture
def home(tmp_path: Path) -> "Home":
    """An empty home of the test's own."""
    from catalog.home import open_home

    return open_home(tmp_path / "home")


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database, migrated and empty: copying it takes a tenth of migrating another."""
    from catalog.database import open_database
    from catalog.home import open_home

    home = open_home(tmp_path_factory.mktemp("migrated") / "home")
    open_database(home).close()
    return home.path / "catalog.db"


@pytest.fixture
def database(home: "Home", empty_catalog: Path) -> "Iterator[Database]":
    """The database of `home`, migrated and empty."""
    from catalog.database import open_database

    shutil.copy(empty_catalog, home.path)
    database = open_database(home)
    yield database
    database.close()


@pytest.fixture(scope="session")
def indexed_home(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: "Captioner",
    embedder: "SentenceEmbedder",
) -> "Home":
    """A home with the sample photos indexed. Shared by the whole session: read it only."""
    from catalog.database import open_database
    from catalog.home import open_home
    from catalog.searches import remember_searches
    from indexer.pipeline import Indexer

    home = open_home(tmp_path_factory.mktemp("indexed") / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder).index([sample_photos])
    with database.write() as session:
        remember_searches(session, False)  # or pages that are looked at would write
    database.close()
    return home


@pytest.fixture(scope="session")
def engine(
    indexed_home: "Home", captioner: "Captioner", embedder: "SentenceEmbedder"
) -> "Iterator[SearchEngine]":
    """A search engine over the sample photos. Shared by the whole session: it only reads."""
    from catalog.database import open_database
    from search.engine import SearchEngine

    database = open_database(indexed_home)
    yield SearchEngine(indexed_home, database, captioner, embedder)
    database.close()


@pytest.fixture(scope="session")
def postgresql() -> "Iterator[Server]":
    """A PostgreSQL server of the session's own."""
    from tests.postgresql import ServerUnavailable, running_server

    try:
        with running_server() as server:
            yield server
    except ServerUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def s3() -> "Iterator[S3]":
    """An S3 server of the session's own, which the environment names."""
    from tests.s3 import NoServer, running_s3

    try:
        with running_s3() as server:
            yield server
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def many(
    tmp_path_factory: pytest.TempPathFactory,
    captioner: "Captioner",
    embedder: "SentenceEmbedder",
    engine: "SearchEngine",
) -> "Iterator[SearchEngine]":
    """An engine over more photos than are re-ranked at once; each file of tests has its own."""
    from tests.search.many_photos import many_photos

    with many_photos(tmp_path_factory.mktemp("many"), captioner, embedder, engine) as made:
        yield made


@pytest.fixture
def no_towns(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the package of the towns were not installed."""
    from catalog.gazetteer import gazetteer

    monkeypatch.setattr("catalog.gazetteer._PACKAGE", "no_such_package")
    gazetteer.cache_clear()
    yield
    gazetteer.cache_clear()
