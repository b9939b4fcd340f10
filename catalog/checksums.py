"""Checksums over what is known of a photo, by which damage of the database is noticed.

SQLite keeps no checksums of its pages: a flipped bit in a row is read as if it had been written.
A description's covers the state, the hub bias, the captions, the vectors, the tags, and the
content hash of the photo that they were made of; it stands in the state's row, and goes with that
into a copy. Each vector of an image embedder carries its own. A photo's has two halves: over what
its bytes are, and over its origin and what people wrote about it, which may change alone. Those of
indexed folders and of models, which all photos hang on, cover what is known of them.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from itertools import groupby
from typing import Any

from sqlalchemy import (
    BindParameter,
    FromClause,
    LargeBinary,
    Select,
    Text,
    bindparam,
    cast,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from catalog.models import (
    Caption,
    DamagedValue,
    Lines,
    Model,
    Photo,
    PhotoTag,
    Root,
    State,
    Tag,
    Vector,
    clean_text,
    lines_text,
)
from catalog.paths import show_path
from catalog.records import Annotations, Origin
from catalog.sql import by_photo_id, chunks, is_postgresql

_SIZE = 16  # bytes of a checksum
HALF = _SIZE  # characters of one half of a photo's own
_CONTENT = ("content_hash", "width", "height", "format", "indexed_at")
# Each of these adds nothing where there is none of it, as before it was read.
_ADDED = ("annotations", "lens")
_ORIGIN = tuple(each.name for each in fields(Origin) if each.name not in _ADDED)
_WRITTEN = tuple(each.name for each in fields(Annotations))
_LENS = ("lens",)
_NOTHING = (None, b"", "")
_TEXTS = {"content_hash", "format", "indexed_at", "taken_at", "camera", "taken_from"}
_TEXTS |= {"title", "description", "keywords", "people", "lens"}
_OF_ORIGIN = (_ORIGIN, _WRITTEN, _LENS)
_OF_ROOT = ("path", "excluded")
_OF_MODEL = ("kind", "name", "sha256", "config", "metrics", "created_at")
_AS_JSON = {"excluded", "config", "metrics"}
_LENGTH = struct.Struct("<Q")
_LENGTHS = [_LENGTH.pack(length) for length in range(256)]  # most values are short
_FLOAT = struct.Struct("<d")
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_MODEL: BindParameter[Any] = bindparam("model")


@dataclass(frozen=True)
class Description:
    """What a model made of a photo, as it is stored and as it was checked.

    `captions`: (text, log-likelihood in nats), best first. `change`: its last one, see
    change_feed.py; None where it has no vector.
    """

    state: bytes
    bias: float
    captions: tuple[tuple[str, float], ...]
    change: int | None = None


@dataclass
class Checked:
    """Descriptions by photo id that are as they were written, and the ids of those that are not."""

    sound: dict[int, Description] = field(default_factory=dict)
    damaged: list[int] = field(default_factory=list)


def description_checksum(
    content_hash: Any,
    state: Any,
    bias: Any,
    captions: Iterable[tuple[Any, Any, Any]],
    vectors: Iterable[tuple[Any, Any, Any]],
    tags: Iterable[tuple[Any, Any]] = (),
) -> str:
    """The BLAKE2b checksum of a description, in hexadecimal.

    `captions`: (rank, text, log-likelihood) in order of rank. `vectors`: (kind, embedder, bytes).
    `tags`: (name, probability); none adds nothing, as before there were any.
    Values may be of any type, since a damaged row of SQLite may hold any.
    """
    rows = [
        (content_hash, state, bias),
        *captions,
        *sorted(vectors, key=lambda row: _encoded(row[0])),
        *sorted(tags, key=lambda row: _encoded(row[0])),
    ]
    return _digest(rows, _SIZE)


def photo_checksum(row: Mapping[str, Any]) -> str:
    """The checksum of a photo's own row: of what its bytes are, then of all else about it."""
    content = [_cleaned(row[name]) for name in _CONTENT]
    return _digest([content], _SIZE // 2) + origin_checksum(row)


def origin_checksum(row: Mapping[str, Any]) -> str:
    """The second half of a photo's checksum, of HALF characters.

    Where nobody wrote anything that adds nothing, as before it was read; neither does no lens.
    """
    return _origin_digest(*([_cleaned(row[name]) for name in names] for names in _OF_ORIGIN))


def vector_checksum(content_hash: Any, blob: Any) -> str:
    """The checksum of an image embedder's vector, over its bytes and its photo's content hash."""
    return _digest([(content_hash, blob)], _SIZE)


def text_checksum(text: Any) -> str:
    """The checksum of one text."""
    return _digest([(text,)], _SIZE)


def values_checksum(values: Sequence[Any]) -> str:
    """The checksum of the values of one row, as they are stored."""
    return _digest([values], _SIZE)


def root_checksum(path: bytes, excluded: Sequence[str]) -> str:
    """The checksum of an indexed folder's row: of its path and its patterns."""
    return _row_checksum([path, list(excluded)], _OF_ROOT)


def model_checksum(row: Mapping[str, Any]) -> str:
    """The checksum of a model's row."""
    return _row_checksum([row[name] for name in _OF_MODEL], _OF_MODEL)


def check_roots(session: Session) -> None:
    """Raise DamagedValue where the row of an indexed folder is not as it was written."""
    checked_rows(session, Root)


def check_models(session: Session) -> None:
    """Raise DamagedValue where the row of a model is not as it was written."""
    checked_rows(session, Model)


def checked_rows(
    session: Session, table: type[Root] | type[Model], *columns: Any
) -> list[tuple[Any, ...]]:
    """Columns of all folders or models, by id, in one query, which a run's beginning needs.

    Raises DamagedValue where a row is not as it was written.
    """
    found = []
    for key, is_sound, values in _rows(session, table, columns):
        if not is_sound:
            what = "indexed folder" if table is Root else "model"
            raise DamagedValue(f"the row of the {what} {key} is not as it was written")
        found.append(values)
    return found


def damaged_rows(session: Session, table: type[Root] | type[Model]) -> list[int]:
    """The ids of folders or models whose rows are not as they were written.

    Raises DamagedValue for JSON that is none.
    """
    return [key for key, is_sound, _ in _rows(session, table, ()) if not is_sound]


def _rows(
    session: Session, table: type[Root] | type[Model], columns: Sequence[Any]
) -> Iterator[tuple[int, bool, tuple[Any, ...]]]:
    """The id of each row, whether it is sound, and the columns that were asked for."""
    names = _OF_ROOT if table is Root else _OF_MODEL
    query = _rows_query(table, is_postgresql(session))
    for key, checksum, *rest in session.execute(query.add_columns(*columns) if columns else query):
        values = rest[: len(names)]
        is_sound = not checksum or _row_checksum(values, names).encode() == _encoded(checksum)
        yield key, is_sound, tuple(rest[len(names) :])


@cache
def _rows_query(table: type[Root] | type[Model], postgresql: bool) -> Select[*tuple[Any, ...]]:
    """Id, checksum, and what that covers, of each row."""
    names = _OF_ROOT if table is Root else _OF_MODEL
    raw, every = (_as_is if postgresql else _raw), table.__table__.columns
    covered = [every[name] if name in _AS_JSON else raw(every[name]) for name in names]
    query = select(every["id"].label(None), raw(every["checksum"]).label(None))
    return query.add_columns(*(each.label(None) for each in covered)).order_by(every["id"])


def sound_photos(session: Session, ids: Sequence[int]) -> list[int]:
    """Those of the photos whose own rows are as they were written."""
    found, query = [], _photos_query(is_postgresql(session))
    for chunk in chunks(ids):
        rows = session.execute(query, {"ids": chunk})
        found += [key for key, *details in rows if _is_sound(details)]
    return found


@cache
def _photos_query(postgresql: bool) -> Select[*tuple[Any, ...]]:
    """Id, what the checksum covers, and that, of some photos by id."""
    key = Photo.__table__.columns["id"]
    return select(key, *_details(postgresql)).where(key.in_(_IDS)).order_by(key)


def check_descriptions(session: Session, ids: Sequence[int], model_id: int) -> Checked:
    """Read what a model made of photos; those of which it has no state are in neither part."""
    found = Checked()
    for chunk in chunks(ids):
        parts = _Parts.read(session, chunk, model_id)
        for key, content_hash, state, bias, checksum, *details in parts.states:
            captions = parts.captions.get(key, [])
            vectors, tags = parts.vectors.get(key, ()), parts.tags.get(key, ())
            actual = description_checksum(content_hash, state, bias, captions, vectors, tags)
            if actual.encode() == _encoded(checksum) and _is_sound(details):
                texts = tuple((_encoded(text).decode(), value) for _, text, value in captions)
                found.sound[key] = Description(state, bias, texts, parts.changes.get(key))
            else:
                found.damaged.append(key)
    return found


def damaged_descriptions(
    session: Session, model_id: int, root_ids: Sequence[int] | None = None
) -> list[int]:
    """Ids of photos, those of some roots or all, whose description by a model is damaged."""
    query = select(State.photo_id).where(State.model_id == model_id).order_by(State.photo_id)
    if root_ids is not None:
        query = query.join(Photo, Photo.id == State.photo_id).where(Photo.root_id.in_(root_ids))
    ids = session.scalars(query).all()
    return [
        key for chunk in chunks(ids) for key in check_descriptions(session, chunk, model_id).damaged
    ]


def name_damaged(session: Session, ids: Sequence[int]) -> list[str]:
    """The absolute paths of photos, as people read them; reads nothing that a model made."""
    names = []
    for chunk in chunks(ids):
        query = select(Root.path, Photo.path).join(Root, Root.id == Photo.root_id)
        query = query.where(Photo.id.in_(chunk)).order_by(Photo.id)
        names += [show_path(os.path.join(*row)) for row in session.execute(query)]
    return names


@dataclass(frozen=True)
class _Parts:
    """Rows of photos: states with hashes and checksums; captions, vectors, tags by photo id.

    `changes`: the last of each photo's vectors.
    """

    states: Sequence[Any]
    captions: dict[int, list[tuple[Any, Any, Any]]]
    vectors: dict[int, list[tuple[Any, Any, Any]]]
    tags: dict[int, list[tuple[Any, Any]]]
    changes: dict[int, int]

    @classmethod
    def read(cls, session: Session, ids: Sequence[int], model_id: int) -> _Parts:
        """The rows of at most a chunk of photos."""
        given = {"ids": ids, "model": model_id}
        states, captions, vectors, tags = (
            session.execute(query, given).all() for query in _parts_queries(is_postgresql(session))
        )
        changes: dict[int, int] = {}
        for key, *_, change in vectors:
            if isinstance(change, int):  # a damaged one may be anything
                changes[key] = max(change, changes.get(key, change))
        known = _by_photo((key, *values) for key, *values, _ in vectors)
        return cls(states, _by_photo(captions), known, _by_photo(tags), changes)


@cache
def _parts_queries(postgresql: bool) -> tuple[Select[*tuple[Any, ...]], ...]:
    """States with what their photos' own checksums cover; captions, vectors, tags."""
    raw = _as_is if postgresql else _raw
    photo, tag = Photo.__table__, Tag.__table__
    state, caption, vector, link = (each.__table__ for each in (State, Caption, Vector, PhotoTag))
    states = _of(state, raw(photo.c.content_hash), raw(state.c.blob), state.c.bias)
    states = states.add_columns(raw(state.c.checksum), *_details(postgresql))
    captions = _of(caption, caption.c.rank, raw(caption.c.text), caption.c.log_likelihood)
    vectors = _of(vector, *map(raw, (vector.c.kind, vector.c.embedder, vector.c.blob)))
    vectors = vectors.add_columns(vector.c.change)
    # A tag that is gone from its table leaves a row without a name, which fits no checksum.
    tags = _of(link, raw(tag.c.name), link.c.probability)
    return (
        states.join(photo, photo.c.id == state.c.photo_id),
        captions.order_by(caption.c.photo_id, caption.c.rank),
        vectors.order_by(vector.c.photo_id),
        tags.outerjoin(tag, tag.c.id == link.c.tag_id).order_by(link.c.photo_id),
    )


def _details(postgresql: bool) -> list[Any]:
    """The columns that a photo's own checksum covers, in its order, and that checksum."""
    raw = _as_text if postgresql else _raw
    columns = Photo.__table__.columns
    names = (*_CONTENT, *_ORIGIN, *_WRITTEN, *_LENS)
    covered = [raw(columns[name]) if name in _TEXTS else columns[name] for name in names]
    return [column.label(None) for column in (*covered, raw(columns["checksum"]))]


def _is_sound(details: Sequence[Any]) -> bool:
    *values, checksum = details
    content, rest = values[: len(_CONTENT)], values[len(_CONTENT) :]
    origin, written, lens = rest[: len(_ORIGIN)], rest[len(_ORIGIN) : -1], rest[-1:]
    actual = _digest([content], _SIZE // 2) + _origin_digest(origin, written, lens)
    return actual.encode() == _encoded(checksum)


def _row_checksum(values: Sequence[Any], names: Sequence[str]) -> str:
    row = [
        json.dumps(value, sort_keys=True) if name in _AS_JSON else _cleaned(value)
        for name, value in zip(names, values, strict=True)
    ]
    return _digest([row], _SIZE)


def _cleaned(value: Any) -> Any:
    """A value as it is stored."""
    if isinstance(value, tuple):
        return lines_text(value)
    return clean_text(value) if isinstance(value, str) else value


def _origin_digest(origin: Sequence[Any], *added: Sequence[Any]) -> str:
    told = [row for row in added if not all(value in _NOTHING for value in row)]
    return _digest([origin, *told], _SIZE // 2)


def _digest(rows: Iterable[Sequence[Any]], size: int) -> str:
    parts: list[bytes] = []
    for row in rows:
        for value in (len(row), *row):
            # Most are bytes or nothing; a search that reads new photos spends its time here.
            encoded = value if type(value) is bytes else _encoded(value)
            length = len(encoded)
            parts += (_LENGTHS[length] if length < 256 else _LENGTH.pack(length), encoded)
    return blake2b(b"".join(parts), digest_size=size).hexdigest()


def _of(table: FromClause, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Columns of some photos' rows by a model."""
    own = by_photo_id(table.c.model_id) == _MODEL
    return select(table.c.photo_id, *columns).where(own, table.c.photo_id.in_(_IDS))


def _raw(column: Any) -> Any:
    """A column's bytes, which in damaged text need not be UTF-8, nor a damaged blob a blob."""
    return cast(column, LargeBinary)


def _as_is(column: Any) -> Any:
    return column


def _as_text(column: Any) -> Any:
    """A column with the text that it stores, whatever it stands for."""
    return type_coerce(column, Text) if isinstance(column.type, Lines) else column


def _by_photo(rows: Iterable[Any]) -> dict[int, list[Any]]:
    grouped: Iterator[tuple[int, Iterator[Any]]] = groupby(rows, key=lambda row: row[0])
    return {key: [tuple(row[1:]) for row in group] for key, group in grouped}


def _encoded(value: Any) -> bytes:
    """A value's bytes; float64 little-endian, the two zeros as one, as databases keep them.

    Times are text in UTC, as SQLAlchemy stores them in SQLite.
    """
    if value is None:
        return b"None"
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, float):
        return _FLOAT.pack(value + 0.0)
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None)
        return plain.isoformat(" ", "microseconds").encode()
    return repr(value).encode()
