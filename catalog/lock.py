"""Locks among processes, the writer's of a home above all: one at a time indexes or repairs it."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from catalog.home import Home

# How long a writer waits for the lock: a look whether it is held takes it for an instant.
_TIMEOUT = 0.25
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)


class WriterBusy(Exception):
    """Another process is writing to this home."""


class NoFileLocks(OSError):
    """The file system cannot lock files, so that nobody can know whether he is alone."""


@contextmanager
def file_lock(path: Path, timeout: float = -1) -> Iterator[None]:
    """Hold a lock file; the system releases it even when the process is killed.

    `timeout`: seconds, forever if negative. Raises Timeout where another holds it for so long,
    NoFileLocks where the file system has no such locks, OSError where there can be no such file.
    """
    from filelock import FileLock  # here, as what only reads takes no lock and need not load it

    _check_support(path.parent)
    with FileLock(path, timeout=timeout):
        yield


@contextmanager
def writer_lock(home: Home) -> Iterator[None]:
    """Hold the home for writing; the system releases it even when the process is killed.

    Raises WriterBusy, after an instant, where another holds it, and NoFileLocks.
    """
    from filelock import Timeout

    with ExitStack() as held:
        try:
            held.enter_context(file_lock(home.lock, _TIMEOUT))
        except Timeout as error:
            raise WriterBusy(f"Another tellshow is writing to {home.path}.") from error
        yield


def is_being_written(home: Home) -> bool:
    """Whether somebody holds the home for writing just now; keeps no writer from beginning.

    Nobody does where nobody can: in a home that is read-only, or whose disk has no locks.
    """
    from filelock import Timeout

    try:
        with file_lock(home.lock, 0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _check_support(folder: Path) -> None:
    """Try the system's lock on a file of no name: a refusal would look as if another held it."""
    try:
        import fcntl
    except ImportError:  # Windows, whose locks are others
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            raise NoFileLocks(
                f"The file system of {folder} has no file locks (flock), so tellshow cannot know "
                "whether another one is writing there: name a home on another disk with --home."
            ) from error
