"""The main loop of a run: files are read and described by an engine, and recorded block by block.

SQL gets one transaction a block, so that a run may be interrupted at any moment; where a server is
lost, the transaction is repeated. FAISS follows later, by pipeline.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session

from catalog.paths import show_path
from catalog.records import NewPhoto
from indexer.background_writer import Writer
from indexer.engine import Block, Engine
from indexer.plan import Plan, Task
from indexer.prepare import Failed, Prepared, SameBytes
from indexer.progress import Progress
from indexer.record import Recorder, RunLog
from indexer.report import UNCHANGED, Skipped
from indexer.retry import Transactions


@dataclass(frozen=True)
class _Committed:
    """A batch that was committed: its number of files, and the counts of the run after it.

    `early`: files that were not recorded, since the first file with their bytes is not yet.
    `failed`: files that were skipped.
    """

    files: int
    counts: Counter[str]
    early: list[SameBytes]
    failed: list[Failed]


class Run:
    """Carries out plans; `counts`, `done` and `skipped` are of what is committed at any moment."""

    def __init__(
        self,
        transactions: Transactions,
        engine: Engine,
        recorder: Recorder,
        progress: Progress,
        run_log: RunLog,
        is_stop_requested: Callable[[], bool],
    ) -> None:
        self._transactions = transactions
        self._engine = engine
        self._recorder = recorder
        self._progress = progress
        self._log = run_log
        self._is_stop_requested = is_stop_requested
        self._writer = Writer(self._count)
        self._in_background = transactions.fork()
        self._early: list[SameBytes] = []  # see _Committed
        self.counts: Counter[str] = Counter()
        self.done = 0
        self.skipped: list[Skipped] = []

    def carry_out(
        self,
        plans: Sequence[Plan],
        known: Collection[bytes],
        prune: bool,
    ) -> None:
        """Read, describe and record every file of the plans, then remove what vanished.

        `known`: the SHA-256s of the bytes that need no model.
        """
        total = sum(len(plan.tasks) for plan in plans)
        self._progress.start(total)
        self.counts[UNCHANGED] += sum(plan.unchanged for plan in plans)
        for plan in plans:
            self._report(plan.skipped)
        counts, skipped = self.counts, len(self.skipped)
        self._transactions.write(
            partial(self._log.begin, total=total, counts=counts, skipped=skipped)
        )
        tasks = [task for plan in plans for task in plan.tasks]
        with self._writing():
            self._go_through(tasks, known)
            if self._early:  # the photo with their bytes was changed or removed meanwhile
                tasks, self._early = [item.task for item in self._early], []
                self._go_through(tasks, known=())
        self._remove(plans, prune)

    def finish(self, interrupted: bool) -> None:
        """Record that the run is over, completed or interrupted."""
        self._progress.finish()
        done, counts, skipped = self.done, self.counts, len(self.skipped)
        end = partial(self._log.end, done=done, counts=counts, skipped=skipped)
        self._transactions.write(partial(end, interrupted=interrupted))

    def _go_through(self, tasks: Sequence[Task], known: Collection[bytes]) -> None:
        # Closed at once where anything is raised here: an engine may have work under way elsewhere.
        with closing(self._engine.blocks(tasks, known, self._note_read)) as blocks:
            for block in blocks:
                self._commit(block)
                self._heed_request()
        self._writer.wait()
        self._record_early()
        self._writer.wait()

    def _note_read(self, files: int) -> None:
        self._writer.poll()  # nothing is described in vain once nothing can be written
        self._heed_request()
        self._progress.read(files)

    def _heed_request(self) -> None:
        if self._is_stop_requested():
            raise KeyboardInterrupt  # all that Ctrl-C saves is saved

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Let the pending batch be written to its end; after an error, without retrying."""
        try:
            yield
        except BaseException:
            self._in_background.end()
            with suppress(Exception):  # the first error is raised, not its consequence
                self._writer.wait()
            raise
        finally:
            self._writer.close()

    def _commit(self, block: Block) -> None:
        """Record a block in the background while the next one is described."""
        prepared = [item for item in block.outcomes if isinstance(item, Prepared)]
        same = [item for item in block.outcomes if isinstance(item, SameBytes)]
        failed = [item for item in block.outcomes if isinstance(item, Failed)]
        record = partial(self._record, prepared, block.new, same, failed)
        self._writer.submit(partial(self._in_background.write, record))

    def _record(
        self,
        prepared: Sequence[Prepared],
        new: Sequence[NewPhoto],
        same: Sequence[SameBytes],
        failed: list[Failed],
        session: Session,
    ) -> _Committed:
        """Record a batch in one transaction, in the writer's thread."""
        counts = self._recorder.add(session, prepared, new)
        reused = [self._recorder.same_bytes(session, item) for item in same]
        for item in failed:
            counts += self._recorder.failed(session, item)
        counts += self.counts + Counter(kind for kind in reused if kind is not None)
        early = [item for item, kind in zip(same, reused, strict=True) if kind is None]
        files = len(prepared) + len(same) + len(failed) - len(early)
        self._log.note(session, self.done + files, counts, len(self.skipped) + len(failed))
        return _Committed(files, counts, early, failed)

    def _count(self, batch: _Committed) -> None:
        """Count and report a batch that was committed."""
        self.counts, self.done = batch.counts, self.done + batch.files
        self._early += batch.early
        failed = batch.failed
        self._report([Skipped(show_path(item.task.full_path), item.reason) for item in failed])
        self._progress.advance(batch.files)

    def _record_early(self) -> None:
        """Record the files whose first copy has been recorded meanwhile, or was unreadable."""
        early, self._early = self._early, []
        if not early:
            return
        reasons = self._engine.unreadable
        bad = [
            Failed(item.task, reasons[item.content_hash], lasting=True)
            for item in early
            if item.content_hash in reasons
        ]
        good = [item for item in early if item.content_hash not in reasons]
        self._commit(Block([*good, *bad], []))

    def _remove(self, plans: Sequence[Plan], prune: bool) -> None:
        def remove(session: Session) -> list[Counter[str]]:
            return [self._recorder.vanished(session, plan, prune) for plan in plans]

        self.counts += sum(self._transactions.write(remove), Counter())

    def _report(self, skipped: Sequence[Skipped]) -> None:
        self.skipped += skipped
        for item in skipped:
            self._progress.skipped(item.path, item.reason)
