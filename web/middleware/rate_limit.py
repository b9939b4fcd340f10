"""Limits on what one client may ask in any minute: moving windows, kept in memory.

Images have a wider window, since a page loads dozens of them at once and they cost little; style
sheets, scripts and the health check, marked `unlimited`, have none. Tokens have a narrow one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from threading import Lock
from typing import cast

from flask import Flask, current_app, request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from werkzeug.exceptions import TooManyRequests

from web.middleware.route_marks import Mark, request_has

IMAGES_PER_REQUEST = 10  # so many times the limit of other requests
WRONG_TOKENS = 30  # a minute
_GUESSES = "tellshow_wrong_tokens"


def rate_limiter(app: Flask, per_minute: int) -> Callable[[], None]:
    """What counts a request of `app`, to be called for each; 0 sets no limit.

    It raises TooManyRequests, with the seconds to wait, beyond `per_minute` requests of a client in
    any minute. Wrong tokens are limited always.
    """
    app.extensions[_GUESSES] = Window(RateLimitItemPerMinute(WRONG_TOKENS))
    if per_minute == 0:
        return lambda: None
    requests = Window(RateLimitItemPerMinute(per_minute))
    images = Window(RateLimitItemPerMinute(per_minute * IMAGES_PER_REQUEST))

    def count() -> None:
        if not request_has(Mark.UNLIMITED):
            (images if request_has(Mark.IMAGE) else requests).hit()

    return count


def wrong_tokens() -> Window:
    """The window of the wrong tokens of clients of the current app."""
    return cast(Window, current_app.extensions[_GUESSES])


class Window:
    """What each client did in the last minute, and how often it may."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._limit = limit
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._lock = Lock()

    def hit(self) -> None:
        """Count one of the current client; raises TooManyRequests where that is one too many."""
        with self._lock:  # two who count at once may start one timer of the storage's twice
            is_free = self._limiter.hit(self._limit, _client())
        if not is_free:
            self._refuse()

    def check(self) -> None:
        """Count none; raises TooManyRequests where one more would be too many."""
        if not self._limiter.test(self._limit, _client()):
            self._refuse()

    def _refuse(self) -> None:
        free_again = self._limiter.get_window_stats(self._limit, _client()).reset_time
        raise TooManyRequests(retry_after=max(1, math.ceil(free_again - time.time())))


def _client() -> str:
    return request.remote_addr or ""
