"""The writer lock of a home: one process at a time indexes or repairs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from catalog.home import Home

# How long a writer waits for the lock: a look whether it is held takes it for an instant.
_TIMEOUT = 0.25


class WriterBusy(Exception):
    """Another process is writing to this home."""


@contextmanager
def writer_lock(home: Home) -> Iterator[None]:
    """Hold the home for writing; the system releases it even when the process is killed.

    Raises WriterBusy, after an instant, where another holds it.
    """
    lock = FileLock(home.lock)
    try:
        lock.acquire(timeout=_TIMEOUT)
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
