"""The vector index in FAISS: a cache of the vectors in SQL, which repairs itself from them."""

from __future__ import annotations

import importlib
import logging
import threading
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy.orm import Session

from catalog.change_feed import START, Position, position
from catalog.database import Database, DatabaseUnavailable
from catalog.filters import Condition
from catalog.home import Home
from catalog.vectors.build import FlatOrIvf, build_index, read_index, write_index
from catalog.vectors.flat import FlatIndex
from catalog.vectors.interface import Ids, Vectors
from catalog.vectors.kinds import IndexKind, choose_kind
from catalog.vectors.snapshots import Snapshot, SnapshotStore
from catalog.vectors.store import StoredVectors
from catalog.vectors.thread_safe import ThreadSafeIndex

log = logging.getLogger(__name__)

# Catching up on more than this part of an index at opening is worth saving for the next opening.
WORTH_SAVING = 0.1


class FaissMissing(ImportError):
    """FAISS is not installed."""


class FaissIndex:
    """A VectorIndex (interface.py) in memory, with a snapshot on disk for the next opening.

    Its kind follows from how many vectors there are, unless the home says which. Searches run
    together, changes alone. Raises FaissMissing.
    """

    def __init__(
        self, home: Home, database: Database, model_id: int, kind: str, dimension: int
    ) -> None:
        self.dimension = dimension
        self.kind = kind
        self._faiss = _import_faiss()
        self._database = database
        self._stored = StoredVectors(model_id, kind, dimension)
        self._snapshots = SnapshotStore(home, database, model_id, kind)
        self._maintenance = threading.RLock()  # among those who change, load or save it
        self._wanted = home.index_kind
        empty = FlatIndex.empty(self._faiss, dimension)
        self._vectors = ThreadSafeIndex(empty, self._stored, database)
        self._followed = START  # the changes in SQL that it has taken in
        self._snapshot = 0  # number of the newest snapshot that was looked at

    @property
    def count(self) -> int:
        """Number of vectors."""
        return self._vectors.index.count

    @property
    def index_kind(self) -> IndexKind:
        """The kind of FAISS index that it is now."""
        return self._vectors.index.kind

    @property
    def is_suitable(self) -> bool:
        """Whether it would be built again as it is; saving builds one anew that would not."""
        return self._vectors.index.suits(choose_kind(self.count, self._wanted), self.count)

    def open(self) -> None:
        """Load the snapshot and catch up with SQL; rebuild where it cannot be trusted.

        Raises DimensionMismatch.
        """
        with self._maintenance:
            if not self._load_newest():
                self.rebuild()
            elif self._catch_up(compare=True) > WORTH_SAVING * self.count:
                self._save_if_possible()

    def verify(self) -> bool:
        """Whether the snapshot is whole and holds what SQL does now; loads it to see."""
        with self._maintenance:
            if not self._load_newest():
                return False
            with self._database.read() as session:
                stored = self._stored.ids(session)
                newest = self._stored.newest_change(session)
            if newest > self._followed.settled:
                return False
            return np.array_equal(np.sort(stored), np.sort(self._vectors.index.ids()))

    def rebuild(self) -> None:
        """Build the index anew from SQL, and save it where that is possible.

        Searches are answered by the old one until the new one is whole. Raises DimensionMismatch.
        """
        with self._maintenance:
            self._build_anew()
            self._save_if_possible()

    def follow(self) -> None:
        """Take in what others saved or committed; one query where nothing changed.

        Returns at once where another thread is at it. Raises DimensionMismatch.
        """
        if not self._maintenance.acquire(blocking=False):
            return
        try:
            with self._database.read() as session:
                now = position(session)
                saved = self._snapshots.newest(session, above=self._snapshot)
            if saved is not None:
                self._load_newer(saved)
            if now != self._followed:
                self._catch_up()
        finally:
            self._maintenance.release()

    def save(self) -> None:
        """Catch up with SQL and put the index on disk, whole.

        An index that has outgrown its kind or its training is built anew for that. Raises OSError
        and DimensionMismatch.
        """
        with self._maintenance:
            self._catch_up()
            if not self.is_suitable:
                self._build_anew()
            index = self._vectors.index
            if index.is_mapped:  # nothing was changed since it was read from its file
                return
            write = partial(write_index, self._faiss, index)
            saved = self._snapshots.put(write, self.count, self._followed.settled)
            self._snapshot = saved.number

    def add(self, ids: ArrayLike, vectors: ArrayLike) -> None:
        """Add unit vectors [N, D] for photo ids [N]; see VectorIndex. Raises DimensionMismatch."""
        keys, values = self._stored.checked(ids, vectors)
        if len(keys):
            with self._maintenance:
                self._vectors.add(keys, values)

    def remove(self, ids: ArrayLike) -> None:
        """Remove photo ids [N]; those that are not there do not matter."""
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        if len(keys):
            with self._maintenance:
                self._vectors.remove(keys)

    def search(
        self, queries: ArrayLike, k: int, where: Condition | None = None
    ) -> tuple[Ids, Vectors]:
        """Return photo ids [Q, k] and similarities [Q, k]; see VectorIndex.

        FAISS selects by id: the condition is looked up in SQL first. Raises DimensionMismatch.
        """
        allowed = None if where is None else where.passing(self._database)
        return self._vectors.search(queries, k, allowed)

    def similarities(self, query: ArrayLike, ids: ArrayLike) -> Vectors:
        """Return the similarity [N] of one query [D] to given photos; -inf for those not there."""
        return self._vectors.similarities(query, ids)

    def stored(self, photo_id: int) -> Vectors | None:
        """Return the vector [D] of a photo, None where it has none."""
        return self._vectors.vector(photo_id)

    def _build_anew(self) -> None:
        with self._database.read() as session:
            now = position(session)
            index = build_index(self._faiss, self._stored, session, self._wanted)
            self._replace(index, now, self._snapshot)

    def _replace(self, index: FlatOrIvf, followed: Position, snapshot: int) -> None:
        self._vectors.replace(index)
        self._followed = followed
        self._snapshot = snapshot

    def _load_newest(self) -> bool:
        # A second look: the file that was there may have been replaced before it was read.
        for _ in range(2):
            with self._database.read() as session:
                saved = self._snapshots.newest(session)
            if saved is None:
                return False
            if self._load(saved):
                return True
        return False

    def _load_newer(self, saved: Snapshot) -> None:
        if saved.change < self._followed.settled or not self._load(saved):
            # What is in memory is newer, or will be once it has caught up with SQL.
            self._snapshot = saved.number

    def _load(self, saved: Snapshot) -> bool:
        path = self._snapshots.verified_file(saved)
        if path is None:
            return False
        index = read_index(self._faiss, path, self.dimension, saved.count)
        if index is None:
            return False
        self._replace(index, Position(saved.change), saved.number)
        return True

    def _catch_up(self, *, compare: bool = False) -> int:
        """Apply what SQL committed that is not in this index; return how many vectors that was.

        `compare`: whether it holds photos that SQL does not, too, as after a lost transaction.
        """
        with self._database.read() as session:
            now = position(session)
            if now == self._followed:
                return 0
            went_back = now.settled < self._followed.settled
            since = START if went_back else self._followed
            applied = self._replay(session, since)
            if compare or went_back:
                applied += self._drop_unknown(session)
            else:
                applied += self._drop_removed(session, since)
        self._followed = now
        return applied

    def _replay(self, session: Session, since: Position) -> int:
        applied = 0
        for keys, values in self._stored.since(session, since):
            self.add(keys, values)
            applied += len(keys)
        return applied

    def _drop_unknown(self, session: Session) -> int:
        # The index holds all that SQL does by now: the same number means the same photos.
        if self._stored.count(session) == self.count:
            return 0
        gone = np.setdiff1d(self._vectors.index.ids(), self._stored.ids(session))
        self.remove(gone)
        return len(gone)

    def _drop_removed(self, session: Session, since: Position) -> int:
        gone = self._stored.removed_since(session, since, self._vectors.index.ids())
        self.remove(gone)
        return len(gone)

    def _save_if_possible(self) -> None:
        try:
            self.save()
        except (OSError, DatabaseUnavailable) as error:
            # The index in memory is right, and the next opening will try again.
            log.warning("The %s vectors were not saved: %s", self.kind, error)


def _import_faiss() -> Any:
    try:
        return importlib.import_module("faiss")
    except ImportError as error:
        raise FaissMissing(
            "FAISS is not installed: `pip install tellshow[cpu]`, or `tellshow[gpu]` for a GPU."
        ) from error
