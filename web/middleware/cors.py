"""Which other sites' scripts may read the API: none, or those that were named to the server.

Knows nothing about who holds a token. Written here, since exact names are all that is wanted:
flask-cors takes a name with brackets, as IPv6 addresses have, for a pattern.
"""

from __future__ import annotations

from flask import Flask, Response, request

from web.context import current_config

_KEPT_SECONDS = 600
_SENT = "Authorization, Content-Type, If-None-Match, Range"
_READ = "Content-Disposition, Content-Range, ETag, Retry-After"
_METHODS = "GET, HEAD, POST, DELETE"


def share(app: Flask) -> None:
    """Tell browsers that scripts of the allowed origins may read what is under /api."""
    app.after_request(_allow)


def allowed_origin() -> str | None:
    """The origin of the page that asks, if it was named to the server; else None."""
    origin = request.headers.get("Origin", "").lower()
    return origin if origin in current_config().allow_origins else None


def is_preflight() -> bool:
    """Whether a browser asks, for an allowed page, what that may send; it shows no token then."""
    asked = "Access-Control-Request-Method" in request.headers
    return request.method == "OPTIONS" and asked and allowed_origin() is not None


def _allow(response: Response) -> Response:
    if not current_config().allow_origins or not request.path.startswith("/api/"):
        return response
    response.vary.add("Origin")
    origin = allowed_origin()
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _READ
    if is_preflight():
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _SENT
        response.headers["Access-Control-Max-Age"] = str(_KEPT_SECONDS)
    return response
