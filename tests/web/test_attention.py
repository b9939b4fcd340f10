"""Where the model looked for a word of a card, laid over its photo in a real Chromium."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.web.live_server import opened
from tests.web.result_cards import PHONE, RESULTS, asked_of, word

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The pixels of a canvas at shares of its width and height: [red, green, blue, opacity] each.
PIXELS = """(canvas, places) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return places.map(([x, y]) => {
    const start = 4 * (Math.floor(y * height) * width + Math.floor(x * width));
    return [...data.slice(start, start + 4)];
  });
}"""


def test_pointing_at_a_word_lays_its_attention_over_the_photo(page: Page) -> None:
    page.goto(RESULTS)
    asked = asked_of(page, "/explain")
    word(page, "cat").hover()
    layer = page.locator(".card").first.locator(".looked")
    layer.wait_for()
    photo = page.locator(".card").first.locator("img")
    assert layer.bounding_box() == photo.bounding_box()
    assert "cat:" in layer.inner_text()
    word(page, "camera").hover()
    page.locator(".where", has_text="camera:").wait_for()
    page.mouse.move(0, 0)
    layer.wait_for(state="detached")
    assert len(asked) == 1


def answer_with(page: Page, gain: float, heat: list[list[float]]) -> None:
    """Answer what asks for maps with one and the same for every word."""
    words = [{"word": "a", "gain": gain, "map": heat}] * 7
    page.route("**/explain*", lambda route: route.fulfill(json={"words": words}))


DIFFUSE = [(0.4, "the photo as a whole speaks for it"), (-0.4, "no place speaks for it")]


@pytest.mark.parametrize(("gain", "said"), DIFFUSE)
def test_without_a_map_the_page_says_so_in_words(page: Page, gain: float, said: str) -> None:
    answer_with(page, gain, [])
    page.goto(RESULTS)
    word(page, "cat").hover()
    page.locator(".where", has_text=f"cat: {said}").wait_for()
    assert page.locator(".looked canvas").count() == 0


PEAKS = [("at the top left", 0, 0), ("at the bottom right", 6, 6), ("at the right", 3, 6)]


@pytest.mark.parametrize(("where", "row", "column"), PEAKS)
def test_heat_lies_where_the_map_says(page: Page, where: str, row: int, column: int) -> None:
    peak = [[0.9 if (y, x) == (row, column) else 0.1 / 48 for x in range(7)] for y in range(7)]
    answer_with(page, 0.1, peak)
    page.goto(RESULTS)
    word(page, "cat").hover()
    page.locator(".where", has_text=f"cat: looked {where}").wait_for()
    x, y = (column + 0.5) / 7, (row + 0.5) / 7
    places = [[x, y], [1 - x, 0.1 if row > 3 else 0.9]]
    near, far = page.locator(".looked canvas").evaluate(PIXELS, places)
    assert near[0] > 200
    assert near[1] > 150
    assert far[0] < 60


def test_words_are_walked_through_by_keyboard(page: Page) -> None:
    page.goto(RESULTS)
    page.locator(".card .name a").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "button"
    page.locator(".where", has_text="a:").wait_for()
    page.keyboard.press("ArrowRight")
    page.locator(".where", has_text="cat:").wait_for()
    said = page.get_by_role("status")
    said.get_by_text("“cat”").wait_for()
    assert re.search(r"looked (at the|all over)|speaks for it", said.inner_text())
    page.keyboard.press("End")
    page.locator(".where", has_text="camera:").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".looked").count() == 0
    page.keyboard.press("Tab")
    assert "Similar" in page.evaluate("document.activeElement.textContent")


def test_tap_shows_attention_and_a_second_one_hides_it(
    browser: Browser, site: str, complaints: list[str]
) -> None:
    with opened(browser, site, complaints, viewport=PHONE, has_touch=True) as page:
        page.goto(RESULTS)
        word(page, "cat").tap()
        page.locator(".where", has_text="cat:").wait_for()
        word(page, "cat").tap()
        page.locator(".looked").wait_for(state="detached")
    assert complaints == []


def test_words_are_plain_text_without_javascript(browser: Browser, site: str) -> None:
    with opened(browser, site, [], java_script_enabled=False) as page:
        page.goto(RESULTS)
        assert word(page, "cat").is_visible()
        assert page.locator(".told [role=button], .told [tabindex]").count() == 0
        assert not page.get_by_text("to see where the model looked").is_visible()
