"""Loads models in threads of their own while a command still imports and opens what it needs.

Hashing files and making sessions of ONNX Runtime needs no turn of the interpreter: on two cores it
costs next to nothing beside the imports. Nothing here is needed: what failed or was not begun is
loaded at its first use, by who uses it, and that tells what is wrong.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from captioner.captioner import Captioner
    from captioner.checkpoint import Checkpoint


class Preparation:
    """Threads that load; see `preparing`."""

    def __init__(self) -> None:
        self._threads: dict[str, Thread] = {}
        self._read: Checkpoint | None = None

    def embedder(self, device: str | None) -> None:
        """Begin to load the default sentence embedder, where ONNX Runtime is to compute it.

        Once, as all that is begun: a second call changes nothing.
        """
        self._begin("embedder", lambda: _load_embedder(device))

    def checkpoints(self, home: Path | None) -> None:
        """Begin to check the checkpoints that a home keeps, and to read it where it is one."""
        self._begin("checkpoints", lambda: self._check_checkpoints(home))

    def captioner(self, captioner: Captioner) -> None:
        """Begin to load what a captioner computes a search with."""
        self._begin("captioner", captioner.load)

    @property
    def is_finding(self) -> bool:
        """Whether sentences are to find photos: the embedder was begun."""
        return "embedder" in self._threads

    def read_checkpoint(self, sha256: str | None) -> Checkpoint | None:
        """The checkpoint of this SHA-256 if it was read beforehand, given away once."""
        if "checkpoints" in self._threads:
            self._threads["checkpoints"].join()
        read, self._read = self._read, None
        return read if read is not None and read.provenance.sha256 == sha256 else None

    def end(self) -> None:
        """Wait for all that was begun: no thread may compute while the process ends."""
        for thread in self._threads.values():
            thread.join()

    def _begin(self, what: str, work: Callable[[], None]) -> None:
        if what not in self._threads:
            self._threads[what] = Thread(target=_attempt, args=(work,))
            self._threads[what].start()

    def _check_checkpoints(self, home: Path | None) -> None:
        from captioner.checkpoint import read_checkpoint
        from catalog.checkpoints import KeptCheckpoints, checked_sha256
        from catalog.home import open_home

        files = KeptCheckpoints(open_home(home, create=False)).files()
        checked = [(file, checked_sha256(file)) for file in files]
        if len(checked) == 1:
            self._read = read_checkpoint(*checked[0])


@contextmanager
def without_collecting() -> Iterator[None]:
    """Within: Python does not look for cyclic garbage, of which imports and loading make none.

    For what ends with its answer: each look at all that was loaded takes some 15 ms.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def preparing(begun: Preparation | None = None) -> Iterator[Preparation]:
    """What may be begun beforehand; ended at the end. `begun`: one that whoever began it ends."""
    if begun is not None:
        yield begun
        return
    preparation = Preparation()
    try:
        yield preparation
    finally:
        preparation.end()


def _attempt(work: Callable[[], None]) -> None:
    with suppress(Exception):  # who needs it meets the same, and says so
        work()


def _load_embedder(device: str | None) -> None:
    from captioner.embedder import OnnxEmbedder, choose_embedder

    embedder = choose_embedder(device=device)
    if isinstance(embedder, OnnxEmbedder):  # others are not shared, and take seconds
        embedder.load()
