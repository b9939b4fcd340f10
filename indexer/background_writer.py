"""A background thread that writes batches to the database while the next one is described.

It has one batch at a time, so that what is committed keeps its order.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

T = TypeVar("T")


class Writer(Generic[T]):
    """Runs one call at a time in a thread of its own, and reports each result to its owner.

    `on_written` gets the result in the owner's thread, before the next call begins: what it is
    given was committed.
    """

    def __init__(self, on_written: Callable[[T], None]) -> None:
        self._on_written = on_written
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._pending: Future[T] | None = None

    def submit(self, work: Callable[[], T]) -> None:
        """Begin a call, once the one before is done. Raises what that one raised."""
        self.wait()
        self._pending = self._pool.submit(work)

    def poll(self) -> None:
        """Report the pending call if it is done, without waiting. Raises what it raised."""
        if self._pending is not None and self._pending.done():
            self.wait()

    def wait(self) -> None:
        """Wait for the pending call and report it. Raises what it raised."""
        if self._pending is None:
            return
        wait([self._pending])  # an interrupt here leaves the call pending, to be reported later
        done, self._pending = self._pending, None
        self._on_written(done.result())

    def close(self) -> None:
        """End the thread once the pending call is done."""
        self._pool.shutdown()
