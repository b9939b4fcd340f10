"""The progress of an index run, as an interface that a progress bar implements."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Callbacks from the thread that indexes, in the order start, any others, finish."""

    def start(self, total: int) -> None:
        """The run will read `total` files."""

    def read(self, count: int) -> None:
        """`count` more files are read, ahead of the batch that is described; not done yet."""

    def advance(self, count: int) -> None:
        """`count` more files are done, those that were skipped included."""

    def skipped(self, path: str, reason: str) -> None:
        """A file, or a folder that cannot be listed, is skipped; `reason` is one sentence."""

    def finish(self) -> None:
        """The run is over, completed or interrupted."""


class EachOnce:
    """A Progress that reports each skipped file to another once for the same reason."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._reported: set[tuple[str, str]] = set()

    def start(self, total: int) -> None:
        """Pass it on."""
        self._progress.start(total)

    def read(self, count: int) -> None:
        """Pass it on."""
        self._progress.read(count)

    def advance(self, count: int) -> None:
        """Pass it on."""
        self._progress.advance(count)

    def skipped(self, path: str, reason: str) -> None:
        """Pass it on where it is new."""
        if (path, reason) not in self._reported:
            self._reported.add((path, reason))
            self._progress.skipped(path, reason)

    def finish(self) -> None:
        """Pass it on."""
        self._progress.finish()


class Silent:
    """A Progress that shows nothing."""

    def start(self, total: int) -> None:
        """Do nothing."""

    def read(self, count: int) -> None:
        """Do nothing."""

    def advance(self, count: int) -> None:
        """Do nothing."""

    def skipped(self, path: str, reason: str) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""
