"""A log record for each request, without what was asked unless that is wanted."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from web.middleware.route_marks import Mark, request_has

_log = logging.getLogger("tellshow.requests")


def log_requests(app: Flask, *, with_queries: bool) -> None:
    """Log every request of `app` but those for its own files and its health.

    Of an address its path alone; `with_queries`: also the sentence that was searched for.
    """

    @app.before_request
    def begin() -> None:
        g.asked_at = time.perf_counter()

    @app.after_request
    def log(response: Response) -> Response:
        if not request_has(Mark.UNLIMITED):
            told = {
                "method": request.method,
                "path": request.path,
                "status": response.status_code,
                "milliseconds": round(1000 * (time.perf_counter() - g.asked_at), 1),
                "client": request.remote_addr,
            }
            if with_queries and "q" in request.args:
                told["query"] = request.args["q"]
            _log.info("request", extra=told)
        return response
