"""Ten thousand requests that no well-meaning client sends: schemathesis's, and raw ones."""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import socket
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.torture.server import Served, serving
from tests.torture.setting import Setting
from tests.torture.table import Outcome, Row, timed
from tests.web.raw_requests import connect

TOKEN = "pass-word"
# What OpenAPI has no words for: two dates must be in order, and bytes must be a picture.
SETTINGS = """
[[operations]]
include-name = ["GET /api/v1/search", "POST /api/v1/search"]
checks.positive_data_acceptance.enabled = false
"""
ODD = (
    "", "0", "-1", "1e309", "NaN", "Infinity", "9" * 400, "%00", "%ED%A0%80", "%FF%FE", "%0d%0a",
    "..%2f..%2f", "%252e%252e", "\\..\\", "true", "null", "[]", "{}", "'", '"', "<script>", "a^11",
    "%F0%9F%90%88", "%E2%80%AE", "%1b%5b2J", "2021-13-45", "2021-01-01T00:00", "on", "1.5", "+1",
    "%CC%81" * 200, "x" * 5000, "a+" * 2000, "%", "%zz", ";", "&", "=", "#", "?",
)  # fmt: skip
BODIES = (
    b"[" * 100_000, b'{"a":' * 50_000, b"{", b"nul", b"NaN", b"1e999", b'{"folder":NaN}',
    b'{"folder":1,"folder":2}', b'{"folder":"\\u0000"}', b'{"sentences":["\\ud800"]}',
    b'{"sentences":["' + b"a " * 4000 + b'"]}', b'{"sentences":' + b"[" * 90_000,
    b'{"sentences":[1,null,{}]}', b'{"sentences":[]}', b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"",
    b'{"sentences":["a cat"],"k":1' + b"0" * 5000 + b"}", b'"' + b"\\" * 9999 + b'"',
)  # fmt: skip
HEADERS = (
    "Range: bytes=0-", "Range: bytes=-5", "Range: bytes=9-1", "Range: bytes=0-0,2-2,4-4",
    "Range: bytes=99999999999999999999-", "Range: lines=1-2", "If-Range: yesterday",
    'If-None-Match: *, "a", W/"b"', "If-None-Match: " + '"x",' * 999, 'If-Match: "a"',
    "If-Modified-Since: Thu, 99 Foo 2099", "If-Unmodified-Since: 0", "Accept: ;;;q=NaN",
    "Accept-Encoding: gzip;q=-1", "Accept-Language: \x80\xff", "Authorization: Bearer",
    "Authorization: Basic ====", "Cookie: tellshow_session=\x80", "Cookie: a;b;;=;",
    "Origin: null", "Origin: http://[::", "Content-Type: multipart/form-data",
    "Expect: 100-continue",
    "Content-Type: multipart/form-data; boundary=\x80", "Content-Type: application/json; charset=x",
    "Content-Encoding: gzip", "Upgrade: h2c", "Connection: upgrade", "X-Forwarded-For: ::::",
    "Transfer-Encoding: chunked", "Content-Length: 1_0", "Content-Length: -1", "Host: [::1",
    "Host: evil.example", "Host: localhost:99999999", "X: " + "y" * 9000, "no colon here",
)  # fmt: skip
METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "get",
    "A" * 300,
    "",
)
NAMES = (
    "q", "k", "offset", "stage", "not", "rather_than", "from", "to", "camera", "page", "token", "v",
    "near", "folder", "prefix", "sentences",
)  # fmt: skip
TYPES = ("application/json", "image/jpeg", "text/plain", "application/x-www-form-urlencoded")
CALM = 501  # the one status above 500 that says no more than that something is not done here
SHORT = 4096  # bytes of an answer, more than any refusal's
QUIET = 1.0  # seconds without an answer, until the end of the request is said


def run(setting: Setting) -> Iterator[Row]:
    """Send them; none may end in a 500 or in a traceback, and the server still answers."""
    for what, send in (("requests of schemathesis", _schemathesis), ("raw requests", _raw)):
        if setting.wants(what):
            row = Row(what)
            send(setting, row)
            yield row


def _schemathesis(setting: Setting, row: Row) -> None:
    settings = setting.folder / "schemathesis.toml"
    settings.write_text(SETTINGS)
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists():
        row.skipped = "it is not installed"
        return
    with timed(row), setting.copied_home() as home:
        with serving(home, "--token", TOKEN) as served:
            done = subprocess.run(
                [program, *_options(setting, settings, served.url)],
                cwd=setting.folder,
                env={**os.environ, "HOME": str(setting.folder), "HTTP_PROXY": "", "http_proxy": ""},
                capture_output=True,
                text=True,
            )
            up = served.is_up()
        numbers = re.findall(r"([\d,]+) generated", done.stdout)
        count = max((int(number.replace(",", "")) for number in numbers), default=1)
        good = done.returncode == 0 and up and not _traces(served)
        row.add(Outcome.RIGHT, times=count - (not good))
        if not good:
            row.add(Outcome.WRONG, f"{done.stdout[-1500:]} {done.stderr} {_traces(served)}")


