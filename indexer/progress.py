"""How an index run tells what it is doing, to whoever wants to show it.

Knows nothing of terminals.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called from the thread that indexes, in the order start, any others, finish."""

    def start(self, total: int) -> None:
        """So many files will be read."""

    def advance(self, count: int) -> None:
        """So many more files are done, those that were skipped included."""

    def skipped(self, path: str, reason: str) -> None:
        """A file, or a folder that cannot be listed, is left out; `reason` is one sentence."""

    def finish(self) -> None:
        """Nothing more will come, be it that all is done or that the run was broken off."""


class EachOnce:
    """Passes everything on, but for files that were skipped before for the same reason."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told: set[tuple[str, str]] = set()

    def start(self, total: int) -> None:
        """Pass it on."""
        self._progress.start(total)

    def advance(self, count: int) -> None:
        """Pass it on."""
        self._progress.advance(count)

    def skipped(self, path: str, reason: str) -> None:
        """Pass it on where it is new."""
        if (path, reason) not in self._told:
            self._told.add((path, reason))
            self._progress.skipped(path, reason)

    def finish(self) -> None:
        """Pass it on."""
        self._progress.finish()


class Silent:
    """A Progress that shows nothing."""

    def start(self, total: int) -> None:
        """Do nothing."""

    def advance(self, count: int) -> None:
        """Do nothing."""

    def skipped(self, path: str, reason: str) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""
