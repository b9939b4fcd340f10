"""The configuration of the web application, and which addresses only this machine reaches."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

# As browsers write it: neither a wildcard nor "null" is one.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")
_TOKEN = re.compile(r"[^\s\x00-\x1f\x7f]+")
# Segments of unreserved characters (RFC 3986) that are not dots alone; no slash at the end.
BASE_PATH = re.compile(r"(/(?!\.+(/|$))[A-Za-z0-9._~-]+)+")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class TokenRequired(ValueError):
    """Other machines could reach the page, yet no token protects it."""


class InvalidToken(ValueError):
    """The token is empty, or has characters that get lost on the way."""


class InvalidOrigin(ValueError):
    """An allowed origin is not written as browsers write it."""


class InvalidBasePath(ValueError):
    """The path that the application shall lie under is none, or has characters that get lost."""


class InvalidProxy(ValueError):
    """What is to be trusted is no address, and no network of addresses."""


@dataclass(frozen=True)
class WebConfig:
    """Settings of one web application.

    `trusted_hosts` are further names that browsers may use for this machine, beside the
    loopback names and `host` itself; needed behind a reverse proxy, for example. A request may
    carry `max_body_bytes`, and a picture of `max_upload_bytes` more where it may carry one.
    Scripts of the sites `allow_origins` may read the API. A client may ask `rate_limit` times a
    minute; 0 sets no limit.
    All of it lies under `base_path`, which begins with a slash and ends without one. What
    `trusted_proxy`, an address or a network of them, says of its clients, of https, and of the name
    and path by which it is asked, is believed.
    With `metrics` Prometheus finds them at /metrics. With `log_requests` each is logged, with
    `log_queries` the sentence that it searched for, too.
    Visitors may have the folders `indexable` indexed, by `index_command` with a folder behind it.

    Raises:
        TokenRequired: `host` is reachable from other machines and `token` is empty.
        InvalidToken: `token` is empty, or has spaces or control characters.
        InvalidOrigin: one of `allow_origins` is no scheme, host and port.
        InvalidBasePath: `base_path` is no path such as /photos.
        InvalidProxy: `trusted_proxy` is no address and no network.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    title: str = "tellshow"
    page_size: int = 25
    max_body_bytes: int = 1 << 20
    max_upload_bytes: int = 20_000_000
    allow_origins: tuple[str, ...] = ()
    rate_limit: int = 6000
    base_path: str = ""
    trusted_proxy: str | None = None
    metrics: bool = False
    log_requests: bool = False
    log_queries: bool = False
    indexable: tuple[Path, ...] = ()
    index_command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse to open the photos to the network without a token."""
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise InvalidToken(
                "a token is at least one character long and has no spaces; "
                "leave it out to have none, or one made up"
            )
        if not self.token and not is_loopback(self.host):
            raise TokenRequired(
                f"listening on {self.host} lets other machines in, so a token is needed"
            )
        for origin in self.allow_origins:
            if not _ORIGIN.fullmatch(origin):
                raise InvalidOrigin(
                    f"an origin is written as https://photos.example or http://localhost:3000, "
                    f"in small letters and without a path, not {origin!r}"
                )
        if self.base_path and not BASE_PATH.fullmatch(self.base_path):
            raise InvalidBasePath(
                "a base path is written as /photos, of letters, digits and . _ ~ - between "
                f"slashes, not {self.base_path!r}"
            )
        _check_proxy(self.trusted_proxy)

    @property
    def accepted_names(self) -> frozenset[str]:
        """Names and addresses a request may give in its Host header, in lower case."""
        return frozenset(name.lower() for name in (*LOOPBACK_NAMES, self.host, *self.trusted_hosts))

    @property
    def listens_everywhere(self) -> bool:
        """Whether `host` stands for every address of the machine (0.0.0.0 or ::)."""
        return is_address(self.host) and ip_address(self.host).is_unspecified


def _check_proxy(network: str | None) -> None:
    try:
        ip_network(network or "127.0.0.1", strict=False)
    except ValueError as error:
        raise InvalidProxy(
            "a proxy is named by the address that it asks from, as 127.0.0.1, or by a network of "
            f"addresses, as 172.16.0.0/12, not {network!r}"
        ) from error


def is_within(address: str, network: str | None) -> bool:
    """Whether an address is `network`, or in it; False where either is none."""
    if network is None or not is_address(address):
        return False
    found = ip_address(address)
    # What listens on :: sees IPv4 addresses as ::ffff:127.0.0.1.
    mapped = found.ipv4_mapped if found.version == 6 else None
    return (mapped or found) in ip_network(network, strict=False)


def is_address(name: str) -> bool:
    """Whether `name` is an IPv4 or IPv6 address rather than a host name."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if is_address(host):
        return ip_address(host).is_loopback
    return host.lower() == "localhost"


def new_token() -> str:
    """A fresh random token, safe to put in a URL."""
    return secrets.token_urlsafe(24)
