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
    from captioner.captioner import Captioner
    from catalog.home import Home


class Preparation:
    """Threads that load; see `preparing`."""

    def __init__(self) -> None:
        self._threads: list[Thread] = []
        self._embedder_begun = False

    def embedder(self, device: str | None) -> None:
        """Begin to load the default sentence embedder, where ONNX Runtime is to compute it.

        Once; a second call changes nothing.
        """
        if not self._embedder_begun:
            self._embedder_begun = True
            self._begin(lambda: _load_embedder(device))

    def checkpoints(self, home: Home) -> None:
        """Begin to read the checkpoints that a home keeps, and to check them."""
        self._begin(lambda: _check_checkpoints(home))

    def captioner(self, captioner: Captioner) -> None:
        """Begin to load what a captioner computes a search with."""
        self._begin(captioner.load)

    def end(self) -> None:
        """Wait for all that was begun: no thread may compute while the process ends."""
        for thread in self._threads:
            thread.join()

    def _begin(self, work: Callable[[], None]) -> None:
        thread = Thread(target=_attempt, args=(work,))
        thread.start()
        self._threads.append(thread)


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


def _check_checkpoints(home: Home) -> None:
    from catalog.checkpoints import KeptCheckpoints, checked_sha256

    for file in KeptCheckpoints(home).files():
        checked_sha256(file)
