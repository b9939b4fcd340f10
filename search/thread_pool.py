"""A thread pool for searches: a few threads compute, however many requests wait.

A search fills a core with small steps. More of them at once than cores get in each other's way,
and each thread that ever ran one keeps the memory it needed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from captioner.machine import cores
from captioner.parallel import occupying_a_core

T = TypeVar("T")

# A third of a search is Python, which runs in one thread at a time: more would only wait.
_MOST = 4


class Workers:
    """Runs work in turn, first come, first served; `count` pieces at once, by default as suits.

    `limit_threads` is told, in each of the pool's threads, how many cores are its share.
    """

    def __init__(
        self, limit_threads: Callable[[int], None] | None = None, count: int | None = None
    ) -> None:
        available = cores()
        self.count = count or min(available, _MOST)
        each = max(available // self.count, 1)
        start = partial(limit_threads, each) if limit_threads else None
        self._pool = ThreadPoolExecutor(self.count, "search", start)

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, once its turn has come."""
        return self._pool.submit(_counted, work).result()

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for their turn."""
        return self._pool._work_queue.qsize()


def _counted(work: Callable[[], T]) -> T:
    # A search leaves its core for moments alone, too short for another one to compute there: each
    # would split what it computes, and small parts are dearer.
    with occupying_a_core():
        return work()
