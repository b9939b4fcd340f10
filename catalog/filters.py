"""Photo filters as SQL: by date, folder, gear, place, format, shape, tag, keyword and rating."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Text, and_, cast, false, func, or_, select
from sqlalchemy.orm import Session

from catalog.checksums import check_roots
from catalog.database import Database
from catalog.keywords import has_keyword
from catalog.models import Photo, Root
from catalog.photo_places import has_place
from catalog.tags import has_tag

_ORIENTATIONS: dict[str, ColumnElement[bool]] = {
    "landscape": Photo.width > Photo.height,
    "portrait": Photo.width < Photo.height,
    "square": Photo.width == Photo.height,
}
ORIENTATIONS = tuple(_ORIENTATIONS)


Comparison = Callable[[Any, datetime], ColumnElement[bool]]


@dataclass(frozen=True)
class PhotoFilter:
    """Conditions that a photo must all meet; None and () let every photo pass.

    Taken at `after` or later and before `before`; a photo without a date passes neither. Both are
    aware: what is labelled UTC itself is a clock where photos were taken, what has any other zone
    is an instant.
    `folder`: an absolute path, as bytes, at any depth below which the photo lies. `camera`
    and `lens`: a part of its name, in small or capital letters. `place`: words of the nearest
    town's name, its region's or its country's; with commas, each part has to fit one. `formats`:
    names such as "JPEG". `orientation`: one of ORIENTATIONS. `tag`: words of a tag that a
    classifier gave, `keyword`: of one that people gave. `rating`: 1 to 5: so many stars or more;
    0: not rejected; -1: rejected.
    """

    after: datetime | None = None
    before: datetime | None = None
    folder: bytes | None = None
    camera: str | None = None
    formats: tuple[str, ...] = ()
    orientation: str | None = None
    tag: str | None = None
    keyword: str | None = None
    rating: int | None = None
    lens: str | None = None
    place: str | None = None


NO_FILTER = PhotoFilter()


@dataclass(frozen=True, eq=False)
class Condition:
    """Which photos one search may find: those that pass `filters`, of `ids` [N] alone where given.

    Made for one search: what passes the filters is looked up once, when it is first needed, so
    that every part of the search goes by the same photos.
    """

    filters: PhotoFilter = NO_FILTER
    ids: NDArray[np.int64] | None = None
    _passing: dict[PhotoFilter, NDArray[np.int64] | None] = field(default_factory=dict, repr=False)
    _few: dict[tuple[PhotoFilter, int], bool] = field(default_factory=dict, repr=False)

    def among(self, ids: NDArray[np.int64]) -> Condition:
        """The same for given photos [N] alone."""
        return replace(self, ids=ids)

    @property
    def only_ids(self) -> NDArray[np.int64] | None:
        """The given photos [N] where nothing else is asked of them."""
        return self.ids if self.filters == NO_FILTER else None

    @property
    def asks_nothing(self) -> bool:
        """Whether every photo meets it."""
        return self.ids is None and self.filters == NO_FILTER

    def is_met_by_at_most(self, session: Session, most: int) -> bool:
        """Whether so few photos meet it; looked up once, and for given ids as an upper bound."""
        if self.ids is not None and len(self.ids) <= most:
            return True
        if self.filters == NO_FILTER:
            return False
        key = self.filters, most
        if key not in self._few:
            passing = select(Photo.id).where(*filter_clauses(session, self.filters))
            some = passing.limit(most + 1).subquery()
            count = session.scalar(select(func.count()).select_from(some)) or 0
            self._few[key] = count <= most
        return self._few[key]

    def passing(self, database: Database) -> NDArray[np.int64] | None:
        """Ids [N], ascending, of all photos that meet it; None where that is every photo.

        For indexes that select by id. Raises DatabaseUnavailable.
        """
        if self.filters == NO_FILTER:  # nothing has to be looked up
            return None if self.ids is None else np.unique(self.ids)
        if self.filters not in self._passing:
            with database.read() as session:
                self._passing[self.filters] = passing_photos(session, self.filters)
        passing = self._passing[self.filters]
        if self.ids is None or passing is None:
            return passing
        return np.intersect1d(self.ids, passing)


def passing_photos(session: Session, wanted: PhotoFilter) -> NDArray[np.int64] | None:
    """Return the ids [N], ascending, of the photos that pass; None where that is every photo."""
    if wanted == NO_FILTER:
        return None
    # As one text: a hundred thousand rows would each become an object first, ten times as slowly.
    one_text = func.aggregate_strings(cast(Photo.id, Text), ",")
    found = session.scalar(select(one_text).where(*filter_clauses(session, wanted)))
    return np.sort(np.fromstring(found or "", np.int64, sep=","))


def filter_clauses(session: Session, wanted: PhotoFilter) -> list[ColumnElement[bool]]:
    """Return what a WHERE over Photo has to hold, all of it, for a photo to pass."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.after is not None:
        conditions.append(_taken(session, wanted.after, operator.ge))
    if wanted.before is not None:
        conditions.append(_taken(session, wanted.before, operator.lt))
    if wanted.folder is not None:
        conditions.append(_below(session, wanted.folder))
    if wanted.camera is not None:
        conditions.append(Photo.camera.icontains(wanted.camera, autoescape=True))
    if wanted.lens is not None:
        conditions.append(Photo.lens.icontains(wanted.lens, autoescape=True))
    if wanted.place is not None:
        conditions.append(has_place(wanted.place))
    if wanted.formats:
        conditions.append(Photo.format.in_(wanted.formats))
    if wanted.orientation is not None:
        conditions.append(_ORIENTATIONS[wanted.orientation])
    if wanted.tag is not None:
        conditions.append(has_tag(session, wanted.tag))
    if wanted.keyword is not None:
        conditions.append(has_keyword(session, wanted.keyword))
    if wanted.rating is not None:
        conditions.append(_rated(wanted.rating))
    return conditions


