"""What is read from the whole catalog, kept until something is indexed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from catalog.change_feed import position
from catalog.runs import list_runs

T = TypeVar("T")


class CatalogCache(Generic[T]):
    """What `read` makes of the catalog; safe to use from several threads.

    It is read when it is first needed, and again after a change: with 100,000 photos that takes
    some tenths of a second.
    """

    def __init__(self, read: Callable[[Session], T]) -> None:
        self._read = read
        self._kept: tuple[Hashable, T] | None = None
        self._lock = Lock()

    def get(self, session: Session) -> T:
        """What is read from the catalog as it is now."""
        # A run may rename photos without a change of their vectors.
        runs = [(run.run_id, run.finished_at) for run in list_runs(session, 1)]
        state = (position(session), *runs)
        with self._lock:
            if self._kept is None or self._kept[0] != state:
                self._kept = state, self._read(session)
            return self._kept[1]
