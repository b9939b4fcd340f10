"""Retries while a database server is away, with exponential backoff."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential,
)

from catalog.database import ConnectionLost

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_SECONDS = 60.0  # a server that is started again is back by then
LONGEST_PAUSE = 5.0


class RetryPolicy:
    """Repeats calls that lose their connection to the database, for a minute, say; in any thread.

    Nobody can know whether a transaction was committed whose connection broke at that moment:
    what is repeated must come to the same when it is done twice.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = MOST_SECONDS if seconds is None else seconds
        self._ended = threading.Event()
        self._outage = _OutageLog()

    def fork(self) -> RetryPolicy:
        """The same policy, to be ended by itself; each outage is logged by one of them only."""
        made = RetryPolicy(self._seconds)
        made._outage = self._outage
        return made

    def call(self, work: Callable[[], T]) -> T:
        """Return what `work` returns. Raises ConnectionLost once the time is over."""
        retrying = Retrying(
            retry=retry_if_exception_type(ConnectionLost),
            wait=wait_exponential(multiplier=0.1, max=LONGEST_PAUSE),
            stop=stop_after_delay(self._seconds) | stop_when_event_set(self._ended),
            sleep=sleep_using_event(self._ended),
            before_sleep=self._outage.log,
            reraise=True,
        )
        done = retrying(work)
        self._outage.over()
        return done

    def end(self) -> None:
        """Retry no more, in any thread: calls that wait raise their ConnectionLost."""
        self._ended.set()


class _OutageLog:
    """Logs each outage of the server once, whichever call meets it first."""

    def __init__(self) -> None:
        self._logged = False

    def log(self, state: RetryCallState) -> None:
        """Log an outage that was not logged before."""
        if not self._logged and state.outcome is not None:
            self._logged = True
            log.warning("%s Trying again for a while.", state.outcome.exception())

    def over(self) -> None:
        """The server answered: whatever comes next is another outage."""
        self._logged = False
