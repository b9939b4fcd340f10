"""Rows of what people keep, each with a checksum: albums, favourites, shares, saved searches.

A model can make its descriptions again; these rows nobody can. One that is not as it was written is
left out of every answer, and the doctor names it: a backup has it as it was.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, LargeBinary, cast, delete, insert, select, update
from sqlalchemy.orm import Session

from catalog.checksums import values_checksum
from catalog.models import (
    Album,
    AlbumPhoto,
    Base,
    Favourite,
    Photo,
    SavedSearch,
    Share,
    SharePhoto,
    UtcDateTime,
)
from catalog.sql import NO_SYNC, chunks

KEPT: tuple[type[Base], ...] = (Album, AlbumPhoto, Favourite, Share, SharePhoto, SavedSearch)


@dataclass(frozen=True)
class KeptRows:
    """Rows by column that are as they were written, in order; the keys of those that are not."""

    sound: list[dict[str, Any]]
    damaged: list[tuple[Any, ...]]


def add_rows(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Store rows, each with its checksum."""
    if rows:
        session.execute(insert(table), [{**row, **checked(table, row)} for row in rows])


def add_row(session: Session, table: Any, row: Mapping[str, Any]) -> int:
    """Store a row with its checksum, and return the id that it gets."""
    query = insert(table).values({**row, **checked(table, row)}).returning(table.id)
    key: int = session.scalars(query).one()
    return key


def checked(table: type[Base], row: Mapping[str, Any]) -> dict[str, str]:
    """The checksum of a row, under the name of its column; its id, if it has one, is not covered.

    Texts must be as they are stored, see models.clean_text.
    """
    return {"checksum": values_checksum([row[name] for name in _covered(table)])}


def read_rows(
    session: Session,
    table: type[Base],
    *conditions: ColumnElement[bool],
    order: Sequence[Any] = (),
) -> KeptRows:
    """Read rows of a table, in an order, and check each against its checksum."""
    columns = table.__table__.columns
    found = KeptRows([], [])
    for row in _stored_rows(session, table, conditions, order):
        if _is_sound(table, row):
            found.sound.append(
                {column.name: _value(column, row[column.name]) for column in columns}
            )
        else:
            found.damaged.append(tuple(row[key.name] for key in table.__table__.primary_key))
    return found


def _stored_rows(
    session: Session, table: type[Base], conditions: Sequence[Any], order: Sequence[Any] = ()
) -> Iterator[dict[str, Any]]:
    """Rows by column; in SQLite all but numbers as bytes, since damaged text need not be UTF-8."""
    columns = list(table.__table__.columns)
    sqlite = session.get_bind().dialect.name == "sqlite"
    wanted = [
        cast(column, LargeBinary) if sqlite and not isinstance(column.type, Integer) else column
        for column in columns
    ]
    query = select(*(column.label(None) for column in wanted)).where(*conditions).order_by(*order)
    names = [column.name for column in columns]
    for values in session.execute(query):
        yield dict(zip(names, values, strict=True))


def drop_contents(
    session: Session, table: Any, hashes: Iterable[str], *conditions: ColumnElement[bool]
) -> int:
    """Remove the rows of a table with these content hashes that meet conditions; returns how many.

    Of any table that has a column `content_hash`.
    """
    gone = 0
    for chunk in chunks(list(dict.fromkeys(hashes))):
        own = delete(table).where(table.content_hash.in_(chunk), *conditions)
        gone += len(session.scalars(own.returning(table.content_hash)).all())
    return gone


def mend_rows(session: Session, table: type[Base]) -> None:
    """Take damaged rows of a table as they are, with a checksum anew.

    A name with a wrong letter is better than no album. But a link that may share other photos than
    it did, or for longer, ends, and what cannot be read is removed.
    """
    for stored in [row for row in _stored_rows(session, table, ()) if not _is_sound(table, row)]:
        own = [_equals(column, stored[column.name]) for column in table.__table__.primary_key]
        row = _readable_row(table, {name: stored[name] for name in _covered(table)})
        if row is None or table is Share:
            session.execute(delete(table).where(*own), execution_options=NO_SYNC)
        else:
            values = {**row, **checked(table, row)}
            session.execute(update(table).where(*own).values(values), execution_options=NO_SYNC)


def follow_contents(session: Session, changed: Mapping[str, str]) -> None:
    """Keep photos whose bytes changed, as where somebody gave stars: former hash -> new one.

    Not those of which a copy with the former bytes is left.
    """
    for chunk in chunks(list(changed)):
        left = set(session.scalars(select(Photo.content_hash).where(Photo.content_hash.in_(chunk))))
        for table in (AlbumPhoto, Favourite, SharePhoto):
            for row in read_rows(session, table, table.content_hash.in_(chunk)).sound:
                if row["content_hash"] not in left:
                    _replace_content(session, table, row, changed[row["content_hash"]])


def _replace_content(session: Session, table: Any, row: dict[str, Any], content_hash: str) -> None:
    keys = [column for column in table.__table__.primary_key if column.name != "content_hash"]
    own = [column == row[column.name] for column in keys]
    former = table.content_hash == row["content_hash"]
    if session.scalar(select(table.content_hash).where(*own, table.content_hash == content_hash)):
        gone = delete(table).where(*own, former)  # its copy is there already
        session.execute(gone, execution_options=NO_SYNC)
        return
    new = {**row, "content_hash": content_hash}
    values = {"content_hash": content_hash, **checked(table, new)}
    moved = update(table).where(*own, former).values(values)
    session.execute(moved, execution_options=NO_SYNC)


def _readable_row(table: type[Base], stored: Mapping[str, Any]) -> dict[str, Any] | None:
    """A damaged row as far as it can be read; None where it cannot."""
    columns = table.__table__.columns
    try:
        row = {name: _value(columns[name], value) for name, value in stored.items()}
    except ValueError:
        return None
    return row if all(isinstance(row[name], _kind(columns[name])) for name in row) else None


def _kind(column: Any) -> type:
    if isinstance(column.type, Integer):
        return int
    return datetime if isinstance(column.type, UtcDateTime) else str


def _equals(column: Any, stored: Any) -> ColumnElement[bool]:
    """Whether a column is what was read of it; in SQLite no text equals its bytes."""
    found: ColumnElement[bool] = (
        cast(column, LargeBinary) if isinstance(stored, bytes) else column
    ) == stored
    return found


def _is_sound(table: type[Base], stored: Mapping[str, Any]) -> bool:
    actual = values_checksum([stored[name] for name in _covered(table)])
    return actual.encode() == _bytes(stored["checksum"])


def _covered(table: type[Base]) -> list[str]:
    return [
        column.name for column in table.__table__.columns if column.name not in {"id", "checksum"}
    ]


def _value(column: Any, stored: Any) -> Any:
    """A value as it was written, of a row that is sound."""
    if not isinstance(stored, bytes):
        return stored
    text = stored.decode()
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    return text


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
