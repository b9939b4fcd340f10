"""What to do while a database server is away: wait a while, and try again.

Knows nothing of what is tried, but that it may be done twice.
"""

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


class Patience:
    """Repeats what lost its connection to the database, for a minute, say; in any thread.

    Nobody can know whether a transaction was committed whose connection broke at that moment:
    what is repeated must come to the same when it is done twice.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = MOST_SECONDS if seconds is None else seconds
        self._ended = threading.Event()
        self._telling = _Telling()

    def another(self) -> Patience:
        """As long a patience that ends by itself; of one outage only one of them tells."""
        made = Patience(self._seconds)
        made._telling = self._telling
        return made

    def repeat(self, work: Callable[[], T]) -> T:
        """Return what `work` does. Raises ConnectionLost once it has waited long enough."""
        retrying = Retrying(
            retry=retry_if_exception_type(ConnectionLost),
            wait=wait_exponential(multiplier=0.1, max=LONGEST_PAUSE),
            stop=stop_after_delay(self._seconds) | stop_when_event_set(self._ended),
            sleep=sleep_using_event(self._ended),
            before_sleep=self._telling.lost,
            reraise=True,
        )
        done = retrying(work)
        self._telling.found()
        return done

    def end(self) -> None:
        """Wait no longer, whoever does."""
        self._ended.set()


class _Telling:
    """Tells of each outage once, whoever meets it."""

    def __init__(self) -> None:
        self._told = False

    def lost(self, state: RetryCallState) -> None:
        """Told of, if nobody did before."""
        if not self._told and state.outcome is not None:
            self._told = True
            log.warning("%s Trying again for a while.", state.outcome.exception())

    def found(self) -> None:
        """The server is back."""
        self._told = False
