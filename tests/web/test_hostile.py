"""Clients that mean no good, at a real server: slow ones, odd requests, and too much of it."""

from __future__ import annotations

import io
import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response
from PIL import Image

from indexer.decode_pool import Decoders, Limits
from tests.cli.command_process import PATIENCE, wait_until
from tests.indexer.hostile_photos import endless_jpeg
from tests.web.live_server import running, serving, visitor
from tests.web.raw_requests import ask, code_in, connect
from web import WebConfig, upload
from web.server import Timeouts

if TYPE_CHECKING:
    from search.engine import SearchEngine

HOST = "Host: localhost"
# Few threads, so that a few clients can keep all of them busy.
THREADS = 8
SHORT_TIMEOUTS = Timeouts(header=0.3, request=0.6, answer=0.3, ahead=1 << 16)
SLOW = [
    b"GET /api/v1/healthz HTTP/1.1\r\nHost: local",
    b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx",
]


@pytest.fixture(scope="module")
def hurried(engine: SearchEngine) -> Iterator[str]:
    """The URL of a server with little patience."""
    with running(engine, timeouts=SHORT_TIMEOUTS, threads=THREADS) as url:
        yield url


def is_answered(site: str) -> bool:
    with urllib.request.urlopen(f"{site}api/v1/healthz", timeout=PATIENCE) as response:
        return bool(json.load(response) == {"status": "ok"})


def is_answered_at_once(site: str) -> bool:
    """Whether the server answers before its own short patience cuts the asker off."""
    try:
        return is_answered(site)
    except (HTTPException, OSError):
        return False


def is_cut_off(connection: socket.socket) -> bool:
    """Whether another byte cannot be sent any more."""
    try:
        connection.sendall(b"x")
    except OSError:
        return True
    return False


# Slow clients


@pytest.mark.parametrize("begun", SLOW)
def test_requests_that_never_end_keep_nobody_waiting(site: str, begun: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(3 * THREADS):
            stack.enter_context(connect(site)).sendall(begun)
        assert is_answered(site)


@pytest.mark.parametrize("begun", SLOW)
def test_request_that_takes_too_long_is_cut_off_however_busy_it_looks(
    hurried: str, begun: bytes
) -> None:
    with connect(hurried) as connection:
        connection.sendall(begun)
        wait_until(lambda: is_cut_off(connection))
    wait_until(lambda: is_answered_at_once(hurried))


def test_answer_that_nobody_takes_off_frees_its_worker() -> None:
    app = Flask("x")
    # More than the system takes off our hands.
    app.add_url_rule("/", "large", lambda: Response(bytes(1 << 16) for _ in range(400)))
    app.add_url_rule("/api/v1/healthz", "small", lambda: {"status": "ok"})
    with serving(app, timeouts=SHORT_TIMEOUTS, threads=THREADS) as url, ExitStack() as stack:
        for _ in range(2 * THREADS):
            connection = stack.enter_context(connect(url))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: is_answered_at_once(url))


def test_quick_requests_on_one_connection_are_not_cut_off(engine: SearchEngine) -> None:
    timeouts = Timeouts(header=1.5, request=1.5, answer=1.5, ahead=1 << 16)
    with running(engine, timeouts=timeouts) as url:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
        connection.connect()
        first = connection.sock
        for _ in range(4):
            connection.request("GET", "/api/v1/healthz")
            assert json.load(connection.getresponse()) == {"status": "ok"}
            time.sleep(0.5)
        assert connection.sock is first
        connection.close()


