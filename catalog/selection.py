"""Which photos are looked through, as SQL: those of a folder, a tag, a keyword or an area."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sqlalchemy import ColumnElement, LargeBinary, and_, false, func, literal, or_, select
from sqlalchemy.orm import Session

from catalog.checksums import check_roots
from catalog.filters import PhotoFilter, filter_clauses
from catalog.models import Keyword, Photo, PhotoKeyword, PhotoTag, Root, Tag


@dataclass(frozen=True)
class Area:
    """A rectangle of the map, in degrees; `west` above `east` crosses the date line."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True)
class Selection:
    """Conditions that a photo must all meet; None lets every photo pass.

    `folder`: an absolute path, as bytes; the photo lies below it, or in it itself where there are
    no `subfolders`. `tag` and `keyword`: whole names. `area`: where it was taken.
    """

    folder: bytes | None = None
    subfolders: bool = True
    tag: str | None = None
    keyword: str | None = None
    area: Area | None = None


EVERYTHING = Selection()


def selection_clauses(session: Session, chosen: Selection) -> list[ColumnElement[bool]]:
    """What a WHERE over Photo has to hold, all of it, for a photo to be chosen.

    Raises DamagedValue where a folder is asked for and the row of an indexed one is damaged.
    """
    clauses: list[ColumnElement[bool]] = []
    if chosen.folder is not None:
        clauses += _in_folder(session, chosen.folder, chosen.subfolders)
    if chosen.tag is not None:
        tagged = select(PhotoTag.photo_id).join(Tag, Tag.id == PhotoTag.tag_id)
        clauses.append(Photo.id.in_(tagged.where(Tag.name == chosen.tag)))
    if chosen.keyword is not None:
        given = select(PhotoKeyword.photo_id).join(Keyword, Keyword.id == PhotoKeyword.keyword_id)
        clauses.append(Photo.id.in_(given.where(Keyword.name == chosen.keyword)))
    if chosen.area is not None:
        clauses += area_clauses(chosen.area)
    return clauses


def area_clauses(area: Area) -> list[ColumnElement[bool]]:
    """What a WHERE over Photo has to hold for it to have been taken in an area, edges included."""
    east_of, west_of = Photo.longitude >= area.west, Photo.longitude <= area.east
    across = or_ if area.west > area.east else and_
    return [Photo.latitude.between(area.south, area.north), across(east_of, west_of)]


def roots_around(session: Session, folder: bytes) -> list[tuple[int, bytes]]:
    """The indexed folders that are the folder or hold it, and its path in each.

    A path ends in a slash, that of an indexed folder itself is empty.
    """
    start = os.path.join(folder, b"")
    roots = [
        (key, os.path.join(path, b"")) for key, path in session.execute(select(Root.id, Root.path))
    ]
    return [(key, start[len(path) :]) for key, path in roots if start.startswith(path)]


def position_of_slash(session: Session, path: ColumnElement[bytes]) -> ColumnElement[int]:
    """Where the first slash of a path stands, from 1; 0 where it has none."""
    slash = literal(b"/", LargeBinary)
    if session.get_bind().dialect.name == "sqlite":
        return func.instr(path, slash)
    return func.pg_catalog.position(path, slash)


def rest_of_path(prefix: bytes) -> ColumnElement[bytes]:
    """A photo's path without so much of its beginning."""
    return func.substr(Photo.path, len(prefix) + 1, type_=LargeBinary)


def beginning_with(prefix: bytes) -> list[ColumnElement[bool]]:
    """What a WHERE has to hold for a photo's path to begin so: a range, which an index serves."""
    if not prefix:
        return []
    end = prefix[:-1] + bytes([prefix[-1] + 1])  # it ends in a slash
    return [Photo.path >= prefix, Photo.path < end]


def _in_folder(session: Session, folder: bytes, subfolders: bool) -> list[ColumnElement[bool]]:
    if subfolders:
        return filter_clauses(session, PhotoFilter(folder=folder))
    check_roots(session)
    parts = [
        and_(
            Photo.root_id == key,
            *beginning_with(prefix),
            position_of_slash(session, rest_of_path(prefix)) == 0,
        )
        for key, prefix in roots_around(session, folder)
    ]
    return [or_(false(), *parts)]
