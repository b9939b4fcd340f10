"""What reads and describes the files of a run: an interface, and the engine in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from captioner.parallel import occupying_a_core
from catalog.records import NewPhoto
from indexer.plan import Task
from indexer.prepare import Outcome, Prepared, Preparer

Describe = Callable[[Sequence[Prepared]], list[NewPhoto]]

T = TypeVar("T")

# Files that need no model fill no batch; this many batches' worth of them are committed together.
FILES_PER_PHOTO = 8
# Photos that one thread describes together, where several do: fewer are dearer each.
_FEWEST, _MOST = 8, 16


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
    """The engine in this process: files are read ahead in threads, and described in batches.

    `decoding`: threads that read files; `describing`: those that describe photos, each a part of a
    batch, so that none waits for another where a batch ends.
    """

    def __init__(
        self,
        preparer: Preparer,
        describe: Describe,
        batch_size: int,
        *,
        decoding: int,
        describing: int,
    ) -> None:
        self._preparer, self._describe = preparer, describe
        self._batch_size, self._decoding, self._describing = batch_size, decoding, describing

    @property
    def unreadable(self) -> Mapping[str, str]:
        """See Engine."""
        return self._preparer.unreadable

    def blocks(
        self, tasks: Sequence[Task], known: Collection[bytes], on_read: Callable[[int], None]
    ) -> Generator[Block]:
        """See Engine; in the order of the tasks. Raises as Preparer.prepare."""
        self._preparer.start_pass(known)
        with (
            _pool(self._describing, "describe") as pool,
            closing(self._outcomes(tasks, on_read)) as outcomes,
        ):
            batches = in_batches(outcomes, self._batch_size)
            started = (self._start(pool, batch) for batch in batches)
            for batch, parts in ahead(started, self._batches_ahead()):
                yield Block(batch, [photo for part in parts for photo in part.result()])

    def _start(
        self, pool: ThreadPoolExecutor, batch: Sequence[Outcome]
    ) -> tuple[Sequence[Outcome], list[Future[list[NewPhoto]]]]:
        """Let the photos of a batch be described."""
        photos = [item for item in batch if isinstance(item, Prepared)]
        size = self._part_size(len(photos))
        parts = [photos[row : row + size] for row in range(0, len(photos), size)]
        return batch, [pool.submit(self._describe_part, part) for part in parts]

    def _part_size(self, photos: int) -> int:
        if self._describing == 1:
            return max(photos, 1)
        return min(max(-(-photos // self._describing), _FEWEST), _MOST)

    def _batches_ahead(self) -> int:
        """How many batches are begun before the first is waited for: one more than threads need."""
        parts = -(-self._batch_size // self._part_size(self._batch_size))
        return 1 + -(-self._describing // parts)

    def _describe_part(self, photos: Sequence[Prepared]) -> list[NewPhoto]:
        with occupying_a_core():
            return self._describe(photos)

    def _outcomes(
        self, tasks: Iterable[Task], on_read: Callable[[int], None]
    ) -> Generator[Outcome]:
        with _pool(self._decoding, "prepare", self._preparer.interrupt) as pool:
            started = (pool.submit(self._preparer.prepare, task) for task in tasks)
            for future in ahead(started, 2 * self._batch_size):
                outcome = future.result()
                on_read(1)
                yield outcome


@contextmanager
def _pool(
    threads: int, name: str, interrupt: Callable[[], None] = lambda: None
) -> Iterator[ThreadPoolExecutor]:
    """Threads that do what is submitted; at the end, `interrupt` ends what they wait for."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        interrupt()
        pool.shutdown()


def ahead(items: Iterable[T], depth: int) -> Iterator[T]:
    """Yield items in order, so many of them taken before the first is yielded."""
    waiting: deque[T] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) >= depth:
            yield waiting.popleft()
    yield from waiting


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
