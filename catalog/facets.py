"""What photos can be narrowed by: cameras, lenses, places, years, folders, and how many have each.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.folders import FolderView, top_folders
from catalog.models import Photo
from catalog.photo_places import PlaceCount, count_places
from catalog.sql import readable, stored_texts
from catalog.timeline import UNDATED, count_by_month


@dataclass(frozen=True)
class GearCount:
    """A camera or a lens, and how many photos its name finds: those of others that hold it, too."""

    name: str
    photos: int


@dataclass(frozen=True)
class YearCount:
    """A year, by the clock where photos were taken, and how many were."""

    year: int
    photos: int


@dataclass(frozen=True)
class Facets:
    """Cameras and lenses by name, places by country, years the newest first, indexed folders."""

    cameras: tuple[GearCount, ...]
    lenses: tuple[GearCount, ...]
    places: tuple[PlaceCount, ...]
    years: tuple[YearCount, ...]
    folders: tuple[FolderView, ...]


def read_facets(session: Session) -> Facets:
    """Count what there is in the catalog.

    Raises DamagedValue where the row of an indexed folder is not as it was written.
    """
    years = Counter[int]()
    for each in count_by_month(session):
        if each.month != UNDATED:
            years[int(each.month[:4])] += each.photos
    cameras, lenses = _count_gear(session)
    return Facets(
        cameras=_found_by_name(cameras),
        lenses=_found_by_name(lenses),
        places=tuple(count_places(session)),
        years=tuple(YearCount(*each) for each in sorted(years.items(), reverse=True)),
        folders=tuple(top_folders(session)),
    )


def _count_gear(session: Session) -> tuple[Counter[str], Counter[str]]:
    """How many photos each camera, and each lens, took: one walk over all photos for both."""
    camera, lens = stored_texts(session, [Photo.camera, Photo.lens])
    query = select(camera, lens, func.count()).group_by(camera, lens)
    cameras, lenses = Counter[str](), Counter[str]()
    for by_camera, by_lens, count in session.execute(query):
        for counts, stored in ((cameras, by_camera), (lenses, by_lens)):
            if stored:
                counts[readable(stored)] += count
    return cameras, lenses


def _found_by_name(counts: Mapping[str, int]) -> tuple[GearCount, ...]:
    # The filter finds a part of a name: "Canon EOS 5D" finds a "Canon EOS 5D Mark II".
    return tuple(
        GearCount(name, sum(n for other, n in counts.items() if name.lower() in other.lower()))
        for name in sorted(counts, key=str.lower)
    )
