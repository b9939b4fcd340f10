"""Statements over many rows: parameters in chunks, options for bulk execution, damaged text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, LargeBinary, Text, cast, text, type_coerce
from sqlalchemy.orm import Session

T = TypeVar("T")

# SQLite refuses a statement with too many parameters.
CHUNK = 500

# A session holds no loaded rows that these bulk statements could make stale.
NO_SYNC = {"synchronize_session": False}

# Without this, rows with a None and rows without would be sent apart.
ONE_SHAPE = {"render_nulls": True}


def chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """Yield the items in order, at most CHUNK at a time."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def is_postgresql(session: Session) -> bool:
    """Whether the database is PostgreSQL, which has several writers at a time."""
    return session.get_bind().dialect.name == "postgresql"


def by_photo_id(column: Any) -> ColumnElement[int]:
    """A column of model ids for a WHERE that also names photos, which are then looked up by those.

    Without statistics SQLite takes a model for rarer than 200 photos and looks through all rows of
    it; no index has an expression.
    """
    looked_at: ColumnElement[int] = column + 0
    return looked_at


def expect_few_groups(session: Session) -> None:
    """Let PostgreSQL group rows in memory until the transaction ends.

    It takes what an expression makes of all rows for different, and would sort them on the disk.
    """
    if is_postgresql(session):
        session.execute(text("SET LOCAL work_mem = '64MB'"))


def upsert(session: Session, table: Any) -> Any:
    """An INSERT that can say what to do with a row that is there already (ON CONFLICT)."""
    # Each dialect takes up to 30 ms to import; the database's own is there already.
    if is_postgresql(session):
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def stored_texts(session: Session, columns: Iterable[Any]) -> list[Any]:
    """Columns of text as they are stored; their bytes in SQLite, where damaged ones are no text."""
    if session.get_bind().dialect.name == "sqlite":
        return [cast(column, LargeBinary) for column in columns]
    return [type_coerce(column, Text) for column in columns]


def readable(stored: str | bytes) -> str:
    """The text of such a column, as far as it is one."""
    return stored if isinstance(stored, str) else stored.decode(errors="replace")
