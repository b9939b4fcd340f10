"""The vector index in Milvus: a collection for each kind and model, which follows SQL.

Vectors are float32 there, the type that Milvus Lite and servers share.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy.orm import Session

from catalog.change_feed import START, Position, position
from catalog.database import Database
from catalog.filters import Condition
from catalog.vectors.interface import Ids, Vectors, VectorsUnavailable
from catalog.vectors.kept_count import KeptCount
from catalog.vectors.store import StoredVectors

# Of so few photos each is compared with its vector in SQL.
MOST_COMPARED = 2_000
# Milvus returns no more at a time.
MOST_RETURNED = 16_384

_BATCH = 4_096
_CHANGE = "tellshow.change"  # of SQL, up to which a collection follows it
_WAIT_SECONDS = 10


class MilvusIndex:
    """A VectorIndex (interface.py) in Milvus, shared by all processes that name the same database.

    Whatever Milvus finds is compared again with the vectors in SQL, so that one that is behind
    shows no photo that is gone. Raises VectorsUnavailable.
    """

    def __init__(
        self, address: str, database: Database, model_id: int, kind: str, dimension: int
    ) -> None:
        self.dimension = dimension
        self.kind = kind
        self._database = database
        self._stored = StoredVectors(model_id, kind, dimension)
        self._address = address
        with self._errors_translated():
            self._milvus = _client(address)
        catalog = sha256(database.url.encode()).hexdigest()[:12]
        self._name = f"tellshow_{catalog}_{model_id}_{kind}"
        self._seen: Position | None = None  # how far the collection had followed SQL
        self._count = KeptCount(self._counted)
        self._maintenance = threading.RLock()

    @property
    def count(self) -> int:
        """Number of vectors."""
        return self._count.get()

    def open(self) -> None:
        """Make its collection, where there is none, and follow SQL. Raises DimensionMismatch."""
        with self._maintenance:
            with self._errors_translated():
                if self._known_dimension() != self.dimension:
                    self._make()
                self._milvus.load_collection(self._name)
            self._catch_up()

    def follow(self) -> None:
        """Take in what others committed; one query where nothing changed.

        Returns at once where another thread is at it. Raises DimensionMismatch.
        """
        if not self._maintenance.acquire(blocking=False):
            return
        try:
            self._catch_up()
        finally:
            self._maintenance.release()

    def add(self, ids: ArrayLike, vectors: ArrayLike) -> None:
        """Add unit vectors [N, D] for photo ids [N]; see VectorIndex. Raises DimensionMismatch."""
        keys, values = self._stored.checked(ids, vectors)
        rows = [
            {"photo_id": key, "embedding": row}
            for key, row in zip(keys.tolist(), values, strict=True)
        ]
        with self._errors_translated():
            for start in range(0, len(rows), _BATCH):
                self._milvus.upsert(self._name, rows[start : start + _BATCH])
        self._count.forget()

    def remove(self, ids: ArrayLike) -> None:
        """Remove photo ids [N]; those that are not there do not matter."""
        keys = np.asarray(ids, dtype=np.int64).tolist()
        with self._errors_translated():
            for start in range(0, len(keys), _BATCH):
                self._milvus.delete(self._name, ids=keys[start : start + _BATCH])
        self._count.forget()

    def search(
        self, queries: ArrayLike, k: int, where: Condition | None = None
    ) -> tuple[Ids, Vectors]:
        """Return photo ids [Q, k] and similarities [Q, k]; see VectorIndex.

        Milvus knows nothing of photos: the condition is looked up in SQL first. Raises
        DimensionMismatch.
        """
        rows = self._stored.checked_queries(queries)
        allowed = None if where is None else where.passing(self._database)
        ids = np.full((len(rows), k), -1, dtype=np.int64)
        similarity = np.full((len(rows), k), -np.inf, dtype=np.float32)
        for place, row in enumerate(rows):
            near, own = self._nearest(row, k, allowed)
            best = np.lexsort((near, -own))[:k]
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
        """Follow SQL, and let Milvus put on disk what it has."""
        with self._maintenance:
            self._catch_up()
            with self._errors_translated():
                self._milvus.flush(self._name)

    def rebuild(self) -> None:
        """Write all vectors of SQL again, over those that are there. Raises DimensionMismatch."""
        with self._maintenance:
            with self._errors_translated():
                if self._known_dimension() != self.dimension:
                    self._make()
            self._follow_from(START)

    def verify(self) -> bool:
        """Whether the collection holds the photos that SQL does, as of its last change."""
        with self._errors_translated():
            if self._known_dimension() != self.dimension:
                return False
            known = self._known_ids()
            followed = self._followed()
        with self._database.read() as session:
            stored = self._stored.ids(session)
            newest = self._stored.newest_change(session)
        return newest <= followed.settled and np.array_equal(np.sort(stored), np.sort(known))

    def _counted(self) -> int:
        with self._errors_translated():
            [row] = self._milvus.query(self._name, filter="", output_fields=["count(*)"])
        return int(row["count(*)"])

    def _nearest(self, row: Vectors, k: int, allowed: Ids | None) -> tuple[Ids, Vectors]:
        """At least the k photos nearest to a query [D], or all there are, with similarities."""
        there = self.count if allowed is None else len(allowed)
        if there > MOST_COMPARED and k <= MOST_RETURNED:
            near, own = self._compared(row, self._proposed(row, k, allowed))
            if len(near) >= min(k, there):
                return near, own
        return self._compared(row, allowed)

    def _proposed(self, row: Vectors, k: int, allowed: Ids | None) -> Ids:
        among = "" if allowed is None else f"photo_id in {allowed.tolist()}"
        with self._errors_translated():
            [hits] = self._milvus.search(
                self._name, data=[row.tolist()], limit=k, anns_field="embedding",
                filter=among, output_fields=["photo_id"],
            )  # fmt: skip
        return np.array([hit["photo_id"] for hit in hits], dtype=np.int64)

    def _compared(self, row: Vectors, among: Ids | None) -> tuple[Ids, Vectors]:
        """Given photos, or all, that SQL has a vector of: ids [N] and similarities [N]."""
        with self._database.read() as session:
            if among is not None:
                own = self._stored.similarities(session, row[None], among).reshape(-1)
                there = np.isfinite(own)
                return among[there], own[there]
            ids, parts = np.empty(0, np.int64), np.empty(0, np.float32)
            for keys, values in self._stored.since(session):
                ids, parts = np.append(ids, keys), np.append(parts, values @ row)
        return ids, parts

    def _catch_up(self) -> None:
        with self._database.read() as session:
            now = position(session)
        if now == self._seen:
            return
        with self._errors_translated():
            followed = self._followed()
        if followed == now:  # another process was quicker
            self._seen = now
            self._count.forget()
        else:
            self._follow_from(followed if followed.settled <= now.settled else START)

    def _follow_from(self, followed: Position) -> None:
        """Apply what SQL committed after a change, and note how far that went."""
        with self._database.read() as session:
            # Read first: whatever is committed meanwhile is then seen again next time.
            now = position(session)
            for keys, values in self._stored.since(session, followed):
                self.add(keys, values)
            count = self._stored.count(session)
        self._count.forget()
        if count != self.count:
            self._reconcile()
        with self._errors_translated():
            properties = {_CHANGE: json.dumps([now.settled, sorted(now.beyond)])}
            self._milvus.alter_collection_properties(self._name, properties=properties)
        self._seen = now

    def _reconcile(self) -> None:
        """Remove what SQL has no more; add what another process that was behind removed."""
        with self._errors_translated():
            known = self._known_ids()
        # SQL is asked last: what was added in between is then not taken for gone.
        with self._database.read() as session:
            stored = self._stored.ids(session)
            self.remove(np.setdiff1d(known, stored))
            self._add_stored(session, np.setdiff1d(stored, known))

    def _add_stored(self, session: Session, missing: Ids) -> None:
        for keys, values in self._stored.of_photos(session, missing.tolist()):
            self.add(keys, values)

    def _make(self) -> None:
        """Make an empty collection, in the place of one for vectors of another length."""
        types = _pymilvus().DataType
        self._milvus.drop_collection(self._name)
        schema = self._milvus.create_schema(auto_id=False)
        schema.add_field("photo_id", types.INT64, is_primary=True)
        schema.add_field("embedding", types.FLOAT_VECTOR, dim=self.dimension)
        parameters = self._milvus.prepare_index_params()
        parameters.add_index("embedding", index_type="AUTOINDEX", metric_type="IP")
        self._milvus.create_collection(
            self._name, schema=schema, index_params=parameters, consistency_level="Strong"
        )

    def _known_dimension(self) -> int | None:
        if not self._milvus.has_collection(self._name):
            return None
        fields = {each["name"]: each for each in self._described()["fields"]}
        return int(fields["embedding"]["params"]["dim"])

    def _followed(self) -> Position:
        kept = self._described().get("properties", {}).get(_CHANGE, "[0, []]")
        settled, beyond = json.loads(kept)
        return Position(settled, frozenset(beyond))

    def _described(self) -> dict[str, Any]:
        described: dict[str, Any] = self._milvus.describe_collection(self._name)
        return described

    def _known_ids(self) -> Ids:
        """The ids [N] of all photos in the collection, in no order."""
        self._milvus.load_collection(self._name)
        rows = self._milvus.query_iterator(
            self._name, batch_size=_BATCH, output_fields=["photo_id"]
        )
        ids: list[int] = []
        while batch := rows.next():
            ids += [row["photo_id"] for row in batch]
        rows.close()
        return np.array(ids, dtype=np.int64)

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Raise VectorsUnavailable for what Milvus or its client raises."""
        try:
            yield
        except _pymilvus().MilvusException as error:
            reason = " ".join(str(error.message).split()).rstrip(".")
            raise VectorsUnavailable(
                f"Milvus at {self._address} cannot be used: {reason}."
            ) from error


def _pymilvus() -> Any:
    try:
        return importlib.import_module("pymilvus")
    except ImportError as error:
        raise VectorsUnavailable(
            "$TELLSHOW_VECTORS names Milvus, whose client is not installed: "
            "`pip install tellshow[milvus]`."
        ) from error


@cache
def _client(address: str) -> Any:
    """A client of a server, or of a file of Milvus Lite, which one process opens once."""
    return _pymilvus().MilvusClient(address, timeout=_WAIT_SECONDS)
