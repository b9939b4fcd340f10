"""One connection to the server: how long it may take, and how its faults are worded.

Knows nothing about routes. waitress reads and writes all connections in one thread, so a slow
one costs no worker; but it would wait for one byte a minute for ever, and with it hold a place
among the connections, or a worker whose answer nobody takes off.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from socket import SHUT_RDWR
from typing import Any, ClassVar

from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.task import ErrorTask  # type: ignore[import-untyped]

from web.errors import problem_of


@dataclass(frozen=True)
class Patience:
    """Seconds: for a request's header, for all of it, and for an answer that nobody takes off.

    `ahead`: bytes of an answer that are written before its client has read them. A worker is
    free once it has written all; a photo's file mostly fits.
    """

    header: float = 30
    request: float = 300
    answer: float = 60
    ahead: int = 64 << 20


class WordedFault(ErrorTask):  # type: ignore[misc]
    """What waitress itself refuses, in the one shape of the API's errors."""

    def execute(self) -> None:
        """Write the answer."""
        error = self.request.error
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [
            ("Content-Type", "application/json"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        body = json.dumps(problem_of(error.code).to_json()).encode()
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that is closed when its client takes too long."""

    error_task_class = WordedFault
    patience: ClassVar[Patience] = Patience()
    will_close: bool
    _began: float | None = None

    def received(self, data: bytes) -> Any:
        """Take in a part of a request, and remember when its first part came."""
        done = super().received(data)
        if self.request is None:
            self._began = None
        elif self._began is None:
            self._began = time.monotonic()
        return done

    def readable(self) -> Any:
        """Asked of every connection about once a second."""
        if not self.will_close and self._takes_too_long():
            self.will_close = True
            # Where nobody reads, the socket never becomes writable, and waitress would wait on.
            with suppress(OSError):
                self.socket.shutdown(SHUT_RDWR)
        return super().readable()

    def close(self) -> None:
        """Close the connection, and let go of a worker that waits for it."""
        self.handle_close()

    def _takes_too_long(self) -> bool:
        if self.total_outbufs_len:
            return bool(time.time() - self.last_activity > self.patience.answer)
        if self._began is None or self.request is None:
            return False
        arrived = self.request.headers_finished
        allowed = self.patience.request if arrived else self.patience.header
        return time.monotonic() - self._began > allowed


def patient(patience: Patience) -> type[Channel]:
    """A kind of connection with a patience of its own."""
    return type("PatientChannel", (Channel,), {"patience": patience})
