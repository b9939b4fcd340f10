"""Nearest vectors by FAISS: a cache of the vectors in SQL, which repairs itself from them.

Does not know what a vector means, nor who made it.
"""

from __future__ import annotations

import importlib
import logging
import threading
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy.orm import Session

from catalog.database import Database, DatabaseUnavailable
from catalog.descriptions import change_counter
from catalog.home import Home, IndexKind
from catalog.vectors.factory import Kept, make_kept, read_kept, write_kept
from catalog.vectors.flat import ExactVectors
from catalog.vectors.kinds import Ids, Vectors, choose_kind
from catalog.vectors.snapshots import Generation, GenerationStore
from catalog.vectors.store import StoredVectors
from catalog.vectors.thread_safe import SearchableVectors

log = logging.getLogger(__name__)

# Catching up on more than this part of an index at opening is worth saving for the next opening.
WORTH_SAVING = 0.1


class FaissMissing(ImportError):
    """FAISS is not installed."""


class VectorIndex:
    """The vectors of one kind and model; ids are photo ids, similarity is the inner product.

    How it is kept follows from how many vectors there are, unless the home says how; similarities
    are exact to float16 always. Safe to share among threads: searches run together, changes alone.
    Raises FaissMissing.
    """

    def __init__(
        self, home: Home, database: Database, model_id: int, kind: str, dimension: int
    ) -> None:
        self.dimension = dimension
        self.kind = kind
        self._faiss = _import_faiss()
        self._database = database
        self._stored = StoredVectors(model_id, kind, dimension)
        self._files = GenerationStore(home, database, model_id, kind)
        self._maintenance = threading.RLock()  # among those who change, load or save it
        self._wanted = home.index_kind
        empty = ExactVectors.empty(self._faiss, dimension)
        self._searchable = SearchableVectors(empty, self._stored, database)
        self._change = 0  # what SQL's change counter was when the index followed it
        self._generation = 0  # the newest saved file that was looked at

    @property
    def count(self) -> int:
        """Number of vectors."""
        return self._searchable.kept.count

    @property
    def index_kind(self) -> IndexKind:
        """How the vectors are kept."""
        return self._searchable.kept.kind

    @property
    def is_suitable(self) -> bool:
        """Whether it would be made again as it is; an index that is not gets saved as it should."""
        return self._searchable.kept.suits(choose_kind(self.count, self._wanted), self.count)

    def open(self) -> None:
        """Load the saved file and catch up with SQL; rebuild where it cannot be trusted."""
        with self._maintenance:
            if not self._load_newest():
                self.rebuild()
            elif self._catch_up() > WORTH_SAVING * self.count:
                self._save_if_possible()

    def saved_well(self) -> bool:
        """Whether the saved file is whole and holds what SQL does now; loads it to see."""
        with self._maintenance:
            if not self._load_newest():
                return False
            with self._database.read() as session:
                stored = self._stored.ids(session)
                newest = self._stored.newest_change(session)
            if newest > self._change:
                return False
            return np.array_equal(np.sort(stored), np.sort(self._searchable.kept.ids()))

    def rebuild(self) -> None:
        """Make the index anew from SQL, and save it where that is possible.

        Searches are answered by the old one until the new one is whole.
        """
        with self._maintenance:
            self._make_anew()
            self._save_if_possible()

    def refresh(self) -> None:
        """Follow what others saved or committed; one query where nothing changed.

        Returns at once where another thread is at it.
        """
        if not self._maintenance.acquire(blocking=False):
            return
        try:
            with self._database.read() as session:
                change = change_counter(session)
                saved = self._files.current(session)
            if saved is not None and saved.number > self._generation:
                self._follow(saved)
            if change != self._change:
                self._catch_up()
        finally:
            self._maintenance.release()

    def save(self) -> None:
        """Catch up with SQL and put the index on disk, whole. Raises OSError.

        An index that has outgrown its kind or its training is made anew for that.
        """
        with self._maintenance:
            self._catch_up()
            if not self.is_suitable:
                self._make_anew()
            kept = self._searchable.kept
            if kept.is_mapped:  # nothing was changed since it was read from its file
                return
            write = partial(write_kept, self._faiss, kept)
            saved = self._files.put(write, self.count, self._change)
            self._generation = saved.number

    def add(self, ids: ArrayLike, vectors: ArrayLike) -> None:
        """Add unit vectors [N, D] for photo ids [N], replacing those that are there.

        Only what is committed in SQL should be added: catching up removes everything else.
        """
        keys, values = self._stored.checked(ids, vectors)
        if len(keys):
            with self._maintenance:
                self._searchable.add(keys, values)

    def remove(self, ids: ArrayLike) -> None:
        """Remove photo ids [N]; those that are not there do not matter."""
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        if len(keys):
            with self._maintenance:
                self._searchable.remove(keys)

    def search(self, queries: ArrayLike, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """Return photo ids [Q, k], best first, and similarities [Q, k] for queries [Q, D].

        `among`: the only photo ids [N] that may be found; all where it is None. Where there are
        fewer than k vectors the rest are id -1, similarity -inf. Raises DimensionMismatch.
        """
        return self._searchable.search(queries, k, among)

    def similarities(self, query: ArrayLike, ids: ArrayLike) -> Vectors:
        """Return the similarity [N] of one query [D] to given photos; -inf for those not there."""
        return self._searchable.similarities(query, ids)

    def stored(self, photo_id: int) -> Vectors | None:
        """Return the vector [D] of a photo, None where it has none."""
        return self._searchable.vector(photo_id)

    def _make_anew(self) -> None:
        with self._database.read() as session:
            change = change_counter(session)
            kept = make_kept(self._faiss, self._stored, session, self._wanted)
            self._replace(kept, change, self._generation)

    def _replace(self, kept: Kept, change: int, generation: int) -> None:
        self._searchable.replace(kept)
        self._change = change
        self._generation = generation

    def _load_newest(self) -> bool:
        # A second look: the file that SQL named may have been replaced before it was read.
        for _ in range(2):
            with self._database.read() as session:
                saved = self._files.current(session)
            if saved is None:
                return False
            if self._load(saved):
                return True
        return False

    def _follow(self, saved: Generation) -> None:
        if saved.change < self._change or not self._load(saved):
            # What is in memory is newer, or will be once it has caught up with SQL.
            self._generation = saved.number

    def _load(self, saved: Generation) -> bool:
        path = self._files.verified_file(saved)
        if path is None:
            return False
        kept = read_kept(self._faiss, path, self.dimension, saved.count)
        if kept is None:
            return False
        self._replace(kept, saved.change, saved.number)
        return True

    def _catch_up(self) -> int:
        """Apply what SQL committed after this index's change; return how many vectors that was."""
        with self._database.read() as session:
            # Read first: whatever is committed meanwhile is then seen again next time.
            change = change_counter(session)
            if change == self._change:
                return 0
            start = self._change if change > self._change else 0
            applied = self._replay(session, start)
            applied += self._drop_removed(session)
        self._change = change
        return applied

    def _replay(self, session: Session, after: int) -> int:
        applied = 0
        for keys, values in self._stored.since(session, after):
            self.add(keys, values)
            applied += len(keys)
        return applied

    def _drop_removed(self, session: Session) -> int:
        # The index holds all that SQL does by now: the same number means the same photos.
        if self._stored.count(session) == self.count:
            return 0
        gone = np.setdiff1d(self._searchable.kept.ids(), self._stored.ids(session))
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
