"""A table of pgvector for the vectors of one kind and model, kept by triggers on `vector`.

Whoever writes vectors, and however, writes this table in the same transaction. Its own columns are
the photo and a halfvec [D], the same float16 values as in `vector`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, column, literal_column, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.types import UserDefinedType

from catalog.database import Database
from catalog.models import Model, Vector
from catalog.vectors.interface import Ids, Vectors, VectorsUnavailable
from catalog.vectors.store import StoredVectors

# Before it a filter that few photos pass could make a search lose most of them.
OLDEST = (0, 8, 4)

# Not where our tables are: one of them has the name of pgvector's first type.
SCHEMA = "pgvector"

# What the server may take to build a graph in memory; one that does not fit is built far slower.
_LEAST_BUILD_MB, _MOST_BUILD_MB = 64, 2048
_GRAPH_BYTES = 1_250  # of a vector in it, beside its values; measured: 1,052

# Links of a vector, and how many candidates they are chosen among: with pgvector's own 16 and 64 a
# walk among 200,000 has to go twice as far to find 98% of the nearest.
_GRAPH = "m = 24, ef_construction = 100"

_NAME = re.compile(r"pgvector_(\d+)_([a-z]+)")

# IEEE 754 half precision, little-endian, of which PostgreSQL itself knows nothing: sign and
# exponent (6 bits) choose the factor of the 10 bits that are left, with the hidden one before them.
_FACTORS = ",".join(
    repr((1 - part // 32 * 2) * 2.0 ** (max(part % 32, 1) - 25)) for part in range(64)
)
_HALVES = """
CREATE OR REPLACE FUNCTION pgvector_of(blob bytea) RETURNS {schema}.halfvec
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  factors CONSTANT float8[] := ARRAY[{factors}];
  halves real[];
  bits int;
BEGIN
  FOR place IN 0 .. length(blob) / 2 - 1 LOOP
    bits := get_byte(blob, 2 * place) + 256 * get_byte(blob, 2 * place + 1);
    halves[place + 1] := factors[(bits >> 10) + 1]
      * ((bits & 1023) + CASE WHEN bits & 31744 = 0 THEN 0 ELSE 1024 END);
  END LOOP;
  RETURN halves::{schema}.halfvec;
END $$
"""
_ADD = """
CREATE OR REPLACE FUNCTION {name}_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO {name} SELECT photo_id, pgvector_of(blob) FROM changed
    WHERE model_id = {model_id} AND kind = '{kind}'
    ON CONFLICT (photo_id) DO UPDATE SET embedding = excluded.embedding;
  RETURN NULL;
END $$
"""
_DROP = """
CREATE OR REPLACE FUNCTION {name}_drop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM {name} USING changed WHERE {name}.photo_id = changed.photo_id
    AND model_id = {model_id} AND kind = '{kind}';
  RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE TRIGGER {trigger} AFTER {event} ON vector REFERENCING {rows} TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION {name}_{does}()
"""
_EVENTS = (("INSERT", "NEW", "add"), ("UPDATE", "NEW", "add"), ("DELETE", "OLD", "drop"))
_STATE = """
SELECT (SELECT atttypmod FROM pg_attribute
        WHERE attrelid = to_regclass('{name}') AND attname = 'embedding') AS dimension,
  ARRAY(SELECT tgname::text FROM pg_trigger
        WHERE tgrelid = to_regclass('vector') AND tgname LIKE '{name}\\_%' AND tgenabled <> 'D')
    AS triggers,
  EXISTS (SELECT FROM pg_index
          WHERE indexrelid = to_regclass('{name}_hnsw') AND indisvalid) AS is_indexed
"""


class HalfVector(UserDefinedType[Any]):
    """pgvector's halfvec [D] as SQLAlchemy sends it."""

    cache_ok = True

    def __init__(self, dimension: int, schema: str) -> None:
        self.dimension = dimension
        self.schema = schema

    def get_col_spec(self, **_: object) -> str:
        """Its name in SQL."""
        return f"{self.schema}.halfvec({self.dimension})"

    def bind_processor(self, dialect: object) -> Any:
        """What writes an array [D] as SQL reads it; see SQLAlchemy."""
        return lambda values: "[" + ",".join(map(repr, np.asarray(values).tolist())) + "]"


@dataclass(frozen=True)
class TableState:
    """What the database has of a table. `is_kept`: its triggers are there, and enabled."""

    dimension: int | None  # None: there is no table
    is_kept: bool
    is_indexed: bool


