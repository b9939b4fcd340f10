"""The pages in a real Chromium: a person searches, looks at a photo and goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from search.request import SearchRequest
from tests.web.live_server import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from search.engine import SearchEngine

QUERY = "a cat looks at the camera"
PHONE = {"width": 390, "height": 844}
# For every picture: load it even if it is far down the page, then give its natural width.
WIDTHS = """async () => {
  const pictures = [...document.images];
  pictures.forEach((picture) => { picture.loading = "eager"; });
  await Promise.all(pictures.map((picture) => picture.decode()));
  return pictures.map((picture) => picture.naturalWidth);
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def search(page: Page, query: str = QUERY) -> None:
    """Type a sentence and press Enter, as people do."""
    page.goto("/")
    page.locator("#q").fill(query)
    page.locator("#q").press("Enter")
    page.wait_for_url("**/?q=*")


def shown_photos(page: Page) -> list[int]:
    cards = page.locator(".card").all()
    return [int((card.get_attribute("id") or "").removeprefix("photo-")) for card in cards]


def test_sentence_brings_ranked_photos_that_load(page: Page, engine: SearchEngine) -> None:
    ranked = engine.search(SearchRequest(QUERY)).results
    search(page)
    assert page.locator(".card").count() == 12
    assert shown_photos(page) == [result.photo_id for result in ranked]
    assert all(text.endswith("%") for text in page.locator(".card .score").all_inner_texts())
    assert all(width > 0 for width in page.evaluate(WIDTHS))
    assert page.locator(".card").first.locator(".word", has_text="looks").count() == 1
    assert page.locator("#q").input_value() == QUERY


def test_pictures_of_a_row_are_equally_high(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    search(page)
    rows: dict[float, list[float]] = {}
    for picture in page.locator(".picture").all():
        if box := picture.bounding_box():
            rows.setdefault(box["y"], []).append(box["height"])
    fullest = max(rows.values(), key=len)
    assert len(fullest) >= 3
    assert all(max(heights) - min(heights) <= 1 for heights in rows.values())


def test_photo_has_a_page_and_a_way_back(page: Page) -> None:
    search(page)
    name = page.locator(".card .name").first.inner_text()
    page.locator(".card .name a").first.click()
    page.wait_for_url("**/photos/*")
    assert page.locator("h1").inner_text() == name
    assert all(width > 0 for width in page.evaluate(WIDTHS))
    page.get_by_role("link", name="Back to").click()
    page.wait_for_url("**/?q=*")
    assert page.locator(".card").count() == 12
    page.go_back()
    page.go_back()
    assert page.locator(".card").count() == 12


def test_search_is_done_by_keyboard_alone(page: Page) -> None:
    page.goto("/?q=a+rocket")
    page.keyboard.press("/")
    page.keyboard.type(QUERY)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=a+cat*")
    page.locator(".card .name a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/photos/*")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_needs_no_sideways_scrolling(
    browser: Browser, site: str, complaints: list[str], scheme: str
) -> None:
    with opened(browser, site, complaints, viewport=PHONE, color_scheme=scheme) as page:
        for address in ("/", "/?q=a+cat+looks+at+the+camera", "/photos/1?q=a+cat"):
            page.goto(address)
            assert page.evaluate(OVERFLOW) == 0
    assert complaints == []


def test_everything_works_without_javascript(
    browser: Browser, site: str, complaints: list[str]
) -> None:
    with opened(browser, site, complaints, java_script_enabled=False) as page:
        search(page)
        assert page.locator(".card").count() == 12
        page.locator(".card .picture").first.click()
        page.wait_for_url("**/photos/*")
        assert page.get_by_role("heading", level=1).is_visible()
    assert complaints == []


def test_hostile_texts_run_no_script(
    browser: Browser, odd_site: str, odd_photos: dict[str, int], complaints: list[str]
) -> None:
    with opened(browser, odd_site, complaints) as page:
        for address in ("/?q=a+photo", f"/photos/{odd_photos['script']}"):
            page.goto(address, wait_until="networkidle")
            assert page.title() != "owned"
            assert page.locator("img[src=x]").count() == 0
            assert "<script>" in page.inner_text("main")
    assert complaints == []
