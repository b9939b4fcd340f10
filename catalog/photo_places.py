"""The towns nearest to where photos were taken, in SQL, for searches and lists by place.

An index of the positions in Photo, which are the truth, as the gazetteer knows them; index runs
bring it up to date.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, false, func, insert, or_, select
from sqlalchemy.orm import Session

from catalog.gazetteer import Place, is_installed, place_of
from catalog.models import Photo, PhotoTown, Town, clean_text
from catalog.sql import NO_SYNC, chunks
from catalog.tags import spaced_words

# So many towns are listed, those with the most photos.
LISTED_TOWNS = 200


@dataclass(frozen=True)
class PlaceCount:
    """A country (`town` is empty) or a town in it, and how many photos the filter finds by `name`.

    `name`: the country's, or the town's with its region and country.
    """

    name: str
    town: str
    photos: int


def note_places(session: Session) -> int:
    """Look up the towns of photos with a new position; returns of how many.

    Without the gazetteer's package nothing is looked up, and what is known stays.
    """
    positions = _is_placed()
    gone = delete(PhotoTown).where(PhotoTown.photo_id.in_(select(Photo.id).where(~positions)))
    session.execute(gone, execution_options=NO_SYNC)
    if not is_installed():
        return 0
    stale = _stale(session)
    places = {where: place_of(*where) for where in {(row[1], row[2]) for row in stale}}
    towns = _town_ids(session, filter(None, places.values()))
    for chunk in chunks(stale):
        keys = [key for key, *_ in chunk]
        former = delete(PhotoTown).where(PhotoTown.photo_id.in_(keys))
        session.execute(former, execution_options=NO_SYNC)
        rows = [
            {
                "photo_id": key,
                "town_id": None if (place := places[at]) is None else towns[place.name],
                "latitude": at[0],
                "longitude": at[1],
            }
            for key, *position in chunk
            for at in [(position[0], position[1])]
        ]
        session.execute(insert(PhotoTown), rows)
    return len(stale)


def has_place(text: str) -> ColumnElement[bool]:
    """What a WHERE over Photo has to hold for one to be taken near a town that a text names.

    Each part between commas has to be words in a row of the town's name, region or country.
    """
    parts = [words for words in map(spaced_words, text.split(",")) if words.strip()]
    if not parts:
        return false()
    fits = [Town.words.contains(words, autoescape=True) for words in parts]
    named = select(Town.id).where(*fits)
    return Photo.id.in_(select(PhotoTown.photo_id).where(PhotoTown.town_id.in_(named)))


def count_places(session: Session) -> list[PlaceCount]:
    """The countries by name, each followed by its towns; of towns those with most photos."""
    number = func.count(PhotoTown.photo_id)
    query = select(Town.name, Town.country, Town.words, number)
    query = query.join(PhotoTown, PhotoTown.town_id == Town.id)
    query = query.group_by(Town.id, Town.name, Town.country, Town.words)
    every = [_Town(*row) for row in session.execute(query.order_by(number.desc(), Town.name))]
    shown = sorted(every[:LISTED_TOWNS], key=lambda town: town.name.lower())
    listed = []
    for country in sorted({town.country for town in every}, key=str.lower):
        listed.append(PlaceCount(country, "", _found_by(country, every)))
        listed += [
            PlaceCount(
                town.name, town.name.removesuffix(f", {country}"), _found_by(town.name, every)
            )
            for town in shown
            if town.country == country
        ]
    return listed


@dataclass(frozen=True)
class _Town:
    name: str
    country: str
    words: str
    photos: int


def _found_by(name: str, towns: Sequence[_Town]) -> int:
    """How many photos the filter finds: "Georgia" is a country, and a state of another."""
    parts = [spaced_words(part) for part in name.split(",")]
    return sum(town.photos for town in towns if all(part in town.words for part in parts))


def _is_placed() -> ColumnElement[bool]:
    return and_(Photo.latitude.is_not(None), Photo.longitude.is_not(None))


def _stale(session: Session) -> list[tuple[int, float, float]]:
    """(id, latitude, longitude) of the photos whose position was not looked up yet."""
    query = select(Photo.id, Photo.latitude, Photo.longitude)
    query = query.outerjoin(PhotoTown, PhotoTown.photo_id == Photo.id)
    moved = or_(
        PhotoTown.photo_id.is_(None),
        PhotoTown.latitude != Photo.latitude,
        PhotoTown.longitude != Photo.longitude,
    )
    rows = session.execute(query.where(_is_placed(), moved).order_by(Photo.id))
    return [
        (key, latitude, longitude)
        for key, latitude, longitude in rows
        if latitude is not None and longitude is not None
    ]


def _town_ids(session: Session, places: Iterable[Place]) -> Mapping[str, int]:
    """The ids of towns by name; those near which no photo was taken before are added."""
    wanted = {place.name: place for place in places}
    known: dict[str, int] = {}
    for chunk in chunks(list(wanted)):
        query = select(Town.name, Town.id).where(Town.name.in_(chunk))
        known.update((name, key) for name, key in session.execute(query))
    for name, place in wanted.items():
        if name not in known:
            values = {"name": name, "country": place.country, "words": _words(place)}
            added = insert(Town).values(values).returning(Town.id)
            known[name] = session.scalars(added).one()
    return known


def _words(place: Place) -> str:
    """The words of each part of a name between spaces, so that no phrase goes across two parts."""
    parts = filter(None, (place.town, place.region, place.country))
    return clean_text(",".join(map(spaced_words, parts)))
