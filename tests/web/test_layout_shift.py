"""Nothing that is painted moves, however slowly a page arrives."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.live_server import opened, serving
from web import create_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from search.engine import SearchEngine

QUERY = "a+cat+looks+at+the+camera"
PIECE = 2500  # bytes
PAUSE = 0.1  # seconds; long enough for a frame between two pieces
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 720}
SUM_SHIFTS = """window.moved = 0;
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) window.moved += shift.value;
}).observe({ type: "layout-shift", buffered: true });"""


@pytest.fixture(scope="module")
def slow_site(engine: SearchEngine) -> Iterator[str]:
    """The URL of a server whose pages arrive in pieces, as on a slow line or a busy machine."""
    app = create_app(engine)
    whole = app.wsgi_app

    def in_pieces(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = whole(environ, start_response)
        if "text/html" not in environ.get("HTTP_ACCEPT", ""):
            return answer
        return cut(b"".join(answer))

    app.wsgi_app = in_pieces  # type: ignore[method-assign]
    with serving(app) as url:
        yield url


def cut(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]
        time.sleep(PAUSE)


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(
    "address",
    [
        "/",
        f"/?q={QUERY}",
        f"/?q={QUERY}&not=a+dog&orientation=square",
        f"/photos/1?q={QUERY}",
        "/collection",
        "/browse",
    ],
    ids=["welcome", "results", "filters", "photo", "collection", "timeline"],
)
def test_nothing_moves_once_it_is_painted(
    browser: Browser, slow_site: str, address: str, screen: dict[str, int]
) -> None:
    with opened(browser, slow_site, [], viewport=screen) as page:
        page.add_init_script(SUM_SHIFTS)
        page.goto(address, wait_until="networkidle")
        assert page.evaluate("window.moved") < 0.01
