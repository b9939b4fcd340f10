"""Photos are found and listed by the town nearest to them, in either database."""

from dataclasses import replace

import pytest

from catalog.filters import PhotoFilter, passing_photos
from catalog.gazetteer import gazetteer
from catalog.photo_places import PlaceCount, count_places, note_places
from catalog.photos import remove_photos, touch_photo
from catalog.records import FileStamp, Origin
from tests.catalog.factories import SampleCatalog, new_photo

BASEL, ATLANTA, TBILISI = (47.5556, 7.589), (33.749, -84.388), (41.694, 44.834)
AT_SEA = (-30.0, -20.0)


def add(catalog: SampleCatalog, *positions: tuple[float, float] | None) -> list[int]:
    photos = []
    for number, position in enumerate(positions):
        new = new_photo(b"%d.jpg" % number, number)
        latitude, longitude = position or (None, None)
        taken = replace(new.metadata, latitude=latitude, longitude=longitude)
        photos.append(replace(new, metadata=taken))
    return catalog.add(photos)


def note(catalog: SampleCatalog) -> int:
    with catalog.database.write() as session:
        return note_places(session)


def found(catalog: SampleCatalog, place: str) -> list[int]:
    with catalog.database.read() as session:
        ids = passing_photos(session, PhotoFilter(place=place))
    assert ids is not None
    return [int(key) for key in ids]


def test_photos_are_found_by_town_region_and_country(any_catalog: SampleCatalog) -> None:
    basel, atlanta, tbilisi, *_ = add(any_catalog, BASEL, ATLANTA, TBILISI, AT_SEA, None)
    assert note(any_catalog) == 4
    assert found(any_catalog, "basel") == found(any_catalog, "Basel, Switzerland") == [basel]
    assert found(any_catalog, "SWITZERLAND") == [basel]
    assert found(any_catalog, "georgia") == [atlanta, tbilisi]
    assert found(any_catalog, "Georgia, United States") == [atlanta]
    for no_place in ("Bas", "Basel, Georgia", "%", ",", "Switzerland Basel"):
        assert found(any_catalog, no_place) == []


def test_listed_places_count_what_their_names_find(any_catalog: SampleCatalog) -> None:
    add(any_catalog, BASEL, ATLANTA, TBILISI, AT_SEA, BASEL)
    note(any_catalog)
    with any_catalog.database.read() as session:
        listed = count_places(session)
    assert PlaceCount("Switzerland", "", 2) in listed
    assert PlaceCount("Basel, Basel-City, Switzerland", "Basel, Basel-City", 2) in listed
    assert PlaceCount("Georgia", "", 2) in listed
    assert [len(found(any_catalog, each.name)) for each in listed] == [
        each.photos for each in listed
    ]


def test_only_new_and_changed_positions_are_looked_up(any_catalog: SampleCatalog) -> None:
    first, second, third = add(any_catalog, BASEL, BASEL, AT_SEA)
    assert (note(any_catalog), note(any_catalog)) == (3, 0)
    moved, lost = (Origin(None, None, *place) for place in (ATLANTA, (None, None)))
    with any_catalog.database.write() as session:
        touch_photo(session, first, FileStamp(b"0.jpg", 1, 2), moved)
        touch_photo(session, second, FileStamp(b"1.jpg", 1, 2), lost)
        remove_photos(session, [third])
    assert note(any_catalog) == 1
    assert (found(any_catalog, "Basel"), found(any_catalog, "Atlanta")) == ([], [first])


def test_without_the_gazetteer_known_towns_stay(
    any_catalog: SampleCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    [key] = add(any_catalog, BASEL)
    note(any_catalog)
    monkeypatch.setattr("catalog.gazetteer._PACKAGE", "no_such_package")
    gazetteer.cache_clear()
    with any_catalog.database.write() as session:
        touch_photo(session, key, FileStamp(b"0.jpg", 1, 2), Origin(None, None, *ATLANTA))
    assert (note(any_catalog), found(any_catalog, "Basel")) == (0, [key])
    gazetteer.cache_clear()
