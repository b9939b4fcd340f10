"""The production server: it answers, many at once, and says when it cannot listen."""

from __future__ import annotations

import json
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from threading import Thread
from urllib.error import HTTPError

import pytest
from flask import Flask

from web.addresses import network_addresses, url_of
from web.server import PortUnavailable, Server


def fetch(url: str, data: bytes | None = None) -> dict[str, object]:
    with urllib.request.urlopen(url, data, timeout=300) as response:
        answer: dict[str, object] = json.load(response)
        return answer


def test_many_searches_at_once_get_the_same_answer(site: str) -> None:
    urls = [f"{site}api/v1/search?q=a+cat&k=3"] * 12
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(fetch, urls))
    assert all(answer["results"] == answers[0]["results"] for answer in answers)


def test_large_body_is_refused_in_the_one_shape(site: str) -> None:
    with pytest.raises(HTTPError) as refused:
        fetch(f"{site}api/v1/status", b"x" * (2 << 20))
    with refused.value as response:
        assert response.code == 413
        assert json.load(response)["error"]["code"] == "too_large"


def test_server_is_not_told_apart(site: str) -> None:
    with urllib.request.urlopen(f"{site}api/v1/healthz", timeout=300) as response:
        assert response.headers["Server"] == "tellshow"


def test_taken_port_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortUnavailable, match=f"Cannot listen on 127.0.0.1 port {port}: "):
            Server(Flask("x"), "127.0.0.1", port)


def test_address_of_another_machine_is_explained() -> None:
    with pytest.raises(PortUnavailable, match=r"Cannot listen on 203\.0\.113\.1"):
        Server(Flask("x"), "203.0.113.1", 0)


def test_server_stops_when_told() -> None:
    server = Server(Flask("x"), "127.0.0.1", 0)
    thread = Thread(target=server.run)
    thread.start()
    server.stop()
    thread.join(timeout=300)
    assert not thread.is_alive()


def test_stopping_survives_a_worker_that_wakes_the_server_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(Flask("x"), "127.0.0.1", 0)
    trigger = server._waitress.trigger
    pull, thread = trigger._physical_pull, Thread(target=server.run)

    def be_overtaken() -> None:
        pull()  # a worker's, after which the server does what it was asked
        thread.join(timeout=1)
        pull()

    monkeypatch.setattr(trigger, "_physical_pull", be_overtaken)
    thread.start()
    server.stop()
    thread.join(timeout=300)
    assert not thread.is_alive()
    server.stop()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/"),
        ("::1", "http://[::1]:80/"),
        ("0.0.0.0", "http://127.0.0.1:80/"),
        ("::", "http://[::1]:80/"),
        ("photos.example", "http://photos.example:80/"),
    ],
)
def test_url_can_be_opened_on_this_machine(host: str, url: str) -> None:
    assert url_of(host, 80) == url


def test_url_has_the_path_that_all_addresses_lie_under() -> None:
    assert url_of("::", 80, "/photos") == "http://[::1]:80/photos/"


def test_addresses_of_the_network_are_those_that_others_reach() -> None:
    for address in network_addresses():
        assert not ip_address(address).is_loopback
        with socket.create_server((address, 0)):  # of this machine
            pass
