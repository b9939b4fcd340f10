"""The vector index in pgvector: the database compares vectors itself, and knows the filters.

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using HNSW", 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Float,
    Select,
    any_,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from catalog.change_feed import Position, position
from catalog.database import Database
from catalog.filters import NO_FILTER, Condition, filter_clauses
from catalog.models import Photo
from catalog.vectors.interface import Ids, Vectors
from catalog.vectors.kept_count import KeptCount
from catalog.vectors.pgvector_table import PgvectorTable, schema_of_pgvector
from catalog.vectors.store import StoredVectors

AnySelect = Select[*tuple[Any, ...]]

# Of so few photos each is compared; a graph is made, and walked, for more. Where a filter lets less
# than a twentieth pass, a walk would take longer than comparing those.
MOST_COMPARED = 50_000
LEAST_SHARE = 20
# More results than this are found by comparing every photo that passes.
MOST_WALKED = 1_000

# A walk collects so many times the photos that are wanted, and keeps the nearest: of 200 among
# 200,000 that finds 98%, against 85% where it stops at 200. Under a filter it goes further anyway.
_COLLECTED, _COLLECTED_FILTERED = 10, 5
_IN_VIEW = 1_000  # photos at a time: pgvector's most
_MOST_VISITED = 200_000
_MEMORY = 64  # of a walk, in work_mem

# Counting more rows takes a while: it is done once in so many seconds.
_MANY, _COUNTED_FOR = 1_000_000, 60.0

_COMPARING = "SET LOCAL jit = off; SET LOCAL enable_sort = on; SET LOCAL enable_seqscan = on"
_WALKING = (
    "SET LOCAL jit = off; SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off;"
    " SET LOCAL hnsw.iterative_scan = relaxed_order;"
    f" SET LOCAL hnsw.ef_search = {_IN_VIEW}; SET LOCAL hnsw.max_scan_tuples = {_MOST_VISITED};"
    f" SET LOCAL hnsw.scan_mem_multiplier = {_MEMORY}"
)


class PgvectorIndex:
    """A VectorIndex (interface.py) in the catalog's own PostgreSQL; nothing of it lies in the home.

    Photos are added and removed in the transaction of their rows, so that there is nothing to
    follow. Raises VectorsUnavailable.
    """

    def __init__(self, database: Database, model_id: int, kind: str, dimension: int) -> None:
        self.dimension = dimension
        self.kind = kind
        self._database = database
        self._stored = StoredVectors(model_id, kind, dimension)
        self._table = PgvectorTable(self._stored, schema_of_pgvector(database))
        self._count = KeptCount(self._counted)
        self._seen: Position | None = None

    @property
    def count(self) -> int:
        """Number of vectors; of very many as it was up to a minute ago."""
        return self._count.get()

    def open(self) -> None:
        """Make its table, where the database has none. Raises DimensionMismatch."""
        with self._database.read() as session:
            is_ready = self._table.is_ready(session)
        if not is_ready:
            with self._database.write() as session:
                if not self._is_made_meanwhile(session):
                    self._table.make(session, MOST_COMPARED)
        self._count.forget()

    def follow(self) -> None:
        """Nothing to take in: the database has it."""
        with self._database.read() as session:
            now = position(session)
        if now != self._seen and self._count.forget(many=_MANY, seconds=_COUNTED_FOR):
            self._seen = now

    def add(self, ids: ArrayLike, vectors: ArrayLike) -> None:
        """Nothing to add: their rows' transaction did. Raises DimensionMismatch."""
        self._stored.checked(ids, vectors)
        self._count.forget()

    def remove(self, ids: ArrayLike) -> None:
        """Nothing to remove: their rows' transaction did."""
        self._count.forget()

    def search(
        self, queries: ArrayLike, k: int, where: Condition | None = None
    ) -> tuple[Ids, Vectors]:
        """Return photo ids [Q, k] and similarities [Q, k]; see VectorIndex.

        Raises DimensionMismatch.
        """
        rows = self._stored.checked_queries(queries)
        wanted = where or Condition()
        count = self.count  # by a connection of its own: not while a search holds another
        is_small = count <= MOST_COMPARED or k > MOST_WALKED
        ids = np.full((len(rows), k), -1, dtype=np.int64)
        similarity = np.full((len(rows), k), -np.inf, dtype=np.float32)
        with self._searching() as session:
            few = max(MOST_COMPARED, count // LEAST_SHARE)
            compare = is_small or wanted.is_met_by_at_most(session, few)
            for place, row in enumerate(rows):
                near = self._nearest(session, row, k, wanted, compare)
                own = self._stored.similarities(session, row[None], near)[0]
                best = np.lexsort((near, -own))[:k]
                best = best[np.isfinite(own[best])]
                ids[place, : len(best)], similarity[place, : len(best)] = near[best], own[best]
        return ids, similarity

    def similarities(self, query: ArrayLike, ids: ArrayLike) -> Vectors:
        """Return the similarity [N] of one query [D] to given photos; -inf for those not there."""
        with self._database.read() as session:
            return self._stored.similarities_to(session, query, ids)

    def stored(self, photo_id: int) -> Vectors | None:
        """Return the vector [D] of a photo, None where it has none."""
        with self._database.read() as session:
            return self._stored.of_photo(session, photo_id)

    def save(self) -> None:
        """Index the table by a graph, once it has outgrown comparing each vector."""
        self._count.forget()
        if self.count <= MOST_COMPARED:
            return
        with self._database.read() as session:
            is_indexed = self._table.state(session).is_indexed
        if not is_indexed:
            with self._database.write() as session:
                self._table.add_graph(session)

    def rebuild(self) -> None:
        """Make the table anew from SQL; searches go on meanwhile. Raises DimensionMismatch."""
        with self._database.write() as session:
            self._table.make(session, MOST_COMPARED)
        self._count.forget()

    def verify(self) -> bool:
        """Whether the table is there, every change reaches it, and it holds what SQL does."""
        with self._database.read() as session:
            if not self._table.is_ready(session):
                return False
        with self._searching() as session:
            stored, own = self._stored.ids(session), self._table.ids(session)
            if not np.array_equal(np.sort(stored), np.sort(own)):
                return False
            return not self._table.differs(session)

    def _counted(self) -> int:
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(self._table.table)) or 0

    def _is_made_meanwhile(self, session: Session) -> bool:
        """Whether another process made the table while this one waited for its turn."""
        self._table.keep_writers_waiting(session)
        return self._table.is_ready(session)

    @contextmanager
    def _searching(self) -> Iterator[Session]:
        """A session whose snapshot is of the table as it is, with a planner that heeds settings."""
        with self._database.read() as session:
            connection = session.connection()
            driver: Any = connection.connection.driver_connection
            threshold, driver.prepare_threshold = driver.prepare_threshold, None
            try:
                # Before the snapshot is taken: a table that was made anew meanwhile would be empty.
                connection.exec_driver_sql(f"LOCK TABLE {self._table.name} IN ACCESS SHARE MODE")
                yield session
            finally:
                driver.prepare_threshold = threshold

    def _nearest(
        self, session: Session, row: Vectors, k: int, wanted: Condition, compare: bool
    ) -> Ids:
        """At least the k nearest photos to a query [D] that meet a condition, or all that do."""
        if not compare:
            session.connection().exec_driver_sql(_WALKING)
            found = self._walked(session, row, k, wanted)
            if len(found) >= k:
                return found
        session.connection().exec_driver_sql(_COMPARING)
        return self._compared(session, row, _few_more(k), wanted)

    def _compared(self, session: Session, row: Vectors, count: int, wanted: Condition) -> Ids:
        """The nearest photos to a query [D] that meet a condition, each of them compared."""
        query = self._passing(session, select(self._table.photo_id), wanted)
        # What the graph serves is the bare distance.
        query = query.order_by(self._distance(row) + 0.0).limit(count)
        return np.fromiter(session.scalars(query), dtype=np.int64)

    def _walked(self, session: Session, row: Vectors, k: int, wanted: Condition) -> Ids:
        """About the k nearest photos to a query [D] that meet a condition, by the graph."""
        times = _COLLECTED if wanted.asks_nothing else _COLLECTED_FILTERED
        distance = self._distance(row).label("distance")
        query = self._passing(session, select(self._table.photo_id, distance), wanted)
        near = query.order_by(distance).limit(times * k).cte().prefix_with("MATERIALIZED")
        # The planner takes them for sorted, which a relaxed order is not quite.
        best = select(near.c.photo_id).order_by(near.c.distance + 0.0).limit(_few_more(k))
        return np.fromiter(session.scalars(best), dtype=np.int64)

    def _distance(self, row: Vectors) -> ColumnElement[float]:
        """The negative inner product with a query [D], as the graph is built for."""
        table = self._table
        own = cast(literal(row, table.type), table.type)
        distance: ColumnElement[float] = table.embedding.op(
            f"OPERATOR({table.schema}.<#>)", return_type=Float()
        )(own)
        return distance

    def _passing(self, session: Session, query: AnySelect, wanted: Condition) -> AnySelect:
        """A query over the table, for photos that meet a condition alone."""
        photo_id = self._table.photo_id
        query = query.select_from(self._table.table)
        if wanted.ids is not None:
            ids = literal(wanted.ids.tolist(), ARRAY(BigInteger))
            query = query.where(photo_id == any_(ids))
        if wanted.filters != NO_FILTER:
            query = query.join(Photo, Photo.id == photo_id)
            query = query.where(*filter_clauses(session, wanted.filters))
        return query


def _few_more(count: int) -> int:
    """What is asked for, and some: the database rounds the query's values to halves."""
    return count + count // 8 + 8
