"""CORS headers: scripts of the origins in WebConfig.allow_origins may read what is under /api.

Written here because exact names are all that is wanted: flask-cors takes a name with brackets,
as IPv6 addresses have, for a pattern.
"""

from __future__ import annotations

from flask import Flask, Response, request

from web.context import current_config

_PREFLIGHT_SECONDS = 600
_REQUEST_HEADERS = "Authorization, Content-Type, If-None-Match, Range"
_RESPONSE_HEADERS = "Content-Disposition, Content-Range, ETag, Retry-After"
_METHODS = "GET, HEAD, POST, DELETE"


def allow_origins(app: Flask) -> None:
    """Add CORS headers to the answers of `app`."""
    app.after_request(_add_cors_headers)


def allowed_origin() -> str | None:
    """The request's origin where it is one of the allowed ones; else None."""
    origin = request.headers.get("Origin", "").lower()
    return origin if origin in current_config().allow_origins else None


def is_preflight() -> bool:
    """Whether this is a preflight request of an allowed origin; browsers send no token with it."""
    asked = "Access-Control-Request-Method" in request.headers
    return request.method == "OPTIONS" and asked and allowed_origin() is not None


def _add_cors_headers(response: Response) -> Response:
    if not current_config().allow_origins or not request.path.startswith("/api/"):
        return response
    response.vary.add("Origin")
    origin = allowed_origin()
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _RESPONSE_HEADERS
    if is_preflight():
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response
