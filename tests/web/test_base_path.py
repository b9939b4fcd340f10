"""The site under a path, and behind a proxy: every address has the path, and nobody else is told.

What a real proxy makes of it stands in test_reverse_proxy.py.
"""

from __future__ import annotations

import io
import json
import re
from html import unescape
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.project.source_tree import ROOT
from tests.web.live_server import visitor
from web import InvalidBasePath, InvalidProxy, WebConfig
from web.config import is_within
from web.loading import Entrance
from web.middleware.security import COOKIE

if TYPE_CHECKING:
    from search.engine import SearchEngine

BASE = "/photos"
PROXY, STRANGER = "127.0.0.1", "192.168.1.9"
# Where an address stands in a page.
ADDRESS = re.compile(r'\b(href|src|action|data-[a-z]+|content)="(/[^"]*)"')
NO_ADDRESSES = ("data-folder", "data-api")  # a folder of the disk, and what addresses begin with
PAGES = (
    "/", "/?q=a+cat&k=2", "/?q=a+cat&not=dog&camera=none", "/?q=a+cat&offset=2&k=2", "/collection",
    "/look", "/api/v1/docs", "/nothing",
)  # fmt: skip


@pytest.fixture
def under(engine: SearchEngine) -> FlaskClient:
    """A client of a site under BASE."""
    return visitor(engine, WebConfig(base_path=BASE))


@pytest.fixture
def proxied(engine: SearchEngine) -> FlaskClient:
    """A client of a site that believes PROXY, which test clients ask from."""
    config = WebConfig(
        trusted_proxy="127.0.0.0/8", trusted_hosts=("photos.example",), token="t", rate_limit=3
    )
    return visitor(engine, config)


def addresses(text: str) -> set[str]:
    """All addresses of this site in a page."""
    return {unescape(each) for name, each in ADDRESS.findall(text) if name not in NO_ADDRESSES}


def test_every_address_of_every_page_leads_below_the_path(under: FlaskClient) -> None:
    seen = set()
    for page in PAGES:
        found = addresses(under.get(BASE + page).text)
        assert found, page
        assert [each for each in found if not each.startswith(f"{BASE}/")] == [], page
        seen |= found
    photo = next(each for each in seen if re.match(r"/photos/photos/\d+\?", each))
    found = addresses(under.get(photo).text)
    assert [each for each in found if not each.startswith(f"{BASE}/")] == []
    kinds = {re.sub(r"\d+", "N", each.partition("?")[0]): each for each in seen | found}
    assert len(kinds) > 20
    for each in kinds.values():  # of each kind one: a question may lack, a place may not
        assert under.head(each).status_code in (200, 302, 400, 405), each


def test_json_names_addresses_that_lead_to_it(under: FlaskClient) -> None:
    first = under.get(f"{BASE}/api/v1/search?q=a+cat&k=1").json
    [result] = first["results"]
    for address in (result["url"], result["thumbnail_url"], first["next"]):
        assert address.startswith(f"{BASE}/api/v1/")
        assert under.get(address).status_code == 200
    described = under.get(f"{BASE}/openapi.json").json
    assert described["servers"] == [{"url": BASE}]
    assert all(path.startswith("/api/v1/") for path in described["paths"])


def test_server_of_the_description_is_the_site_itself(client: FlaskClient) -> None:
    assert client.get("/openapi.json").json["servers"] == [{"url": "/"}]


@pytest.mark.parametrize(("path", "location"), [("/", "/photos/"), ("/photos", "/photos/")])
def test_the_way_to_the_path_is_shown(under: FlaskClient, path: str, location: str) -> None:
    answer = under.get(path, query_string={"q": "a cat"})
    assert (answer.status_code, answer.headers["Location"]) == (307, f"{location}?q=a+cat")


@pytest.mark.parametrize("path", ["/api/v1/status", "/static/base.css", "/photosx/", "/collection"])
def test_nothing_lies_beside_the_path(under: FlaskClient, path: str) -> None:
    assert under.get(path).status_code == 404


def test_no_script_or_style_names_an_address_from_the_root() -> None:
    for file in sorted((ROOT / "web" / "static").glob("*.[jc]s*")):
        text = file.read_text(encoding="utf-8")
        from_the_root = r"""["'`(]/(?:api|static|photos|look|collection|download)\b"""
        assert re.findall(from_the_root, text) == [], file


def test_cookie_and_the_redirect_that_hides_the_token_keep_to_the_path(
    engine: SearchEngine,
) -> None:
    client = visitor(engine, WebConfig(base_path=BASE, token="t"))
    answer = client.get(f"{BASE}/?q=a+cat&token=t")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{BASE}/?q=a+cat")
    assert f"{COOKIE}=" in answer.headers["Set-Cookie"]
    assert f"Path={BASE}/;" in answer.headers["Set-Cookie"] + ";"
    assert client.get(f"{BASE}/api/v1/status").status_code == 200


@pytest.mark.parametrize("path", ["photos", "/photos/", "//photos", "/a b", "/..", "/a/../b", "/ä"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidBasePath, match="/photos"):
        WebConfig(base_path=path)


@pytest.mark.parametrize("proxy", ["*", "proxy.example", "10.0.0.0/64"])
def test_what_is_no_address_is_not_trusted(proxy: str) -> None:
    with pytest.raises(InvalidProxy, match=r"127\.0\.0\.1"):
        WebConfig(trusted_proxy=proxy)


@pytest.mark.parametrize(
    ("address", "network", "within"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("172.18.0.5", "172.16.0.0/12", True),
        ("172.33.0.5", "172.16.0.0/12", False),
        ("fd00::5", "fd00::/8", True),
        ("::1", "127.0.0.1", False),
        ("127.0.0.1", None, False),
        ("", "127.0.0.1", False),
    ],
)
def test_a_proxy_is_known_by_its_address(address: str, network: str | None, within: bool) -> None:
    assert is_within(address, network) == within


FORWARDED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "photos.example",
    "X-Forwarded-Prefix": "/album/",
}


