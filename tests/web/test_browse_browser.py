"""Looking through photos in a real Chromium: the scrubber, going back, the tree and the map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.web.live_server import opened, running
from tests.web.made_up_photos import MONTHS, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from search.engine import SearchEngine

SMALL = {"width": 390, "height": 600}
DRAWN = "document.querySelectorAll('.tile').length"
# Every tile that can be seen shows its photo.
SETTLED = """() => {
  const seen = [...document.querySelectorAll(".tile")].filter((tile) => {
    const box = tile.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  });
  return seen.length > 5 && seen.every((tile) => tile.querySelector("a"));
}"""


@pytest.fixture(scope="module")
def many_site(made_up_engine: SearchEngine) -> Iterator[str]:
    with running(made_up_engine) as url:
        yield url


@pytest.fixture
def small_page(browser: Browser, many_site: str) -> Iterator[Page]:
    faults: list[str] = []
    with opened(browser, many_site, [], viewport=SMALL) as page:
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
    assert faults == []


def test_scrubber_leads_to_any_month_and_only_what_is_near_is_drawn(small_page: Page) -> None:
    small_page.goto("/browse")
    small_page.wait_for_function(SETTLED)
    scrubber = small_page.get_by_role("slider", name="Month")
    scrubber.focus()
    for key, month in [("ArrowDown", MONTHS[1]), ("End", MONTHS[-1]), ("ArrowUp", MONTHS[-2])]:
        small_page.keyboard.press(key)
        small_page.wait_for_url(f"**/browse?month={month}")
        small_page.wait_for_function(SETTLED)
        assert small_page.evaluate(DRAWN) < 100
    assert scrubber.get_attribute("aria-valuetext") == "January 2021"
    box = scrubber.bounding_box()
    assert box is not None
    small_page.mouse.click(box["x"] + 5, box["y"] + 1)
    small_page.wait_for_url("**/browse")
    assert small_page.evaluate("scrollY") < SMALL["height"]


def test_going_back_from_a_photo_leads_to_where_one_was(small_page: Page) -> None:
    small_page.goto(f"/browse?month={MONTHS[2]}")
    small_page.wait_for_function(SETTLED)
    small_page.mouse.wheel(0, 300)
    small_page.wait_for_timeout(600)  # until the place is remembered
    small_page.wait_for_function(SETTLED)
    before = small_page.evaluate("scrollY")
    # Without scrolling to it, as a person clicks on what is seen.
    small_page.evaluate("""() => [...document.querySelectorAll(".tile a")]
      .find((link) => link.getBoundingClientRect().top > 100).click()""")
    small_page.get_by_role("link", name="Photo page").click()
    small_page.wait_for_url("**/photos/*")
    small_page.go_back()
    small_page.locator(".lightbox[open]").wait_for()
    small_page.keyboard.press("Escape")
    small_page.wait_for_function(SETTLED)
    assert abs(small_page.evaluate("scrollY") - before) < 5


def test_branch_of_the_tree_opens_and_closes_in_place(small_page: Page) -> None:
    small_page.goto("/browse/folders")
    small_page.get_by_role("link", name="Open even").click()
    small_page.get_by_role("link", name="deep", exact=True).wait_for()
    small_page.get_by_role("link", name=f"Close {ROOT}").click()
    assert not small_page.get_by_role("link", name="deep", exact=True).is_visible()
    assert small_page.url.endswith("/browse/folders")


def test_cluster_of_the_map_leads_closer_without_a_reload(small_page: Page) -> None:
    small_page.goto("/browse/places")
    small_page.evaluate("window.stayed = true")
    small_page.get_by_role("link", name="Zoom in").click()
    small_page.get_by_role("link", name="World").wait_for()
    assert "zoom=1" in small_page.url
    small_page.go_back()
    small_page.get_by_role("link", name="World").wait_for(state="detached")
    assert small_page.evaluate("window.stayed")
    # All sixty were taken on one spot.
    small_page.get_by_role("link", name="60 photos, most near Freiburg, Germany").click()
    small_page.wait_for_url("**/browse?area=*")
    small_page.get_by_text("60 photos taken there").wait_for()
