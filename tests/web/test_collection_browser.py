"""The collection page in a browser, with real index runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from catalog.database import Database
from catalog.home import Home
from tests.cli.command_process import PATIENCE as LONG
from tests.cli.command_process import wait_until
from tests.web.index_runs import (
    MakeApp,
    indexing_elsewhere,
    python_command,
    real_index,
)
from tests.web.live_server import opened, serving
from web import indexing_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser


PHONE = {"width": 390, "height": 844}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_folder_is_indexed_by_keyboard_and_found_without_reloading(
    make_app: MakeApp, home: Home, album: Path, browser: Browser, complaints: list[str]
) -> None:
    (album / "empty.jpg").touch()
    app = make_app(album, command=real_index(home))
    with serving(app) as site, opened(browser, site, complaints) as page:
        page.goto("/collection")
        assert page.locator("#live").is_hidden()
        page.get_by_role("button", name="Index").focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.evaluate("window.loaded = 'twice'")
        page.locator("#live-title", has_text="index").wait_for()  # getting ready, or at it
        ended = page.locator("#ended", has_text="2 new or changed, 1 skipped")
        ended.wait_for(timeout=1000 * LONG)
        assert page.evaluate("window.loaded") == "twice"
        assert page.locator("#live").is_hidden()
        assert page.locator("#folders", has_text="2 photos").is_visible()
        assert page.locator("#failures", has_text="The file is empty.").is_visible()
        assert len(app.test_client().get("/api/v1/search?q=a+cat").json["results"]) == 2
    assert complaints == []


def test_run_of_another_process_is_followed_without_reloading(
    make_app: MakeApp,
    home: Home,
    database: Database,
    album: Path,
    browser: Browser,
    complaints: list[str],
) -> None:
    with serving(make_app(album)) as site, opened(browser, site, complaints) as page:
        page.goto("/collection")
        assert page.locator("#live").is_hidden()
        with indexing_elsewhere(home, database, album) as note:
            page.locator("#live-title", has_text="Looking for photos").wait_for()
            note(2, 8)
            page.locator("#live-detail", has_text="2 of 8 files").wait_for()
            assert page.locator("#live-bar").get_attribute("value") == "2"
            assert page.get_by_role("button", name="Index").is_disabled()
            assert page.get_by_role("button", name="Stop").count() == 0
        page.locator("#runs", has_text="7 new or changed").wait_for()
        assert page.locator("#live").is_hidden()
    assert complaints == []


def test_page_that_gets_no_stream_asks_from_time_to_time(
    make_app: MakeApp, home: Home, database: Database, album: Path, browser: Browser
) -> None:
    app = make_app(album)
    for _ in range(3):
        indexing_of(app).streams.acquire()
    with serving(app) as site, opened(browser, site, []) as page:
        page.goto("/collection")
        with indexing_elsewhere(home, database, album) as note:
            note(2, 8)
            page.locator("#live-detail", has_text="2 of 8 files").wait_for()
        page.locator("#runs", has_text="7 new or changed").wait_for()


def test_without_javascript_a_run_is_started_and_stopped(
    make_app: MakeApp, album: Path, browser: Browser, complaints: list[str]
) -> None:
    app = make_app(album, command=python_command("import time; time.sleep(600)"))
    runner = indexing_of(app).runner
    options: dict[str, object] = {"java_script_enabled": False}
    with serving(app) as site, opened(browser, site, complaints, **options) as page:
        page.goto("/collection")
        page.get_by_role("button", name="Index").click()
        page.locator("#live-title", has_text="Getting ready").wait_for()
        page.get_by_role("button", name="Stop").click()
        wait_until(lambda: runner.active_run is None)
        page.goto("/collection")
        assert "what was found until then is saved" in page.inner_text("#ended")
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_needs_no_sideways_scrolling(
    browser: Browser, site: str, complaints: list[str], scheme: str
) -> None:
    with opened(browser, site, complaints, viewport=PHONE, color_scheme=scheme) as page:
        page.goto("/collection")
        assert page.evaluate(OVERFLOW) == 0
    assert complaints == []