class PgvectorTable:
    """The table of one kind and model; what takes a session neither commits nor rolls back."""

    def __init__(self, stored: StoredVectors, schema: str) -> None:
        self.name = f"pgvector_{stored.model_id}_{stored.kind}"
        self._stored = stored
        self.schema = schema
        self.type = HalfVector(stored.dimension, schema)
        self.photo_id: ColumnElement[int] = column("photo_id", BigInteger)
        self.embedding: ColumnElement[Any] = column("embedding", self.type)
        self.table = table(self.name, self.photo_id, self.embedding)

    def state(self, session: Session) -> TableState:
        """What there is of it."""
        row = session.execute(text(_STATE.format(name=self.name))).one()
        wanted = {self._trigger(event) for event, *_ in _EVENTS}
        return TableState(row.dimension, wanted <= set(row.triggers), row.is_indexed)

    def is_ready(self, session: Session) -> bool:
        """Whether it is there, for vectors of this length, and every change reaches it."""
        state = self.state(session)
        return state.dimension == self._stored.dimension and state.is_kept

    def keep_writers_waiting(self, session: Session) -> None:
        """Let no vector come or go until the transaction ends; readers are not kept waiting."""
        session.execute(text("LOCK TABLE vector IN SHARE ROW EXCLUSIVE MODE"))

    def make(self, session: Session, index_from: int) -> None:
        """Make it from `vector`, in the place of one that is there; writers wait, readers do not.

        It gets a graph where it has more rows than `index_from`. Raises DimensionMismatch and
        VectorsUnavailable.
        """
        make_extension(session, self.schema)
        self.keep_writers_waiting(session)
        self._fill(session, f"{self.name}_new", index_from)
        session.execute(text(f"DROP TABLE IF EXISTS {self.name}"))
        session.execute(text(f"ALTER TABLE {self.name}_new RENAME TO {self.name}"))
        session.execute(
            text(f"ALTER INDEX IF EXISTS {self.name}_new_hnsw RENAME TO {self.name}_hnsw")
        )
        self._follow_changes(session)

    def add_graph(self, session: Session) -> None:
        """Index it by an HNSW graph; those who write its vectors wait meanwhile."""
        session.execute(text(f"LOCK TABLE {self.name} IN SHARE ROW EXCLUSIVE MODE"))
        if not self.state(session).is_indexed:
            session.execute(text(f"DROP INDEX IF EXISTS {self.name}_hnsw"))
            self._build_graph(session, self.name, self._stored.count(session))

    def ids(self, session: Session) -> Ids:
        """The ids [N] of all photos in it, in no order."""
        return np.fromiter(session.scalars(select(self.photo_id)), dtype=np.int64)

    def differs(self, session: Session) -> bool:
        """Whether any photo's values are not those in `vector`."""
        # As it is sent, big-endian, behind four bytes that say how many values there are.
        sent: ColumnElement[bytes] = literal_column(
            f"substr({self.schema}.halfvec_send(embedding), 5)"
        )
        query = select(Vector.blob, sent).join(self.table, self.photo_id == Vector.photo_id)
        query = query.where(
            Vector.model_id == self._stored.model_id, Vector.kind == self._stored.kind
        )
        with session.execute(query, execution_options={"yield_per": 4096}) as rows:
            return any(
                blob != np.frombuffer(own, ">u2").astype("<u2").tobytes() for blob, own in rows
            )

    def _trigger(self, event: str) -> str:
        return f"{self.name}_{event.lower()}"

    def _fill(self, session: Session, name: str, index_from: int) -> None:
        session.execute(text(f"DROP TABLE IF EXISTS {name}"))
        session.execute(
            text(
                f"CREATE TABLE {name} (photo_id bigint PRIMARY KEY,"
                f" embedding {self.type.get_col_spec()} NOT NULL)"
            )
        )
        # In the row and not compressed: each comparison reads the values.
        session.execute(text(f"ALTER TABLE {name} ALTER embedding SET STORAGE PLAIN"))
        count = 0
        for ids, values in self._stored.since(session):
            _copy(session, name, ids, values)
            count += len(ids)
        if count > index_from:
            self._build_graph(session, name, count)
        session.execute(text(f"ANALYZE {name}"))

    def _build_graph(self, session: Session, name: str, count: int) -> None:
        needed = count * (2 * self._stored.dimension + _GRAPH_BYTES) >> 20
        memory = min(max(needed, _LEAST_BUILD_MB), _MOST_BUILD_MB)
        session.execute(text(f"SET LOCAL maintenance_work_mem = '{memory}MB'"))
        by = f"USING hnsw (embedding {self.schema}.halfvec_ip_ops) WITH ({_GRAPH})"
        session.execute(text(f"CREATE INDEX {name}_hnsw ON {name} {by}"))

    def _follow_changes(self, session: Session) -> None:
        """Let every change of `vector` reach it."""
        own = {
            "name": self.name,
            "model_id": self._stored.model_id,
            "kind": self._stored.kind,
            "schema": self.schema,
            "factors": _FACTORS,
        }
        for statement in (_HALVES.format(**own), _ADD.format(**own), _DROP.format(**own)):
            session.connection().exec_driver_sql(statement)
        known = set(
            session.scalars(
                text("SELECT tgname::text FROM pg_trigger WHERE tgrelid = to_regclass('vector')")
            )
        )
        for event, rows, does in _EVENTS:
            trigger = self._trigger(event)
            if trigger not in known:
                make = _TRIGGER.format(**own, trigger=trigger, event=event, rows=rows, does=does)
                session.execute(text(make))
            session.execute(text(f"ALTER TABLE vector ENABLE TRIGGER {trigger}"))


def schema_of_pgvector(database: Database) -> str:
    """The schema that pgvector is in or will be put into, as SQL names it.

    Raises VectorsUnavailable where the database cannot have it, or has one that is too old.
    """
    if database.engine.dialect.name != "postgresql":
        raise VectorsUnavailable(
            "$TELLSHOW_VECTORS is pgvector, which needs PostgreSQL: name such a database in "
            "$TELLSHOW_DATABASE_URL, or unset $TELLSHOW_VECTORS, and FAISS searches."
        )
    with database.read() as session:
        row = session.execute(
            text(
                "SELECT installed_version, default_version, extnamespace::regnamespace::text"
                " AS schema FROM pg_available_extensions LEFT JOIN pg_extension"
                " ON extname = name WHERE name = 'vector'"
            )
        ).first()
    if row is None:
        raise VectorsUnavailable(
            f"The database server of {database.url} has no pgvector: install it there (0.8.4 or "
            "newer), or unset $TELLSHOW_VECTORS, and FAISS searches."
        )
    version = row.installed_version or row.default_version
    if _numbers(version) < OLDEST:
        raise VectorsUnavailable(
            f"The database {database.url} has pgvector {version}, and 0.8.4 or newer is needed: "
            "install that on the server, and run ALTER EXTENSION vector UPDATE in the database."
        )
    return row.schema or SCHEMA


def make_extension(session: Session, schema: str) -> None:
    """Put pgvector into the database. Raises VectorsUnavailable where this user may not."""
    known = text("SELECT FROM pg_extension WHERE extname = 'vector'")
    if session.execute(known).first() is not None:
        return
    try:
        session.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        session.execute(text(f"CREATE EXTENSION vector SCHEMA {schema}"))
    except DBAPIError as error:
        raise VectorsUnavailable(
            f"pgvector could not be put into the database ({error.orig}): let its administrator "
            f"run CREATE SCHEMA {schema}; CREATE EXTENSION vector SCHEMA {schema}; there."
        ) from error


def tables_of_gone_models(session: Session) -> list[str]:
    """Names of tables made for models that SQL knows no more."""
    if session.get_bind().dialect.name != "postgresql":
        return []
    known = {str(key) for key in session.scalars(select(Model.id))}
    own = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    found = [match for name in session.scalars(own) if (match := _NAME.fullmatch(name))]
    return sorted(match[0] for match in found if match[1] not in known)


def drop_tables(session: Session, names: list[str]) -> None:
    """Drop such tables, with what kept them; writers and readers of vectors wait."""
    for name in names:
        for does in ("add", "drop"):
            session.execute(text(f"DROP FUNCTION IF EXISTS {name}_{does}() CASCADE"))
        session.execute(text(f"DROP TABLE IF EXISTS {name}"))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _copy(session: Session, name: str, ids: Ids, values: Vectors) -> None:
    """Send vectors [N, D] of photos [N] as PostgreSQL's binary COPY reads them.

    Damaged ones, which pgvector would refuse, are left out.
    """
    sound = np.isfinite(values).all(axis=1)
    ids, values = ids[sound], values[sound]
    dimension = values.shape[1]
    row = np.dtype(
        [
            ("columns", ">i2"), ("id_bytes", ">i4"), ("id", ">i8"),
            ("bytes", ">i4"), ("dimension", ">i2"), ("unused", ">i2"),
            ("values", ">f2", (dimension,)),
        ]
    )  # fmt: skip
    rows = np.zeros(len(ids), row)
    rows["columns"], rows["id_bytes"], rows["bytes"] = 2, 8, 4 + 2 * dimension
    rows["id"], rows["dimension"], rows["values"] = ids, dimension, values
    driver: Any = session.connection().connection.driver_connection
    statement = f"COPY {name} (photo_id, embedding) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff")
