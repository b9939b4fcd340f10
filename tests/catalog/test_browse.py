"""Photos by month, folder, tag, keyword and place, in either database."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest
from sqlalchemy import insert, update

from catalog.folders import open_folder, top_folders
from catalog.keywords import note_keywords
from catalog.label_counts import (
    count_keywords,
    count_tags,
    frequent_keywords,
    frequent_tags,
)
from catalog.models import Photo, Root
from catalog.photos import add_photos
from catalog.places import WORLD, clusters, count_placed
from catalog.records import Annotations, Metadata, NewTag
from catalog.selection import Area, Selection
from catalog.timeline import (
    UNDATED,
    count_by_month,
    is_month,
    newest_photos,
    photos_of_month,
)
from tests.catalog.factories import TAKEN, SampleCatalog, new_photo

NUMBERS = count()


def add(
    catalog: SampleCatalog, path: bytes = b"", tags: tuple[str, ...] = (), **known: object
) -> int:
    """A photo with this metadata; without a path, at one of its own."""
    number = next(NUMBERS)
    made = new_photo(path or b"%d.jpg" % number, number)
    metadata = Metadata(**{**vars(made.metadata), "latitude": None, **known})  # type: ignore[arg-type]
    seen = tuple(NewTag(name, name, 0.5) for name in tags)
    return catalog.add([replace(made, metadata=metadata, tags=seen)])[0]


def months(catalog: SampleCatalog, **chosen: object) -> dict[str, int]:
    with catalog.database.read() as session:
        found = count_by_month(session, Selection(**chosen))  # type: ignore[arg-type]
    return {each.month: each.photos for each in found}


def photos(catalog: SampleCatalog, month: str, **chosen: object) -> list[int]:
    with catalog.database.read() as session:
        return list(photos_of_month(session, month, 10, chosen=Selection(**chosen)))  # type: ignore[arg-type]


# By month


def test_months_come_newest_first_and_photos_without_a_date_last(
    any_catalog: SampleCatalog,
) -> None:
    for taken in (datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC), None, TAKEN, TAKEN):
        add(any_catalog, taken_at=taken)
    add(any_catalog, taken_at=datetime(987, 1, 1, tzinfo=UTC))
    found = months(any_catalog)
    assert list(found.items()) == [("2021-03", 2), ("2019-12", 1), ("0987-01", 1), (UNDATED, 1)]


def test_month_is_that_of_the_clock_where_a_photo_was_taken(any_catalog: SampleCatalog) -> None:
    late = datetime(2021, 1, 31, 23, 30, tzinfo=UTC)
    key = add(any_catalog, taken_at=late, taken_offset=-600)
    assert (months(any_catalog), photos(any_catalog, "2021-01")) == ({"2021-01": 1}, [key])


def test_photos_of_a_month_come_newest_first_and_in_pages(any_catalog: SampleCatalog) -> None:
    first, second, third = (add(any_catalog, taken_at=TAKEN.replace(day=day)) for day in (9, 8, 8))
    add(any_catalog, taken_at=TAKEN.replace(month=4))
    assert photos(any_catalog, "2021-03") == [first, third, second]
    with any_catalog.database.read() as session:
        assert list(photos_of_month(session, "2021-03", 1, 1)) == [third]


def test_first_and_last_months_that_there_are_can_be_asked_for(any_catalog: SampleCatalog) -> None:
    last = add(any_catalog, taken_at=datetime(9999, 12, 31, tzinfo=UTC))
    undated = add(any_catalog, taken_at=None)
    assert photos(any_catalog, "9999-12") == [last]
    assert photos(any_catalog, "0000-01") == []
    assert photos(any_catalog, UNDATED) == [undated]


def test_newest_photos_are_those_taken_last_before_those_without_a_date(
    any_catalog: SampleCatalog,
) -> None:
    undated = add(any_catalog, taken_at=None)
    old, new = (add(any_catalog, taken_at=TAKEN.replace(year=year)) for year in (2001, 2020))
    with any_catalog.database.read() as session:
        assert list(newest_photos(session, 2)) == [new, old]
        assert list(newest_photos(session, 5)) == [new, old, undated]


def test_date_that_damage_made_unreadable_is_in_no_month(catalog: SampleCatalog) -> None:
    from sqlalchemy import text

    add(catalog, taken_at=TAKEN)
    damaged = add(catalog, taken_at=TAKEN)
    with catalog.database.write() as session:
        session.execute(text(f"UPDATE photo SET taken_at = 'x\x7f-' WHERE id = {damaged}"))
    assert months(catalog) == {"2021-03": 1}


@pytest.mark.parametrize("text", ["2019-7", "2019-13", "19-07", "2019-07-01", "٢٠١٩-07", ""])
def test_what_names_no_month_is_told(text: str) -> None:
    assert not is_month(text)
    assert is_month("2019-07")


# By folder


def test_folder_is_chosen_with_its_subfolders_or_without(any_catalog: SampleCatalog) -> None:
    root = any_catalog.home.path.as_posix().encode()
    deep, own = add(any_catalog, b"a/b/1.jpg"), add(any_catalog, b"a/2.jpg")
    add(any_catalog, b"ab/3.jpg")
    top = add(any_catalog, b"4.jpg")
    assert photos(any_catalog, "2021-03", folder=root + b"/a") == [own, deep]
    assert photos(any_catalog, "2021-03", folder=root + b"/a", subfolders=False) == [own]
    assert photos(any_catalog, "2021-03", folder=root, subfolders=False) == [top]
    assert months(any_catalog, folder=root + b"/nowhere", subfolders=False) == {}


def test_tree_counts_photos_at_any_depth_and_tells_which_folders_go_on(
    any_catalog: SampleCatalog,
) -> None:
    root = any_catalog.home.path.as_posix().encode()
    for path in (b"1.jpg", b"a/2.jpg", b"a/b/3.jpg", b"m\xfcnze/4.jpg", b"a/b/c/5.jpg"):
        add(any_catalog, path)
    with any_catalog.database.read() as session:
        [top] = top_folders(session)
        opened, below = open_folder(session, root), open_folder(session, root + b"/a")
        empty = open_folder(session, root + b"/a/b/c/d")
    assert (top.path, top.photos) == (root, 5)
    assert (opened.photos, opened.own_photos) == (5, 1)
    found = [(each.path, each.photos, each.has_subfolders) for each in opened.subfolders]
    assert found == [(root + b"/a", 3, True), (root + b"/m\xfcnze", 1, False)]
    assert [(each.path, each.photos, each.has_subfolders) for each in below.subfolders] == [
        (root + b"/a/b", 2, True)
    ]
    assert (empty.photos, empty.subfolders) == (0, ())


def test_folder_indexed_inside_of_another_stands_in_its_tree(any_catalog: SampleCatalog) -> None:
    root = any_catalog.home.path.as_posix().encode()
    add(any_catalog, b"in/1.jpg")
    with any_catalog.database.write() as session:
        values = {"path": root + b"/in/side", "last_seen_online": TAKEN}
        key = session.scalars(insert(Root).values(values).returning(Root.id)).one()
        add_photos(session, key, any_catalog.model, [new_photo(b"2.jpg", 999)], "embedder")
    with any_catalog.database.read() as session:
        [inner] = open_folder(session, root).subfolders
    assert (inner.path, inner.photos, inner.has_subfolders) == (root + b"/in", 2, True)


# By tag and keyword


def test_tags_are_counted_with_their_surest_photo(any_catalog: SampleCatalog) -> None:
    add(any_catalog, tags=("cat", "sofa"))
    sure = replace(new_photo(b"sure.jpg", 5000), tags=(NewTag("cat", "cat", 0.9),))
    [surest] = any_catalog.add([sure])
    add(any_catalog, tags=("cat",))
    with any_catalog.database.read() as session:
        assert count_tags(session) == 2
        found = [(each.name, each.photos, each.sample) for each in frequent_tags(session, 1)]
        assert [each.name for each in frequent_tags(session, 5, 1)] == ["sofa"]
    assert found == [("cat", 3, surest)]


def test_tag_of_two_models_counts_a_photo_once(any_catalog: SampleCatalog) -> None:
    photo = replace(new_photo(b"1.jpg", 6000), tags=(NewTag("cat", "cat", 0.9),))
    [key] = any_catalog.add([photo])
    assert any_catalog.add([photo], any_catalog.other_model()) == [key]
    with any_catalog.database.read() as session:
        assert [(each.name, each.photos) for each in frequent_tags(session, 5)] == [("cat", 1)]


def test_tag_is_chosen_by_its_whole_name(any_catalog: SampleCatalog) -> None:
    key = add(any_catalog, tags=("cat",))
    add(any_catalog, tags=("Egyptian cat",))
    assert photos(any_catalog, "2021-03", tag="cat") == [key]
    assert months(any_catalog, tag="c\0at") == {"2021-03": 1}  # as it is stored
    assert months(any_catalog, tag="dog") == {}


def test_keywords_are_counted_and_chosen_by_their_whole_name(any_catalog: SampleCatalog) -> None:
    keys = [
        add(any_catalog, annotations=Annotations(keywords=names))
        for names in (("harvest", "Ada"), ("harvest",), ("harvest festival",))
    ]
    with any_catalog.database.write() as session:
        note_keywords(session, keys)
    with any_catalog.database.read() as session:
        assert count_keywords(session) == 3
        first, *_ = frequent_keywords(session, 5)
    assert (first.name, first.photos, first.sample) == ("harvest", 2, keys[1])
    assert photos(any_catalog, "2021-03", keyword="harvest") == [keys[1], keys[0]]


def test_labels_of_the_same_photos_are_shown_by_different_ones(any_catalog: SampleCatalog) -> None:
    words = ("cat", "sofa")
    keys = [add(any_catalog, tags=words, annotations=Annotations(keywords=words)) for _ in range(2)]
    with any_catalog.database.write() as session:
        note_keywords(session, keys)
    with any_catalog.database.read() as session:
        for labels in (frequent_tags(session, 5), frequent_keywords(session, 5)):
            assert [each.sample for each in labels] == [keys[1], keys[0]]


# By place


def test_photos_near_each_other_are_one_cluster(any_catalog: SampleCatalog) -> None:
    for latitude, longitude in ((48.0, 7.8), (48.2, 7.9), (-33.9, 151.2), (48.1, None)):
        add(any_catalog, latitude=latitude, longitude=longitude)
    with any_catalog.database.read() as session:
        assert count_placed(session) == 3
        near, far = clusters(session, 10)
        [only] = clusters(session, 10, Area(-40, 150, -30, 155))
        assert len(clusters(session, 0.01)) == 3
    assert (near.photos, near.area) == (2, Area(48.0, 7.8, 48.2, 7.9))
    assert near.latitude == pytest.approx(48.1)
    assert far == only


def test_area_may_cross_the_date_line(any_catalog: SampleCatalog) -> None:
    west = add(any_catalog, latitude=-17.0, longitude=179.0)
    east = add(any_catalog, latitude=-18.0, longitude=-179.5)
    add(any_catalog, latitude=-18.0, longitude=0.0)
    assert photos(any_catalog, "2021-03", area=Area(-20, 178, -10, -179)) == [east, west]
    assert photos(any_catalog, "2021-03", area=Area(-20, -179, -10, 178)) != []


def test_position_that_nothing_on_earth_has_is_in_no_cluster(any_catalog: SampleCatalog) -> None:
    key = add(any_catalog, latitude=0.0, longitude=0.0)
    with any_catalog.database.write() as session:
        session.execute(update(Photo).where(Photo.id == key).values(latitude=900.0))
    with any_catalog.database.read() as session:
        assert clusters(session, 30, WORLD) == []
