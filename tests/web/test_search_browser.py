"""The search page in a real Chromium: filters, exclusion, more photos, the offered command."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.web.live_server import opened
from tests.web.result_cards import PHONE, RESULTS, shown, word

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


# Filters


def test_filters_narrow_the_search_and_are_taken_back(page: Page) -> None:
    page.goto(RESULTS)
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Shape").select_option("square")
    page.get_by_label("Leave out photos that show, 1").fill("a dog")
    page.get_by_role("button", name="Show photos").click()
    page.wait_for_url("**orientation=square*")
    assert "?q=a+cat+looks+at+the+camera&not=a+dog&orientation=square" in page.url
    assert 0 < page.locator(".card").count() < 12
    page.get_by_role("link", name="Shape square, remove").click()
    page.wait_for_url(f"**{RESULTS}&not=a+dog")
    assert page.locator(".card").count() == 12


def test_there_is_always_room_for_one_more_exclusion(page: Page) -> None:
    page.goto(RESULTS)
    page.get_by_text("Filters", exact=True).click()
    fields = page.locator(".unwanted input")
    for number, text in enumerate(["dog", "grass", "snow", "water", "sand", "car", "man", "sky"]):
        fields.nth(number).fill(text)
    assert fields.count() == 8
    fields.first.press("Enter")
    page.wait_for_url("**not=dog&not=grass*not=sky")
    assert page.locator(".chips li").count() == 9  # all of them, and the one that removes all


def test_wrong_date_keeps_what_was_typed(browser: Browser, site: str) -> None:
    complaints: list[str] = []
    with opened(browser, site, complaints) as page:
        page.goto(f"{RESULTS}&after=yesterday")
        field = page.get_by_role("textbox", name="Taken from")
        assert field.is_visible()
        assert field.input_value() == "yesterday"
        assert "must be a date" in page.get_by_role("alert").inner_text()
        field.fill("2001-02-03")
        field.press("Enter")
        page.wait_for_url("**after=2001-02-03")
    assert len(complaints) == 1  # the browser's own, about the status 400


def test_filters_work_without_javascript(browser: Browser, site: str) -> None:
    with opened(browser, site, [], java_script_enabled=False) as page:
        page.goto(RESULTS)
        page.get_by_text("Filters", exact=True).click()
        page.get_by_label("Shape").select_option("square")
        page.get_by_label("Leave out photos that show, 2").fill("a dog")
        page.get_by_role("button", name="Show photos").click()
        page.wait_for_url(f"**{RESULTS}&not=a+dog&orientation=square")
        page.locator(".without summary").first.click()
        page.locator(".menu a").first.click()
        page.wait_for_url("**not=a+dog&not=*")
        assert page.locator(".chips li").count() == 4


# Cards


def test_what_a_photo_shows_is_left_out_from_its_card(page: Page) -> None:
    page.goto(RESULTS)
    page.locator(".without summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    text = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_url("**not=*")
    assert page.get_by_role("link", name=f"Not {text}, remove").is_visible()


def test_one_menu_is_open_at_a_time_and_escape_closes_it(page: Page) -> None:
    page.goto(RESULTS)
    page.locator(".without summary").nth(0).click()
    page.locator(".without summary").nth(1).click()
    assert page.locator(".without[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".without[open]").count() == 0
    assert page.evaluate(
        "document.activeElement === document.querySelectorAll('.without summary')[1]"
    )


def test_similar_photos_are_one_step_away(page: Page) -> None:
    page.goto(f"{RESULTS}&not=a+dog")
    page.get_by_role("link", name="Similar photos").first.click()
    page.wait_for_url("**/photos/*?q=a+cat+looks+at+the+camera&not=a+dog#similar")


# More photos


def test_more_photos_come_in_place_and_stay_on_going_back(page: Page) -> None:
    page.goto(RESULTS)
    everything = shown(page)
    page.goto(f"{RESULTS}&k=4")
    page.get_by_role("link", name="More photos").click()
    page.locator(".card").nth(7).wait_for()
    assert shown(page) == everything[:8]
    assert page.evaluate("document.activeElement.closest('.card').id") == everything[4]
    assert page.url.endswith("k=8")
    assert page.get_by_role("status").inner_text() == "8 photos are shown."
    for place in (0, 6):
        link = page.locator(".card").nth(place).locator(".picture").get_attribute("href") or ""
        assert link.endswith(f"{RESULTS[1:]}&k=8")
    assert page.locator("#curl").text_content().endswith("&k=8'")
    assert page.locator("#as-json").get_attribute("href").endswith("&k=8")
    word(page, "cat", card=6).hover()
    page.locator(".card").nth(6).locator(".looked").wait_for()
    page.locator(".card").nth(6).locator(".name a").click()
    page.wait_for_url("**/photos/*")
    page.go_back()
    page.locator(".card").nth(7).wait_for()
    assert shown(page) == everything[:8]
    page.reload()
    assert shown(page) == everything[:8]


def test_going_back_finds_the_place(page: Page) -> None:
    page.goto(f"{RESULTS}&k=4")
    page.get_by_role("link", name="More photos").click()
    page.locator(".card").nth(7).wait_for()
    page.locator(".card").nth(7).scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    page.locator(".card").nth(7).locator(".name a").click()
    page.wait_for_url("**/photos/*")
    page.go_back()
    page.locator(".card").nth(7).wait_for()
    page.wait_for_function("before => Math.abs(scrollY - before) < 40", arg=before)
    assert before > 200


def test_line_is_drawn_once_however_many_photos_are_loaded(page: Page) -> None:
    page.goto(RESULTS)
    whole = page.locator(".results").inner_text()
    page.goto(f"{RESULTS}&k=4")
    for loaded in (8, 12):
        page.get_by_role("link", name="More photos").click()
        page.locator(".card").nth(loaded - 1).wait_for()
    assert page.locator(".line").count() == 1
    assert page.locator(".results").inner_text() == whole
    assert page.get_by_role("link", name="More photos").count() == 0


def test_pages_are_walked_without_javascript(browser: Browser, site: str) -> None:
    with opened(browser, site, [], java_script_enabled=False) as page:
        page.goto(RESULTS)
        everything = shown(page)
        page.goto(f"{RESULTS}&k=4")
        page.get_by_role("link", name="More photos").click()
        page.wait_for_url("**offset=4")
        assert shown(page) == everything[4:8]
        page.get_by_role("link", name="Better ones").click()
        page.wait_for_url(f"**{RESULTS}&k=4")
        assert shown(page) == everything[:4]


# For programs


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_copied_command_brings_the_photos_shown(
    browser: Browser, site: str, complaints: list[str]
) -> None:
    allowed = ["clipboard-read", "clipboard-write"]
    with opened(browser, site, complaints, permissions=allowed) as page:
        page.goto(f"{RESULTS}&not=a+man%27s+%22dog%22&k=5")
        page.get_by_text("Use this search from a program").click()
        page.get_by_role("button", name="Copy").click()
        page.get_by_role("button", name="Copied").wait_for()
        line = page.evaluate("navigator.clipboard.readText()")
        answer = subprocess.run(["sh", "-c", line], capture_output=True, check=True, timeout=300)
        found = json.loads(answer.stdout)["results"]
        assert [f"photo-{result['photo_id']}" for result in found] == shown(page)
    assert complaints == []


# Structure


def test_page_can_be_walked_from_its_start(page: Page) -> None:
    page.goto(RESULTS)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Filters"
    assert (
        page.get_by_role("heading", level=1).inner_text()
        == "Photos for “a cat looks at the camera”"
    )
    assert page.get_by_role("listitem").count() >= 12


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_needs_no_sideways_scrolling_whatever_is_open(
    browser: Browser, site: str, complaints: list[str], scheme: str
) -> None:
    with opened(browser, site, complaints, viewport=PHONE, color_scheme=scheme) as page:
        page.goto(f"{RESULTS}&not=a+dog+in+the+snow+that+runs+through+the+woods&orientation=square")
        page.get_by_text("Filters", exact=True).click()
        page.locator(".without summary").first.click()
        page.get_by_text("Use this search from a program").click()
        assert page.evaluate(OVERFLOW) == 0
    assert complaints == []
