"""What a model made of photos is checked when it is read, and damage of it is never believed."""

from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text, update

from catalog.checksums import check_descriptions, damaged_descriptions, name_damaged
from catalog.database import migration_config
from catalog.descriptions import load_states
from catalog.doctor import Doctor, Problem
from catalog.models import Caption, Photo, State
from catalog.photos import copy_photo, known_files
from catalog.records import FileStamp
from catalog.views import view_photos
from tests.catalog.damage import HARMS, harm
from tests.catalog.factories import SampleCatalog, new_photo, new_photos


def damaged_in(catalog: SampleCatalog) -> list[int]:
    with catalog.database.read() as session:
        return damaged_descriptions(session, catalog.model)


def test_descriptions_are_sound_as_they_were_written_and_as_copies(
    any_catalog: SampleCatalog,
) -> None:
    odd = replace(
        new_photo(b"odd.jpg", 7),
        captions=(("nul \0 and half \ud800 a pair", -0.0), ("grüße, 猫", -1e-300)),
        bias=-0.0,
    )
    source, *_ = any_catalog.add([odd, *new_photos(range(3))])
    with any_catalog.database.write() as session:
        copy = copy_photo(session, source, any_catalog.root, FileStamp(b"copy.jpg", 1, 2))
        checked = check_descriptions(session, [source, copy, 999], any_catalog.model)
    assert checked.damaged == []
    assert checked.sound.keys() == {source, copy}
    assert checked.sound[copy].captions[1] == ("grüße, 猫", -1e-300)
    assert damaged_in(any_catalog) == []


@pytest.mark.parametrize("what", HARMS)
def test_damaged_description_is_not_answered_with_and_described_again(
    any_catalog: SampleCatalog, what: str
) -> None:
    first, second, third = any_catalog.add(new_photos(range(3)))
    with any_catalog.database.write() as session:
        harm(session, what, second, any_catalog.model)
    with any_catalog.database.read() as session:
        assert load_states(session, [first, second, third], any_catalog.model).keys() == {
            first,
            third,
        }
        views = view_photos(session, [first, second, third])
        assert [len(views[key].captions) for key in (first, second, third)] == [2, 0, 2]
        assert [Path(name).name for name in name_damaged(session, [second])] == ["1.jpg"]
    assert damaged_in(any_catalog) == [second]
    dry = Doctor(any_catalog.home, any_catalog.database, mend=False).examine()
    assert [Path(name).name for name in told(dry, Problem.DAMAGED)] == ["1.jpg"]
    Doctor(any_catalog.home, any_catalog.database, mend=True).examine()
    assert damaged_in(any_catalog) == []
    with any_catalog.database.read() as session:
        known = known_files(session, any_catalog.root, any_catalog.model)
    assert [path for path, file in known.items() if not file.has_state] == [b"1.jpg"]


def told(found, problem: Problem) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
    [finding] = [each for each in found.findings if each.problem is problem]
    return finding.examples  # type: ignore[no-any-return]


def test_row_of_another_photo_or_of_none_is_noticed(any_catalog: SampleCatalog) -> None:
    first, second = any_catalog.add(new_photos(range(2)))
    with any_catalog.database.write() as session:
        moved = update(Caption).where(Caption.photo_id == first, Caption.rank == 1)
        session.execute(moved.values(photo_id=second, rank=2))
    assert damaged_in(any_catalog) == [first, second]


def test_description_of_other_bytes_is_noticed(any_catalog: SampleCatalog) -> None:
    key, _ = any_catalog.add(new_photos(range(2)))
    with any_catalog.database.write() as session:
        session.execute(update(Photo).where(Photo.id == key).values(content_hash="0" * 64))
    assert damaged_in(any_catalog) == [key]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE caption SET text = CAST(x'41ff42' AS TEXT)",
        "UPDATE caption SET text = x'4142'",
        "UPDATE caption SET log_likelihood = 'words'",
        "UPDATE vector SET kind = CAST(x'ff' AS TEXT) WHERE kind = 'visual'",
        "UPDATE vector SET blob = 77",
        "UPDATE state SET blob = 1000000000000",
        "UPDATE state SET bias = x'00'",
        "UPDATE state SET checksum = x'ff'",
    ],
)
def test_values_of_another_type_are_damage_and_not_an_error(
    catalog: SampleCatalog, change: str
) -> None:
    first, second = catalog.add(new_photos(range(2)))
    with catalog.database.write() as session:
        clause = " AND" if "WHERE" in change else " WHERE"
        session.execute(text(f"{change}{clause} photo_id = {second}"))
    assert damaged_in(catalog) == [second]
    with catalog.database.read() as session:
        assert [len(view.captions) for view in view_photos(session, [first, second]).values()] == [
            2,
            0,
        ]


def test_home_of_the_former_release_gets_checksums_and_keeps_its_descriptions(
    any_catalog: SampleCatalog,
) -> None:
    any_catalog.add(new_photos(range(1100)))
    other = any_catalog.other_model()
    any_catalog.add(new_photos(range(5)), other)
    with any_catalog.database.read() as session:
        before = set(session.execute(text("SELECT photo_id, model_id, checksum FROM state")).all())
    any_catalog.database.close()
    config = migration_config(any_catalog.home.database_url)
    command.downgrade(config, "0003")
    command.upgrade(config, "head")
    with any_catalog.database.write() as session:
        after = set(session.execute(text("SELECT photo_id, model_id, checksum FROM state")).all())
        assert after == before
        assert damaged_descriptions(session, other) == []
        harm(session, "bias", 1100, any_catalog.model)
    assert damaged_in(any_catalog) == [1100]


def test_state_without_a_checksum_is_not_believed(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add(new_photos(range(1)))
    with any_catalog.database.write() as session:
        session.execute(update(State).values(checksum=""))
    assert damaged_in(any_catalog) == [key]
