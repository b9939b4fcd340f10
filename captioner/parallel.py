"""Work on several cores: who computes at the same time shares those that there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from threading import Lock, local
from typing import TypeVar

from captioner.machine import threads

T = TypeVar("T")
R = TypeVar("R")


class _Cores:
    """Counts the threads that compute, for callers at the same time to share the cores."""

    def __init__(self) -> None:
        self._taken, self._lock = 0, Lock()
        self._own = local()  # count: 1 in a thread whose core is counted already

    @contextmanager
    def take(self, wanted: int) -> Iterator[int]:
        """As many threads of those wanted as have a core free, at least one."""
        own = getattr(self._own, "count", 0)
        with self._lock:
            count = max(1, min(wanted, threads() - self._taken + own))
            self._taken += count - own
        try:
            yield count
        finally:
            with self._lock:
                self._taken -= count - own

    @contextmanager
    def occupy(self) -> Iterator[None]:
        """See `occupying_a_core`."""
        with self._lock:
            self._taken += 1
        self._own.count = 1
        try:
            yield
        finally:
            self._own.count = 0
            with self._lock:
                self._taken -= 1


_cores = _Cores()


# Threads that compute beside who calls: kept, as a new thread's memory is new as well. As many are
# made as are busy at once, which `_Cores` bounds.
_others = ThreadPoolExecutor(1024, thread_name_prefix="compute")


def occupying_a_core() -> AbstractContextManager[None]:
    """Within: the calling thread counts as one that computes, whatever it does. Not reentrant."""
    return _cores.occupy()


def in_parallel(work: Callable[[T], R], parts: Sequence[T]) -> list[R]:
    """What `work` makes of each part, in order, as many at once as there are cores to compute.

    Who calls while others compute gets the cores that those leave: with none left its parts come
    one after another in the calling thread, which is faster than waiting for each other.
    """
    with _cores.take(len(parts)) as count:
        return _shared(work, parts, count)


def in_slices(work: Callable[[slice], R], rows: int, most: int) -> list[R]:
    """What `work` makes of each slice of so many rows, in order, a slice for each core to compute.

    In slices of at most `most` rows, and no smaller than need be: few rows are dearer than many.
    """
    with _cores.take(max(rows, 1)) as count:
        size = max(1, min(most, -(-rows // count)))
        return _shared(work, [slice(row, row + size) for row in range(0, rows, size)], count)


def beside(first: Callable[[], T], second: Callable[[], R]) -> tuple[T, R]:
    """What both return: the first by the calling thread, the second by another one meanwhile.

    Where no other core is free, by the calling one afterwards.
    """
    with _cores.take(2) as count:
        if count == 1:
            return first(), second()
        other = _others.submit(second)
        try:
            made = first()
        finally:
            wait([other])
        return made, other.result()


def _shared(work: Callable[[T], R], parts: Sequence[T], count: int) -> list[R]:
    """What `work` makes of each part, by so many threads, the calling one among them."""
    made: dict[int, R] = {}
    turns = iter(range(len(parts)))  # each is taken by one thread: `next` holds the interpreter

    def take_turns() -> None:
        for row in turns:
            made[row] = work(parts[row])

    others = [_others.submit(take_turns) for _ in range(min(count, len(parts)) - 1)]
    try:
        take_turns()
    finally:
        wait(others)
    for each in others:
        each.result()
    return [made[row] for row in range(len(parts))]
