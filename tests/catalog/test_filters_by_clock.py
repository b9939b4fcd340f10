"""A day means the day where the photo was taken; an instant is the same everywhere."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from catalog.filters import PhotoFilter, passing_photos
from catalog.records import Metadata
from tests.catalog.factories import SampleCatalog, new_photo

DAY = datetime(2021, 7, 14, tzinfo=UTC)
NEXT_DAY = DAY + timedelta(days=1)
# name: the clock where it was taken, and its minutes ahead of UTC
TAKEN = {
    "night in California": (datetime(2021, 7, 14, 23, 30, tzinfo=UTC), -420),
    "morning in Japan": (datetime(2021, 7, 15, 8, 0, tzinfo=UTC), 540),
    "night somewhere": (datetime(2021, 7, 14, 23, 30, tzinfo=UTC), None),
}


@pytest.fixture
def filtered(any_catalog: SampleCatalog):  # type: ignore[no-untyped-def]
    """The names of the photos that pass a filter."""
    plain = Metadata(640, 480, "JPEG", None, None, None, None)
    photos = [
        replace(
            new_photo(name.encode(), seed),
            metadata=replace(plain, taken_at=clock, taken_offset=offset),
        )
        for seed, (name, (clock, offset)) in enumerate(TAKEN.items())
    ]
    names = dict(zip(any_catalog.add(photos), TAKEN, strict=True))

    def passing(**wanted: datetime) -> set[str]:
        with any_catalog.database.read() as session:
            ids = passing_photos(session, PhotoFilter(**wanted))  # type: ignore[arg-type]
        assert ids is not None
        return {names[int(key)] for key in ids}

    return passing


def test_a_day_is_that_of_the_clock_where_the_photo_was_taken(filtered) -> None:  # type: ignore[no-untyped-def]
    assert filtered(after=DAY, before=NEXT_DAY) == {"night in California", "night somewhere"}
    assert filtered(after=NEXT_DAY) == {"morning in Japan"}


def test_an_instant_is_compared_with_instants(filtered) -> None:  # type: ignore[no-untyped-def]
    def zoned(hour: int, offset: int) -> datetime:
        return datetime(2021, 7, 15, hour, tzinfo=timezone(timedelta(hours=offset)))

    # 23:00 of the 14th in UTC, when it was 8 in Japan and 16 in California.
    assert filtered(before=zoned(0, 1)) == set()
    assert filtered(after=zoned(0, 1)) == set(TAKEN)
    assert filtered(before=zoned(1, 1)) == {"morning in Japan", "night somewhere"}
