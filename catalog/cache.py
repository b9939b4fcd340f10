"""What is read from the whole catalog, kept until something is indexed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from catalog.change_feed import position
from catalog.runs import list_runs

T = TypeVar("T")


# How often a reader looks whether anything was indexed; a photo is found so much later at most.
SECONDS_BETWEEN_LOOKS = 1.0


def is_due(looked_at: float) -> bool:
    """Whether a reader that looked at a moment of time.monotonic looks again now."""
    return time.monotonic() - looked_at >= SECONDS_BETWEEN_LOOKS


class CatalogCache(Generic[T]):
    """What `read` makes of the catalog; safe to use from several threads.

    It is read when it is first needed, and again after a change, for which is looked at most once
    a second: with 100,000 photos reading takes some tenths of one.
    """

    def __init__(self, read: Callable[[Session], T]) -> None:
        self._read = read
        self._kept: tuple[Hashable, T] | None = None
        self._looked_at = -math.inf
        self._lock = Lock()

    def get(self, session: Session) -> T:
        """What is read from the catalog as it was at most a second ago."""
        with self._lock:
            if self._kept is None or is_due(self._looked_at):
                # A run may rename photos without a change of their vectors.
                runs = [(run.run_id, run.finished_at) for run in list_runs(session, 1)]
                state = (position(session), *runs)
                if self._kept is None or self._kept[0] != state:
                    self._kept = state, self._read(session)
                self._looked_at = time.monotonic()
            return self._kept[1]