def _options(setting: Setting, settings: Path, url: str) -> list[str | Path]:
    """As in tests/web/test_schemathesis.py, but many more examples."""
    return [
        "--config-file", settings, "--no-color", "run", f"{url}openapi.json",
        "--header", f"Authorization: Bearer {TOKEN}", "--seed", str(setting.seed),
        "--max-examples", str(setting.times(30)), "--generation-database", "none",
        "--request-timeout", "120", "--suppress-health-check", "all",
        "--exclude-path", "/api/v1/events", "--continue-on-failure",
    ]  # fmt: skip


def _raw(setting: Setting, row: Row) -> None:
    with timed(row), setting.copied_home() as home:
        with serving(home, "--allow-index", setting.album) as served:
            paths = [*served.read("openapi.json")["paths"], "/", "/photos/{id}", "/static/base.css",
                     "/api", "/collection", "/look"]  # fmt: skip
            for number in range(setting.times(9000)):
                dice = setting.dice("request", number)
                request = _request(dice, paths)
                row.add(*_send(served, request))
            if not served.is_up():
                row.add(Outcome.LOST, "the server answers no more")
        if traces := _traces(served):
            row.add(Outcome.WRONG, traces)


def _traces(served: Served) -> str:
    """The tracebacks in the server's log, or ""."""
    told = served.ended.output if served.ended else ""
    return told[max(0, told.find("Traceback") - 300) :][:3000] if "Traceback" in told else ""


def _send(served: Served, request: bytes) -> tuple[Outcome, str]:
    try:
        with connect(served.url, timeout=120) as connection:
            with contextlib.suppress(OSError):  # it was refused before its end
                connection.sendall(request)
            answer = _answer(connection)
    except OSError as error:
        return Outcome.WRONG, f"{request[:300]!r}: {error}"
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    status = int(found[1]) if found else 0
    if status >= 500 and status != CALM and not _has_too_many_streams(answer):
        return Outcome.WRONG, f"{request[:600]!r}: {answer[:300]!r}"
    return (Outcome.RIGHT if 100 <= status < 400 else Outcome.NAMED), ""


def _answer(connection: socket.socket) -> bytes:
    """The beginning of the answer, all of it where it is short; b"" for none."""
    if not select.select([connection], [], [], QUIET)[0]:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)  # it waits for more than was sent
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while len(answer) < SHORT and (part := connection.recv(SHORT)):
            answer += part
            _, end, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: (\d+)\r\n", answer)
            if end and (length is None or len(body) >= int(length[1])):
                break
    return answer


def _has_too_many_streams(answer: bytes) -> bool:
    """Whether it is the refusal of a fourth stream of events, which says when to ask again.

    The streams before it were left a moment ago, and the server looks for that twice a second.
    """
    return b'"too_many_streams"' in answer and b"\r\nRetry-After: " in answer


def _request(dice: random.Random, paths: list[str]) -> bytes:
    """A request that is wrong in one place or in some."""
    path = re.sub(r"\{\w+\}", lambda _: dice.choice((*ODD, *"1234567" * 3)), dice.choice(paths))
    if dice.random() < 0.1:
        path = dice.choice(("//", "/\\", "/%2f", "*", "http://localhost", "/./", "")) + path
    if dice.random() < 0.7:
        names = (*NAMES, "".join(dice.choices(string.printable, k=3)))
        values = (*ODD, *("a+cat", "1", "2") * 10)
        pairs = [f"{dice.choice(names)}={dice.choice(values)}" for _ in range(dice.randrange(1, 5))]
        path += "?" + "&".join(pairs).replace(" ", "+").replace("\n", "%0a")
    method = dice.choice(METHODS if dice.random() < 0.15 else ("GET", "GET", "GET", "POST"))
    body = dice.choice((*BODIES, dice.randbytes(dice.randrange(300)))) if method == "POST" else b""
    version = dice.choice(("HTTP/1.1",) * 20 + ("HTTP/1.0", "HTTP/9.9", "FTP/1", ""))
    lines = [f"{method} {path} {version}"]
    if dice.random() < 0.95:
        lines.append("Host: localhost")
    lines += dice.sample(HEADERS, dice.choice((0, 0, 1, 2)))
    if body and dice.random() < 0.9:
        kind = dice.choice(TYPES)
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    head = "\r\n".join([*lines, "Connection: close"]).encode("latin-1", "replace")
    request = head + b"\r\n\r\n" + body
    if dice.random() < 0.1:  # noise on the line
        place = dice.randrange(len(request))
        request = request[:place] + dice.randbytes(dice.randrange(1, 9)) + request[place + 1 :]
    return request
