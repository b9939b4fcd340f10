"""In a real Chromium: several hundred photos are looked through, narrowed and kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.web.hundreds_of_photos import COUNT, LENSES
from tests.web.live_server import opened, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from search.engine import SearchEngine

SCREENS = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}
# Of every screen the other scheme, too, in which colours alone can be wrong.
SCHEMES = {"wide": ("light", "dark"), "narrow": ("dark", "light")}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIOLATIONS = """async ([type, values]) => {
  const found = await axe.run({runOnly: {type, values}, resultTypes: ["violations"]});
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`));
}"""
# Every tile that can be seen shows its photo.
SETTLED = """() => {
  const seen = [...document.querySelectorAll(".tile")].filter((tile) => {
    const box = tile.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  });
  return seen.length > 5 && seen.every((tile) => tile.querySelector("a"));
}"""
IS_WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def hundreds_site(hundreds_engine: SearchEngine) -> Iterator[str]:
    with running(hundreds_engine) as url:
        yield url


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(
    browser: Browser, hundreds_site: str, screen: str, complaints: list[str]
) -> Iterator[Page]:
    look = {"viewport": SCREENS[screen], "color_scheme": SCHEMES[screen][0]}
    with opened(browser, hundreds_site, complaints, reduced_motion="reduce", **look) as page:
        yield page
    assert complaints == []


def sound(page: Page, screen: str) -> None:
    """Nothing is wider than the window, and axe-core finds nothing, in either scheme.

    Takes seconds: for what no page of test_accessibility.py shows.
    """
    assert not page.evaluate(IS_WIDER)
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(VIOLATIONS, ["tag", RULES]) == []
    first, other = SCHEMES[screen]
    page.emulate_media(color_scheme=other)
    assert page.evaluate(VIOLATIONS, ["rule", ["color-contrast", "link-in-text-block"]]) == []
    page.emulate_media(color_scheme=first)


def test_timeline_is_scrolled_looked_at_and_come_back_to(page: Page, screen: str) -> None:
    page.goto("/browse")
    page.wait_for_function(SETTLED)
    page.mouse.move(200, 400)
    for _ in range(10):
        page.mouse.wheel(0, 900)
    page.get_by_role("slider", name="Month").focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    page.wait_for_url("**/browse?month=2023-*")
    page.wait_for_function(SETTLED)
    assert page.evaluate("document.querySelectorAll('.tile').length") < COUNT / 2
    page.wait_for_timeout(500)  # until the place is remembered
    # A month that the server did not render with the page.
    page.evaluate("history.replaceState(history.state, '', '/browse')")
    page.evaluate("""() => [...document.querySelectorAll(".tile a")]
      .find((link) => link.getBoundingClientRect().top > 100).click()""")
    page.locator(".lightbox[open]").wait_for()
    page.keyboard.press("ArrowRight")
    name = page.locator(".lightbox [data-part=name]").inner_text()
    page.get_by_role("link", name="Photo page").click()
    page.wait_for_url("**/photos/*")
    page.get_by_text("same lens").wait_for()
    assert not page.evaluate(IS_WIDER)
    page.go_back()
    page.locator(".lightbox[open]").wait_for()
    assert page.locator(".lightbox [data-part=name]").inner_text() == name
    page.keyboard.press("Escape")
    page.locator(".lightbox:not([open])").wait_for(state="attached")
    page.wait_for_function(SETTLED)
    sound(page, screen)


def test_hundreds_are_narrowed_selected_and_kept(page: Page, screen: str) -> None:
    page.goto("/?q=a+cat&k=50")
    page.locator(".filters > summary").click()
    for name, choice in (("lens", LENSES[0]), ("place", "Switzerland"), ("rating", "3")):
        page.locator(f"[name={name}]").select_option(choice)
    tops = "[...document.querySelectorAll('.panel .field')].map((each) => each.offsetTop)"
    before = page.evaluate(tops)
    page.get_by_text("Choose a folder").click()
    assert page.evaluate(tops)[:-2] == before[:-2]  # only what stands behind it gives way
    sound(page, screen)
    page.get_by_role("button", name="Show photos").click()
    page.wait_for_url("**place=Switzerland**")
    assert 10 < page.locator(".card").count() < 40
    assert page.locator(".chips .label").all_inner_texts() == ["Lens", "Place", "Rating"]
    boxes = page.locator(".choose input")
    boxes.first.check(force=True)
    boxes.nth(5).click(modifiers=["Shift"], force=True)
    bar = page.get_by_role("region", name="Selected photos")
    assert "6 selected" in bar.inner_text()
    sound(page, screen)
    bar.get_by_role("button", name="Favourite").click()
    bar.wait_for(state="hidden")
    page.goto("/favourites")
    assert page.locator(".card").count() == 6


def test_places_and_folders_of_hundreds_lead_to_photos(page: Page) -> None:
    page.goto("/browse/places")
    assert not page.evaluate(IS_WIDER)
    page.get_by_role("link", name="photos, most near Basel, Switzerland").click()
    page.wait_for_url("**/browse?area=*")
    page.wait_for_function(SETTLED)
    for listing in ("/browse/folders", "/browse/tags"):
        page.goto(listing)
        assert not page.evaluate(IS_WIDER)
