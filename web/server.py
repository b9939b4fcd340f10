"""The production server: waitress, one process, a pool of threads.

One process, because the model is loaded once and forking after a GPU was touched breaks.
Knows nothing about what the application does.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from flask import Flask
from waitress.server import create_server  # type: ignore[import-untyped]

THREADS = 8
# The app itself refuses bodies far below this, with a worded answer.
_MAX_BODY_BYTES = 32 << 20
_MAX_HEADER_BYTES = 64 << 10
_IDLE_SECONDS = 60


class PortUnavailable(OSError):
    """Nothing can listen on the wanted address and port."""


def serve(
    app: Flask,
    host: str,
    port: int,
    *,
    threads: int = THREADS,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve `app` until interrupted; `on_ready` gets the URL once it can be opened.

    Raises:
        PortUnavailable: another program has the port, or the address is not this machine's.
    """
    listener = _listen(host, port)
    server = create_server(
        app,
        sockets=[listener],
        threads=threads,
        ident="tellshow",
        max_request_body_size=_MAX_BODY_BYTES,
        max_request_header_size=_MAX_HEADER_BYTES,
        channel_timeout=_IDLE_SECONDS,
    )
    if on_ready is not None:
        on_ready(url_of(host, listener.getsockname()[1]))
    try:
        server.run()
    finally:
        server.close()


def url_of(host: str, port: int) -> str:
    """The address a browser on this machine opens."""
    if host in {"0.0.0.0", "::"}:
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PortUnavailable(f"cannot listen on {host} port {port}: {reason}") from error
    return listener
