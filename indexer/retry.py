"""Retries while a database does not answer, with exponential backoff, and transactions with them.

A server may be away, and an SQLite file locked by another program.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential,
)

from catalog.database import Database, TemporarilyUnavailable, WriteConflict

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_SECONDS = 60.0  # a server that is started again is back by then
LONGEST_PAUSE = 5.0


class RetryPolicy:
    """Repeats calls that the database does not answer, for a minute, say; in any thread.

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
        """Return what `work` returns. Raises TemporarilyUnavailable once the time is over."""
        retrying = Retrying(
            retry=retry_if_exception_type(TemporarilyUnavailable),
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
        """Retry no more, in any thread: calls that wait raise what they met."""
        self._ended.set()


class Transactions:
    """Transactions of one database, each again where it does not answer; in any thread.

    `before_write` is called before each that writes. Raises DatabaseUnavailable, and what that
    raises.
    """

    def __init__(
        self,
        database: Database,
        retry: RetryPolicy,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._retry = database, retry
        self._before_write = before_write

    def read(self, query: Callable[[Session], T]) -> T:
        """Return what `query` returns, in a session of its own."""

        def attempt() -> T:
            with self._database.read() as session:
                return query(session)

        return self._retry.call(attempt)

    def write(self, change: Callable[[Session], T]) -> T:
        """Return what `change` returns, in a transaction that is committed then."""

        def attempt() -> T:
            self._before_write()
            with self._database.write() as session:
                return change(session)

        return self._retry.call(attempt)

    def fork(self) -> Transactions:
        """The same, whose retries are ended by themselves."""
        return Transactions(self._database, self._retry.fork(), self._before_write)

    def end(self) -> None:
        """Retry no more; see RetryPolicy."""
        self._retry.end()


class _OutageLog:
    """Logs each outage of the database once, whichever call meets it first."""

    def __init__(self) -> None:
        self._logged = False

    def log(self, state: RetryCallState) -> None:
        """Log an outage that was not logged before; writers that met are none."""
        error = state.outcome.exception() if state.outcome is not None else None
        if not self._logged and error is not None and not isinstance(error, WriteConflict):
            self._logged = True
            log.warning("%s Trying again for a while.", error)

    def over(self) -> None:
        """The database answered: whatever comes next is another outage."""
        self._logged = False
