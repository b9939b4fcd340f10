"""Loads models in threads of their own while a command still imports and opens what it needs.

Hashing files and making sessions of ONNX Runtime needs no turn of the interpreter: on two cores it
costs next to nothing beside the imports. Nothing here is needed: what failed or was not begun is
loaded at its first use, by who uses it, and that tells what is wrong.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from captioner.captioner import Captioner


class Preparation:
    """Threads that load; see `preparing`."""

    def __init__(self) -> None:
        self._threads: dict[str, Thread] = {}
        self._made: Captioner | None = None
        self._is_made = Event()

    def embedder(self, device: str | None) -> None:
        """Begin to load the default sentence embedder, where ONNX Runtime is to compute it.

        Once, as all that is begun: a second call changes nothing.
        """
        self._begin("embedder", lambda: _load_embedder(device))

    def checkpoint(self, home: Path | None, device: str | None) -> None:
        """Begin to check what checkpoints a home keeps, and to load it where it is one."""
        self._begin("checkpoint", lambda: self._load_checkpoint(home, device))

    def captioner(self, captioner: Captioner) -> None:
        """Begin to load what a captioner computes a search with."""
        self._begin("captioner", captioner.load)

    @property
    def is_finding(self) -> bool:
        """Whether sentences are to find photos: the embedder was begun."""
        return "embedder" in self._threads

    def made_captioner(self, sha256: str | None) -> Captioner | None:
        """The captioner of this SHA-256 if it was made beforehand, given away once."""
        if "checkpoint" in self._threads:
            self._is_made.wait()
        made, self._made = self._made, None
        return made if made is not None and made.provenance.sha256 == sha256 else None

    def end(self) -> None:
        """Wait for all that was begun: no thread may compute while the process ends."""
        for thread in self._threads.values():
            thread.join()

    def _begin(self, what: str, work: Callable[[], None]) -> None:
        if what not in self._threads:
            self._threads[what] = Thread(target=_attempt, args=(work,))
            self._threads[what].start()

    def _load_checkpoint(self, home: Path | None, device: str | None) -> None:
        try:
            made = self._made = _kept_captioner(home, device)
        finally:
            self._is_made.set()
        if made is not None and self.is_finding:
            made.load()


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
def taking_short_turns() -> Iterator[None]:
    """Within: a thread waits a third of a millisecond for its turn of the interpreter, not five.

    For what ends with its answer: threads that load want few turns and short ones, and each that
    they wait for is time that a core stands still.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0003)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


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


def _kept_captioner(home: Path | None, device: str | None) -> Captioner | None:
    """The captioner that a home keeps, where it is one and ONNX Runtime is to compute it.

    Found without the database, which takes longer to import than this to load.
    """
    from captioner.checkpoint import load_checkpoint
    from captioner.machine import ONNX, runtime_for
    from catalog.durable_files import checked_sha256
    from catalog.home_folder import home_folder
    from catalog.own_files import list_files

    files = list_files(home_folder(home), "models").own
    checked = [(file, checked_sha256(file)) for file in files]
    if len(checked) != 1 or runtime_for(device) != ONNX:
        return None
    [(file, sha256)] = checked
    return load_checkpoint(file, device, sha256)