def test_trusted_proxy_says_name_path_and_https(proxied: FlaskClient) -> None:
    answer = proxied.get("/?token=t", headers=FORWARDED)
    assert answer.headers["Location"] == "/album/"
    assert "Path=/album/" in answer.headers["Set-Cookie"]
    assert "Secure" in answer.headers["Set-Cookie"]
    search = proxied.get("/opensearch.xml", headers=FORWARDED).text
    assert "https://photos.example/album/?q={searchTerms}" in search
    own = {"Origin": "https://photos.example", "Authorization": "Bearer t"}
    sent = proxied.post("/api/v1/search", data=b"x", headers={**FORWARDED, **own})
    assert sent.json["error"]["code"] != "foreign_origin"


def test_nobody_else_is_believed(proxied: FlaskClient) -> None:
    stranger = {"REMOTE_ADDR": STRANGER}
    answer = proxied.get("/?token=t", headers=FORWARDED, environ_base=stranger)
    assert answer.headers["Location"] == "/"
    assert "Secure" not in answer.headers["Set-Cookie"]
    assert "Path=/;" in answer.headers["Set-Cookie"] + ";"
    for number in range(3):  # the limit is that of the address that asks
        headers = {"X-Forwarded-For": f"203.0.113.{number}", "Authorization": "Bearer t"}
        last = proxied.get("/api/v1/status", headers=headers, environ_base=stranger)
    assert last.status_code == 429


def test_client_behind_the_proxy_cannot_choose_its_address(proxied: FlaskClient) -> None:
    for number in range(4):  # the proxy puts the true one behind what it was sent
        headers = {"X-Forwarded-For": f"9.9.9.{number}, 203.0.113.7", "Authorization": "Bearer t"}
        last = proxied.get("/api/v1/status", headers=headers)
    assert last.status_code == 429
    other = {"X-Forwarded-For": "203.0.113.8", "Authorization": "Bearer t"}
    assert proxied.get("/api/v1/status", headers=other).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-Prefix", "//evil.example"),
        ("X-Forwarded-Prefix", "https://evil.example"),
        ("X-Forwarded-Prefix", '/"><script>'),
        ("X-Forwarded-Proto", "javascript"),
        ("X-Forwarded-For", "unknown"),
    ],
)
def test_what_no_proxy_says_is_not_believed(proxied: FlaskClient, name: str, value: str) -> None:
    """A proxy that does not set a field hands on what its client wrote there."""
    answer = proxied.get("/?token=t", headers={name: value})
    assert answer.headers["Location"] == "/"
    assert "Path=/;" in answer.headers["Set-Cookie"] + ";"


def test_name_of_another_site_is_refused_of_a_proxy_too(proxied: FlaskClient) -> None:
    answer = proxied.get("/api/v1/healthz", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.json["error"]["code"] == "unknown_host"


def test_server_that_loads_lies_under_the_path_too() -> None:
    from werkzeug.test import Client

    client = Client(Entrance(WebConfig(base_path=BASE)))
    page = client.get(f"{BASE}/?q=a+cat")
    assert page.status_code == 503
    found = addresses(page.text)
    assert f"{BASE}/static/loading.js" in found
    assert [each for each in found if not each.startswith(f"{BASE}/")] == []
    assert client.get(f"{BASE}/static/base.css").status_code == 200
    assert client.get(f"{BASE}/api/v1/healthz").json["status"] == "loading"


def test_site_can_be_installed_and_searched_from_the_address_bar(under: FlaskClient) -> None:
    page = under.get(f"{BASE}/").text
    assert 'rel="manifest" href="/photos/manifest.webmanifest"' in page
    assert 'name="theme-color"' in page
    manifest = json.loads(under.get(f"{BASE}/manifest.webmanifest").data)
    assert manifest["start_url"] == manifest["scope"] == f"{BASE}/"
    assert manifest["display"] == "standalone"
    purposes = {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]}
    assert {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")} <= purposes
    for icon in manifest["icons"]:
        answer = under.get(icon["src"])
        assert answer.mimetype == icon["type"]
        if icon["type"] == "image/png":
            with Image.open(io.BytesIO(answer.data)) as picture:
                assert "{}x{}".format(*picture.size) == icon["sizes"]
    assert under.get(f"{BASE}/favicon.ico").mimetype in ("image/x-icon", "image/vnd.microsoft.icon")
    name = "{http://a9.com/-/spec/opensearch/1.1/}"
    described = ElementTree.fromstring(under.get(f"{BASE}/opensearch.xml").data)
    urls = {each.get("type"): each.get("template") for each in described.iter(f"{name}Url")}
    asked = (urls["text/html"] or "").replace("{searchTerms}", "a+cat")
    assert "cat.png" in under.get(asked).text


@pytest.mark.parametrize("path", ["/opensearch.xml", "/manifest.webmanifest", "/favicon.ico"])
def test_what_browsers_ask_for_without_a_session_needs_no_token(
    engine: SearchEngine, path: str
) -> None:
    answer = visitor(engine, WebConfig(token="t")).get(path)
    assert answer.status_code == 200
    assert "public" in answer.headers["Cache-Control"]
