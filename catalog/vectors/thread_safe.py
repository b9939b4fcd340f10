"""A FAISS index that many threads search at once while one changes or replaces it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike

from catalog.database import Database
from catalog.vectors.build import FlatOrIvf
from catalog.vectors.flat import FlatIndex
from catalog.vectors.interface import Ids, Vectors
from catalog.vectors.store import StoredVectors


class ReadersWriterLock:
    """Many threads may share it, or one may hold it alone; who waits to be alone goes first."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._sharing = 0
        self._waiting = 0
        self._is_exclusive = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock beside others who share it. Not reentrant."""
        with self._condition:
            self._condition.wait_for(lambda: not self._is_exclusive and not self._waiting)
            self._sharing += 1
        try:
            yield
        finally:
            with self._condition:
                self._sharing -= 1
                self._condition.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock with nobody beside. Not reentrant."""
        with self._condition:
            self._waiting += 1
            self._condition.wait_for(lambda: not self._is_exclusive and not self._sharing)
            self._waiting -= 1
            self._is_exclusive = True
        try:
            yield
        finally:
            with self._condition:
                self._is_exclusive = False
                self._condition.notify_all()


class ThreadSafeIndex:
    """Searches run together, changes alone.

    Similarities are exact to float16 always: an IVF index only proposes, and what it proposes is
    compared again with the whole vectors in SQL, which raises DatabaseUnavailable.
    """

    def __init__(self, index: FlatOrIvf, stored: StoredVectors, database: Database) -> None:
        self.index = index
        self._stored = stored
        self._database = database
        self._lock = ReadersWriterLock()  # between searches and changes
        self._highest = 0  # the greatest photo id that was ever added

    def replace(self, index: FlatOrIvf) -> None:
        """Answer from another index from now on."""
        highest = int(index.ids().max(initial=0))
        with self._lock.exclusive():
            self.index = index
            self._highest = highest

    def add(self, keys: Ids, values: Vectors) -> None:
        """Add vectors [N, D] for photo ids [N], N > 0, replacing those that are there."""
        with self._lock.exclusive():
            self.index.make_changeable()
            # Photo ids only grow, so most are new and need no look through the index.
            old = keys[keys <= self._highest]
            if len(old):
                self.index.remove(old)
            self.index.add(keys, values)
            self._highest = max(self._highest, int(keys.max()))

    def remove(self, keys: Ids) -> None:
        """Remove photo ids [N]; those that are not there do not matter."""
        with self._lock.exclusive():
            self.index.make_changeable()
            self.index.remove(keys)

    def search(self, queries: ArrayLike, k: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
        """Photo ids [Q, k] of those allowed [N], best first, and similarities [Q, k].

        `allowed` None: any. Where there are fewer than k the rest is id -1, similarity -inf.
        Raises DimensionMismatch.
        """
        rows = self._stored.checked_queries(queries)
        with self._lock.shared():
            index = self.index
            if isinstance(index, FlatIndex):
                ids, similarity = index.search(rows, k, allowed)
                similarity[ids < 0] = -np.inf
                return ids, similarity
            proposed = index.propose(rows, k, allowed)
        return self._best(rows, proposed, k)

    def similarities(self, query: ArrayLike, ids: ArrayLike) -> Vectors:
        """The similarity [N] of one query [D] to given photos; -inf for those not there."""
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        if not len(keys):
            return np.empty(0, dtype=np.float32)
        row = np.asarray(query, dtype=np.float32)
        with self._lock.shared():
            if isinstance(self.index, FlatIndex):
                similarity: Vectors = self.index.vectors(keys) @ row
                similarity[np.isnan(similarity)] = -np.inf
                return similarity
        # An IVF index keeps no whole vectors, and SQL does.
        return self._compared(row[None], keys).reshape(-1)

    def vector(self, photo_id: int) -> Vectors | None:
        """The vector [D] of a photo, None where it has none."""
        with self._lock.shared():
            if isinstance(self.index, FlatIndex):
                found = self.index.vectors(np.array([photo_id], dtype=np.int64))
                return None if np.isnan(found).any() else found.reshape(-1)
        with self._database.read() as session:
            return self._stored.of_photo(session, photo_id)

    def _best(self, rows: Vectors, proposed: Ids, k: int) -> tuple[Ids, Vectors]:
        """The k best of the ids [Q, K] proposed for each row [Q, D], by whole vectors."""
        keys, places = np.unique(proposed, return_inverse=True)
        similarity = self._compared(rows, keys)
        own = np.take_along_axis(similarity, places.reshape(proposed.shape), axis=1)
        best = np.argsort(-own, axis=1, kind="stable")[:, :k]
        nearest = np.take_along_axis(own, best, axis=1)
        ids = np.take_along_axis(proposed, best, axis=1)
        return np.where(np.isfinite(nearest), ids, -1), nearest

    def _compared(self, rows: Vectors, keys: Ids) -> Vectors:
        """Similarities [Q, N] of rows [Q, D] with whole vectors; -inf where there is none."""
        with self._database.read() as session:
            return self._stored.similarities(session, rows, keys)
