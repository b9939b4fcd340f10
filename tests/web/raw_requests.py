"""Requests byte by byte, as no well-meaning client would send them."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit


def connect(site: str, timeout: float = 300) -> socket.socket:
    """A connection to the server behind a URL."""
    place = urlsplit(site)
    assert place.hostname
    assert place.port
    return socket.create_connection((place.hostname, place.port), timeout=timeout)


def read_all(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def ask(site: str, *lines: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in small letters) and body of the answer to a request's lines."""
    with connect(site) as connection:
        head = "".join(f"{line}\r\n" for line in (*lines, "Connection: close"))
        connection.sendall(head.encode("latin-1") + b"\r\n" + body)
        answer = read_all(connection)
    top, _, content = answer.partition(b"\r\n\r\n")
    status, *fields = top.decode("latin-1").split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    return int(status.split()[1]), {k.lower(): v for k, v in headers.items()}, content


def code_in(content: bytes) -> str:
    """The code of an error, after a check of its one shape."""
    answer: dict[str, Any] = json.loads(content)
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"code", "message", "hint"}
    return str(answer["error"]["code"])
