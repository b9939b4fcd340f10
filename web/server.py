"""The production server: waitress, one process, a pool of threads.

One process, because the model is loaded once and forking after a GPU was touched breaks.
Knows nothing about what the application does.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from flask import Flask
from waitress.server import create_server  # type: ignore[import-untyped]

from web.channel import Patience, patient

# Most of them only wait for one of the few that think: see web.turns.
THREADS = 64
# The app itself refuses bodies far below this, with a worded answer.
_MAX_BODY_BYTES = 32 << 20
_MAX_HEADER_BYTES = 64 << 10
_IDLE_SECONDS = 60
PATIENCE = Patience()
_CONNECTIONS = 500


class PortUnavailable(OSError):
    """Nothing can listen on the wanted address and port."""


class Server:
    """A server that already listens; `url` is what a browser on this machine opens."""

    def __init__(
        self,
        app: Flask,
        host: str,
        port: int,
        threads: int = THREADS,
        trusted_proxy: str | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        """Listen on `host` and `port`; port 0 takes any free one.

        What `trusted_proxy`, an address, says of its clients and of https is believed.

        Raises:
            PortUnavailable: another program has the port, or the address is not this machine's.
        """
        listener = _listen(host, port)
        self.url = url_of(host, listener.getsockname()[1])
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
            outbuf_high_watermark=patience.ahead,
            asyncore_use_poll=True,
            **_proxy_settings(trusted_proxy),
            channel_request_lookahead=1,  # else nobody notices a client that goes away
        )
        self._waitress.channel_class = patient(patience)

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


def serve(
    app: Flask,
    host: str,
    port: int,
    *,
    threads: int = THREADS,
    trusted_proxy: str | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve `app` until interrupted; `on_ready` gets the URL once it can be opened.

    Raises:
        PortUnavailable: another program has the port, or the address is not this machine's.
    """
    server = Server(app, host, port, threads, trusted_proxy)
    if on_ready is not None:
        on_ready(server.url)
    server.run()


def url_of(host: str, port: int) -> str:
    """The address a browser on this machine opens."""
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{own}]:{port}/" if ":" in own else f"http://{own}:{port}/"


def _proxy_settings(address: str | None) -> dict[str, Any]:
    if address is None:
        return {}
    headers = {"x-forwarded-for", "x-forwarded-proto"}
    return {
        "trusted_proxy": address,
        "trusted_proxy_count": 1,
        "trusted_proxy_headers": headers,
        "clear_untrusted_proxy_headers": True,
    }


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
