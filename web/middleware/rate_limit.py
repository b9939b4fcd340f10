"""A limit on the requests of one client in any minute: a moving window, kept in memory.

Static files, images and the health check are marked `unlimited`: a page loads dozens of them at
once, and they cost little.
"""

from __future__ import annotations

import math
import time

from flask import Flask, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

from web.middleware.route_marks import Mark, request_has


def limit_rate(app: Flask, per_minute: int) -> None:
    """Refuse what a client asks beyond `per_minute` requests in any minute; 0 sets no limit.

    The check raises TooManyRequests, with the seconds to wait.
    """
    if per_minute == 0:
        return
    limiter = MovingWindowRateLimiter(MemoryStorage())
    limit = RateLimitItemPerMinute(per_minute)

    @app.before_request
    def _count() -> None:
        client = request.remote_addr or ""
        if request_has(Mark.UNLIMITED) or limiter.hit(limit, client):
            return
        free_again = limiter.get_window_stats(limit, client).reset_time
        wait = max(1, math.ceil(free_again - time.time()))
        raise TooManyRequests(retry_after=wait)