# Odd requests


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        (["GET /api/v1/status HTTP/1.1", HOST, f"X: {'x' * 70_000}"], 431, "header_too_large"),
        ([f"GET /api/v1/search?q={'a' * 70_000} HTTP/1.1", HOST], 431, "header_too_large"),
        ([f"GET /api/v1/search?q={'a' * 9000} HTTP/1.1", HOST], 400, "invalid_query"),
        (["POST /api/v1/search HTTP/1.1", HOST, "Content-Length: 99999999"], 413, "too_large"),
        (["POST /api/v1/search HTTP/1.1", HOST, "Content-Length: -1"], 400, "bad_request"),
        (["POST /api/v1/search HTTP/1.1", HOST, "Content-Length: 1_0"], 400, "bad_request"),
        (["POST /api/v1/search HTTP/1.1", HOST, "Transfer-Encoding: gzip"], 501, "http_error"),
        (["GET /api/v1/status HTTP/1.1", HOST, "no header"], 400, "bad_request"),
        (["GET /api/v1/status HTTP/1.1", HOST, "Host: evil.example"], 400, "unknown_host"),
        (["GET /api/v1/status HTTP/1.1", "Host: evil.example", HOST], 400, "unknown_host"),
        (["GET /api/v1/status HTTP/1.1", "Host: localhost@evil.example"], 400, "unknown_host"),
        (["GET /api/v1/status HTTP/1.1", "Host: localhost:port"], 400, "unknown_host"),
        (["GET /api/v1/status HTTP/1.1", "Host:"], 400, "unknown_host"),
        (
            ["GET http://localhost/api/v1/status HTTP/1.1", "Host: evil.example"],
            400,
            "unknown_host",
        ),
        (["TRACE /api/v1/status HTTP/1.1", HOST], 405, "method_not_allowed"),
        (["FOO /api/v1/status HTTP/1.1", HOST], 405, "method_not_allowed"),
        (["PUT /api/v1/photos/1 HTTP/1.1", HOST], 405, "method_not_allowed"),
        (["DELETE /api/v1/photos/1 HTTP/1.1", HOST], 405, "method_not_allowed"),
        (["GET /api/v1/../../etc/passwd HTTP/1.1", HOST], 404, "not_found"),
        (["GET /api/v1/photos/%2e%2e%2f%2e%2e%2fetc HTTP/1.1", HOST], 404, "not_found"),
        (["GET /api/v1/photos/%252e%252e%252fetc HTTP/1.1", HOST], 404, "not_found"),
        (["GET /api/v1/photos/..\\..\\etc HTTP/1.1", HOST], 404, "not_found"),
        (["GET /api/v1/photos/1%00/original HTTP/1.1", HOST], 404, "not_found"),
        (["GET /api/v1/photos/1/thumbnail%00.png HTTP/1.1", HOST], 404, "not_found"),
        (["GET /api/v1/photos/99999999999999999999 HTTP/1.1", HOST], 404, "not_found"),
        (["GET /api/v1/photos/0x1 HTTP/1.1", HOST], 404, "not_found"),
    ],
)
def test_odd_request_is_refused_in_the_one_shape(
    site: str, lines: list[str], status: int, code: str
) -> None:
    answered, headers, content = ask(site, *lines)
    assert (answered, code_in(content)) == (status, code)
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert is_answered(site)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../web/config.py",
        "/static/%2e%2e/config.py",
        "/static/%252e%252e/config.py",
        "/static/..\\config.py",
        "/static/%2fetc/passwd",
        "/static//etc/passwd",
        "/static/base.css%00.png",
        "/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_nothing_but_the_pages_own_files_is_given_out(site: str, path: str) -> None:
    status, headers, content = ask(site, f"GET {path} HTTP/1.1", HOST)
    assert status == 404 or headers["location"].startswith("http://localhost/static/")
    assert b"root:" not in content
    assert b"WebConfig" not in content


def test_absolute_address_of_this_server_is_answered(site: str) -> None:
    status, _, _ = ask(site, f"GET {site}api/v1/healthz HTTP/1.1", HOST)
    assert status == 200


def test_request_of_the_last_century_is_answered(site: str) -> None:
    assert ask(site, "GET /api/v1/healthz HTTP/1.0", HOST)[0] == 200


# Too much of it


def bomb() -> bytes:
    """A PNG of some kilobytes that would fill gigabytes."""
    drawn = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(drawn, "PNG")
    return drawn.getvalue()


def test_many_bombs_at_once_are_refused_while_others_search(site: str) -> None:
    def send(data: bytes) -> int:
        head = ["POST /api/v1/search HTTP/1.1", HOST, "Content-Type: image/png"]
        status, _, content = ask(site, *head, f"Content-Length: {len(data)}", body=data)
        assert code_in(content) in {"unreadable_photo", "too_many_requests"}
        return status

    with ThreadPoolExecutor(2 * THREADS) as pool:
        answers = pool.map(send, [bomb()] * (2 * THREADS))
        assert is_answered(site)
        assert set(answers) <= {400, 429}


def test_pictures_that_wait_leave_workers_for_those_who_search(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = Event()
    monkeypatch.setattr(upload, "encode_photo", lambda *_: looking.wait(PATIENCE) and None)
    monkeypatch.setattr(type(engine), "similar", lambda *_: ())
    with running(engine, threads=THREADS) as url, ThreadPoolExecutor(THREADS) as pool:
        head = ["POST /api/v1/search HTTP/1.1", HOST, "Content-Type: image/png"]
        answers = [
            pool.submit(ask, url, *head, "Content-Length: 1", body=b"x") for _ in range(THREADS)
        ]
        done = as_completed(answers)
        refused = [next(done).result() for _ in range(THREADS - 6)]
        assert is_answered(url)
        looking.set()
        statuses = sorted(answer.result()[0] for answer in answers)
    assert {(status, headers["retry-after"]) for status, headers, _ in refused} == {(429, "1")}
    assert statuses == [200] * 6 + [429] * (THREADS - 6)


def test_bomb_of_many_frames_or_chunks_is_refused(engine: SearchEngine) -> None:
    client = visitor(engine, WebConfig())
    one = bomb()
    for data in (one[:-12] + one[-12:] * 50_000, one[:40] + b"\xff" * 200_000):
        response = client.post("/api/v1/search", data=data, content_type="image/png")
        assert response.status_code == 400
        assert code_in(response.data) == "unreadable_photo"


def test_picture_that_takes_for_ever_costs_the_server_nothing_but_a_decoder(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JPEG of a megabyte that repeats a scan five thousand times."""
    decoders = Decoders(limits=Limits(cpu_seconds=1, wall_seconds=PATIENCE))
    monkeypatch.setattr(upload, "upload_decoders", lambda: decoders)
    client, computed = visitor(engine, WebConfig()), time.process_time()
    response = client.post("/api/v1/search", data=endless_jpeg(), content_type="image/jpeg")
    decoders.close()
    assert response.status_code == 400
    assert code_in(response.data) == "unreadable_photo"
    assert "cannot be decoded within" in response.json["error"]["message"]
    assert time.process_time() - computed < 20  # and not the twenty minutes of its scans
