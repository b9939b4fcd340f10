"""A site under /photos/ behind real proxies, as the documentation of deployment sets them up."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit

import pytest

from tests.web.live_server import running
from tests.web.proxies import PATIENCE, documented, proxy
from web import WebConfig

if TYPE_CHECKING:
    from search.engine import SearchEngine

TOKEN = "of-the-proxy"
LIMIT = 50  # requests a minute
WAYS = ("nginx", "nginx that takes the path off", "caddy")


@pytest.fixture(scope="module", params=WAYS)
def behind(
    request: pytest.FixtureRequest, engine: SearchEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of the site, as visitors of the proxy open it."""
    takes_off = request.param == WAYS[1]
    config = WebConfig(
        token=TOKEN,
        base_path="" if takes_off else "/photos",
        trusted_proxy="127.0.0.1",
        rate_limit=LIMIT,
    )
    with running(engine, config) as url:
        place = urlsplit(url).netloc
        kind = request.param.partition(" ")[0]
        location = documented(kind).replace("127.0.0.1:8765", place)
        if kind == "caddy":
            location = re.sub(r"^photos\.example \{\n(.*)\}\n$", r"\1", location, flags=re.S)
        if takes_off:
            location = location.replace(f"http://{place};", f"http://{place}/;")
            location = location.replace('X-Forwarded-Prefix ""', "X-Forwarded-Prefix /photos")
        with proxy(kind, location, tmp_path_factory.mktemp("proxy")) as site:
            yield f"{site}photos/"


class Unredirected(urllib.request.HTTPRedirectHandler):
    """Leaves redirects to whoever asked."""

    def redirect_request(self, *_: object) -> None:
        return None


OPENER = urllib.request.build_opener(Unredirected)


def ask(
    site: str, path: str, body: bytes | None = None, **fields: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer; names of fields have _ for -."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    headers |= {name.replace("_", "-"): value for name, value in fields.items()}
    asked = urllib.request.Request(urljoin(site, path), body, headers)
    try:
        with OPENER.open(asked, timeout=PATIENCE) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_page_its_files_and_a_thumbnail_come_through(behind: str) -> None:
    status, _, page = ask(behind, "?q=a+cat&k=1")
    assert status == 200
    addresses = re.findall(r'(?:href|src)="(/[^"]+\.(?:css|js|svg|png|ico)|/[^"]+/thumbnail[^"]*)"',
                           page.decode())  # fmt: skip
    assert any("thumbnail" in each for each in addresses)
    for address in addresses:
        assert address.startswith("/photos/")
        assert ask(behind, address)[0] == 200, address


def test_answers_name_addresses_that_come_through(behind: str) -> None:
    answer = json.loads(ask(behind, "api/v1/search?q=a+cat&k=1")[2])
    for address in (answer["results"][0]["thumbnail_url"], answer["next"]):
        assert ask(behind, address)[0] == 200
    assert json.loads(ask(behind, "openapi.json")[2])["servers"] == [{"url": "/photos"}]


def test_picture_and_form_of_the_own_page_may_be_sent(behind: str) -> None:
    place = urlsplit(behind)
    own = f"{place.scheme}://{place.netloc}"
    for origin, code in ((own, "unreadable_photo"), ("http://evil.example", "foreign_origin")):
        fields = {"Origin": origin, "Content_Type": "image/png"}
        _, _, body = ask(behind, "api/v1/search", b"no picture", **fields)
        assert json.loads(body)["error"]["code"] == code
    status, headers, _ = ask(behind, "look", b"photo=", Origin=own,
                             Content_Type="application/x-www-form-urlencoded")  # fmt: skip
    assert (status, headers["Content-Security-Policy"][:18]) == (400, "default-src 'self'")


def test_redirects_and_the_cookie_keep_to_the_path(behind: str) -> None:
    status, headers, _ = ask(behind, f"?q=a+cat&token={TOKEN}", Authorization="")
    assert (status, urljoin(behind, headers["Location"])) == (303, f"{behind}?q=a+cat")
    assert "Path=/photos/" in headers["Set-Cookie"]
    status, headers, _ = ask(behind, "/photos")
    assert status in (301, 302, 307, 308)
    assert urlsplit(urljoin(behind, headers["Location"])).path == "/photos/"


def test_events_come_at_once(behind: str) -> None:
    asked = urllib.request.Request(
        urljoin(behind, "api/v1/events"), headers={"Authorization": f"Bearer {TOKEN}"}
    )
    began = time.monotonic()
    with urllib.request.urlopen(asked, timeout=PATIENCE) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert stream.readline().startswith(b"retry:")
    assert time.monotonic() - began < 10  # a stream that is held back comes after a minute


def test_client_cannot_escape_its_limit_by_naming_itself_otherwise(behind: str) -> None:
    statuses = [
        ask(behind, "api/v1/nothing", X_Forwarded_For=f"203.0.113.{number}")[0]
        for number in range(LIMIT + 1)
    ]
    assert statuses[-1] == 429
