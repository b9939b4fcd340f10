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

from catalog import photos
from catalog.generations import Generation, GenerationStore
from catalog.home import Home
from catalog.lock import SharedLock
from catalog.session import Database, DatabaseUnavailable

log = logging.getLogger(__name__)

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

# Catching up on more than this part of an index at opening is worth saving for the next opening.
WORTH_SAVING = 0.1


class FaissMissing(ImportError):
    """FAISS is not installed."""


class DimensionMismatch(ValueError):
    """Stored vectors are of another length than this index is for."""


class VectorIndex:
    """The vectors of one kind and model; ids are photo ids, similarity is the inner product.

    Exact, in float16. Safe to share among threads: searches run together, changes alone.
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
        self._index: Any = self._empty()
        self._highest = 0  # the greatest photo id that was ever added
        self._change = 0  # what SQL's change counter was when the index followed it
        self._generation = 0  # the newest saved file that was looked at

    @property
    def count(self) -> int:
        """Number of vectors."""
        return int(self._index.ntotal)

    def open(self) -> None:
        """Load the saved file and catch up with SQL; rebuild where it cannot be trusted."""
        with self._maintenance:
            if not self._load_newest():
                self.rebuild()
            elif self._catch_up() > WORTH_SAVING * self.count:
                self._save_if_possible()

    def rebuild(self) -> None:
        """Make the index anew from SQL, and save it where that is possible.

        Searches are answered by the old one until the new one is whole.
        """
        with self._maintenance:
            index = self._empty()
            with self._database.read() as session:
                change = photos.change_counter(session)
                for keys, values in self._stored(session, after=0):
                    index.add_with_ids(values, keys)
            self._replace(index, change, self._generation)
            self._save_if_possible()

    def refresh(self) -> None:
        """Follow what others saved or committed; one query where nothing changed.

        Returns at once where another thread is at it.
        """
        if not self._maintenance.acquire(blocking=False):
            return
        try:
            with self._database.read() as session:
                change = photos.change_counter(session)
                saved = self._store.current(session)
            if saved is not None and saved.number > self._generation:
                self._follow(saved)
            if change != self._change:
                self._catch_up()
        finally:
            self._maintenance.release()

    def save(self) -> None:
        """Catch up with SQL and put the index on disk, whole. Raises OSError."""
        with self._maintenance:
            self._catch_up()
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
            # Photo ids only grow, so most are new and need no look through the index.
            old = keys[keys <= self._highest]
            if len(old):
                self._index.remove_ids(old)
            self._index.add_with_ids(values, keys)
            self._highest = max(self._highest, int(keys.max()))

    def remove(self, ids: ArrayLike) -> None:
        """Remove photo ids [N]; those that are not there do not matter."""
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        if len(keys):
            with self._maintenance, self._lock.alone():
                self._index.remove_ids(keys)

    def search(self, queries: ArrayLike, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """Return photo ids [Q, k], best first, and similarities [Q, k] for queries [Q, D].

        `among`: the only photo ids [N] that may be found; all where it is None. Where there are
        fewer than k vectors the rest are id -1, similarity -inf.
        """
        rows = np.ascontiguousarray(queries, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dimension:
            raise DimensionMismatch(f"Queries must be [Q, {self.dimension}], not {rows.shape}.")
        only = None if among is None else self._only(among)
        with self._lock.shared():
            similarity, ids = self._index.search(rows, k, params=only)
        similarity[ids < 0] = -np.inf
        return ids, similarity

    def similarities(self, query: ArrayLike, ids: ArrayLike) -> Vectors:
        """Return the similarity [N] of one query [D] to given photos; -inf for those not there."""
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        if not len(keys):
            return np.empty(0, dtype=np.float32)
        row = np.asarray(query, dtype=np.float32)
        with self._lock.shared():
            found = self._reconstruct(keys)
        similarity: Vectors = found @ row
        similarity[np.isnan(similarity)] = -np.inf
        return similarity

    def stored(self, photo_id: int) -> Vectors | None:
        """Return the vector [D] of a photo, None where it has none."""
        with self._lock.shared():
            found = self._reconstruct(np.array([photo_id], dtype=np.int64))[0]
        return None if np.isnan(found).any() else found

    def _only(self, ids: Ids) -> Any:
        """FAISS's way to say which ids may be found: one bit for every id up to the highest."""
        bits = np.zeros(int(ids.max(initial=0)) + 1, dtype=bool)
        bits[ids] = True
        selector = self._faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
        return self._faiss.SearchParameters(sel=selector)

    def _reconstruct(self, keys: Ids) -> Vectors:
        try:
            values: Vectors = self._index.reconstruct_batch(keys)
            return values
        except RuntimeError:  # One of them is not there; FAISS does not say which.
            pass
        values = np.full((len(keys), self.dimension), np.nan, dtype=np.float32)
        for place, key in enumerate(keys):
            try:
                values[place] = self._index.reconstruct(int(key))
            except RuntimeError:
                continue
        return values

    def _empty(self) -> Any:
        flat = self._faiss.IndexScalarQuantizer(
            self.dimension,
            self._faiss.ScalarQuantizer.QT_fp16,
            self._faiss.METRIC_INNER_PRODUCT,
        )
        return self._faiss.IndexIDMap2(flat)

    def _replace(self, index: Any, change: int, generation: int) -> None:
        ids = self._ids_of(index)
        with self._lock.alone():
            self._index = index
            self._highest = int(ids.max()) if len(ids) else 0
            self._change = change
            self._generation = generation

    def _ids_of(self, index: Any) -> Ids:
        ids: Ids = self._faiss.vector_to_array(index.id_map)
        return ids

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
        try:
            index = self._faiss.read_index(str(path))
        except RuntimeError:
            return False
        if index.d != self.dimension or index.ntotal != saved.count:
            return False
        self._replace(index, saved.change, saved.number)
        return True

    def _catch_up(self) -> int:
        """Apply what SQL committed after this index's change; return how many vectors that was."""
        with self._database.read() as session:
            # Read first: whatever is committed meanwhile is then seen again next time.
            change = photos.change_counter(session)
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
        parts = photos.iter_vectors(session, self.kind, self._model_id, after=after)
        try:
            for ids, vectors in parts:
                yield self._checked(ids, vectors)
        except photos.UnevenVectors as error:
            raise DimensionMismatch(str(error)) from error

    def _checked(self, ids: ArrayLike, vectors: ArrayLike) -> tuple[Ids, Vectors]:
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        values = np.ascontiguousarray(vectors, dtype=np.float32)
        if len(keys) and values.shape != (len(keys), self.dimension):
            raise DimensionMismatch(self._mismatch(values.shape[-1]))
        return keys, values

    def _drop_removed(self, session: Session) -> int:
        # The index holds all that SQL does by now: the same number means the same photos.
        if photos.count_vectors(session, self.kind, self._model_id) == self.count:
            return 0
        there = photos.vector_ids(session, self.kind, self._model_id)
        gone = np.setdiff1d(self._ids_of(self._index), there)
        self.remove(gone)
        return len(gone)

    def _write(self, path: Path) -> None:
        try:
            self._faiss.write_index(self._index, str(path))
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
