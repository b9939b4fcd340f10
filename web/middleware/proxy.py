"""Where the application is reached: the path it lies under, and the proxy that asks for others.

WSGI, and free of Flask, since a server that still loads lies there, too. What a proxy says
(X-Forwarded-For, -Proto, -Host and -Prefix) is believed of the trusted one alone; werkzeug's
ProxyFix then writes it where requests have it. Of what was handed on by several proxies, each of
which adds its own, the last one counts: the rest may be the client's invention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from web.config import BASE_PATH, WebConfig, is_address, is_within

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


_CHECKS: dict[str, Callable[[str], bool]] = {
    "FOR": is_address,
    "PROTO": lambda scheme: scheme in ("http", "https"),
    "PREFIX": lambda path: BASE_PATH.fullmatch(path) is not None,
}
_EMPTY = [("Content-Length", "0"), ("X-Content-Type-Options", "nosniff")]


def behind_proxy(app: WSGIApplication, config: WebConfig) -> WSGIApplication:
    """`app` under its base path, for the clients of its trusted proxy; as it is without either."""
    mounted = _under(app, config.base_path) if config.base_path else app
    if config.trusted_proxy is None:
        return mounted
    told = ProxyFix(mounted, x_for=1, x_proto=1, x_host=1, x_prefix=1)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not is_within(environ.get("REMOTE_ADDR", ""), config.trusted_proxy):
            return mounted(environ, start_response)
        _forget_malformed(environ)
        return told(environ, start_response)

    return answer


def _forget_malformed(environ: WSGIEnvironment) -> None:
    """Remove what no proxy would say by itself, but may have handed on from a client."""
    for name, is_sound in _CHECKS.items():
        last = environ.get(f"HTTP_X_FORWARDED_{name}", "").rpartition(",")[2].strip().rstrip("/")
        if is_sound(last):
            environ[f"HTTP_X_FORWARDED_{name}"] = last
        else:
            environ.pop(f"HTTP_X_FORWARDED_{name}", None)


def _under(app: WSGIApplication, base: str) -> WSGIApplication:
    """`app` for the paths below `base`, which leads to them; elsewhere there is nothing."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, root = environ.get("PATH_INFO", ""), environ.get("SCRIPT_NAME", "")
        if root == base:  # a proxy has taken it off the path, and said so
            return app(environ, start_response)
        if path.startswith(f"{base}/"):
            environ["SCRIPT_NAME"] = root + base
            environ["PATH_INFO"] = path[len(base) :]
            return app(environ, start_response)
        if path in ("", "/", base):
            query = environ.get("QUERY_STRING", "")
            location = f"{root}{base}/" + (f"?{query}" if query else "")
            start_response("307 Temporary Redirect", [("Location", location), *_EMPTY])
            return []
        start_response("404 Not Found", _EMPTY)
        return []

    return answer
