"""Locks: one writer a home among processes, and many readers or one writer among threads.

Does not know what the locks protect.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from catalog.home import Home

# How long a writer waits for the lock: a look whether it is held takes it for an instant.
_PATIENCE = 0.25


class WriterBusy(Exception):
    """Another process is writing to this home."""


@contextmanager
def writer_lock(home: Home) -> Iterator[None]:
    """Hold the home for writing; the system releases it even when the process is killed.

    Raises WriterBusy, after an instant, where another holds it.
    """
    lock = FileLock(home.lock)
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout as error:
        raise WriterBusy(f"Another tellshow is writing to {home.path}.") from error
    try:
        yield
    finally:
        lock.release()


def is_being_written(home: Home) -> bool:
    """Whether somebody holds the home for writing just now; keeps no writer from beginning."""
    try:
        with FileLock(home.lock, timeout=0):
            return False
    except Timeout:
        return True


class SharedLock:
    """Many threads may share it, or one may hold it alone; who waits to be alone goes first."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._sharing = 0
        self._waiting = 0
        self._alone = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock beside others who share it. Not reentrant."""
        with self._condition:
            self._condition.wait_for(lambda: not self._alone and not self._waiting)
            self._sharing += 1
        try:
            yield
        finally:
            with self._condition:
                self._sharing -= 1
                self._condition.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock with nobody beside. Not reentrant."""
        with self._condition:
            self._waiting += 1
            self._condition.wait_for(lambda: not self._alone and not self._sharing)
            self._waiting -= 1
            self._alone = True
        try:
            yield
        finally:
            with self._condition:
                self._alone = False
                self._condition.notify_all()
