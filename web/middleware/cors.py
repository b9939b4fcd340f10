"""CORS headers: scripts of the origins in WebConfig.allow_origins may read what is under /api.

Written here because exact names are all that is wanted: flask-cors takes a name with brackets,
as IPv6 addresses have, for a pattern.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from flask import Flask, Response, request

_PREFLIGHT_SECONDS = 600
_REQUEST_HEADERS = "Authorization, Content-Type, If-None-Match, Range"
_RESPONSE_HEADERS = "Content-Disposition, Content-Range, ETag, Retry-After"
_METHODS = "GET, HEAD, POST, PATCH, DELETE"


def allow_origins(app: Flask, origins: Collection[str]) -> None:
    """Add CORS headers to the answers of `app`, where any origin is allowed."""
    if origins:
        app.after_request(partial(_add_cors_headers, origins))


def allowed_origin(origins: Collection[str]) -> str | None:
    """The request's origin where it is one of these; else None."""
    origin = request.headers.get("Origin", "").lower()
    return origin if origin in origins else None


def is_preflight(origins: Collection[str]) -> bool:
    """Whether this is a preflight request of an allowed origin; browsers send no token with it."""
    asked = "Access-Control-Request-Method" in request.headers
    return request.method == "OPTIONS" and asked and allowed_origin(origins) is not None


def _add_cors_headers(origins: Collection[str], response: Response) -> Response:
    if not request.path.startswith("/api/"):
        return response
    response.vary.add("Origin")
    origin = allowed_origin(origins)
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _RESPONSE_HEADERS
    if is_preflight(origins):
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response
