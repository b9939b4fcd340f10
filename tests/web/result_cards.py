"""The page of results in a browser: its address, its cards, and what it asks the server for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PHONE = {"width": 390, "height": 844}
RESULTS = "/?q=a+cat+looks+at+the+camera"


def word(page: Page, text: str, card: int = 0) -> Locator:
    """A word of the sentence under a photo."""
    return page.locator(".card").nth(card).locator(".told").get_by_text(text, exact=True)


def shown(page: Page) -> list[str]:
    """The ids of the cards, in their order."""
    return [card.get_attribute("id") or "" for card in page.locator(".card").all()]


def asked_of(page: Page, part: str) -> list[str]:
    """The addresses with `part` in them that the page will have asked for; fills up later."""
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if part in sent.url else None)
    return asked
