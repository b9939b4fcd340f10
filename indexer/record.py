"""What was found out about files, into the catalog: one batch at a time, in the caller's session.

Knows nothing of the model, and opens no file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from sqlalchemy.orm import Session

from catalog import photos
from catalog.photos import KnownFile, NewPhoto
from indexer.plan import Plan, Task
from indexer.prepare import Failed, Prepared, SameBytes
from indexer.report import DUPLICATES, INDEXED, MOVED, REMOVED, UNCHANGED, WITHHELD


class Recorder:
    """Records the outcomes of one run; `moved` are the photos that got a new path in it."""

    def __init__(self, model_id: int, embedder: str) -> None:
        self._model_id = model_id
        self._embedder = embedder
        self.moved: set[int] = set()

    def add(
        self, session: Session, batch: Sequence[Prepared], new: Sequence[NewPhoto]
    ) -> Counter[str]:
        """Store photos that went through the model, in order of `batch`."""
        pairs = sorted(zip(batch, new, strict=True), key=lambda pair: pair[0].task.root_id)
        for root_id, group in groupby(pairs, key=lambda pair: pair[0].task.root_id):
            of_root = [photo for _, photo in group]
            photos.add_photos(session, root_id, self._model_id, of_root, self._embedder)
        for photo in batch:
            photos.clear_failure(session, photo.task.full_path)
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
        photos.clear_failure(session, task.full_path)
        if not self._has_left(session, source, task):
            photos.copy_photo(session, source.photo_id, task.root_id, task.file)
            return DUPLICATES
        photos.move_photo(session, source.photo_id, task.root_id, task.file)
        self.moved.add(source.photo_id)
        return MOVED

    def failed(self, session: Session, item: Failed) -> Counter[str]:
        """Remember a failure; a photo that was known under that path is no more."""
        if not item.lasting:
            return Counter()
        file, known = item.task.file, item.task.known
        photos.record_failure(
            session, item.task.full_path, file.size, file.mtime_ns, item.reason
        )
        if known is None:
            return Counter()
        photos.remove_photos(session, [known.photo_id])
        return Counter({REMOVED: 1})

    def vanished(self, session: Session, plan: Plan, prune: bool) -> Counter[str]:
        """Remove what is gone, unless that is more than half of a root and not `prune`."""
        for path in plan.stale_failures:
            photos.clear_failure(session, path)
        gone = [file.photo_id for file in plan.vanished if file.photo_id not in self.moved]
        if 2 * len(gone) > plan.known and not prune:
            return Counter({WITHHELD: len(gone)})
        photos.remove_photos(session, gone)
        return Counter({REMOVED: len(gone)})

    def _has_left(self, session: Session, source: KnownFile, task: Task) -> bool:
        """Whether a file is no longer where the catalog has it; not if its disk is offline."""
        roots = {root.root_id: root.path for root in photos.roots(session)}
        root = roots[source.root_id]
        path = os.path.join(root, source.path)
        # The same path below another root: one of the two folders lies in the other.
        return path == task.full_path or (os.path.isdir(root) and not os.path.lexists(path))
