"""A thread pool for searches: a few threads compute, however many requests wait.

A search fills a core with small steps. More of them at once than cores get in each other's way,
and each thread that ever ran one keeps the memory it needed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TypeVar

import torch

from captioner.device import cores

T = TypeVar("T")

# A third of a search is Python, which runs in one thread at a time: more would only wait.
_MOST = 4


class Workers:
    """Runs work in turn, first come, first served; `count` pieces at once, by default as suits."""

    def __init__(self, count: int | None = None) -> None:
        available = cores()
        self.count = count or min(available, _MOST)
        usual = torch.get_num_threads()  # asked once: while a worker starts, it is another
        each = min(max(available // self.count, 1), usual)
        self._pool = ThreadPoolExecutor(self.count, "search", _use_threads, (each, usual))

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, once its turn has come."""
        return self._pool.submit(work).result()

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for their turn."""
        return self._pool._work_queue.qsize()


def _use_threads(count: int, usual: int) -> None:
    """Let torch compute with so many threads in this one, and with the usual in all to come."""
    torch.get_num_threads()  # a thread's first question, or work, gives it the usual number
    torch.set_num_threads(count)
    # That also became the number for every thread to come: give those the usual one back.
    restoring = Thread(target=torch.set_num_threads, args=(usual,))
    restoring.start()
    restoring.join()
