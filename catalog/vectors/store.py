"""The vectors of one kind and model as rows in SQL, read as float32 arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from catalog.change_feed import START, Position, removed_since
from catalog.models import Model, Vector
from catalog.sql import chunks
from catalog.vectors.interface import DimensionMismatch, Ids, Vectors

# So many vectors are read from SQL at a time.
BATCH = 4096


@dataclass(frozen=True)
class StoredVectors:
    """Reads vectors [N, D] by photo id. Raises DimensionMismatch where D is not `dimension`."""

    model_id: int
    kind: str
    dimension: int

    def ids(self, session: Session) -> Ids:
        """The ids [N] of all photos that have one, in no order."""
        query = select(Vector.photo_id).where(*self._own)
        return np.fromiter(session.scalars(query), dtype=np.int64)

    def count(self, session: Session) -> int:
        """How many there are."""
        query = select(func.count()).select_from(Vector).where(*self._own)
        return session.scalar(query) or 0

    def newest_change(self, session: Session) -> int:
        """The last change that wrote one; 0 for none."""
        return session.scalar(select(func.max(Vector.change)).where(*self._own)) or 0

    def since(
        self, session: Session, position: Position = START, batch: int = BATCH
    ) -> Iterator[tuple[Ids, Vectors]]:
        """Yield ids [N] and vectors [N, D] of all that were written after a position.

        Raises DimensionMismatch.
        """
        query = select(Vector.photo_id, Vector.blob)
        query = query.where(*self._own, position.after(Vector.change))
        query = query.order_by(Vector.change, Vector.photo_id)
        # Closed also where the reader stops early: PostgreSQL keeps a cursor open for the rest.
        with session.execute(query, execution_options={"yield_per": batch}) as rows:
            for part in rows.partitions():
                yield self._unpacked(part)

    def removed_since(self, session: Session, position: Position, held: Ids) -> Ids:
        """Those of the photos held [N] that lost their vector after a position, and have none."""
        gone = removed_since(session, position)
        is_model_gone = session.scalar(select(Model.id).where(Model.id == self.model_id)) is None
        if gone is None or is_model_gone:
            return np.setdiff1d(held, self.ids(session))
        left = [key for ids, _ in self.of_photos(session, gone) for key in ids.tolist()]
        return np.setdiff1d(np.array(gone, np.int64), left)

    def of_photos(
        self, session: Session, photo_ids: Sequence[int]
    ) -> Iterator[tuple[Ids, Vectors]]:
        """Yield ids [N] and vectors [N, D] of given photos; those without one are left out.

        Raises DimensionMismatch.
        """
        for chunk in chunks(photo_ids):
            query = select(Vector.photo_id, Vector.blob)
            query = query.where(Vector.photo_id.in_(chunk), *self._own)
            if rows := session.execute(query).all():
                yield self._unpacked(rows)

    def of_photo(self, session: Session, photo_id: int) -> Vectors | None:
        """The vector [D] of a photo, None where it has none. Raises DimensionMismatch."""
        for _, values in self.of_photos(session, [photo_id]):
            return values.reshape(-1)
        return None

    def similarities_to(self, session: Session, query: ArrayLike, ids: ArrayLike) -> Vectors:
        """Similarity [N] of one query [D] to given photos; -inf where there is none.

        Raises DimensionMismatch.
        """
        row = np.asarray(query, dtype=np.float32)[None]
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        return self.similarities(session, row, keys).reshape(-1)

    def similarities(self, session: Session, queries: Vectors, ids: Ids) -> Vectors:
        """Similarities [Q, N] of queries [Q, D] with whole vectors; -inf where there is none.

        Raises DimensionMismatch.
        """
        every, places = np.unique(ids, return_inverse=True)
        similarity = np.full((len(queries), len(every)), -np.inf, dtype=np.float32)
        for found, values in self.of_photos(session, every.tolist()):
            similarity[:, np.searchsorted(every, found)] = queries @ values.T
        wanted: Vectors = similarity[:, places]
        return wanted

    def checked_queries(self, queries: ArrayLike) -> Vectors:
        """Queries [Q, D] as an array. Raises DimensionMismatch."""
        rows = np.ascontiguousarray(queries, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.dimension:
            raise DimensionMismatch(f"Queries must be [Q, {self.dimension}], not {rows.shape}.")
        return rows

    def checked(self, ids: ArrayLike, vectors: ArrayLike) -> tuple[Ids, Vectors]:
        """Ids [N] and vectors [N, D] as arrays. Raises DimensionMismatch."""
        keys = np.ascontiguousarray(ids, dtype=np.int64)
        values = np.ascontiguousarray(vectors, dtype=np.float32)
        if len(keys) and values.shape != (len(keys), self.dimension):
            raise DimensionMismatch(
                f"The stored {self.kind} vectors have {values.shape[-1]} values, this index is "
                f"for {self.dimension}: they were made by another embedder."
            )
        return keys, values

    @property
    def _own(self) -> tuple[ColumnElement[bool], ...]:
        return Vector.model_id == self.model_id, Vector.kind == self.kind

    def _unpacked(self, rows: Sequence[Row[int, bytes]]) -> tuple[Ids, Vectors]:
        if len({len(blob) for _, blob in rows}) > 1:
            raise DimensionMismatch(f"The stored {self.kind} vectors differ in length.")
        values = np.frombuffer(b"".join(blob for _, blob in rows), dtype="<f2")
        return self.checked([key for key, _ in rows], values.reshape(len(rows), -1))
