"""The production server: waitress, in one process with a pool of threads.

One process, because the model is loaded once, and forking after CUDA was initialised breaks.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, Any, ClassVar

from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]
from waitress.task import ErrorTask  # type: ignore[import-untyped]

from web.addresses import url_of
from web.config import is_within
from web.problems import problem_of

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

# Most of them only wait for one of the engine's few workers: see web.middleware.worker_queue.
THREADS = 64
# The app itself refuses bodies far below this, with a worded answer.
_MAX_BODY_BYTES = 32 << 20
_MAX_HEADER_BYTES = 64 << 10
_IDLE_SECONDS = 60
_CONNECTIONS = 500
# So many of them may come from one address: a browser opens six, fifty programs one each.
CONNECTIONS_OF_ONE_ADDRESS = 100


@dataclass(frozen=True)
class Timeouts:
    """Seconds a client may take for a request's header, for all of it, and to read an answer.

    `ahead`: bytes of an answer that are buffered before its client has read them. A thread is
    free once it has written all; a photo's file mostly fits.
    """

    header: float = 30
    request: float = 300
    answer: float = 60
    ahead: int = 64 << 20


TIMEOUTS = Timeouts()


class PortUnavailable(OSError):
    """Nothing can listen on the wanted address and port."""


class JsonErrorTask(ErrorTask):  # type: ignore[misc]
    """An error of waitress itself, in the one JSON shape of the API's errors."""

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


class NamedRequest(HTTPRequestParser):  # type: ignore[misc]
    """A request that has a path even where it is too malformed to have one: waitress logs it."""

    path = ""


class TimedChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that is closed when its client exceeds one of the timeouts."""

    error_task_class = JsonErrorTask
    parser_class = NamedRequest
    timeouts: ClassVar[Timeouts] = Timeouts()
    trusted_proxy: ClassVar[str | None] = None
    will_close: bool
    _request_began: float | None = None

    def __init__(self, server: Any, sock: Any, addr: Any, adj: Any, map: Any = None) -> None:
        """Take a connection; of one address with too many, the longest idle gives way to it."""
        super().__init__(server, sock, addr, adj, map)
        self._request_began = time.monotonic()  # one that says nothing is as slow as can be
        if not is_within(addr[0], self.trusted_proxy):
            others = server.active_channels.values()
            self._make_room([each for each in others if each.addr[0] == addr[0]])

    def received(self, data: bytes) -> Any:
        """Receive a part of a request, and note when its first part came."""
        done = super().received(data)
        if self.request is None:
            self._request_began = None
        elif self._request_began is None:
            self._request_began = time.monotonic()
        return done

    def readable(self) -> Any:
        """Close a connection that timed out; waitress asks every connection about once a second."""
        if not self.will_close and self._timed_out():
            self.hang_up()
        return super().readable()

    def _make_room(self, same_address: Sequence[TimedChannel]) -> None:
        """Hang up on one of too many connections: one with no request, else the newest."""
        if len(same_address) <= CONNECTIONS_OF_ONE_ADDRESS:
            return
        idle = [each for each in same_address if not each.requests and not each.will_close]
        (min(idle, key=lambda each: float(each.last_activity)) if idle else self).hang_up()

    def hang_up(self) -> None:
        """Let waitress close the connection when it next looks at it."""
        self.will_close = True
        # Where nobody reads, the socket never becomes writable, and waitress would wait on.
        with suppress(OSError):
            self.socket.shutdown(SHUT_RDWR)

    def close(self) -> None:
        """Close the connection, and free a thread that waits for it."""
        self.handle_close()

    def _timed_out(self) -> bool:
        if self.total_outbufs_len:
            return bool(time.time() - self.last_activity > self.timeouts.answer)
        if self._request_began is None or self.requests:
            return False
        arrived = self.request is not None and self.request.headers_finished
        allowed = self.timeouts.request if arrived else self.timeouts.header
        return time.monotonic() - self._request_began > allowed


def channel_class(timeouts: Timeouts, trusted_proxy: str | None) -> type[TimedChannel]:
    """The connections of one server, with its timeouts; a proxy may have as many as it likes."""
    settings = {"timeouts": timeouts, "trusted_proxy": trusted_proxy}
    return type("ConfiguredChannel", (TimedChannel,), settings)


class Server:
    """A server that already listens, on `port`; `url`: for a browser on this machine."""

    def __init__(
        self,
        app: WSGIApplication,
        host: str,
        port: int,
        threads: int = THREADS,
        trusted_proxy: str | None = None,
        timeouts: Timeouts = TIMEOUTS,
    ) -> None:
        """Listen on `host` and `port`; port 0 takes any free one.

        `trusted_proxy`, an address or a network, may have as many connections as it likes.

        Raises:
            PortUnavailable: another program has the port, or the address is not this machine's.
        """
        listener = _listen(host, port)
        self.port: int = listener.getsockname()[1]
        self.url = url_of(host, self.port)
        self._sockets: dict[int, Any] = {}
        self._stopping = threading.Lock()
        self._ended = False
        self._waitress = create_server(
            app,
            map=self._sockets,
            sockets=[listener],
            threads=threads,
            ident="tellshow",
            max_request_body_size=_MAX_BODY_BYTES,
            max_request_header_size=_MAX_HEADER_BYTES,
            channel_timeout=_IDLE_SECONDS,
            connection_limit=_CONNECTIONS,
            outbuf_high_watermark=timeouts.ahead,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False,  # web.middleware.proxy knows whom to believe
            channel_request_lookahead=1,  # else nobody notices a client that goes away
        )
        self._waitress.channel_class = channel_class(timeouts, trusted_proxy)

    def run(self) -> None:
        """Answer requests until interrupted, or until another thread calls `stop`."""
        try:
            self._waitress.run()
        finally:
            for connection in list(self._waitress.active_channels.values()):
                connection.close()
            self._waitress.task_dispatcher.shutdown()
            with self._stopping:
                self._waitress.close()
                self._ended = True

    def stop(self) -> None:
        """Make `run` return; safe to call from any thread, and more than once.

        What wakes the server stays open until nobody uses it any more: a byte written to it later
        would go to whatever file was given its number.
        """
        with self._stopping:
            if not self._ended:
                self._waitress.trigger.pull_trigger(self._sockets.clear)  # its loop ends then


class RunningServer:
    """A server that answers in a thread of its own."""

    def __init__(self, server: Server, ended: Future[None]) -> None:
        self.url = server.url
        self._server = server
        self._ended = ended

    def wait(self) -> None:
        """Return when the server has ended: after a KeyboardInterrupt here, or by its own fault.

        Raises what the server raised.
        """
        with suppress(KeyboardInterrupt):
            while not self._ended.done():
                wait([self._ended], timeout=1)  # on Windows an endless wait hears no Ctrl-C
        self._server.stop()
        self._ended.result()


@contextmanager
def answering(server: Server) -> Iterator[RunningServer]:
    """While this is open, `server` answers in a thread of its own; stopped at the end."""
    with ThreadPoolExecutor(1, "server") as thread:
        running = RunningServer(server, thread.submit(server.run))
        try:
            yield running
        finally:
            server.stop()


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, of the first kind of address that `host` stands for."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        return _bound(socket.socket(family, kind, protocol), address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PortUnavailable(f"Cannot listen on {host} port {port}: {reason}.") from error


def _bound(listener: socket.socket, address: Any) -> socket.socket:
    try:
        # A server started again at once must not wait for the old connections to fade.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener
