"""The vectors of one kind and model as SQL holds them: whole, of one length, float32.

Knows nothing of FAISS, nor of where vectors come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from catalog.models import Vector
from catalog.sql import chunks
from catalog.vectors.kinds import Ids, Vectors

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
        return vector_ids(session, self.kind, self.model_id)

    def count(self, session: Session) -> int:
        """How many there are."""
        return count_vectors(session, self.kind, self.model_id)

    def newest_change(self, session: Session) -> int:
        """The last change that wrote one; 0 for none."""
        return newest_vector_change(session, self.kind, self.model_id)

    def since(self, session: Session, change: int) -> Iterator[tuple[Ids, Vectors]]:
        """Ids [N] and vectors [N, D] of all that were written after a change; 0 for all."""
        parts = iter_vectors(session, self.kind, self.model_id, PART, change)
        return self._all_checked(parts)

    def of(self, session: Session, keys: list[int]) -> Iterator[tuple[Ids, Vectors]]:
        """Ids [N] and vectors [N, D] of given photos; those without are left out."""
        parts = load_vectors(session, keys, self.kind, self.model_id)
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
        except UnevenVectors as error:
            raise DimensionMismatch(str(error)) from error

    def _mismatch(self, length: int) -> str:
        return (
            f"The stored {self.kind} vectors have {length} values, this index is for "
            f"{self.dimension}: they were made by another embedder."
        )


# Every SQL query that reads vectors


class UnevenVectors(ValueError):
    """Vectors of one kind and model are stored in several lengths."""


def iter_vectors(
    session: Session, kind: str, model_id: int, batch: int = 4096, after: int = 0
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float16]]]:
    """Yield (photo ids [N], unit vectors [N, D]) of all vectors changed since change `after`.

    Raises UnevenVectors where those of a batch differ in length.
    """
    query = (
        select(Vector.photo_id, Vector.blob)
        .where(Vector.model_id == model_id, Vector.kind == kind, Vector.change > after)
        .order_by(Vector.change, Vector.photo_id)
    )
    # Closed also where the reader stops early: PostgreSQL keeps a cursor open for the rest.
    with session.execute(query, execution_options={"yield_per": batch}) as rows:
        for part in rows.partitions():
            yield _unpacked(kind, part)


def load_vectors(
    session: Session, ids: Sequence[int], kind: str, model_id: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float16]]]:
    """Yield (photo ids [N], unit vectors [N, D]) of given photos; those without are left out.

    Raises UnevenVectors where those of a part differ in length.
    """
    for chunk in chunks(ids):
        query = select(Vector.photo_id, Vector.blob).where(
            Vector.photo_id.in_(chunk), Vector.kind == kind, Vector.model_id == model_id
        )
        if rows := session.execute(query).all():
            yield _unpacked(kind, rows)


def vector_ids(session: Session, kind: str, model_id: int) -> NDArray[np.int64]:
    """Return the ids [N] of all photos with a vector of the kind by the model."""
    query = select(Vector.photo_id).where(Vector.model_id == model_id, Vector.kind == kind)
    return np.fromiter(session.scalars(query), dtype=np.int64)


def count_vectors(session: Session, kind: str, model_id: int) -> int:
    """Return the number of vectors of the kind by the model."""
    query = select(func.count()).select_from(Vector)
    return session.scalar(query.where(Vector.model_id == model_id, Vector.kind == kind)) or 0


def newest_vector_change(session: Session, kind: str, model_id: int) -> int:
    """Return the last change that wrote a vector of the kind by the model; 0 for none."""
    query = select(func.max(Vector.change))
    return session.scalar(query.where(Vector.model_id == model_id, Vector.kind == kind)) or 0


def _unpacked(
    kind: str, rows: Sequence[Row[int, bytes]]
) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    ids = np.array([key for key, _ in rows], dtype=np.int64)
    if len({len(blob) for _, blob in rows}) > 1:
        raise UnevenVectors(f"The stored {kind} vectors differ in length.")
    values = np.frombuffer(b"".join(blob for _, blob in rows), dtype="<f2")
    return ids, values.reshape(len(rows), -1).astype(np.float16, copy=False)
