"""Nearest vectors by FAISS: a cache of the vectors in SQL, which repairs itself from them.

Does not know what a vector means, nor who made it.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sqlalchemy.orm import Session

from catalog import vectorrows
from catalog.changes import change_counter
from catalog.exact import ExactVectors, Ids, Vectors
from catalog.generations import Generation, GenerationStore
from catalog.home import Home
from catalog.indexkind import IndexKind, choose_kind
from catalog.listed import ListedBuilder, ListedVectors, sample_size
from catalog.lock import SharedLock
from catalog.session import Database, DatabaseUnavailable

log = logging.getLogger(__name__)

# Catching up on more than this part of an index at opening is worth saving for the next opening.
WORTH_SAVING = 0.1

# Lists of more vectors stay on disk, and are read where a search looks.
MAPPED_FROM = 100_000

# So many vectors are read from SQL at a time.
PART = 4096


class FaissMissing(ImportError):
    """FAISS is not installed."""


class DimensionMismatch(ValueError):
    """Stored vectors are of another length than this index is for."""


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
        self._model_id = model_id
        self._store = GenerationStore(home, database, model_id, kind)
        self._lock = SharedLock()  # between searches and changes of the index
        self._maintenance = threading.RLock()  # among those who change, load or save it
        self._wanted = home.index_kind
        self._kept: ExactVectors | ListedVectors = ExactVectors.empty(self._faiss, dimension)
        self._highest = 0  # the greatest photo id that was ever added
        self._change = 0  # what SQL's change counter was when the index followed it
        self._generation = 0  # the newest saved file that was looked at

    @property
    def count(self) -> int:
        """Number of vectors."""
        return self._kept.count

    @property
    def index_kind(self) -> IndexKind:
        """How the vectors are kept."""
        return self._kept.kind

    @property
    def is_suitable(self) -> bool:
        """Whether it would be made again as it is; an index that is not gets saved as it should."""
        return self._kept.suits(choose_kind(self.count, self._wanted), self.count)

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
                stored = vectorrows.vector_ids(session, self.kind, self._model_id)
                newest = vectorrows.newest_vector_change(session, self.kind, self._model_id)
            if newest > self._change:
                return False
            return np.array_equal(np.sort(stored), np.sort(self._kept.ids()))

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
                saved = self._store.current(session)
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
            if self._kept.is_mapped:  # nothing was changed since it was read from its file
                return
            saved = self._store.put(self._write, self.count, self._change)
            self._generation = saved.number

    def add(self, ids: ArrayLike, vectors: ArrayLike) -> None:
        """Add unit vectors [N, D] for photo ids [N], replacing those that are there.

        Only what is committed in SQL should be added: catching up removes everything else.
        """
        keys, values = self._checked(ids, vectors)
        if not len(keys):
            return
        with self._maintenance, self._lock.alone():
            self._kept.make_changeable()
            # Photo ids only grow, so most are new and need no look through the index.
            old = keys[keys <= self._highest]
            if len(old):
                self._kept.remove(old)
            self._kept.add(keys, values)
            self._highest = max(self._highest, int(keys.max()))

    def remove(self, ids: ArrayLike) -> None:
        """Remove photo ids [N]; those that are not there do not matter."""
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        if len(keys):
            with self._maintenance, self._lock.alone():
                self._kept.make_changeable()
                self._kept.remove(keys)

    def search(self, queries: ArrayLike, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """Return photo ids [Q, k], best first, and similarities [Q, k] for queries [Q, D].

        `among`: the only photo ids [N] that may be found; all where it is None. Where there are
        fewer than k vectors the rest are id -1, similarity -inf.
        """
        rows = np.ascontiguousarray(queries, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dimension:
            raise DimensionMismatch(f"Queries must be [Q, {self.dimension}], not {rows.shape}.")
        with self._lock.shared():
            kept = self._kept
            if isinstance(kept, ExactVectors):
                ids, similarity = kept.search(rows, k, among)
                similarity[ids < 0] = -np.inf
                return ids, similarity
            proposed = kept.propose(rows, k, among)
        return self._best(rows, proposed, k)

    def similarities(self, query: ArrayLike, ids: ArrayLike) -> Vectors:
        """Return the similarity [N] of one query [D] to given photos; -inf for those not there."""
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        if not len(keys):
            return np.empty(0, dtype=np.float32)
        row = np.asarray(query, dtype=np.float32)
        with self._lock.shared():
            if isinstance(self._kept, ExactVectors):
                similarity: Vectors = self._kept.vectors(keys) @ row
                similarity[np.isnan(similarity)] = -np.inf
                return similarity
        # An approximate index keeps no whole vectors, and SQL does.
        return self._compared(row[None], keys).reshape(-1)

    def stored(self, photo_id: int) -> Vectors | None:
        """Return the vector [D] of a photo, None where it has none."""
        with self._lock.shared():
            if isinstance(self._kept, ExactVectors):
                found = self._kept.vectors(np.array([photo_id], dtype=np.int64))
                return None if np.isnan(found).any() else found.reshape(-1)
        with self._database.read() as session:
            for _, values in self._whole(session, [photo_id]):
                return values.reshape(-1)
        return None

    def _best(self, rows: Vectors, proposed: Ids, k: int) -> tuple[Ids, Vectors]:
        """The k best of the ids proposed for each row [Q, D], by whole vectors."""
        keys, places = np.unique(proposed, return_inverse=True)
        similarity = self._compared(rows, keys)
        own = np.take_along_axis(similarity, places.reshape(proposed.shape), axis=1)
        best = np.argsort(-own, axis=1, kind="stable")[:, :k]
        nearest = np.take_along_axis(own, best, axis=1)
        ids = np.take_along_axis(proposed, best, axis=1)
        return np.where(np.isfinite(nearest), ids, -1), nearest

    def _compared(self, rows: Vectors, keys: Ids) -> Vectors:
        """Similarities [Q, N] of rows [Q, D] with whole vectors; -inf where there is none."""
        every, places = np.unique(keys, return_inverse=True)
        similarity = np.full((len(rows), len(every)), -np.inf, dtype=np.float32)
        with self._database.read() as session:
            for found, values in self._whole(session, every.tolist()):
                similarity[:, np.searchsorted(every, found)] = rows @ values.T
        wanted: Vectors = similarity[:, places]
        return wanted

    def _whole(self, session: Session, keys: list[int]) -> Iterator[tuple[Ids, Vectors]]:
        parts = vectorrows.load_vectors(session, keys, self.kind, self._model_id)
        return self._all_checked(parts)

    def _make_anew(self) -> None:
        with self._database.read() as session:
            change = change_counter(session)
            ids = vectorrows.vector_ids(session, self.kind, self._model_id)
            kind = choose_kind(len(ids), self._wanted)
            if kind is IndexKind.EXACT:
                self._replace(self._exact(session), change, self._generation)
            else:
                self._replace(self._listed(session, kind, ids), change, self._generation)

    def _exact(self, session: Session) -> ExactVectors:
        made = ExactVectors.empty(self._faiss, self.dimension)
        for keys, values in self._stored(session, after=0):
            made.add(keys, values)
        return made

    def _listed(self, session: Session, kind: IndexKind, ids: Ids) -> ListedVectors:
        random = np.random.default_rng(0)
        chosen = np.sort(random.choice(np.sort(ids), sample_size(len(ids)), replace=False))
        parts = self._whole(session, chosen.tolist())
        sample = np.concatenate([values for _, values in parts])
        builder = ListedBuilder(self._faiss, kind, len(ids), sample)
        del sample  # it is as large as a good part of the index
        for keys, values in self._stored(session, after=0):
            builder.add(keys, values)
        return builder.finish()

    def _replace(self, kept: ExactVectors | ListedVectors, change: int, generation: int) -> None:
        highest = int(kept.ids().max(initial=0))
        with self._lock.alone():
            self._kept = kept
            self._highest = highest
            self._change = change
            self._generation = generation

    def _load_newest(self) -> bool:
        # A second look: the file that SQL named may have been replaced before it was read.
        for _ in range(2):
            with self._database.read() as session:
                saved = self._store.current(session)
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
        path = self._store.verified_file(saved)
        if path is None:
            return False
        is_mapped = saved.count > MAPPED_FROM
        flags = self._faiss.IO_FLAG_MMAP | self._faiss.IO_FLAG_READ_ONLY if is_mapped else 0
        try:
            index = self._faiss.read_index(str(path), flags)
        except RuntimeError:
            return False
        if index.d != self.dimension or index.ntotal != saved.count:
            return False
        if isinstance(index, self._faiss.IndexIDMap2):
            kept: ExactVectors | ListedVectors = ExactVectors(self._faiss, index)
        else:
            kept = ListedVectors(self._faiss, index, is_mapped)
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
        for keys, values in self._stored(session, after):
            self.add(keys, values)
            applied += len(keys)
        return applied

    def _stored(self, session: Session, after: int) -> Iterator[tuple[Ids, Vectors]]:
        parts = vectorrows.iter_vectors(session, self.kind, self._model_id, PART, after)
        return self._all_checked(parts)

    def _all_checked(
        self, parts: Iterator[tuple[Ids, NDArray[np.float16]]]
    ) -> Iterator[tuple[Ids, Vectors]]:
        try:
            for ids, vectors in parts:
                yield self._checked(ids, vectors)
        except vectorrows.UnevenVectors as error:
            raise DimensionMismatch(str(error)) from error

    def _checked(self, ids: ArrayLike, vectors: ArrayLike) -> tuple[Ids, Vectors]:
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        values = np.ascontiguousarray(vectors, dtype=np.float32)
        if len(keys) and values.shape != (len(keys), self.dimension):
            raise DimensionMismatch(self._mismatch(values.shape[-1]))
        return keys, values

    def _drop_removed(self, session: Session) -> int:
        # The index holds all that SQL does by now: the same number means the same photos.
        if vectorrows.count_vectors(session, self.kind, self._model_id) == self.count:
            return 0
        there = vectorrows.vector_ids(session, self.kind, self._model_id)
        gone = np.setdiff1d(self._kept.ids(), there)
        self.remove(gone)
        return len(gone)

    def _write(self, path: Path) -> None:
        try:
            self._faiss.write_index(self._kept.index, str(path))
        except RuntimeError as error:
            raise OSError(f"The vectors cannot be written to {path}.") from error

    def _save_if_possible(self) -> None:
        try:
            self.save()
        except (OSError, DatabaseUnavailable) as error:
            # The index in memory is right, and the next opening will try again.
            log.warning("The %s vectors were not saved: %s", self.kind, error)

    def _mismatch(self, length: int) -> str:
        return (
            f"The stored {self.kind} vectors have {length} values, this index is for "
            f"{self.dimension}: they were made by another embedder."
        )


def _import_faiss() -> Any:
    try:
        return importlib.import_module("faiss")
    except ImportError as error:
        raise FaissMissing(
            "FAISS is not installed: `pip install tellshow[cpu]`, or `tellshow[gpu]` for a GPU."
        ) from error
