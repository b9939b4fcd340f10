"""Who is let in, and what browsers are told to refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient

from tests.web.live_server import visitor
from web import TokenRequired, WebConfig, is_loopback, new_token
from web.middleware.security import COOKIE

if TYPE_CHECKING:
    from search.engine import SearchEngine

TOKEN = "päss-word"
EVERYWHERE = WebConfig(host="0.0.0.0", token=TOKEN, trusted_hosts=("photos.example",))


@pytest.fixture
def guarded(engine: SearchEngine) -> FlaskClient:
    """A client of a server that listens everywhere and asks for its token."""
    return visitor(engine, EVERYWHERE)


@pytest.mark.parametrize(
    "address",
    ["/", "/?q=a+cat", "/photos/1", "/nothing", "/api/v1/status", "/static/base.css"],
)
def test_every_answer_tells_browsers_what_to_refuse(client: FlaskClient, address: str) -> None:
    headers = client.get(address).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8765", "[::1]:8765", "LOCALHOST:80"])
def test_names_of_this_machine_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/api/v1/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.5", "localhost.evil.example", "a b"])
def test_other_names_are_refused(client: FlaskClient, host: str) -> None:
    response = client.get("/api/v1/status", headers={"Host": host})
    assert response.status_code == 400
    assert response.json["error"]["code"] == "unknown_host"
    page = client.get("/", headers={"Host": host})
    assert page.status_code == 400
    assert page.mimetype == "text/html"


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.168.1.5:8765", 200), ("photos.example", 200), ("evil.example", 400)],
)
def test_server_that_listens_everywhere_answers_to_addresses_and_given_names(
    guarded: FlaskClient, host: str, status: int
) -> None:
    assert guarded.get("/api/v1/healthz", headers={"Host": host}).status_code == status


def test_served_name_is_answered(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(host="Photos.lan", token="t"))
    response = client.get("/api/v1/healthz", headers={"Host": "photos.LAN:8765"})
    assert response.status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "photos.example"])
def test_network_is_never_served_without_a_token(host: str) -> None:
    with pytest.raises(TokenRequired):
        WebConfig(host=host)
    assert WebConfig(host=host, token=new_token()).token


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    assert WebConfig(host=host).token is None


@pytest.mark.parametrize("address", ["/", "/photos/1", "/browse", "/nothing", "/api/v1/status"])
def test_stranger_is_asked_for_the_token(guarded: FlaskClient, address: str) -> None:
    response = guarded.get(address)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("address", ["/api/v1/healthz", "/static/base.css"])
def test_health_and_style_need_no_token(guarded: FlaskClient, address: str) -> None:
    assert guarded.get(address).status_code == 200


def test_token_in_the_header_lets_in(guarded: FlaskClient) -> None:
    token = TOKEN.encode().decode("latin-1")  # as WSGI hands it over
    for given, status in ((f"Bearer {token}", 200), ("Bearer wrong", 401), (f"Basic {token}", 401)):
        response = guarded.get("/api/v1/status", headers={"Authorization": given})
        assert response.status_code == status


def test_token_in_the_url_is_taken_once_and_hidden(guarded: FlaskClient) -> None:
    response = guarded.get("/", query_string={"q": "a cat", "token": TOKEN})
    assert response.status_code == 303
    assert response.headers["Location"] == "/?q=a+cat"
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith(COOKIE)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    assert guarded.get("/?q=a+cat").status_code == 200
    assert guarded.get("/api/v1/status").status_code == 200


def test_token_in_the_url_of_the_api_is_answered_at_once(guarded: FlaskClient) -> None:
    response = guarded.get("/api/v1/status", query_string={"token": TOKEN})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "///evil.example/x",
        "/\\evil.example",
        "/%09/evil.example",
        "/%0a/evil.example",
        "/%0d%0a/evil.example",
        "/%5cevil.example",
        "/%5c%5cevil.example",
        "/%2f%2fevil.example",
        "/%09%5cevil.example",
        "/%09//evil.example",
        "/%00/evil.example",
        "/%20//evil.example",
        "/%c2%a0//evil.example",
        "http://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "@evil.example",
    ],
)
def test_hiding_the_token_never_leads_to_another_server(guarded: FlaskClient, path: str) -> None:
    response = guarded.get(path, base_url="http://localhost", query_string={"token": TOKEN})
    location = response.headers.get("Location", "/")
    assert location.startswith(("/", "http://localhost/"))
    as_browsers_read_it = location.translate({ord(each): None for each in "\t\r\n"})
    assert not as_browsers_read_it.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:3000",
        "http://localhost.evil.example",
        "http://evil.example/localhost",
        "null",
        "",
        "localhost",
        "http://[",
        "http://localhost@evil.example",
    ],
)
def test_page_of_another_site_may_not_send_anything(client: FlaskClient, origin: str) -> None:
    headers = {"Origin": origin}
    response = client.post("/api/v1/search", data=b"x", headers=headers, content_type="image/png")
    assert response.status_code == 403
    assert response.json["error"]["code"] == "foreign_origin"
    assert "Access-Control-Allow-Origin" not in response.headers
    assert client.get("/api/v1/status", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost", "http://localhost"),
        ("127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("[::1]:8765", "http://[::1]:8765"),
        ("localhost", "https://LOCALHOST"),
    ],
)
def test_own_page_may_send(client: FlaskClient, host: str, origin: str) -> None:
    headers = {"Host": host, "Origin": origin}
    response = client.post("/api/v1/search", data=b"x", headers=headers, content_type="image/png")
    assert response.json["error"]["code"] == "unreadable_photo"


def test_picture_is_taken_only_with_the_token(guarded: FlaskClient) -> None:
    send = {"data": b"x", "content_type": "image/png"}
    assert guarded.post("/api/v1/search", **send).status_code == 401
    token = TOKEN.encode().decode("latin-1")
    headers = {"Authorization": f"Bearer {token}"}
    assert guarded.post("/api/v1/search", headers=headers, **send).status_code == 400


@pytest.mark.parametrize("token", ["", "wrong", "\udcff"])
def test_wrong_token_is_refused(guarded: FlaskClient, token: str) -> None:
    guarded.set_cookie(COOKIE, "wrong")
    response = guarded.get(f"/?token={token.encode('utf-8', 'surrogateescape').hex('%')}")
    assert response.status_code == 401
