"""Which other sites' scripts may read the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from tests.web.live_server import visitor
from web import InvalidOrigin, WebConfig

if TYPE_CHECKING:
    from search.engine import SearchEngine

FRIEND = "https://app.example:8443"
SIXTH = "http://[::1]:3000"
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture
def sharing(engine: SearchEngine) -> FlaskClient:
    """A client of a server with a token that lets two sites read."""
    return visitor(engine, WebConfig(token="t", allow_origins=(FRIEND, SIXTH)))


def ask(client: FlaskClient, origin: str, address: str = "/api/v1/status") -> str | None:
    """The origin that may read the answer to a page of `origin`."""
    headers = {"Origin": origin, "Authorization": "Bearer t"}
    return client.get(address, headers=headers).headers.get(ALLOW)


def test_nobody_may_read_unless_named(client: FlaskClient) -> None:
    response = client.get("/api/v1/status", headers={"Origin": FRIEND})
    assert ALLOW not in response.headers
    assert "Origin" not in response.vary


@pytest.mark.parametrize("origin", [FRIEND, SIXTH])
def test_named_site_may_read_answers_and_errors(sharing: FlaskClient, origin: str) -> None:
    for address in ("/api/v1/status", "/api/v1/nothing", "/api/v1/search?k=0"):
        assert ask(sharing, origin, address) == origin


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example",
        "http://app.example:8443",
        "https://app.example:8443.evil.example",
        "https://evil.example/https://app.example:8443",
        "https://appXexample:8443",
        "http://1:3000",
        "null",
        "*",
        "",
    ],
)
def test_other_sites_may_not(sharing: FlaskClient, origin: str) -> None:
    assert ask(sharing, origin) is None


def test_caches_are_told_that_it_depends_on_who_asks(sharing: FlaskClient) -> None:
    response = sharing.get("/api/v1/healthz")
    assert {"Origin", "Authorization", "Cookie"} <= set(response.vary)
    assert ALLOW not in response.headers


def test_pages_stay_closed(sharing: FlaskClient) -> None:
    assert ask(sharing, FRIEND, "/") is None


def test_named_site_may_send_with_the_token(
    sharing: FlaskClient,
) -> None:
    asked = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = sharing.options("/api/v1/photos/1/rank", headers=asked)
    assert answer.status_code == 200
    assert answer.headers[ALLOW] == FRIEND
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert "Access-Control-Allow-Credentials" not in answer.headers
    for token, status in (("t", 200), ("wrong", 401)):
        headers = {"Origin": FRIEND, "Authorization": f"Bearer {token}"}
        sent = sharing.post("/api/v1/photos/1/rank", json={"k": 1}, headers=headers)
        assert sent.status_code == status
        assert sent.headers[ALLOW] == FRIEND


def test_cookie_is_not_taken_from_a_named_site(sharing: FlaskClient) -> None:
    assert sharing.get("/?token=t").status_code == 303
    assert sharing.get("/api/v1/status").status_code == 200
    assert sharing.get("/api/v1/status", headers={"Origin": FRIEND}).status_code == 401


def test_preflight_of_another_site_is_asked_for_the_token(sharing: FlaskClient) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = sharing.options("/api/v1/photos/1/rank", headers=asked)
    assert answer.status_code == 401
    assert ALLOW not in answer.headers


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "app.example", "https://app.example/", "https://App.example", "ftp://a", ""],
)
def test_origin_is_named_as_browsers_name_it(origin: str) -> None:
    with pytest.raises(InvalidOrigin, match="an origin is written as"):
        WebConfig(allow_origins=(origin,))
