"""An application over the real engine, a collection of odd photos, servers and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from flask.testing import FlaskClient

from tests.web.live_server import opened, running, visitor
from tests.web.odd_photos import copy_oddly, ids_by_oddity, spoil_texts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from search.engine import SearchEngine


@pytest.fixture
def client(engine: SearchEngine) -> FlaskClient:
    return visitor(engine)


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


@pytest.fixture
def odd_client(odd_engine: SearchEngine) -> FlaskClient:
    return visitor(odd_engine)


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
