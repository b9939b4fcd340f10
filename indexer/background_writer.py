"""One thread that writes to the database while the thread that indexes goes on.

It has one piece of work at a time, so that what is committed keeps its order. Knows nothing of what
is written.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

T = TypeVar("T")


class Writer(Generic[T]):
    """Does what it is handed beside the thread that owns it, and tells that thread how it went.

    `written` is called in the owner's thread, before any other work begins: only there is known,
    and only then, that something was committed.
    """

    def __init__(self, written: Callable[[T], None]) -> None:
        self._written = written
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._under_way: Future[T] | None = None

    def hand_over(self, work: Callable[[], T]) -> None:
        """Begin a piece of work, once the one before is done. Raises what that raised."""
        self.wait()
        self._under_way = self._pool.submit(work)

    def look(self) -> None:
        """Tell of the work under way if it is done; wait for nothing. Raises what it raised."""
        if self._under_way is not None and self._under_way.done():
            self.wait()

    def wait(self) -> None:
        """Tell of the work under way as soon as it is done. Raises what it raised."""
        if self._under_way is None:
            return
        wait([self._under_way])  # where this is broken off, the work is still to be told of
        done, self._under_way = self._under_way, None
        self._written(done.result())

    def close(self) -> None:
        """End the thread, which has nothing to do any more."""
        self._pool.shutdown()
