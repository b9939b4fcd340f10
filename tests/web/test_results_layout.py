"""Cards in a real Chromium: few fill their row, menus stay in sight, long sentences are cut off."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.web.live_server import opened
from tests.web.result_cards import PHONE, RESULTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP = {"width": 1440, "height": 900}
LONG = "a cat with green eyes looks at the camera while " * 6
RIGHT_EDGES = """[...document.querySelectorAll('.grid')].map((grid) => {
  const right = (it) => it.getBoundingClientRect().right;
  const inner = right(grid) - parseFloat(getComputedStyle(grid).paddingRight);
  return inner - Math.max(...[...grid.children].map(right));
})"""
# Relative luminances (WCAG 2) of the paper and of the marks of words, the faintest first.
LUMINANCES = """['--paper', '--gain-1', '--gain-2', '--gain-3', '--gain-4', '--ink'].map((name) => {
  const colour = getComputedStyle(document.documentElement).getPropertyValue(name);
  const parts = [1, 3, 5].map((at) => parseInt(colour.trim().slice(at, at + 2), 16) / 255);
  const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const [red, green, blue] = parts.map(linear);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
})"""


def contrast(one: float, other: float) -> float:
    dark, light = sorted((one, other))
    return (light + 0.05) / (dark + 0.05)


def test_three_photos_fill_their_row(browser: Browser, site: str) -> None:
    with opened(browser, site, [], viewport=DESKTOP) as page:
        page.goto(f"{RESULTS}&k=3&orientation=landscape")
        tops = {
            box["y"] for card in page.locator(".grid > .card").all() if (box := card.bounding_box())
        }
        assert len(tops) == page.locator(".grid").count()
        if page.locator(".grid").count() == 1:
            assert abs(page.evaluate(RIGHT_EDGES)[0]) < 3


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_menu_of_a_card_at_the_bottom_opens_in_sight(
    browser: Browser, site: str, screen: dict[str, int]
) -> None:
    with opened(browser, site, [], viewport=screen) as page:
        page.goto(RESULTS)
        summary = page.locator(".without summary").last
        summary.evaluate("it => scrollBy(0, it.getBoundingClientRect().bottom - innerHeight)")
        summary.evaluate("it => it.click()")
        menu = page.locator(".without[open] .menu")
        menu.wait_for(timeout=5000)
        page.wait_for_timeout(100)  # the menu is placed in the event after that
        box = menu.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= screen["height"] + 1


def test_long_sentence_under_a_card_is_cut_off_until_it_is_looked_at(page: Page) -> None:
    page.goto(f"/?q={LONG.strip().replace(' ', '+')}&k=2")
    told = page.locator(".told").first
    line = told.evaluate("it => parseFloat(getComputedStyle(it).lineHeight)")
    cut = told.bounding_box()["height"]  # type: ignore[index]
    assert cut < 3.5 * line
    told.hover()
    assert told.bounding_box()["height"] > cut + line  # type: ignore[index]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_of_words_can_be_told_apart(browser: Browser, site: str, scheme: str) -> None:
    with opened(browser, site, [], color_scheme=scheme) as page:
        page.goto("/")
        *marks, ink = page.evaluate(LUMINANCES)
    least = {"light": 1.1, "dark": 1.15}[scheme]  # of neighbours; the strokes' heights differ, too
    assert all(contrast(*pair) >= least for pair in itertools.pairwise(marks))
    assert contrast(marks[1], marks[2]) >= {"light": 1.1, "dark": 1.35}[scheme]
    assert all(contrast(mark, ink) >= 4.5 for mark in marks)


@pytest.mark.parametrize("address", ["/", RESULTS], ids=["welcome", "results"])
def test_hint_in_the_query_box_is_shown_whole_on_a_phone(
    browser: Browser, site: str, address: str
) -> None:
    with opened(browser, site, [], viewport=PHONE) as page:
        page.goto(address)
        box = page.locator("#q")
        room = box.evaluate("it => it.clientWidth")
        wide = box.evaluate(
            "it => { it.value = it.placeholder; it.style.flex = 'none'; it.style.width = 0;"
            " return it.scrollWidth; }"
        )
        assert wide <= room
