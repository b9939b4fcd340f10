"""A production server for as long as a test needs it, and a browser's visit to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from web import create_app
from web.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from search.engine import SearchEngine


@contextmanager
def running(engine: SearchEngine) -> Iterator[str]:
    """The URL of a server on a free port, stopped at the end."""
    server = Server(create_app(engine), "127.0.0.1", 0)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join(timeout=10)


@contextmanager
def opened(browser: Browser, site: str, complaints: list[str], **options: object) -> Iterator[Page]:
    """A page in a profile of its own; what its console says in anger goes to `complaints`."""
    context = browser.new_context(base_url=site, **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    yield page
    context.close()
