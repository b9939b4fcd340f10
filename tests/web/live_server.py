"""A production server for as long as a test needs it, and a browser's visit to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from web import WebConfig, create_app, indexing_of
from web.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from search.engine import SearchEngine

PATIENCE = 240_000  # milliseconds; a machine may be busy with a training run


class Visitor(FlaskClient):
    """A client that reads every answer to its end, so that no file stays open behind it."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **options})


def visitor(engine: SearchEngine, config: WebConfig | None = None) -> FlaskClient:
    """A client of a fresh application, without a server between."""
    app = create_app(engine, config)
    app.test_client_class = Visitor
    return app.test_client()


@contextmanager
def serving(app: Flask, **options: Any) -> Iterator[str]:
    """The URL of a server of `app` on a free port, stopped at the end."""
    server = Server(app, "127.0.0.1", 0, **options)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield server.url
    finally:
        with suppress(KeyError):  # not every application indexes
            indexing_of(app).close()
        server.stop()
        thread.join(timeout=300)


@contextmanager
def running(engine: SearchEngine, config: WebConfig | None = None, **options: Any) -> Iterator[str]:
    """The URL of a server of a fresh application on a free port, stopped at the end."""
    with serving(create_app(engine, config), **options) as url:
        yield url


@contextmanager
def opened(browser: Browser, site: str, complaints: list[str], **options: object) -> Iterator[Page]:
    """A page in a profile of its own; what its console says in anger goes to `complaints`."""
    context = browser.new_context(base_url=site, **options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    yield page
    context.close()
