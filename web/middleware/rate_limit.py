"""How often one client may ask, so that a runaway program leaves room for people.

Knows nothing about what is asked for. Images count apart from the rest, which is not at all: a
page shows dozens at once, and they cost little.
"""

from __future__ import annotations

import math
import time

from flask import Flask, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

_UNCOUNTED = frozenset({"static", "api.thumbnail", "api.original", "api.healthz"})


def limit_rate(app: Flask, per_minute: int) -> None:
    """Refuse what a client asks beyond `per_minute` requests in any minute; 0 sets no limit."""
    if per_minute == 0:
        return
    limiter = MovingWindowRateLimiter(MemoryStorage())
    limit = RateLimitItemPerMinute(per_minute)

    @app.before_request
    def _count() -> None:
        client = request.remote_addr or ""
        if request.endpoint in _UNCOUNTED or limiter.hit(limit, client):
            return
        free_again = limiter.get_window_stats(limit, client).reset_time
        wait = max(1, math.ceil(free_again - time.time()))
        raise TooManyRequests(retry_after=wait)
