"""How often one client may ask."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient
from limits.strategies import MovingWindowRateLimiter

from tests.web.live_server import running, visitor
from tests.web.raw_requests import ask
from web import WebConfig

if TYPE_CHECKING:
    from search.engine import SearchEngine


@pytest.fixture
def hurried(engine: SearchEngine) -> FlaskClient:
    """A client of a server that answers three requests a minute."""
    return visitor(engine, WebConfig(rate_limit=3))


def test_client_who_asks_too_often_is_told_when_to_go_on(hurried: FlaskClient) -> None:
    answers = [hurried.get("/api/v1/complete?q=a") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    assert refused.json["error"]["code"] == "too_many_requests"
    assert "Retry-After" in refused.json["error"]["hint"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert hurried.get("/").status_code == 429


def test_other_clients_are_still_answered(hurried: FlaskClient) -> None:
    for _ in range(4):
        hurried.get("/api/v1/status")
    other = hurried.get("/api/v1/status", environ_base={"REMOTE_ADDR": "192.168.1.5"})
    assert other.status_code == 200


def test_images_and_styles_do_not_count(hurried: FlaskClient) -> None:
    [found] = hurried.get("/api/v1/search?q=a+cat&k=1").json["results"]
    for address in (found["thumbnail_url"], "/static/base.css", "/api/v1/healthz") * 10:
        assert hurried.get(address).status_code == 200


def test_guesses_of_the_token_count(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(token="t", rate_limit=3))
    wrong = {"Authorization": "Bearer wrong"}
    answers = [client.get("/api/v1/status", headers=wrong).status_code for _ in range(4)]
    assert answers == [401, 401, 401, 429]


def test_limit_can_be_set_off(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig(rate_limit=0))
    assert {client.get("/api/v1/complete?q=a").status_code for _ in range(5)} == {200}


def test_ordinary_user_never_meets_the_limit(client: FlaskClient) -> None:
    typed = "a dog runs through the snow and barks"
    for end in range(len(typed)):
        assert client.get(f"/api/v1/complete?q={typed[:end]}&k=1").status_code == 200


@pytest.mark.parametrize(("proxy", "status"), [("127.0.0.1", 200), (None, 429)])
def test_clients_behind_a_trusted_proxy_are_told_apart(
    engine: SearchEngine, proxy: str | None, status: int
) -> None:
    with running(engine, WebConfig(rate_limit=1, trusted_proxy=proxy)) as url:
        lines = ("GET /api/v1/status HTTP/1.1", "Host: localhost")
        ask(url, *lines, "X-Forwarded-For: 192.168.1.5")
        assert ask(url, *lines, "X-Forwarded-For: 192.168.1.6")[0] == status


def test_requests_that_come_at_once_are_counted_one_after_another(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The storage takes one timer for two who count at once, and starts it twice.
    client, counting, met = visitor(engine, WebConfig(rate_limit=100)), threading.Lock(), []
    count = MovingWindowRateLimiter.hit

    def hit(limiter: MovingWindowRateLimiter, *what: Any) -> bool:
        met.append(not counting.acquire(blocking=False))
        time.sleep(0.1)
        counting.release()
        return count(limiter, *what)

    monkeypatch.setattr(MovingWindowRateLimiter, "hit", hit)
    with ThreadPoolExecutor(2) as pool:
        clients = [client.application.test_client() for _ in range(2)]
        answers = pool.map(lambda each: each.get("/api/v1/status").status_code, clients)
        assert list(answers) == [200, 200]
    assert met == [False, False]
