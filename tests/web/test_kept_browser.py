"""In a real Chromium: photos are looked at large, selected, put into an album, and downloaded."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.web.live_server import opened, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from search.engine import SearchEngine

QUERY = "/?q=a+cat"
SCALE = "new DOMMatrix(getComputedStyle(document.querySelector('.lightbox img')).transform).a"


@pytest.fixture(scope="module")
def kept_site(kept_engine: SearchEngine) -> Iterator[str]:
    with running(kept_engine) as url:
        yield url


@pytest.fixture
def page(browser: Browser, kept_site: str, complaints: list[str]) -> Iterator[Page]:
    """A page on a phone that has a keyboard, too."""
    size = {"width": 390, "height": 844}
    with opened(browser, kept_site, complaints, viewport=size) as page:
        yield page
    # One original is away, for which its thumbnail stands.
    assert [said for said in complaints if "404" not in said] == []


def place(page: Page) -> str:
    return page.locator(".lightbox [data-part=place]").inner_text()


def drag(page: Page, along: int, down: int = 0) -> None:
    page.mouse.move(200, 400)
    page.mouse.down()
    page.mouse.move(200 + along, 400 + down, steps=4)
    page.mouse.up()


def test_photo_is_large_and_back_leads_to_the_results_as_they_were(page: Page) -> None:
    page.goto(QUERY)
    page.evaluate("scrollTo(0, 240)")
    entries = page.evaluate("history.length")
    link = page.locator(".card .picture").nth(1)
    link.evaluate("link => link.click()")
    assert place(page) == "2 of 3"
    page.keyboard.press("ArrowLeft")
    assert place(page) == "1 of 3"
    assert page.url.endswith(f"#{page.locator('.card').first.get_attribute('id')}")
    drag(page, -150)
    assert place(page) == "2 of 3"
    page.keyboard.press("+")
    page.mouse.move(200, 400)
    page.mouse.wheel(0, -300)
    assert page.evaluate(SCALE) > 3
    drag(page, -150)  # moves it about
    assert place(page) == "2 of 3"
    page.keyboard.press("0")
    page.locator(".lightbox-stage").dblclick()
    assert page.evaluate(SCALE) == 2.5
    page.keyboard.press("ArrowRight")
    assert (place(page), page.evaluate(SCALE)) == ("3 of 3", 1)
    page.locator(".lightbox").focus()
    page.keyboard.press(" ")
    assert page.get_by_role("button", name="Slideshow").get_attribute("aria-pressed") == "true"
    for _ in range(12):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement === document.body || "
                         "Boolean(document.activeElement.closest('.lightbox'))")  # fmt: skip
    assert page.evaluate("history.length") == entries + 1
    page.go_back()
    page.locator(".lightbox:not([open])").wait_for(state="attached")
    page.wait_for_function("Math.abs(scrollY - 240) < 5")
    assert page.url.endswith(QUERY)
    assert link.evaluate("link => link === document.activeElement")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.wait_for_url(f"**{QUERY}")
    link.evaluate("link => link.click()")
    page.get_by_role("link", name="Photo page").click()
    page.wait_for_url("**/photos/*")
    page.go_back()
    page.locator(".lightbox[open]").wait_for()


def move_about(page: Page) -> None:
    """An album's photos are moved by keyboard and by dragging, and stay where they were put."""

    def names() -> list[str]:
        return page.locator(".card .name").all_inner_texts()

    first, second, third = names()
    page.locator(".card .picture").first.focus()
    page.keyboard.press("Alt+Shift+ArrowRight")
    page.get_by_role("status").get_by_text("place 2 of 3").wait_for(state="attached")
    assert names() == [second, first, third]
    with page.expect_response("**/api/v1/albums/*"):
        page.locator(".card").last.drag_to(page.locator(".card").first,
                                           target_position={"x": 5, "y": 60})  # fmt: skip
    page.reload()
    assert names() == [third, second, first]


def test_photos_are_selected_kept_downloaded_and_shared(page: Page) -> None:
    page.goto(QUERY)
    first, _, third = page.locator(".choose input").all()
    first.check()
    third.click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Selected photos")
    assert "3 selected" in bar.inner_text()
    page.keyboard.press("x")
    assert "2 selected" in bar.inner_text()
    page.keyboard.press("Shift+ArrowLeft")
    assert "3 selected" in bar.inner_text()
    with page.expect_download() as saved:
        bar.get_by_role("button", name="Download ZIP").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert set(archive.namelist()) == {"cat.png", "rocket.jpg", "Photos left out.txt"}
    bar.get_by_role("button", name="Add to album").click()
    page.get_by_label("Name of a new album").fill("Tried")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("status").get_by_text("Added to Tried.").wait_for(state="attached")
    bar.get_by_role("button", name="Share").click()
    link = page.get_by_label("The link").input_value()
    page.get_by_role("button", name="Close").click()
    bar.get_by_role("button", name="Favourite").click()
    bar.wait_for(state="hidden")
    page.goto("/albums")
    page.get_by_role("link", name="Tried").click()
    page.wait_for_url("**/albums/*")
    assert page.locator(".card").count() == 3
    page.locator(".choose input").last.check()
    name = page.locator(".card .name").last.inner_text()
    page.get_by_role("button", name="Move to front").click()
    page.wait_for_function("name => document.querySelector('.card .name').innerText === name",
                           arg=name)  # fmt: skip
    move_about(page)
    page.goto(link)
    assert page.locator(".card").count() == 3
    page.locator(".card .picture").first.click()
    page.locator(".lightbox[open]").wait_for()
    assert page.get_by_role("link", name="Photo page").count() == 0


def test_photos_of_the_timeline_are_selected_and_shared_under_a_neutral_title(page: Page) -> None:
    page.goto("/browse")
    boxes = page.locator(".tile .choose input")
    boxes.nth(2).wait_for(state="attached")  # the other months come later
    boxes.first.check(force=True)
    boxes.nth(2).click(modifiers=["Shift"], force=True)
    bar = page.get_by_role("region", name="Selected photos")
    assert "3 selected" in bar.inner_text()
    bar.get_by_role("button", name="Favourite").click()
    page.get_by_text("marked as favourites.").wait_for()  # and seen
    boxes.first.check(force=True)
    bar.get_by_role("button", name="Share").click()
    page.goto(page.get_by_label("The link").input_value())
    assert page.locator("h1").inner_text() == "Photos"
