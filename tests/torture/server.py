"""`tellshow serve` as a fork, for as long as a kind of torture needs it."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture.forks import PATIENCE, Ended, Fork, command

_PAGE = 4096


@dataclass
class Served:
    """A server that runs; `ended` is known once it was stopped."""

    url: str
    pid: int
    ended: Ended | None = None

    def ask(self, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
        """Status and body of the answer to a well-formed request."""
        request = urllib.request.Request(f"{self.url}{path}", body)
        if kind:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def read(self, path: str) -> Any:
        """The JSON answer to a GET."""
        return json.loads(self.ask(path)[1])

    def is_up(self) -> bool:
        """Whether it still answers."""
        try:
            return self.ask("api/v1/healthz")[0] == 200
        except OSError:
            return False

    def memory(self) -> int:
        """Its resident set, in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE


@contextmanager
def serving(home: Path, *options: str | Path) -> Iterator[Served]:
    """A server of a home, with no limit of requests; what it logged is known at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    arguments = ("serve", "--home", home, "--port", str(port), "--rate-limit", "0", *options)
    fork = Fork(command(*arguments))
    served = Served(f"http://127.0.0.1:{port}/", fork.pid)
    try:
        end = time.monotonic() + PATIENCE
        while not served.is_up() and time.monotonic() < end:
            time.sleep(0.1)
        yield served
    finally:
        fork.stop()
        served.ended = fork.wait()