def _rated(rating: int) -> ColumnElement[bool]:
    if rating < 0:
        return Photo.rating == rating
    # Nobody who gave no star rejected the photo.
    return func.coalesce(Photo.rating, 0) >= rating


def _taken(session: Session, moment: datetime, compare: Comparison) -> ColumnElement[bool]:
    """Compare a photo's clock; with an instant, as it showed on the clock of each offset."""
    if moment.tzinfo is UTC:
        return compare(Photo.taken_at, moment)
    unknown = and_(Photo.taken_offset.is_(None), compare(Photo.taken_at, moment))
    offsets = session.scalars(select(Photo.taken_offset).distinct()).all()
    zones = [
        and_(Photo.taken_offset == offset, compare(Photo.taken_at, _shown(moment, offset)))
        for offset in offsets
        if offset is not None
    ]
    return or_(unknown, *zones)


def _shown(moment: datetime, offset: int) -> datetime:
    """What a clock so many minutes ahead of UTC shows at an instant, labelled UTC."""
    try:
        return moment.astimezone(UTC) + timedelta(minutes=offset)
    except OverflowError:  # in the first or last hours that there are
        return moment.astimezone(UTC)


def _below(session: Session, folder: bytes) -> ColumnElement[bool]:
    """Photos of the roots that lie in the folder, and those in it of a root around it."""
    check_roots(session)
    start = os.path.join(folder, b"")
    roots = [(key, os.path.join(path, b"")) for key, path in session.execute(_ROOTS)]
    inside = [key for key, path in roots if path.startswith(start)]
    around = [(key, start[len(path) :]) for key, path in roots if start.startswith(path)]
    parts = [and_(Photo.root_id == key, _starts_with(rest)) for key, rest in around if rest]
    return or_(false(), Photo.root_id.in_(inside), *parts)


_ROOTS = select(Root.id, Root.path)


def _starts_with(prefix: bytes) -> ColumnElement[bool]:
    """As a range, which an index serves and every database reads alike; ends in a slash."""
    end = prefix[:-1] + bytes([prefix[-1] + 1])
    return and_(Photo.path >= prefix, Photo.path < end)
