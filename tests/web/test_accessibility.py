"""Every page, light and dark, wide and narrow: axe-core finds no violation, the keyboard gets
everywhere and back, and tinted words stay readable.

A new page needs one line in PAGES.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from catalog import albums, shares
from catalog.photos import contents_of
from tests.web.live_server import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from search.engine import SearchEngine

PAGES = {
    "welcome": "/",
    "refused query": "/?q=%20",
    "results": "/?q=a+cat+looks+at+the+camera",
    "results with unknown words": "/?q=a+zyzzyva+looks+at+the+camera",
    "weak results": "/?q=children+playing+football+on+a+beach",
    "results with contrast": "/?q=a+cat&not=grass&rather_than=a+dog",
    "no more results": "/?q=a+cat&offset=100",
    "photo": "/photos/1",
    "photo that was searched for": "/photos/1?q=a+cat+looks+at+the+camera",
    "photo with its questions answered": "/photos/1?q=a+cat&sentence=a+cat+on+a+chair"
    "&sentences=a+cat%0Aa+dog+runs&missed=a+dog+in+the+snow",
    "photo with wrong questions": "/photos/1?sentence=%20&missed=%3F",
    "search by photo": "/look",
    "timeline": "/browse",
    "folders": "/browse/folders",
    "tags and keywords": "/browse/tags",
    "places": "/browse/places?zoom=2&at=48,8",
    "collection": "/collection",
    "albums": "/albums",
    "favourites": "/favourites",
    "saved searches": "/saved?q=a+cat",
    "reading page of the API": "/api/v1/docs",
    "error": "/photos/999999",
}
SCREENS = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}
SCHEMES = ("light", "dark")

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# What depends on the colours of a page, and on nothing else.
RULES_OF_COLOUR = ("color-contrast", "link-in-text-block")
RUN_AXE = """async ([type, rules]) => {
  const found = await axe.run({runOnly: {type, values: rules}, resultTypes: ["violations"]});
  return {
    passed: found.passes.length,
    violations: found.violations.flatMap((rule) => rule.nodes.map(
      (node) => `${rule.id}: ${node.target} ${node.html} ${node.failureSummary}`)),
  };
}"""

# Everything a person can act on and see, and one number for each. Of radio buttons of one name
# Tab reaches one, and the arrows the others. From then on `reached` says which control gets the
# focus, and whether that is to be seen, on it or on what holds it.
NUMBER_CONTROLS = """() => {
  const isMarked = (element) => {
    const style = getComputedStyle(element);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const describe = (control) => {
    const box = control.getBoundingClientRect();
    let seen = false;
    for (let each = control; each && each !== document.body; each = each.parentElement)
      seen ||= isMarked(each);
    return {
      number: Number(control.dataset.number), html: control.outerHTML.slice(0, 100),
      seen: seen && box.width > 1 && box.height > 1,
    };
  };
  const all = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const controls = [...document.querySelectorAll(all)].filter((each) => !each.disabled
    && each.type !== "hidden" && each.tabIndex >= 0 && each.checkVisibility()
    && !(each.type === "radio" && !each.checked));
  controls.forEach((control, number) => { control.dataset.number = number; });
  window.reached = [];
  document.addEventListener("focusin", () => window.reached.push(describe(document.activeElement)));
  return controls.map((control) => control.outerHTML.slice(0, 100));
}"""
# Tab goes on from what had the focus last, even where that lost it.
TO_THE_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""
IS_OUT = "() => document.activeElement === document.body"

# The least contrast of a text with what may lie under a letter: the page, or any colour of a
# gradient drawn on it. axe-core leaves gradients to people.
LEAST_CONTRAST = """(tints) => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
  const brush = canvas.getContext("2d", {willReadFrequently: true});
  const onTop = (...colours) => {
    for (const colour of colours) { brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1); }
    return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => rgb
    .map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const paper = getComputedStyle(document.body).backgroundColor;
  const place = document.querySelector(".told");
  return Object.fromEntries(tints.map((tint) => {
    const word = document.createElement("span");
    word.className = `word ${tint}`;
    word.textContent = "word";
    place.append(word);
    const style = getComputedStyle(word);
    const marks = style.backgroundImage.match(/(rgba?|color|oklab)\\([^)]*\\)/g) || [];
    const letters = onTop(paper, style.color);
    return [tint, Math.min(...["transparent", ...marks].map(
      (mark) => contrast(letters, onTop(paper, mark))))];
  }));
}"""


def axe(page: Page, kind: str, rules: tuple[str, ...]) -> list[str]:
    """What axe-core has against a page as it is shown now, by rules of a kind: tag or rule."""
    found: dict[str, Any] = page.evaluate(RUN_AXE, [kind, list(rules)])
    assert found["passed"] > (10 if kind == "tag" else 0)
    violations: list[str] = found["violations"]
    return violations


@pytest.fixture(scope="module", params=itertools.product(PAGES, SCREENS), ids="-".join)
def shown(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Page]:
    """Each page, loaded once for all that is asked of it; nothing on it moves."""
    name, screen = request.param
    options = {"color_scheme": "light", "reduced_motion": "reduce", "viewport": SCREENS[screen]}
    with opened(browser, site, [], **options) as page:
        page.goto(PAGES[name], wait_until="networkidle")
        yield page


def test_axe_finds_no_violation(shown: Page) -> None:
    shown.evaluate(AXE_SCRIPT)
    shown.emulate_media(color_scheme="light")
    assert axe(shown, "tag", RULES) == []
    shown.emulate_media(color_scheme="dark")
    assert axe(shown, "rule", RULES_OF_COLOUR) == []


@pytest.fixture
def kept(engine: SearchEngine) -> Iterator[tuple[str, ...]]:
    """The addresses of an album, and of a link that shares it; both are gone after the test."""
    with engine.database.write() as session:
        hashes = contents_of(session, engine.sample(3))
        album = albums.create_album(session, "Summer", hashes)
        _, token = shares.share_album(session, album, "Summer", timedelta(days=1))
    yield f"/albums/{album}", f"/s/{token}", "/albums"
    with engine.database.write() as session:
        albums.delete_album(session, album)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_no_violation_where_photos_are_kept_and_large(
    browser: Browser, site: str, kept: tuple[str, ...], scheme: str
) -> None:
    with opened(browser, site, [], color_scheme=scheme, reduced_motion="reduce") as page:
        for screen in SCREENS.values():
            page.set_viewport_size(screen)
            for address in kept:
                page.goto(address, wait_until="networkidle")
                page.evaluate(AXE_SCRIPT)
                assert axe(page, "tag", RULES) == []
            page.goto(PAGES["results"], wait_until="networkidle")
            page.evaluate(AXE_SCRIPT)
            page.locator(".choose input").first.check()
            assert axe(page, "tag", RULES) == []
            page.get_by_role("button", name="Add to album").click()
            page.locator(".album-choice li").wait_for()
            assert axe(page, "tag", RULES) == []
            page.keyboard.press("Escape")
            page.locator(".card .picture").nth(1).click()
            page.locator(".lightbox[open]").wait_for()
            assert axe(page, "tag", RULES) == []


def test_tab_reaches_everything_shows_where_it_is_and_gets_out(shown: Page) -> None:
    shown.emulate_media(color_scheme="light", reduced_motion="no-preference")
    shown.evaluate(TO_THE_TOP)
    controls = shown.evaluate(NUMBER_CONTROLS)
    for _ in range(3 * len(controls)):
        shown.keyboard.press("Tab")
        if shown.evaluate(IS_OUT):
            break
    else:
        pytest.fail("Tab never leaves the page")
    reached = shown.evaluate("() => window.reached")
    assert [focused["html"] for focused in reached if not focused["seen"]] == []
    numbers = {focused["number"] for focused in reached}
    assert [html for number, html in enumerate(controls) if number not in numbers] == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tinted_words_stay_readable(browser: Browser, site: str, scheme: str) -> None:
    tints = ["gain-4", "gain-3", "gain-2", "gain-1", "gain-0", "gain-less"]
    with opened(browser, site, [], color_scheme=scheme) as page:
        page.goto(PAGES["results"])
        contrasts = page.evaluate(LEAST_CONTRAST, tints)
    assert {tint: found for tint, found in contrasts.items() if found < 4.5} == {}
    # Else nothing was drawn under the words, and there was nothing to read.
    assert contrasts["gain-4"] < contrasts["gain-1"]
