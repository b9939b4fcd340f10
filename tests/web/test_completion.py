"""A sentence is completed word by word, in a real Chromium."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.web.result_cards import asked_of

if TYPE_CHECKING:
    from playwright.sync_api import Page


def chosen(page: Page) -> str:
    """The text of the completion that the query box says is the active one."""
    name = page.locator("#q").get_attribute("aria-activedescendant")
    return page.locator(f"#{name}").inner_text() if name else ""


def type_query(page: Page, text: str) -> None:
    page.locator("#q").click()
    page.locator("#q").press_sequentially(text)
    page.get_by_role("option").first.wait_for()


def test_sentence_is_completed_and_searched_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    type_query(page, "a cat l")
    box = page.get_by_role("combobox", name="Describe the photo")
    assert box.get_attribute("aria-expanded") == "true"
    first, second = page.get_by_role("option").all_inner_texts()[:2]
    page.keyboard.press("ArrowDown")
    assert chosen(page) == first
    page.keyboard.press("ArrowDown")
    assert chosen(page) == second
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert chosen(page) == ""
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert box.input_value() == f"{first} "
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/?q={first.replace(' ', '+')}")
    assert page.locator(".card").count() == 12


def test_escape_closes_the_completions_and_keeps_the_text(page: Page) -> None:
    page.goto("/")
    type_query(page, "a cat l")
    page.keyboard.press("Escape")
    assert page.get_by_role("option").count() == 0
    assert page.locator("#q").input_value() == "a cat l"
    assert page.locator("#q").get_attribute("aria-expanded") == "false"
    page.keyboard.press("ArrowDown")
    page.get_by_role("option").first.wait_for()


def test_completion_is_taken_by_pointer(page: Page) -> None:
    page.goto("/")
    type_query(page, "a cat l")
    text = page.get_by_role("option").first.inner_text()
    page.get_by_role("option").first.click()
    assert page.locator("#q").input_value() == f"{text} "
    assert page.evaluate("document.activeElement.id") == "q"


def test_fast_typing_asks_the_server_once(page: Page) -> None:
    page.clock.install(time=0)
    page.goto("/")
    page.clock.pause_at(60_000)  # however long the typing takes here, it takes no time there
    asked = asked_of(page, "/complete")
    page.locator("#q").press_sequentially("a cat looks at the ca")
    assert asked == []
    page.clock.run_for(1000)
    page.get_by_role("option").first.wait_for()
    assert [url for url in asked if not re.search(r"q=a\+cat\+looks\+at\+the\+ca\+?&", url)] == []
    assert 1 <= len(asked) <= 2


def test_answer_that_comes_late_does_not_replace_a_newer_one(page: Page) -> None:
    page.goto("/")
    held = []
    page.route("**/complete?q=a+cat+l*", lambda route: held.append(route))
    page.locator("#q").click()
    with page.expect_request("**/complete?q=a+cat+l*"):
        page.keyboard.type("a cat l")
    page.locator("#q").fill("")
    type_query(page, "two peo")
    texts = page.get_by_role("option").all_inner_texts()
    assert all(text.startswith("two peo") for text in texts)
    held[0].abort()
