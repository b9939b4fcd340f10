"""Which photos pass a filter, in either database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert

from catalog.filters import Condition, PhotoFilter, passing_photos
from catalog.models import Root
from catalog.photos import add_photos
from catalog.records import Metadata
from tests.catalog.factories import TAKEN, SampleCatalog, new_photo

DAY = timedelta(days=1)
NUMBERS = count()


def passing(catalog: SampleCatalog, **wanted: object) -> list[int] | None:
    with catalog.database.read() as session:
        ids = passing_photos(session, PhotoFilter(**wanted))  # type: ignore[arg-type]
    return None if ids is None else list(ids.tolist())


def passing_ids(catalog: SampleCatalog, condition: Condition) -> list[int] | None:
    ids = condition.passing(catalog.database)
    return None if ids is None else list(ids.tolist())


def add(catalog: SampleCatalog, **metadata: object) -> int:
    """A photo with this metadata, at a path of its own."""
    number = next(NUMBERS)
    given = {**vars(new_photo(b"").metadata), **metadata}
    photo = replace(new_photo(b"%d.jpg" % number, number), metadata=Metadata(**given))
    return catalog.add([photo])[0]


def test_no_filter_is_no_list_of_ids(any_catalog: SampleCatalog) -> None:
    add(any_catalog)
    assert passing(any_catalog) is None


def test_one_search_goes_by_one_look_at_the_photos(any_catalog: SampleCatalog) -> None:
    first = add(any_catalog, camera="Canon")
    condition = Condition(PhotoFilter(camera="Canon"))
    assert passing_ids(any_catalog, condition) == [first]
    second = add(any_catalog, camera="Canon")
    both = np.array([second, first])
    assert passing_ids(any_catalog, condition) == [first]
    assert passing_ids(any_catalog, condition.among(both)) == [first]
    assert passing_ids(any_catalog, Condition(PhotoFilter(camera="Canon"))) == [first, second]
    assert passing_ids(any_catalog, Condition().among(both)) == [first, second]


def test_condition_names_its_photos_where_they_are_all_that_is_asked() -> None:
    ids = np.array([3, 5])
    assert Condition().only_ids is None
    assert Condition(ids=ids).only_ids is ids
    assert Condition(PhotoFilter(camera="Canon"), ids).only_ids is None


def test_dates_include_their_start_and_exclude_their_end(any_catalog: SampleCatalog) -> None:
    early, exact, late = (
        add(any_catalog, taken_at=TAKEN + shift) for shift in (-DAY, 0 * DAY, DAY)
    )
    add(any_catalog, taken_at=None)
    assert passing(any_catalog, after=TAKEN) == [exact, late]
    assert passing(any_catalog, before=TAKEN) == [early]
    assert passing(any_catalog, after=TAKEN, before=TAKEN + DAY) == [exact]
    assert passing(any_catalog, after=datetime(1, 1, 1, tzinfo=UTC)) == [early, exact, late]


def test_lens_is_found_by_a_part_of_its_name(any_catalog: SampleCatalog) -> None:
    fuji = add(any_catalog, camera="FUJIFILM X-T3", lens="FUJIFILM XF35mmF2 R WR")
    add(any_catalog, lens=None)
    assert passing(any_catalog, lens="xf35") == [fuji]
    assert passing(any_catalog, lens="x-t3") == []


def test_camera_is_found_by_a_part_of_its_name(any_catalog: SampleCatalog) -> None:
    fuji = add(any_catalog, camera="FUJIFILM X-T3")
    odd = add(any_catalog, camera="100%_camera")
    add(any_catalog, camera=None)
    assert passing(any_catalog, camera="fujifilm") == passing(any_catalog, camera="x-t3") == [fuji]
    assert passing(any_catalog, camera="%") == passing(any_catalog, camera="_") == [odd]
    assert passing(any_catalog, camera="nikon") == []


def test_format_and_orientation_are_exact(any_catalog: SampleCatalog) -> None:
    wide = add(any_catalog, width=4, height=3, format="JPEG")
    tall = add(any_catalog, width=3, height=4, format="MPO")
    square = add(any_catalog, width=3, height=3, format="PNG")
    assert passing(any_catalog, formats=("JPEG", "MPO")) == [wide, tall]
    assert passing(any_catalog, orientation="landscape") == [wide]
    assert passing(any_catalog, orientation="portrait") == [tall]
    assert passing(any_catalog, orientation="square") == [square]
    assert passing(any_catalog, orientation="square", formats=("JPEG",)) == []


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        (b"/a", {b"in a", b"deep/in a", b"deeper/in a", b"in a/b", b"100%/in a"}),
        (b"/a/b", {b"in a/b"}),
        (b"/a/deep", {b"deep/in a"}),
        (b"/a/100%", {b"100%/in a"}),
        (b"/a/100_", set()),
        (b"/ab", {b"in ab"}),
        (b"/", {b"in a", b"deep/in a", b"deeper/in a", b"in a/b", b"100%/in a", b"in ab"}),
        (b"/a/in a", set()),
        (b"/nowhere", set()),
        (b"/a/m\xfcnze", set()),
    ],
)
def test_folder_holds_what_lies_below_it_at_any_depth(
    any_catalog: SampleCatalog, folder: bytes, names: set[bytes]
) -> None:
    inside = {
        b"/a": [b"in a", b"deep/in a", b"deeper/in a", b"100%/in a"],
        b"/a/b": [b"in a/b"],
        b"/ab": [b"in ab"],
    }
    paths: dict[int, bytes] = {}
    for seed, (root, files) in enumerate(inside.items()):
        with any_catalog.database.write() as session:
            query = insert(Root).values(path=root, last_seen_online=TAKEN).returning(Root.id)
            key = session.scalars(query).one()
            made = [new_photo(file, 10 * seed + place) for place, file in enumerate(files)]
            ids = add_photos(session, key, any_catalog.model, made, "embedder")
        paths.update(zip(ids, files, strict=True))
    found = passing(any_catalog, folder=folder)
    assert found is not None
    assert {paths[photo_id] for photo_id in found} == names


def test_folder_that_is_no_text_is_found_byte_for_byte(any_catalog: SampleCatalog) -> None:
    [key, _] = any_catalog.add([new_photo(b"m\xfcnze/1.jpg", 1), new_photo(b"m?nze/2.jpg", 2)])
    root = bytes(Path(any_catalog.home.path).resolve())
    assert passing(any_catalog, folder=root + b"/m\xfcnze") == [key]
