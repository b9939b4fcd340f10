"""Every SQL query that reads vectors.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
FAISS, nor of where vectors come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from catalog.chunks import chunks
from catalog.models import Vector


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
