"""What photos can be narrowed by is counted, and counted again after a change."""

from dataclasses import replace
from datetime import UTC, datetime

from catalog.cache import CatalogCache
from catalog.facets import GearCount, YearCount, read_facets
from catalog.filters import PhotoFilter, passing_photos
from catalog.records import NewPhoto
from tests.catalog.factories import SampleCatalog, new_photo


def taken(seed: int, camera: str | None, taken_at: datetime | None) -> NewPhoto:
    photo = new_photo(b"trip/%d.jpg" % seed, seed)
    return replace(photo, metadata=replace(photo.metadata, camera=camera, taken_at=taken_at))


def test_cameras_and_years_are_counted_as_their_filters_find_them(
    any_catalog: SampleCatalog,
) -> None:
    new_year = datetime(2020, 12, 31, 23, 59, tzinfo=UTC)
    any_catalog.add(
        [
            taken(1, "Canon EOS 5D", new_year),
            taken(2, "Canon EOS 5D Mark II", datetime(2021, 1, 1, tzinfo=UTC)),
            taken(3, "apple iPhone", new_year),
            taken(4, None, None),
            taken(5, "", None),
        ]
    )
    with any_catalog.database.read() as session:
        facets = read_facets(session)
        assert facets.cameras == (
            GearCount("apple iPhone", 1),
            GearCount("Canon EOS 5D", 2),
            GearCount("Canon EOS 5D Mark II", 1),
        )
        assert facets.years == (YearCount(2021, 1), YearCount(2020, 2))
        assert [(each.path, each.photos) for each in facets.folders] == [
            (bytes(any_catalog.folder), 5)
        ]
        for each in facets.cameras:
            passing = passing_photos(session, PhotoFilter(camera=each.name))
            assert passing is not None
            assert len(passing) == each.photos


def test_catalog_is_read_again_only_after_a_change(catalog: SampleCatalog) -> None:
    kept = CatalogCache(read_facets)
    catalog.add([taken(1, "Canon", None)])
    with catalog.database.read() as session:
        first = kept.get(session)
        assert kept.get(session) is first
    catalog.add([taken(2, "Fuji", None)])
    with catalog.database.read() as session:
        assert [each.name for each in kept.get(session).cameras] == ["Canon", "Fuji"]
