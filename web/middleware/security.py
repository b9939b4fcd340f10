"""Security of every request: host, origin, token and size checks, and response headers.

The host check is written here because Flask's own (TRUSTED_HOSTS) never matches an IPv6 address
and cannot say "any bare address".
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from urllib.parse import quote, urlencode, urlsplit

from flask import Flask, Request, Response, redirect, request
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    RequestEntityTooLarge,
    SecurityError,
    Unauthorized,
)
from werkzeug.wrappers import Response as BaseResponse

from web.config import WebConfig, is_address
from web.middleware.cors import allow_origins, allowed_origin, is_preflight
from web.middleware.headers import SECURITY_HEADERS
from web.middleware.rate_limit import rate_limiter, wrong_tokens
from web.middleware.route_marks import Mark, request_has

COOKIE = "tellshow_session"
_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIE_SECONDS = 30 * 24 * 3600


def protect(app: Flask, config: WebConfig) -> None:
    """Put every check in front of the routes of `app`, and the headers behind them."""
    names, count = config.accepted_names, rate_limiter(app, config.rate_limit)

    @app.before_request
    def check() -> BaseResponse | None:
        _check_host(config, names)
        _check_query()
        count()  # before the token, so that nobody guesses it quickly
        _check_origin(config)
        _check_size(config)
        return _check_token(config)

    @app.after_request
    def complete(response: Response) -> Response:
        _add_headers(response, config)
        _set_session_cookie(response, config)
        return response

    allow_origins(app, config.allow_origins)


def _check_host(config: WebConfig, names: Collection[str]) -> None:
    """Refuse a Host header that names another machine (DNS rebinding); raises SecurityError."""
    name = _host_name(request.host)
    if name in names:
        return
    # A forged name needs a name: a bare address cannot be rebound to this machine.
    if not (config.listens_everywhere and is_address(name)):
        raise SecurityError(f"{name or 'an empty name'} is not a name of this server")


def _check_query() -> None:
    """Refuse bytes that are no UTF-8 in the query, which Werkzeug cannot read; raises BadRequest.

    An address is ASCII (RFC 3986), but who sends UTF-8 as it is means what it says.
    """
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        request.environ["QUERY_STRING"] = ""  # else the answer itself could not read it
        raise BadRequest("the query is not UTF-8") from None


def _host_name(host: str) -> str:
    """`host` without port and brackets, in lower case; request.host has well-formed ones only."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _check_origin(config: WebConfig) -> None:
    """Refuse what a page of another site sends (CSRF); raises Forbidden.

    Browsers name the page in Origin; programs send no such header.
    """
    origin = request.headers.get("Origin")
    if origin is None or request.method in _READING_METHODS:
        return
    if not _is_same_host(origin, request.host) and not allowed_origin(config.allow_origins):
        raise Forbidden("a page of another site may not send this")


def _is_same_host(origin: str, host: str) -> bool:
    """Whether an origin is this server; its scheme may be that of a proxy in front."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _check_size(config: WebConfig) -> None:
    """Refuse a body that is declared too large; raises RequestEntityTooLarge."""
    limit = config.max_body_bytes
    if request_has(Mark.TAKES_UPLOAD):
        limit += config.max_upload_bytes
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge(f"a request may carry at most {limit:,} bytes")


def _check_token(config: WebConfig) -> BaseResponse | None:
    """Ask for the token; a page opened with it in the URL is redirected to its URL without it.

    Raises Unauthorized.
    """
    if config.token is None or request_has(Mark.OPEN_TO_ALL):
        return None
    if is_preflight(config.allow_origins):
        return None
    if _has_cookie(request, config) and "token" not in request.args:
        return None
    if _shows_a_token(request):
        wrong_tokens().check()  # before it is looked at, so that guessing tells nothing
    if _token_in_url(request, config) and not request.path.startswith("/api/"):
        return redirect(_url_without_token(), 303)
    if not (_token_in_url(request, config) or _has_token(request, config)):
        if _shows_a_token(request):
            wrong_tokens().hit()
        raise Unauthorized("this server needs its token")
    return None


def _shows_a_token(visitor: Request) -> bool:
    return "token" in visitor.args or "Authorization" in visitor.headers


def _has_cookie(visitor: Request, config: WebConfig) -> bool:
    # What a page of an allowed site may do it does in its own name, not in its visitor's.
    given = visitor.cookies.get(COOKIE, "")
    return not allowed_origin(config.allow_origins) and _equal(given, _cookie_value(config))


def _has_token(visitor: Request, config: WebConfig) -> bool:
    header = visitor.headers.get("Authorization", "")
    # WSGI hands headers over as Latin-1, whatever they were.
    scheme, _, given = header.encode("latin-1", "replace").decode(errors="replace").partition(" ")
    if scheme.lower() == "bearer" and _equal(given.strip(), config.token or ""):
        return True
    return _has_cookie(visitor, config)


def _token_in_url(visitor: Request, config: WebConfig) -> bool:
    given = visitor.args.get("token")
    return given is not None and config.token is not None and _equal(given, config.token)


def _equal(given: str, expected: str) -> bool:
    """Whether two texts are equal, compared in constant time."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def _cookie_value(config: WebConfig) -> str:
    """What the session cookie holds: an HMAC keyed by the token, which does not reveal it."""
    return hmac.new((config.token or "").encode(), b"tellshow session", "sha256").hexdigest()


def _url_without_token() -> str:
    kept = [(k, v) for k, v in request.args.items(multi=True) if k != "token"]
    # One leading slash only: "//name" and "/\name" would lead to another server. Quoted, since
    # browsers drop a tab or line break before they look.
    path = f"{request.script_root}/" + quote(request.path.lstrip("/\\"))
    return f"{path}?{urlencode(kept)}" if kept else path


def _set_session_cookie(response: Response, config: WebConfig) -> None:
    if response.status_code < 400 and _token_in_url(request, config):
        response.set_cookie(
            COOKIE,
            _cookie_value(config),
            max_age=_COOKIE_SECONDS,
            path=f"{request.script_root}/",
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
        )


def _add_headers(response: Response, config: WebConfig) -> None:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if config.token:
        response.vary.update(("Authorization", "Cookie"))
    # Pages and answers are private and change with the collection; images say their own rule.
    response.headers.setdefault("Cache-Control", "private, no-cache")
