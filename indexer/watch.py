"""When to index watched folders again: at first, soon after a change, and at intervals.

It says when, not what: each time a full pass is due, so that no event that a system loses is
missed for ever.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import (
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_CREATED,
    EVENT_TYPE_DELETED,
    EVENT_TYPE_MODIFIED,
    EVENT_TYPE_MOVED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from indexer.ignore import IGNORE_FILE, NO_MEDIA
from indexer.walk import is_named_like_a_photo
from indexer.xmp import is_named_like_a_sidecar

_CHANGES = (
    EVENT_TYPE_CREATED,
    EVENT_TYPE_MODIFIED,
    EVENT_TYPE_MOVED,
    EVENT_TYPE_DELETED,
    EVENT_TYPE_CLOSED,
)


class CannotWatch(OSError):
    """The system refuses to watch so many folders."""


@dataclass(frozen=True)
class Intervals:
    """How soon a pass is due, in seconds.

    `debounce`: after the last change; `max_delay`: after the first change, whatever follows;
    `poll`: where no event comes, as on a network share that sends none.
    """

    debounce: float = 2.0
    max_delay: float = 30.0
    poll: float = 600.0


def times_to_look(
    folders: Sequence[Path], skip: Sequence[Path] = (), intervals: Intervals | None = None
) -> Iterator[None]:
    """Yield at once, and then each time that a pass is due; without end.

    What changes while the caller is at it is seen the next time. Changes below the folders to
    `skip` do not count. Raises CannotWatch.
    """
    # Resolved, so that the paths of events begin as those to skip do.
    watched, skipped = (
        [path.expanduser().resolve() for path in paths] for paths in (folders, skip)
    )
    while True:
        changes = _Changes(skipped)
        with _watching(watched, changes):
            yield
            changes.wait(intervals or Intervals())


class _Changes(FileSystemEventHandler):
    """A watchdog handler that notes when photos or folders first and last changed."""

    def __init__(self, skip: Sequence[Path]) -> None:
        self._skip = [os.fsencode(folder) for folder in skip]
        self._condition = threading.Condition()
        self._first: float | None = None
        self._last = 0.0

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by watchdog, in its own thread."""
        paths = [os.fsencode(path) for path in (event.src_path, event.dest_path) if path]
        if event.event_type in _CHANGES and any(self._counts(event, path) for path in paths):
            with self._condition:
                self._last = time.monotonic()
                self._first = self._last if self._first is None else self._first
                self._condition.notify_all()

    def _counts(self, event: FileSystemEvent, path: bytes) -> bool:
        if any(path == folder or path.startswith(folder + b"/") for folder in self._skip):
            return False
        if os.path.basename(path) in (IGNORE_FILE, NO_MEDIA):
            return True
        if event.is_directory:
            return event.event_type != EVENT_TYPE_MODIFIED  # something in it was, which tells more
        name = os.path.basename(path)
        return is_named_like_a_photo(name) or is_named_like_a_sidecar(name)

    def wait(self, intervals: Intervals) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._first is not None, intervals.poll)
            while self._first is not None:
                now = time.monotonic()
                due = min(self._last + intervals.debounce, self._first + intervals.max_delay)
                if now >= due:
                    return
                self._condition.wait(due - now)


@contextmanager
def _watching(folders: Sequence[Path], changes: _Changes) -> Iterator[None]:
    observer = Observer()
    try:
        for folder in folders:
            if folder.is_dir():  # another may be plugged in later
                observer.schedule(changes, str(folder), recursive=True)
        observer.start()
    except OSError as error:
        raise CannotWatch(
            f"The system does not let us watch so many folders: {error.strerror or error}."
        ) from error
    try:
        yield
    finally:
        observer.stop()
        observer.join()
