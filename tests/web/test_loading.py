"""A server that is loading: every address says so, and pages open by themselves afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from tests.web.live_server import opened
from tests.web.raw_requests import ask
from web.loading import Entrance
from web.middleware.headers import SECURITY_HEADERS
from web.server import Server, answering

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOST = "Host: localhost"


@pytest.fixture
def entrance() -> Entrance:
    return Entrance()


@pytest.fixture
def loading(entrance: Entrance) -> Iterator[str]:
    with answering(Server(entrance, "127.0.0.1", 0)) as server:
        yield server.url


@pytest.fixture
def loaded_app() -> Flask:
    app = Flask("loaded")
    app.add_url_rule("/api/v1/healthz", "healthz", lambda: {"status": "ok"})
    app.add_url_rule("/", "page", lambda: "<p>Photos</p>")
    return app


def test_api_says_that_the_server_loads_in_the_shape_of_every_error(loading: str) -> None:
    status, headers, body = ask(loading, "GET /api/v1/search?q=a+dog HTTP/1.1", HOST)
    assert (status, headers["retry-after"]) == (503, "1")
    assert json.loads(body)["error"]["code"] == "loading"
    assert set(json.loads(body)) == {"error"}


def test_health_is_loading(loading: str) -> None:
    status, headers, body = ask(loading, "GET /api/v1/healthz HTTP/1.1", HOST)
    assert (status, headers["content-type"]) == (503, "application/json")
    assert json.loads(body)["status"] == "loading"


def test_page_that_waits_comes_with_its_files_and_the_usual_headers(loading: str) -> None:
    status, headers, body = ask(loading, "GET /photos/1?token=secret HTTP/1.1", HOST)
    assert (status, headers["cache-control"]) == (503, "no-store")
    assert {name.lower() for name in SECURITY_HEADERS} <= set(headers)
    for name in ("base.css", "icon.svg", "loading.js"):
        assert f"/static/{name}".encode() in body
        assert ask(loading, f"GET /static/{name} HTTP/1.1", HOST)[0] == 200
    assert ask(loading, "GET /static/../config.py HTTP/1.1", HOST)[0] == 503


def test_head_of_the_page_that_waits_has_no_body(loading: str) -> None:
    status, headers, body = ask(loading, "HEAD / HTTP/1.1", HOST)
    assert (status, body) == (503, b"")
    assert int(headers["content-length"]) > 0


def test_loaded_application_answers_from_then_on(
    entrance: Entrance, loading: str, loaded_app: Flask
) -> None:
    entrance.open(loaded_app)
    assert ask(loading, "GET /api/v1/healthz HTTP/1.1", HOST)[0] == 200


def test_page_opens_by_itself_once_the_server_is_loaded(
    browser: Browser, entrance: Entrance, loading: str, loaded_app: Flask
) -> None:
    with opened(browser, loading, []) as page:
        page.goto("/")
        assert page.title() == "Loading – tellshow"
        entrance.open(loaded_app)
        page.get_by_text("Photos", exact=True).wait_for()
