"""Many connections at once, and clients that leave: others are answered, the log is quiet."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from flask import Flask
from waitress.channel import ClientDisconnected

from tests.cli.command_process import wait_until
from tests.web.live_server import serving
from tests.web.raw_requests import ask, connect
from web.server import CONNECTIONS_OF_ONE_ADDRESS, TimedChannel, Timeouts

HEALTHZ = "GET /api/v1/healthz HTTP/1.1"
HOST = "Host: localhost"
MALFORMED = [
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x00\x01\x02\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: nonsense\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 70_000 + b"\r\n\r\n",
]


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/api/v1/healthz", "healthz", lambda: {"status": "ok"})
    return app


def connect_from(address: str, site: str) -> socket.socket:
    place = urlsplit(site)
    return socket.create_connection((place.hostname, place.port or 0), 60, (address, 0))


def is_hung_up(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
def test_silent_connections_of_one_address_lock_nobody_out(app: Flask) -> None:
    with serving(app) as url, ExitStack() as stack:
        silent = [stack.enter_context(connect_from("127.0.0.2", url)) for _ in range(520)]
        started = time.monotonic()
        assert ask(url, HEALTHZ, HOST)[0] == 200
        assert time.monotonic() - started < 20  # and not the 30 seconds they may stay silent
        wait_until(lambda: sum(map(is_hung_up, silent)) >= 520 - CONNECTIONS_OF_ONE_ADDRESS)
        with connect_from("127.0.0.2", url) as own:  # nor its own programs that do ask
            own.sendall(f"{HEALTHZ}\r\n{HOST}\r\n\r\n".encode())
            assert own.recv(100).startswith(b"HTTP/1.1 200")


def test_silent_connection_is_closed_like_a_slow_one(app: Flask) -> None:
    with serving(app, timeouts=Timeouts(header=0.5)) as url, connect(url) as silent:
        wait_until(lambda: is_hung_up(silent))


@pytest.mark.parametrize("request_bytes", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_request_of_a_client_that_leaves_is_no_traceback(
    app: Flask,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    request_bytes: bytes,
) -> None:
    asked = threading.Event()

    def leave(*_: object) -> None:
        asked.set()
        raise ClientDisconnected

    with caplog.at_level(logging.WARNING), serving(app, threads=2) as url:
        with monkeypatch.context() as patch, connect(url) as leaving:
            patch.setattr(TimedChannel, "write_soon", leave)
            leaving.sendall(request_bytes)
            assert asked.wait(60)
            wait_until(lambda: is_hung_up(leaving))
        assert ask(url, HEALTHZ, HOST)[0] == 200
    assert [record.message for record in caplog.records if record.exc_info] == []
