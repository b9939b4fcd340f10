"""An application over the real engine, a collection of odd photos, servers and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from tests.web import hundreds_of_photos
from tests.web.index_runs import MakeApp
from tests.web.kept_photos import index_photos
from tests.web.live_server import Visitor, opened, running, visitor
from tests.web.made_up_photos import fill
from tests.web.odd_photos import copy_oddly, ids_by_oddity, spoil_texts
from tests.web.photo_queries import found
from web import WebConfig, create_app, indexing_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from catalog.database import Database
    from catalog.home import Home
    from search.engine import SearchEngine


class CompiledTemplates(BytecodeCache):
    """Templates that an application has compiled, for those that are made after it."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (code := self._code.get(bucket.key)) is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def _templates_are_compiled_once() -> None:
    """Most tests make an application of their own, and compiling takes longer than a page does."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": CompiledTemplates()}


@pytest.fixture
def client(engine: SearchEngine) -> FlaskClient:
    return visitor(engine)


@pytest.fixture
def cat(client: FlaskClient) -> int:
    """The id of the photo that CAT_QUERY finds first."""
    return found(client, k=1)[0]


@pytest.fixture(scope="session")
def odd_engine(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[SearchEngine]:
    """An engine over odd photos; see tests/web/odd_photos.py."""
    from catalog.database import open_database
    from catalog.home import open_home
    from indexer.pipeline import Indexer
    from search.engine import SearchEngine

    folder = tmp_path_factory.mktemp("odd") / "photos"
    copy_oddly(sample_photos, folder)
    home = open_home(folder.parent / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder).index([folder])
    spoil_texts(database)
    (folder / "vanished.png").unlink()
    yield SearchEngine(home, database, captioner, embedder)
    database.close()


@pytest.fixture(scope="session")
def odd_photos(odd_engine: SearchEngine) -> dict[str, int]:
    """What is odd about a photo -> its id."""
    from search.request import SearchRequest

    results = odd_engine.search(SearchRequest("a photo")).results
    return ids_by_oddity({result.photo_id: result.path for result in results})


@pytest.fixture(scope="session")
def made_up_engine(
    tmp_path_factory: pytest.TempPathFactory, captioner: Captioner, embedder: SentenceEmbedder
) -> Iterator[SearchEngine]:
    """An engine over photos to look through; see tests/web/made_up_photos.py."""
    from catalog.database import open_database
    from catalog.home import open_home
    from search.engine import SearchEngine

    home = open_home(tmp_path_factory.mktemp("made-up") / "home")
    database = open_database(home)
    fill(database)
    yield SearchEngine(home, database, captioner, embedder)
    database.close()


@pytest.fixture(scope="session")
def hundreds_engine(
    tmp_path_factory: pytest.TempPathFactory, engine: SearchEngine
) -> Iterator[SearchEngine]:
    """An engine over several hundred photos; see tests/web/hundreds_of_photos.py."""
    from catalog.database import open_database
    from catalog.home import open_home
    from search.engine import SearchEngine

    folder = tmp_path_factory.mktemp("hundreds")
    home = open_home(folder / "home")
    database = open_database(home)
    hundreds_of_photos.fill(home, database, engine, folder / "photos")
    yield SearchEngine(home, database, engine.captioner, engine.embedder)
    database.close()


@pytest.fixture
def odd_client(odd_engine: SearchEngine) -> FlaskClient:
    return visitor(odd_engine)


@pytest.fixture(scope="session")
def kept_engine(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[SearchEngine]:
    """An engine over a home to keep photos in; see tests/web/kept_photos.py."""
    from catalog.database import open_database
    from search.engine import SearchEngine

    home = index_photos(tmp_path_factory.mktemp("kept"), sample_photos, captioner, embedder)
    database = open_database(home)
    yield SearchEngine(home, database, captioner, embedder)
    database.close()


@pytest.fixture
def own_engine(
    home: Home, database: Database, captioner: Captioner, embedder: SentenceEmbedder
) -> SearchEngine:
    """An engine over an empty home of the test's own."""
    from search.engine import SearchEngine

    return SearchEngine(home, database, captioner, embedder)


@pytest.fixture
def make_app(own_engine: SearchEngine) -> Iterator[MakeApp]:
    """Makes applications that may index folders by a command; their runs end with the test."""
    made: list[Flask] = []

    def make(*folders: Path, command: tuple[str, ...] = ()) -> Flask:
        app = create_app(own_engine, WebConfig(indexable=folders, index_command=command))
        app.test_client_class = Visitor
        made.append(app)
        return app

    yield make
    for app in made:
        indexing_of(app).close()


@pytest.fixture(scope="module")
def site(engine: SearchEngine) -> Iterator[str]:
    """The URL of a server over the sample photos."""
    with running(engine) as url:
        yield url


@pytest.fixture(scope="module")
def odd_site(odd_engine: SearchEngine) -> Iterator[str]:
    """The URL of a server over the odd photos."""
    with running(odd_engine) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium: the system's, else Playwright's own; without either, tests skip."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        _no_browser(error)
    with sync_playwright() as playwright:
        try:
            chromium = _start(playwright, shutil.which("chromium"))
        except Error as error:
            _no_browser(error)
        yield chromium
        chromium.close()


def _start(playwright: Playwright, program: str | None) -> Browser:
    """Chromium from `program`; from Playwright where there is none or it does not start."""
    from playwright.sync_api import Error

    try:
        return playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
    except Error:
        if program is None:
            raise
    return _start(playwright, None)


def _no_browser(error: Exception) -> NoReturn:
    """Skip for want of a browser, or fail where one is required."""
    reason = f"no Chromium can be started: {str(error).splitlines()[0]}"
    if os.environ.get("TELLSHOW_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def complaints() -> list[str]:
    """What the pages of a test complained about in their consoles."""
    return []


@pytest.fixture
def page(browser: Browser, site: str, complaints: list[str]) -> Iterator[Page]:
    """A page in a fresh profile; the test fails if its console has complained by the end."""
    with opened(browser, site, complaints) as page:
        yield page
    assert complaints == []
