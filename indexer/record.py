"""What was found out about files, into the catalog: one batch at a time, in the caller's session.

Knows nothing of the model, and opens no file.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from sqlalchemy.orm import Session

from catalog import photos
from catalog.failures import clear_failure, record_failure
from catalog.photos import KnownFile
from catalog.records import NewPhoto
from catalog.runs import Noted, finish_run, note_run, start_run
from indexer.plan import Plan, Task
from indexer.prepare import Failed, Prepared, SameBytes
from indexer.report import DUPLICATES, INDEXED, MOVED, REMOVED, UNCHANGED, WITHHELD


class Recorder:
    """Records the outcomes of one run.

    `roots`: root ids to absolute paths. `replaced`: hashes of bytes that some path lost, and that
    may be nowhere any more.
    """

    def __init__(self, model_id: int, embedder: str, roots: Mapping[int, bytes]) -> None:
        self._model_id = model_id
        self._embedder = embedder
        self._roots = roots
        self._moved: set[int] = set()
        self.replaced: set[str] = set()

    def add(
        self, session: Session, batch: Sequence[Prepared], new: Sequence[NewPhoto]
    ) -> Counter[str]:
        """Store photos that went through the model, in order of `batch`."""
        pairs = sorted(zip(batch, new, strict=True), key=lambda pair: pair[0].task.root_id)
        for root_id, group in groupby(pairs, key=lambda pair: pair[0].task.root_id):
            of_root = [photo for _, photo in group]
            photos.add_photos(session, root_id, self._model_id, of_root, self._embedder)
        for photo in batch:
            self._succeeded(session, photo.task, photo.content_hash)
        return Counter({INDEXED: len(batch)})

    def same_bytes(self, session: Session, item: SameBytes) -> str | None:
        """Reuse what is known of the same bytes, and say as what; None where it is not there."""
        task, known = item.task, item.task.known
        if known is not None and known.has_state and known.content_hash == item.content_hash:
            photos.touch_photo(session, known.photo_id, task.file)
            return UNCHANGED
        source = photos.photo_with_content(session, item.content_hash, self._model_id)
        if source is None or not source.has_state:
            return None
        self._succeeded(session, task, item.content_hash)
        if not self._has_left(source, task):
            photos.copy_photo(session, source.photo_id, task.root_id, task.file)
            return DUPLICATES
        photos.move_photo(session, source.photo_id, task.root_id, task.file)
        self._moved.add(source.photo_id)
        return MOVED

    def failed(self, session: Session, item: Failed) -> Counter[str]:
        """Remember a failure; a photo that was known under that path is no more."""
        if not item.lasting:
            return Counter()
        file, known = item.task.file, item.task.known
        record_failure(session, item.task.full_path, file.size, file.mtime_ns, item.reason)
        if known is None or known.photo_id in self._moved:
            return Counter()
        return self._remove(session, [known])

    def vanished(self, session: Session, plan: Plan, prune: bool) -> Counter[str]:
        """Remove what is gone, unless that is more than half of a root and not `prune`."""
        for path in plan.stale_failures:
            clear_failure(session, path)
        gone = [file for file in plan.vanished if file.photo_id not in self._moved]
        if 2 * len(gone) > plan.known and not prune:
            return Counter({WITHHELD: len(gone)})
        return self._remove(session, gone)

    def _remove(self, session: Session, files: Sequence[KnownFile]) -> Counter[str]:
        photos.remove_photos(session, [file.photo_id for file in files])
        self.replaced.update(file.content_hash for file in files)
        return Counter({REMOVED: len(files)})

    def _succeeded(self, session: Session, task: Task, content_hash: str) -> None:
        if task.failed_before:
            clear_failure(session, task.full_path)
        if task.known is not None and task.known.content_hash != content_hash:
            self.replaced.add(task.known.content_hash)

    def _has_left(self, source: KnownFile, task: Task) -> bool:
        """Whether a file is no longer where the catalog has it; not if its disk is offline."""
        root = self._roots[source.root_id]
        path = os.path.join(root, source.path)
        # The same path below another root: one of the two folders lies in the other.
        return path == task.full_path or (os.path.isdir(root) and not os.path.lexists(path))


# What an index run notes of itself in the catalog, so that other processes see how far it is


class Journal:
    """The row of one run; `roots` are the ids of its folders."""

    def __init__(self, session: Session, roots: Sequence[int]) -> None:
        """Note that the run begins."""
        self._roots = tuple(roots)
        self._run_id = start_run(session, Noted(self._roots, {}))
        self._total: int | None = None
        self._began = time.monotonic()

    def begin(self, session: Session, total: int, counts: Counter[str], skipped: int) -> None:
        """So many files will be read; some were left out or known already."""
        self._total, self._began = total, time.monotonic()
        self.note(session, 0, counts, skipped)

    def note(self, session: Session, done: int, counts: Counter[str], skipped: int) -> None:
        """So many files are done once this transaction is committed."""
        note_run(session, self._run_id, self._noted(done, counts, skipped))

    def end(
        self, session: Session, done: int, counts: Counter[str], skipped: int, interrupted: bool
    ) -> None:
        """Nothing more will come."""
        noted = self._noted(done, counts, skipped, interrupted)
        finish_run(session, self._run_id, noted)

    def _noted(
        self, done: int, counts: Counter[str], skipped: int, interrupted: bool = False
    ) -> Noted:
        return Noted(
            roots=self._roots,
            counts={**counts, "skipped": skipped},
            total=self._total,
            done=done,
            seconds=time.monotonic() - self._began,
            interrupted=interrupted,
        )
