"""A flat FAISS index: float16 vectors by id, each compared with the query.

Not safe among threads by itself: thread_safe.py sees to that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from catalog.vectors.interface import Ids, Vectors
from catalog.vectors.kinds import IndexKind

# One thread compares so many vectors in a few milliseconds; more would wait for one another, and
# OpenMP's wait by spinning.
_OF_ONE_THREAD = 30_000


class FlatIndex:
    """Unit vectors [N, D] by id; similarity is the inner product."""

    kind = IndexKind.FLAT
    is_mapped = False  # it lies in memory, and can be changed

    def __init__(self, faiss: Any, index: Any) -> None:
        self._faiss = faiss
        self.index = index

    @classmethod
    def empty(cls, faiss: Any, dimension: int) -> FlatIndex:
        """An index without vectors."""
        flat = faiss.IndexScalarQuantizer(
            dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        return cls(faiss, faiss.IndexIDMap2(flat))

    @property
    def count(self) -> int:
        """Number of vectors."""
        return int(self.index.ntotal)

    def suits(self, kind: IndexKind, _count: int) -> bool:
        """Whether this is how to keep so many vectors, if `kind` is the one to use."""
        return kind is self.kind

    def ids(self) -> Ids:
        """The ids [N] of all vectors, in no order."""
        ids: Ids = self._faiss.vector_to_array(self.index.id_map)
        return ids

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors [N, D] whose ids [N] are not there yet."""
        self.index.add_with_ids(vectors, ids)

    def remove(self, ids: Ids) -> None:
        """Remove ids [N]; those that are not there do not matter."""
        self.index.remove_ids(ids)

    def make_changeable(self) -> None:
        """Nothing has to be done: it lies in memory."""

    def search(self, rows: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
        """The ids [Q, k] nearest to rows [Q, D], best first, and their similarities [Q, k].

        Only ids of `allowed` [N] are found, all where it is None; -1 where there are fewer than k.
        """
        only = None
        if allowed is not None:
            only = self._faiss.SearchParameters(sel=selector(self._faiss, allowed))
        with self._few_threads():
            similarity, ids = self.index.search(rows, k, params=only)
        return ids, similarity

    @contextmanager
    def _few_threads(self) -> Iterator[None]:
        """FAISS with one thread in the calling one, where the index is small."""
        usual = self._faiss.omp_get_max_threads()
        self._faiss.omp_set_num_threads(1 if self.count <= _OF_ONE_THREAD else usual)
        try:
            yield
        finally:
            self._faiss.omp_set_num_threads(usual)

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors [N, D] of ids; NaN for those that are not there."""
        try:
            values: Vectors = self.index.reconstruct_batch(ids)
            return values
        except RuntimeError:  # One of them is not there; FAISS does not say which.
            pass
        values = np.full((len(ids), self.index.d), np.nan, dtype=np.float32)
        for row, key in enumerate(ids):
            try:
                values[row] = self.index.reconstruct(int(key))
            except RuntimeError:
                continue
        return values


def selector(faiss: Any, ids: Ids) -> Any:
    """A FAISS selector of the ids [N] that may be found: one bit for every id up to the highest."""
    bits = np.zeros(int(ids.max(initial=0)) + 1, dtype=bool)
    bits[ids] = True
    return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
