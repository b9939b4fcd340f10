"""What a server answers until its application is loaded, and the change to that application.

Free of Flask and of the models, so that it answers at once. It says nothing of the collection, to
nobody: whoever asks, under whatever name and with whatever token, learns only that it loads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from web.config import WebConfig
from web.middleware.headers import SECURITY_HEADERS
from web.middleware.proxy import behind_proxy
from web.problems import LOADING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_FOLDER = Path(__file__).parent
_PAGE = _FOLDER / "templates" / "loading.html"
# What the page shows itself with.
_FILES = {
    "/static/base.css": "text/css; charset=utf-8",
    "/static/icon.svg": "image/svg+xml",
    "/static/loading.js": "text/javascript; charset=utf-8",
}
_HEALTH = "/api/v1/healthz"
_RETRY_SECONDS = "1"


class Entrance:
    """The WSGI application of a server from its first moment: loading, then the one it is given."""

    def __init__(self, config: WebConfig | None = None) -> None:
        self._application = behind_proxy(answer_loading, config or WebConfig())

    def open(self, application: WSGIApplication) -> None:
        """Let `application` answer all requests that come from now on."""
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        return self._application(environ, start_response)


def answer_loading(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer any request with 503 and Retry-After: JSON under /api, elsewhere a page that waits."""
    path = environ.get("PATH_INFO", "")
    if path in _FILES:
        status, kind, body = "200 OK", _FILES[path], (_FOLDER / path[1:]).read_bytes()
    else:
        status = "503 Service Unavailable"
        root = environ.get("SCRIPT_NAME", "")
        kind, body = _json(path) if path.startswith("/api/") else _page(root)
    headers = {
        **SECURITY_HEADERS,
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Retry-After": _RETRY_SECONDS,
    }
    start_response(status, list(headers.items()))
    return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def _page(root: str) -> tuple[str, bytes]:
    """The page that waits; `root`: the path, of safe characters, that its addresses begin with."""
    body = _PAGE.read_bytes().replace(b'="/', f'="{root}/'.encode())
    return "text/html; charset=utf-8", body


def _json(path: str) -> tuple[str, bytes]:
    state = {"status": "loading"} if path == _HEALTH else {}
    return "application/json", json.dumps({**state, **LOADING.to_json()}).encode()
