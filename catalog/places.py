"""Where photos were taken, as clusters of a grid.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlalchemy.orm import Session

from catalog.models import Photo
from catalog.selection import Area, area_clauses

WORLD = Area(-90, -180, 90, 180)


@dataclass(frozen=True)
class Cluster:
    """Photos of a cell of the grid: how many, their middle, what they lie in, and one's id."""

    photos: int
    latitude: float
    longitude: float
    area: Area
    sample: int


def clusters(session: Session, cell: float, area: Area = WORLD) -> list[Cluster]:
    """Photos taken in an area, by cells of a grid of so many degrees, most first."""
    corner = Photo.latitude, Photo.longitude
    middle, south_west, north_east = (
        [measure(edge) for edge in corner] for measure in (func.avg, func.min, func.max)
    )
    row = _whole(session, (Photo.latitude + 90) / cell)
    column = _whole(session, (Photo.longitude + 180) / cell)
    query = select(func.count(), *middle, *south_west, *north_east, func.max(Photo.id))
    found = [
        Cluster(photos, latitude, longitude, Area(*cut), sample)
        for photos, latitude, longitude, *cut, sample in session.execute(
            query.where(*area_clauses(area)).group_by(row, column)
        )
    ]
    return sorted(found, key=lambda each: (-each.photos, each.sample))


def count_placed(session: Session) -> int:
    """How many photos say where they were taken."""
    placed = select(func.count()).select_from(Photo).where(*area_clauses(WORLD))
    return session.scalar(placed) or 0


def _whole(session: Session, number: Any) -> ColumnElement[int]:
    """The whole part of a number from 0; PostgreSQL's cast would round it."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(number, Integer)
    return cast(func.floor(number), Integer)
