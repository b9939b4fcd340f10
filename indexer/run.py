"""One index run: files read ahead in threads, described in batches, recorded.

SQL gets one transaction a batch, so that a run may be broken off at any moment; where a server is
lost, the transaction is repeated. Knows nothing of FAISS, nor of which folders to index.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from catalog.newphoto import NewPhoto
from catalog.paths import show_path
from catalog.session import Database
from indexer.journal import Journal
from indexer.patience import Patience
from indexer.plan import Plan, Task
from indexer.prepare import Failed, Outcome, Prepared, Preparer, SameBytes
from indexer.progress import Progress
from indexer.record import Recorder
from indexer.report import UNCHANGED, Skipped

Describe = Callable[[Sequence[Prepared]], list[NewPhoto]]

# Files that need no model fill no batch; this many batches' worth of them are committed together.
FILES_PER_PHOTO = 8


class Run:
    """Carries out plans; `counts`, `done` and `skipped` hold what is committed at any moment."""

    def __init__(
        self,
        database: Database,
        preparer: Preparer,
        recorder: Recorder,
        progress: Progress,
        journal: Journal,
    ) -> None:
        self._database = database
        self._preparer = preparer
        self._recorder = recorder
        self._progress = progress
        self._journal = journal
        self._patience = Patience()
        self._early: list[SameBytes] = []  # bytes met in another file that is not recorded yet
        self.counts: Counter[str] = Counter()
        self.done = 0
        self.skipped: list[Skipped] = []

    def carry_out(
        self, plans: Sequence[Plan], describe: Describe, batch_size: int, threads: int, prune: bool
    ) -> None:
        """Read, describe and record every file of the plans, then remove what vanished."""
        total = sum(len(plan.tasks) for plan in plans)
        self._progress.start(total)
        self.counts[UNCHANGED] += sum(plan.unchanged for plan in plans)
        for plan in plans:
            self._report(plan.skipped)
        self._patience.repeat(partial(self._note_begin, total))
        tasks = (task for plan in plans for task in plan.tasks)
        for batch in in_batches(self._outcomes(tasks, threads, 2 * batch_size), batch_size):
            self._commit(batch, describe)
        self._settle()
        self._remove(plans, prune)

    def finish(self, interrupted: bool) -> None:
        """Nothing more will be done."""
        self._progress.finish()
        self._patience.repeat(partial(self._note_end, interrupted))

    def _note_begin(self, total: int) -> None:
        with self._database.write() as session:
            self._journal.begin(session, total, self.counts, len(self.skipped))

    def _note_end(self, interrupted: bool) -> None:
        with self._database.write() as session:
            self._journal.end(session, self.done, self.counts, len(self.skipped), interrupted)

    def _outcomes(self, tasks: Iterable[Task], threads: int, depth: int) -> Iterator[Outcome]:
        pool = ThreadPoolExecutor(threads, thread_name_prefix="prepare")
        try:
            yield from ahead(pool, self._preparer.prepare, tasks, depth)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            self._preparer.interrupt()
            pool.shutdown()

    def _commit(self, batch: Sequence[Outcome], describe: Describe) -> None:
        prepared = [item for item in batch if isinstance(item, Prepared)]
        same = [item for item in batch if isinstance(item, SameBytes)]
        failed = [item for item in batch if isinstance(item, Failed)]
        new = describe(prepared)
        record = partial(self._record, prepared, new, same, failed)
        counts, early = self._patience.repeat(record)
        done = len(batch) - len(early)
        self.counts, self.done = counts, self.done + done
        self._early += early
        self._report([Skipped(show_path(item.task.full_path), item.reason) for item in failed])
        self._progress.advance(done)

    def _record(
        self,
        prepared: Sequence[Prepared],
        new: Sequence[NewPhoto],
        same: Sequence[SameBytes],
        failed: Sequence[Failed],
    ) -> tuple[Counter[str], list[SameBytes]]:
        """Store a batch: what the counts then are, and the files whose bytes are not known yet."""
        with self._database.write() as session:
            counts = self._recorder.add(session, prepared, new)
            reused = [self._recorder.same_bytes(session, item) for item in same]
            for item in failed:
                counts += self._recorder.failed(session, item)
            counts += self.counts + Counter(kind for kind in reused if kind is not None)
            early = [item for item, kind in zip(same, reused, strict=True) if kind is None]
            done = self.done + len(prepared) + len(same) + len(failed) - len(early)
            self._journal.note(session, done, counts, len(self.skipped) + len(failed))
        return counts, early

    def _settle(self) -> None:
        """Record the files that came before the first of their bytes did."""
        early, self._early = self._early, []
        if not early:
            return
        reasons = self._preparer.unreadable
        bad = [
            Failed(item.task, reasons[item.content_hash], lasting=True)
            for item in early
            if item.content_hash in reasons
        ]
        good = [item for item in early if item.content_hash not in reasons]
        self._commit([*good, *bad], lambda none: [])

    def _remove(self, plans: Sequence[Plan], prune: bool) -> None:
        def remove() -> list[Counter[str]]:
            with self._database.write() as session:
                return [self._recorder.vanished(session, plan, prune) for plan in plans]

        self.counts += sum(self._patience.repeat(remove), Counter())

    def _report(self, skipped: Sequence[Skipped]) -> None:
        self.skipped += skipped
        for item in skipped:
            self._progress.skipped(item.path, item.reason)


def ahead(
    pool: ThreadPoolExecutor, work: Callable[[Task], Outcome], tasks: Iterable[Task], depth: int
) -> Iterator[Outcome]:
    """Yield what `work` makes of each task, in order, at most `depth` of them ahead."""
    waiting: deque[Future[Outcome]] = deque()
    for task in tasks:
        waiting.append(pool.submit(work, task))
        if len(waiting) >= depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def in_batches(outcomes: Iterable[Outcome], size: int) -> Iterator[list[Outcome]]:
    """Yield lists with `size` photos for the model each, and what came between them."""
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
