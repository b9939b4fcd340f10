"""What Ray's workers do of an index run: tasks prepare blocks of files, actors describe them.

Whatever would end a run in one process is handed to the driver, as Broken, which raises it there:
Ray's own errors are left to mean that a worker or a node was lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner
from captioner.checkpoint import DEFAULT_SHA256, CheckpointError, load_checkpoint
from captioner.embedder import SentenceEmbedder, choose_embedder
from catalog.checkpoints import KeptCheckpoints
from catalog.home import Home
from indexer.decode_pool import shared_decoders
from indexer.describe import describe
from indexer.engine import Block
from indexer.plan import Task
from indexer.prepare import Failed, Outcome, Prepared, Preparer, SameBytes

Models = tuple[Captioner, SentenceEmbedder]

# Ray Data's batches: a column of objects, one for each block of files.
COLUMN = "block"
Batch = Mapping[str, NDArray[Any]]

_NO_PIXELS = np.empty((3, 0, 0), np.uint8)


@dataclass(frozen=True)
class Files:
    """A block of files to read; `number`: which of the pass."""

    number: int
    tasks: Sequence[Task]


@dataclass(frozen=True)
class PreparedFiles:
    """The same, read and decoded."""

    number: int
    outcomes: Sequence[Outcome]


@dataclass(frozen=True)
class DescribedFiles:
    """The same, described; the photos without their pixels."""

    number: int
    block: Block


@dataclass(frozen=True)
class Broken:
    """An error that ends the run."""

    error: Exception


class SortedHashes(Collection[bytes]):
    """A set of SHA-256s as one sorted array, which the workers of a node share in memory."""

    def __init__(self, hashes: Collection[bytes]) -> None:
        self._hashes = np.sort(np.array(list(hashes), "S32"))

    def __contains__(self, content_hash: object) -> bool:
        wanted = np.bytes_(content_hash).rstrip(b"\0")  # as numpy gives its own back
        place = int(np.searchsorted(self._hashes, np.bytes_(wanted)))
        return place < len(self._hashes) and bool(self._hashes[place] == wanted)

    def __iter__(self) -> Iterator[bytes]:
        return (bytes(each).ljust(32, b"\0") for each in self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)


@dataclass(frozen=True)
class ModelSource:
    """Where a worker finds the models: the home, or else what is shipped there.

    `device` None: the best of the worker's.
    """

    home: Home
    sha256: str
    embedder: str
    device: str | None

    def load(self) -> Models:
        """Load them; raises CheckpointError, EmbedderUnavailable, DeviceUnavailable..."""
        kept = KeptCheckpoints(self.home).path(self.sha256)
        if kept is None and self.sha256 != DEFAULT_SHA256:
            raise CheckpointError(
                f"a worker does not find the checkpoint {self.sha256[:12]} in {self.home.models}: "
                "every node has to reach the home at the same path"
            )
        captioner = load_checkpoint(kept, self.device)
        return captioner, choose_embedder(self.embedder, captioner.device)


@dataclass(frozen=True)
class Prepare:
    """Prepares blocks of files, in a Ray task; decoders run in processes of their own.

    `known`: reference to SortedHashes in Ray's object store. `size`: see Preparer.
    """

    home: Home
    size: int
    known: Any

    def __call__(self, batch: Batch) -> Batch:
        """Files -> PreparedFiles or Broken."""
        return _column([self._prepared(files) for files in batch[COLUMN]])

    def _prepared(self, files: Files) -> PreparedFiles | Broken:
        import ray

        preparer = Preparer(self.home, shared_decoders(), self.size)
        preparer.start_pass(ray.get(self.known))
        try:
            outcomes = [preparer.prepare(task) for task in files.tasks]
        except Exception as error:  # as in one process, it ends the run
            return Broken(error)
        settled = [_settled(outcome, preparer.unreadable) for outcome in outcomes]
        return PreparedFiles(files.number, settled)


class Describer:
    """Describes prepared blocks, in a Ray actor with a captioner of its own.

    `threads`: that the captioner computes with; Ray would give it one.
    """

    def __init__(self, load: Callable[[], Models], threads: int) -> None:
        self._threads = threads
        os.environ["OMP_NUM_THREADS"] = str(threads)  # before a runtime is loaded
        try:
            self._models: Models | Exception = load()
        except Exception as error:  # Ray would start another actor, for ever
            self._models = error

    def __call__(self, batch: Batch) -> Batch:
        """PreparedFiles -> DescribedFiles; or Broken."""
        return _column([self._described(prepared) for prepared in batch[COLUMN]])

    def _described(self, prepared: PreparedFiles | Broken) -> DescribedFiles | Broken:
        if isinstance(prepared, Broken):
            return prepared
        if isinstance(self._models, Exception):
            return Broken(self._models)
        captioner, embedder = self._models
        captioner.limit_threads(self._threads)
        photos = [item for item in prepared.outcomes if isinstance(item, Prepared)]
        try:
            new = describe(captioner, embedder, photos)
        except Exception as error:  # as in one process, it ends the run
            return Broken(error)
        outcomes = [_without_pixels(outcome) for outcome in prepared.outcomes]
        return DescribedFiles(prepared.number, Block(outcomes, new))


def _settled(outcome: Outcome, unreadable: Mapping[str, str]) -> Outcome:
    """The outcome; of a copy of bytes that could not be read, the same failure."""
    if isinstance(outcome, SameBytes) and outcome.content_hash in unreadable:
        return Failed(outcome.task, unreadable[outcome.content_hash], lasting=True)
    return outcome


def _without_pixels(outcome: Outcome) -> Outcome:
    return replace(outcome, pixels=_NO_PIXELS) if isinstance(outcome, Prepared) else outcome


def _column(values: Sequence[object]) -> Batch:
    column = np.empty(len(values), object)
    column[:] = values
    return {COLUMN: column}
