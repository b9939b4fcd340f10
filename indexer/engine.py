"""What reads and describes the files of a run: an interface, and the engine in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from catalog.records import NewPhoto
from indexer.plan import Task
from indexer.prepare import Outcome, Prepared, Preparer

Describe = Callable[[Sequence[Prepared]], list[NewPhoto]]

# Files that need no model fill no batch; this many batches' worth of them are committed together.
FILES_PER_PHOTO = 8


@dataclass(frozen=True)
class Block:
    """Files that are recorded in one transaction.

    `new`: what the model says of the outcomes that are Prepared, in their order.
    """

    outcomes: Sequence[Outcome]
    new: Sequence[NewPhoto]


class Engine(Protocol):
    """Reads and describes files, each of them once, in any order."""

    def blocks(
        self, tasks: Sequence[Task], known: Collection[bytes], on_read: Callable[[int], None]
    ) -> Generator[Block]:
        """Read and describe the files of a pass, block by block.

        `known`: the SHA-256s of the bytes that need no model. `on_read` is told how many more files
        were read; what it raises ends the pass.
        """

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Why bytes cannot be read that were met in this run, by content hash."""


class LocalEngine:
    """The engine in this process: files are read ahead in threads, and described in batches."""

    def __init__(
        self, preparer: Preparer, describe: Describe, batch_size: int, threads: int
    ) -> None:
        self._preparer, self._describe = preparer, describe
        self._batch_size, self._threads = batch_size, threads

    @property
    def unreadable(self) -> Mapping[str, str]:
        """See Engine."""
        return self._preparer.unreadable

    def blocks(
        self, tasks: Sequence[Task], known: Collection[bytes], on_read: Callable[[int], None]
    ) -> Generator[Block]:
        """See Engine; in the order of the tasks. Raises as Preparer.prepare."""
        self._preparer.start_pass(known)
        for batch in in_batches(self._outcomes(tasks, on_read), self._batch_size):
            prepared = [item for item in batch if isinstance(item, Prepared)]
            yield Block(batch, self._describe(prepared))

    def _outcomes(self, tasks: Iterable[Task], on_read: Callable[[int], None]) -> Iterator[Outcome]:
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="prepare")
        try:
            for outcome in prefetch(pool, self._preparer.prepare, tasks, 2 * self._batch_size):
                on_read(1)
                yield outcome
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self._preparer.interrupt()
            pool.shutdown()


def prefetch(
    pool: ThreadPoolExecutor, work: Callable[[Task], Outcome], tasks: Iterable[Task], depth: int
) -> Iterator[Outcome]:
    """Yield what `work` returns for each task, in order, at most `depth` of them ahead."""
    waiting: deque[Future[Outcome]] = deque()
    for task in tasks:
        waiting.append(pool.submit(work, task))
        if len(waiting) >= depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def in_batches(outcomes: Iterable[Outcome], size: int) -> Iterator[list[Outcome]]:
    """Yield batches of `size` photos for the model each, and the other outcomes between them."""
    batch: list[Outcome] = []
    photos = 0
    for outcome in outcomes:
        batch.append(outcome)
        photos += isinstance(outcome, Prepared)
        if photos == size or len(batch) >= FILES_PER_PHOTO * size:
            yield batch
            batch, photos = [], 0
    if batch:
        yield batch
