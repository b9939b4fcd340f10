"""Photos as results and photo pages show them, and how many rows there are.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from catalog import models
from catalog.checksums import check_descriptions, check_roots, sound_photos
from catalog.models import Caption, Photo, Root, Vector
from catalog.sql import chunks


@dataclass(frozen=True)
class PhotoView:
    """What a result or a photo's own page shows; `size` in bytes.

    `taken_at` is the clock where it was taken, labelled UTC; see records.Origin. `title` to
    `people`: what people wrote, see records.Annotations.
    """

    photo_id: int
    root: bytes
    path: bytes
    content_hash: str
    size: int
    mtime_ns: int
    width: int
    height: int
    format: str
    taken_at: datetime | None
    camera: str | None
    latitude: float | None
    longitude: float | None
    indexed_at: datetime
    captions: tuple[tuple[str, float], ...]
    taken_offset: int | None = None
    taken_from: str | None = None
    title: str | None = None
    description: str | None = None
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    lens: str | None = None

    @property
    def taken(self) -> datetime | None:
        """When it was taken, in the zone where it was if that is known, else without a zone."""
        if self.taken_at is None:
            return None
        offset = self.taken_offset
        zone = None if offset is None else timezone(timedelta(minutes=offset))
        return self.taken_at.replace(tzinfo=zone)

    @property
    def full_path(self) -> Path:
        """Absolute path of the file."""
        return Path(os.fsdecode(self.root)) / os.fsdecode(self.path)


@dataclass(frozen=True)
class Counts:
    """Numbers of rows; captions and vectors of one model, where one was named."""

    photos: int
    captions: int
    failures: int
    vectors: int


def view_photos(
    session: Session, ids: Sequence[int], model_id: int | None = None
) -> dict[int, PhotoView]:
    """Return photos by id; ids that are gone are left out, and those whose row is damaged.

    Captions are those by `model_id`, else those by the newest model that captioned the photo; of a
    description that is damaged there are none. Raises DamagedValue where the row of an indexed
    folder is not as it was written, since all paths of its photos would be wrong.
    """
    check_roots(session)
    views: dict[int, PhotoView] = {}
    for chunk in chunks(sound_photos(session, ids)):
        captions = _captions_of(session, chunk, model_id)
        query = select(Root.path.label("root"), *_view_columns()).join(
            Photo, Photo.root_id == Root.id
        )
        for row in session.execute(query.where(Photo.id.in_(chunk))).mappings():
            view = PhotoView(**row, captions=captions.get(row["photo_id"], ()))
            views[view.photo_id] = view
    return views


def list_photos(session: Session) -> list[PhotoView]:
    """Return every photo, in order of id, but for those whose row is damaged."""
    ids = session.scalars(select(Photo.id).order_by(Photo.id)).all()
    views = view_photos(session, ids)
    return [views[key] for key in ids if key in views]


def count_rows(session: Session, model_id: int | None = None) -> Counts:
    """Return how much is stored; captions and vectors of one model, or of all."""
    return Counts(
        photos=_count(session, Photo),
        captions=_count(session, Caption, model_id),
        failures=_count(session, models.Failure),
        vectors=_count(session, Vector, model_id),
    )


def _view_columns() -> tuple[ColumnElement[Any], ...]:
    names = (
        "path content_hash size mtime_ns width height format taken_at camera latitude longitude "
        "indexed_at taken_offset taken_from title description rating keywords people lens"
    )
    columns = Photo.__table__.columns
    return (Photo.id.label("photo_id"), *(columns[name] for name in names.split()))


def _captions_of(
    session: Session, ids: Sequence[int], model_id: int | None
) -> dict[int, tuple[tuple[str, float], ...]]:
    query = select(Caption.photo_id, func.max(Caption.model_id)).group_by(Caption.photo_id)
    query = query.where(Caption.photo_id.in_(ids))
    if model_id is not None:
        query = query.where(Caption.model_id == model_id)
    by_model: dict[int, list[int]] = {}
    for key, model in session.execute(query):
        by_model.setdefault(model, []).append(key)
    return {
        key: description.captions
        for model, keys in by_model.items()
        for key, description in check_descriptions(session, keys, model).sound.items()
    }


def _count(session: Session, table: type[models.Base], model_id: int | None = None) -> int:
    query = select(func.count()).select_from(table)
    if model_id is not None:
        query = query.where(table.__table__.c.model_id == model_id)
    return session.scalar(query) or 0
