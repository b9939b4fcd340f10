"""The vectors of one kind and model as SQL holds them: whole, of one length, float32.

Knows nothing of FAISS, nor of where vectors come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sqlalchemy.orm import Session

from catalog import vectorrows
from catalog.exact import Ids, Vectors

# So many vectors are read from SQL at a time.
PART = 4096


class DimensionMismatch(ValueError):
    """Vectors are of another length than they should be."""


@dataclass(frozen=True)
class StoredVectors:
    """Reads vectors [N, D] by photo id. Raises DimensionMismatch where D is not `dimension`."""

    model_id: int
    kind: str
    dimension: int

    def ids(self, session: Session) -> Ids:
        """The ids [N] of all photos that have one."""
        return vectorrows.vector_ids(session, self.kind, self.model_id)

    def count(self, session: Session) -> int:
        """How many there are."""
        return vectorrows.count_vectors(session, self.kind, self.model_id)

    def newest_change(self, session: Session) -> int:
        """The last change that wrote one; 0 for none."""
        return vectorrows.newest_vector_change(session, self.kind, self.model_id)

    def since(self, session: Session, change: int) -> Iterator[tuple[Ids, Vectors]]:
        """Ids [N] and vectors [N, D] of all that were written after a change; 0 for all."""
        parts = vectorrows.iter_vectors(session, self.kind, self.model_id, PART, change)
        return self._all_checked(parts)

    def of(self, session: Session, keys: list[int]) -> Iterator[tuple[Ids, Vectors]]:
        """Ids [N] and vectors [N, D] of given photos; those without are left out."""
        parts = vectorrows.load_vectors(session, keys, self.kind, self.model_id)
        return self._all_checked(parts)

    def checked(self, ids: ArrayLike, vectors: ArrayLike) -> tuple[Ids, Vectors]:
        """Ids [N] and vectors [N, D] as arrays, D being right."""
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        values = np.ascontiguousarray(vectors, dtype=np.float32)
        if len(keys) and values.shape != (len(keys), self.dimension):
            raise DimensionMismatch(self._mismatch(values.shape[-1]))
        return keys, values

    def _all_checked(
        self, parts: Iterator[tuple[Ids, NDArray[np.float16]]]
    ) -> Iterator[tuple[Ids, Vectors]]:
        try:
            for ids, vectors in parts:
                yield self.checked(ids, vectors)
        except vectorrows.UnevenVectors as error:
            raise DimensionMismatch(str(error)) from error

    def _mismatch(self, length: int) -> str:
        return (
            f"The stored {self.kind} vectors have {length} values, this index is for "
            f"{self.dimension}: they were made by another embedder."
        )
