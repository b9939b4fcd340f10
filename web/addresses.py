"""The addresses by which a server is opened, on this machine and from others of its network."""

from __future__ import annotations

import socket
from contextlib import suppress

# Of the block for documentation (RFC 5737): nothing is sent there, only a way to it is chosen.
_ELSEWHERE = ("192.0.2.1", 9)


def url_of(host: str, port: int, base_path: str = "") -> str:
    """The address a browser on this machine opens."""
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    name = f"[{own}]" if ":" in own else own
    return f"http://{name}:{port}{base_path}/"


def network_addresses() -> list[str]:
    """The IPv4 addresses by which other machines may reach this one, the likeliest first."""
    found: list[str] = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_ELSEWHERE)
        found.append(probe.getsockname()[0])
    with suppress(OSError):
        own = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_STREAM)
        found += [str(each[4][0]) for each in own]
    return [each for each in dict.fromkeys(found) if not each.startswith("127.")]
