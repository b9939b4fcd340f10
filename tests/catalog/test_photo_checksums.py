"""What was read from a photo is checked when it is shown, and damage of it is never shown."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from catalog.checksums import check_descriptions, damaged_descriptions, sound_photos
from catalog.database import DatabaseUnavailable, migration_config
from catalog.doctor import Doctor, Problem
from catalog.photos import copy_photo, move_photo, touch_photo
from catalog.records import FileStamp, Origin
from catalog.roots import list_roots
from catalog.views import list_photos, view_photos
from tests.catalog.factories import SampleCatalog, new_photo, new_photos

CHANGES = (
    "content_hash = 'f' || substr(content_hash, 2)",
    "width = width + 1",
    "format = 'JPEH'",
    "taken_at = '2021-03-14 05:06:07.000000'",
    "taken_at = '2021-03-O4 05:06:07.000000'",
    "camera = 'another'",
    "lens = 'another'",
    "latitude = 51.500000001",
    "taken_offset = 60",
    "taken_from = 'exig'",
    "metadata_version = 5",
    "title = 'a mill'",
    "description = CAST(x'62ff73' AS TEXT)",
    "rating = 0",
    "keywords = 'Lisbon'",
    "people = 'Ada' || char(10) || 'Bob'",
    "indexed_at = 'never'",
    "checksum = replace(checksum, substr(checksum, 1, 1), 'x')",
)
ODD = Origin(
    datetime(1, 2, 3, 4, 5, 6, 7, tzinfo=UTC),
    "nul \0, half \ud800 a pair",
    -0.0,
    1e-300,
    -720,
    "xmp",
    lens="a lens \0",
)


def told(catalog: SampleCatalog, problem: Problem, *, mend: bool = False) -> list[str]:
    found = Doctor(catalog.home, catalog.database, mend=mend).examine().findings
    return [Path(name).name for each in found if each.problem is problem for name in each.examples]


@pytest.mark.parametrize("change", CHANGES)
def test_photo_with_a_changed_detail_is_not_shown_and_named(
    catalog: SampleCatalog, change: str
) -> None:
    first, second = catalog.add(new_photos(range(2)))
    with catalog.database.write() as session:
        session.execute(text(f"UPDATE photo SET {change} WHERE id = {second}"))
    with catalog.database.read() as session:
        assert sound_photos(session, [first, second, 99]) == [first]
        assert list(view_photos(session, [first, second])) == [first]
        assert [view.photo_id for view in list_photos(session)] == [first]
        assert damaged_descriptions(session, catalog.model) == [second]
    assert told(catalog, Problem.DAMAGED, mend=True) == ["1.jpg"]
    catalog.add([new_photo(b"1.jpg", 1)])  # as the next indexing does
    with catalog.database.read() as session:
        assert sound_photos(session, [first, second]) == [first, second]
    assert told(catalog, Problem.DAMAGED) == []


def test_values_of_any_kind_are_sound_as_they_were_written_copied_moved_and_touched(
    any_catalog: SampleCatalog,
) -> None:
    new = new_photo(b"odd.jpg", 7)
    odd = replace(new, metadata=replace(new.metadata, format="a\0b", **vars(ODD)))
    key, other, third = any_catalog.add([odd, *new_photos(range(2))])
    with any_catalog.database.write() as session:
        copy = copy_photo(session, key, any_catalog.root, FileStamp(b"copy.jpg", 1, 2))
        dated = copy_photo(session, key, any_catalog.root, FileStamp(b"dated.jpg", 1, 2), ODD)
        move_photo(session, other, any_catalog.root, FileStamp(b"moved.jpg", 1, 2), ODD)
        touch_photo(session, third, FileStamp(b"2.jpg", 1, 2), ODD)
    every = [key, other, third, copy, dated]
    with any_catalog.database.read() as session:
        assert sound_photos(session, every) == every
        assert check_descriptions(session, every, any_catalog.model).damaged == []


def test_new_origin_makes_no_damage_sound(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add(new_photos(range(1)))
    with any_catalog.database.write() as session:
        session.execute(text("UPDATE photo SET width = width + 1"))
        touch_photo(session, key, FileStamp(b"0.jpg", 1, 2), ODD)
    with any_catalog.database.read() as session:
        assert sound_photos(session, [key]) == []


def test_home_of_the_former_release_gets_checksums_of_photos(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos(range(600)))
    with any_catalog.database.write() as session:
        for key in (1, 600):
            touch_photo(session, key, FileStamp(b"%d.jpg" % (key - 1), 1, 2), ODD)
    any_catalog.database.close()
    config = migration_config(any_catalog.home.database_url)
    command.downgrade(config, "0004")
    command.upgrade(config, "head")
    with any_catalog.database.write() as session:
        assert len(sound_photos(session, range(1000))) == 600
        session.execute(text("UPDATE photo SET height = 1 WHERE id = 600"))
    with any_catalog.database.read() as session:
        assert 600 not in sound_photos(session, range(1000))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("UPDATE root SET last_seen_online = '2O21-01-01 00:00:00'", "root.last_seen_online"),
        ("UPDATE root SET excluded = '{]'", "root.excluded"),
        ("UPDATE model SET config = '{'", "model.config"),
        ("UPDATE run SET counts = '!'", "run.counts"),
    ],
)
def test_value_that_nobody_wrote_is_a_sentence_and_a_finding(
    catalog: SampleCatalog, change: str, where: str
) -> None:
    with catalog.database.write() as session:
        session.execute(text("INSERT INTO run (started_at) VALUES ('2021-01-01 00:00:00.000000')"))
        session.execute(text(change))
    assert [name.split(":")[0] for name in told(catalog, Problem.DATABASE, mend=True)] == [where]
    if where == "root.last_seen_online":
        sentence = r"is damaged: it holds '2O21-.*; tellshow doctor says where\.$"
        with pytest.raises(DatabaseUnavailable, match=sentence), catalog.database.read() as session:
            list_roots(session)
