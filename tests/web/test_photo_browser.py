"""The photo page in a browser: questions asked in place, words pointed at, keys, phones."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from tests.web.live_server import opened
from tests.web.odd_photos import SCRIPT
from tests.web.photo_queries import ALL_QUESTIONS, CAT_QUERY, SENTENCES, found

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


PHONE = {"width": 390, "height": 844}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# How much redder the glow is where the model looked than where it did not, 0 to 255.
CONTRAST = """canvas => {
  const pen = canvas.getContext("2d");
  const colours = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const red = colours.filter((_, i) => i % 4 === 0).sort();
  return red[red.length - 1] - red[0];
}"""


def open_questions(page: Page) -> None:
    """Open the part of the page in which the model is asked, unless it is."""
    if not page.locator(".model-part[open]").count():
        page.get_by_text("Ask the model").click()


def ask(page: Page, name: str, text: str) -> None:
    """Type into one of the page's forms, and press its button."""
    open_questions(page)
    form = page.locator(f"#{name} form")
    form.locator("input:not([type=hidden]), textarea").fill(text)
    form.get_by_role("button").click()


def test_all_is_asked_and_answered_without_javascript(
    browser: Browser, site: str, complaints: list[str], cat: int
) -> None:
    with opened(browser, site, complaints, java_script_enabled=False) as page:
        page.goto(f"/?q={CAT_QUERY}")
        page.locator(".card .picture").first.click()
        page.wait_for_url(f"**/photos/{cat}?*")
        assert page.locator("#why tbody tr").count() == len(CAT_QUERY.split())
        ask(page, "score", "a cat rides a motorcycle")
        page.wait_for_url("**sentence=*#score")
        assert page.locator("#score tbody tr").count() == 5
        ask(page, "rank", "\n".join(SENTENCES))
        page.wait_for_url("**sentences=*#rank")
        assert page.locator("#rank .ranking li").first.inner_text().split()[:2] == ["a", "cat"]
        ask(page, "missed", "a dog in the snow")
        page.wait_for_url("**missed=*#missed")
        assert "costs it most" in page.inner_text("#missed")
        page.get_by_role("link", name="Next", exact=True).click()
        page.wait_for_url(lambda url: f"/photos/{cat}" not in url)
        page.get_by_role("link", name="Back to").click()
        assert page.locator(".card").count() == 12
    assert complaints == []


def test_answers_come_without_a_new_page(page: Page, cat: int) -> None:
    page.goto(f"/photos/{cat}?q={CAT_QUERY}")
    page.evaluate("window.same = true")
    ask(page, "score", "a cat rides a motorcycle")
    page.locator("#score tbody tr").nth(4).wait_for()
    ask(page, "rank", "\n".join(SENTENCES))
    page.locator("#rank .ranking li").nth(2).wait_for()
    ask(page, "missed", "a dog in the snow")
    page.locator("#missed .reasons").wait_for()
    assert page.evaluate("window.same")
    assert page.locator("#score tbody tr").count() == 5
    assert "missed=a+dog+in+the+snow" in page.url
    assert "costs it most" in page.get_by_role("status").filter(has_text="costs").inner_text()
    page.reload()
    assert "costs it most" in page.inner_text("#missed")


def test_refusal_comes_to_its_form_too(
    browser: Browser, site: str, complaints: list[str], cat: int
) -> None:
    with opened(browser, site, complaints) as page:
        page.goto(f"/photos/{cat}")
        ask(page, "score", "?!")
        page.locator("#score [role=alert]").wait_for()
        assert page.locator("#sentence").get_attribute("aria-invalid") == "true"
    assert all("400" in said for said in complaints)


def test_word_pointed_at_shows_where_the_model_looked(page: Page, cat: int) -> None:
    page.goto(f"/photos/{cat}?q={CAT_QUERY}")
    open_questions(page)
    page.locator("#why tbody tr").nth(1).hover()
    page.locator(".spot.shown").wait_for()
    assert page.locator(".spot").evaluate(CONTRAST) > 100
    assert page.locator(".looking").inner_text().startswith("“cat”")
    page.locator("h1").hover()
    page.locator(".spot:not(.shown)").wait_for()


def test_word_is_reached_by_keyboard(page: Page, cat: int) -> None:
    page.goto(f"/photos/{cat}?q={CAT_QUERY}")
    open_questions(page)
    page.locator("#why").get_by_role("button").first.focus()
    page.keyboard.press("Tab")
    page.locator(".spot.shown").wait_for()
    assert page.locator("[aria-pressed=true]").inner_text() == "cat"
    page.keyboard.press("Escape")
    assert page.locator(".spot.shown").count() == 0


def test_arrow_keys_walk_along_the_results(page: Page, client: FlaskClient) -> None:
    first, second = found(client)[:2]
    page.goto(f"/photos/{first}?q={CAT_QUERY}")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/photos/{second}?*")
    open_questions(page)
    page.locator("#sentence").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("h1").click()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/photos/{first}?*")


def test_tapped_word_brings_a_small_copy_where_the_photo_is_out_of_sight(
    browser: Browser, site: str, complaints: list[str], cat: int
) -> None:
    with opened(browser, site, complaints, viewport=PHONE, has_touch=True) as page:
        page.goto(f"/photos/{cat}?sentence=a+cat+rides+a+motorcycle")
        page.locator("#rank").scroll_into_view_if_needed()
        page.locator("#score").get_by_role("button", name="cat").tap()
        page.locator(".peek:not([hidden])").wait_for()
        page.locator("#score").get_by_role("button", name="cat").blur()
        assert page.locator(".peek:not([hidden])").count() == 0
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_full_page_needs_no_sideways_scrolling(
    browser: Browser, site: str, complaints: list[str], cat: int, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    long = dict(ALL_QUESTIONS, sentence="a " + "qwertzuiop" * 20, missed="x" * 200)
    with opened(browser, site, complaints, viewport=size, color_scheme=scheme) as page:
        for query in (ALL_QUESTIONS, long):
            page.goto(f"/photos/{cat}?{urlencode(query)}")
            assert page.evaluate(OVERFLOW) == 0
    assert complaints == []


def test_hostile_texts_run_no_script(
    browser: Browser, odd_site: str, odd_photos: dict[str, int], complaints: list[str]
) -> None:
    texts = dict.fromkeys(ALL_QUESTIONS, f'"{SCRIPT} a cat')
    with opened(browser, odd_site, complaints) as page:
        for key in odd_photos.values():
            page.goto(f"/photos/{key}?{urlencode(texts)}", wait_until="networkidle")
            page.locator("#why tbody tr").first.hover()
            ask(page, "missed", f"{SCRIPT} a dog")
            page.locator("#missed .reasons").wait_for()
            assert page.title() != "owned"
            assert page.locator("img[src=x]").count() == 0
    assert complaints == []
