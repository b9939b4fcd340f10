"""Photos as results and photo pages show them, and how many rows there are.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, Select, bindparam, cast, func, select
from sqlalchemy.orm import Session

from catalog import models
from catalog.checksums import Description, check_descriptions, check_roots, sound_photos
from catalog.database import Database
from catalog.models import Caption, Photo, Root, Vector
from catalog.sql import chunks, is_postgresql, readable


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


# What a model made of photos, by their ids, as far as it is as it was written.
Describe = Callable[[Session, Sequence[int], int], Mapping[int, Description]]


def sound_descriptions(
    session: Session, ids: Sequence[int], model_id: int
) -> Mapping[int, Description]:
    """What a model made of photos, read now; what is damaged is left out."""
    return check_descriptions(session, ids, model_id).sound


@dataclass(frozen=True)
class PhotoSource:
    """Where photos that are shown are read; `describe` says what a model made of them."""

    database: Database
    describe: Describe = sound_descriptions

    def view(self, session: Session, ids: Sequence[int]) -> dict[int, PhotoView]:
        """As `view_photos`."""
        return view_photos(session, ids, self.describe)


def view_photos(
    session: Session, ids: Sequence[int], describe: Describe = sound_descriptions
) -> dict[int, PhotoView]:
    """Return photos by id; ids that are gone are left out, and those whose row is damaged.

    Captions are those by the newest model that captioned the photo; of a description that is
    damaged there are none. `describe` says what these are. Raises DamagedValue where the row of an
    indexed folder is not as it was written, since all paths of its photos would be wrong.
    """
    check_roots(session)
    views: dict[int, PhotoView] = {}
    for chunk in chunks(sound_photos(session, ids)):
        captions = _captions_of(session, chunk, describe)
        for row in session.execute(_photos_query(), {"ids": chunk}).mappings():
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


@cache
def _photos_query() -> Select[*tuple[Any, ...]]:
    """What PhotoView has of some photos, but for their captions."""
    names = (
        "path content_hash size mtime_ns width height format taken_at camera latitude longitude "
        "indexed_at taken_offset taken_from title description rating keywords people lens"
    )
    photo, root = Photo.__table__, Root.__table__
    columns = (photo.c.id.label("photo_id"), *(photo.c[name] for name in names.split()))
    query = select(root.c.path.label("root"), *columns).join(photo, photo.c.root_id == root.c.id)
    return query.where(photo.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _captions_query(postgresql: bool) -> Select[*tuple[Any, ...]]:
    """All captions of some photos as they are stored, those of the newest model last."""
    caption = Caption.__table__.c
    stored = caption.text if postgresql else cast(caption.text, LargeBinary)
    query = select(caption.photo_id, caption.model_id, stored.label(None), caption.log_likelihood)
    query = query.where(caption.photo_id.in_(bindparam("ids", expanding=True)))
    return query.order_by(caption.photo_id, caption.model_id, caption.rank)


def _captions_of(
    session: Session, ids: Sequence[int], describe: Describe
) -> dict[int, tuple[tuple[str, float], ...]]:
    """Captions of photos by the newest model, of those whose rows are as they were written.

    A description that is not read anew is held against them.
    """
    stored: dict[int, dict[int, list[tuple[str, float]]]] = {}
    for key, model, text, likelihood in session.execute(
        _captions_query(is_postgresql(session)), {"ids": ids}
    ):
        stored.setdefault(key, {}).setdefault(model, []).append((readable(text), likelihood))
    by_model: dict[int, list[int]] = {}
    for key, captions in stored.items():
        by_model.setdefault(max(captions), []).append(key)
    return {
        key: description.captions
        for model, keys in by_model.items()
        for key, description in describe(session, keys, model).items()
        if list(description.captions) == stored[key][model]
    }


def _count(session: Session, table: type[models.Base], model_id: int | None = None) -> int:
    query = select(func.count()).select_from(table)
    if model_id is not None:
        query = query.where(table.__table__.c.model_id == model_id)
    return session.scalar(query) or 0
