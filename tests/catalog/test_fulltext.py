"""Photos are found by the words of their paths and captions, whatever happened to them."""

from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, delete, event, text
from sqlalchemy.exc import IntegrityError

from catalog import photos
from catalog.database import migration_config, open_database
from catalog.fulltext import Lookup, look_up, words_of
from catalog.home import Home
from catalog.models import Root
from catalog.records import FileStamp
from catalog.views import count_rows
from catalog.words import words_in
from tests.catalog.factories import SampleCatalog, find, new_photo, new_photos


def found(catalog: SampleCatalog, word: str, most: int = 1000) -> list[int]:
    with catalog.database.read() as session:
        return find(session, Lookup.word, word, most) or []


def test_a_photo_is_found_by_its_name_its_folder_and_its_captions(
    any_catalog: SampleCatalog,
) -> None:
    described = replace(new_photo(b"Lisbon/IMG_2041.JPG", 1), captions=(("a dog runs", -1.0),))
    [dog, other] = any_catalog.add([described, new_photo(b"IMG_2042.JPG", 2)])
    for word in ("lisbon", "LISBON", "2041", "IMG_2041", "img_2041.jpg", "dog"):
        assert found(any_catalog, word) == [dog], word
    assert found(any_catalog, "img") == [dog, other]
    for word in ("20", "lis", "runs_away", "2041_2042"):
        assert found(any_catalog, word) == [], word


def test_a_photo_is_found_by_the_name_of_its_root(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add(new_photos([1]))
    assert found(any_catalog, any_catalog.home.path.name) == [key]


def test_accents_and_capitals_do_not_matter(any_catalog: SampleCatalog) -> None:
    names = ["Zürich", "Zu\N{COMBINING DIAERESIS}rich", "ZURICH", "ΑΘΗΝΑ", "東京"]
    ids = any_catalog.add([new_photo(name.encode(), seed) for seed, name in enumerate(names)])
    assert found(any_catalog, "zürich") == found(any_catalog, "Zurich") == ids[:3]
    assert found(any_catalog, "Αθήνα") == [ids[3]]
    assert found(any_catalog, "東京") == [ids[4]]


def test_a_word_that_too_many_have_finds_nothing(any_catalog: SampleCatalog) -> None:
    ids = any_catalog.add(new_photos([1, 2, 3]))
    assert found(any_catalog, "best", most=3) == ids
    assert found(any_catalog, "best", most=2) == []


def test_words_that_are_looked_up_together_keep_their_places(any_catalog: SampleCatalog) -> None:
    dog = replace(new_photo(b"Lisbon/1.jpg", 1), captions=(("a dog runs", -1.0),))
    cat = replace(new_photo(b"Porto/dog.jpg", 2), captions=(("a cat sits", -1.0),))
    first, second = any_catalog.add([dog, cat])
    asked = [
        Lookup.name("!", 9), Lookup.word("dog", 9), Lookup.name("dog", 9), Lookup.word("dog", 1),
        Lookup.word("a dog", 9), Lookup.word("a cat", 9), Lookup.file("dog", 9),
        *(Lookup.word(f"nowhere{number}", 9) for number in range(200)),
    ]  # fmt: skip
    with any_catalog.database.read() as session:
        ids = [None if each is None else each.tolist() for each in look_up(session, asked)]
    assert ids[:4] == [[], [first, second], [second], None]
    assert ids[4:7] == [[first], [second], [second]]
    assert ids[7:] == [[]] * 200


@pytest.mark.parametrize(
    "word",
    [
        "", "\"", "'", "\\", "*", "dog*", "-dog", "(", "dog)", "NEAR(dog 2)", "AND", "NOT", "OR",
        "words:dog", "dog\0", "' OR 1=1 --", "^dog", "dog:*", "!dog", "& |", "<->", "%s", ":x",
        "\udcff", "½", "①", "a" * 300, "1e5", "1.5", "-1", "\N{ETHIOPIC NUMBER TEN}", "🐕", "{",
        "} : dog", "names : dog", "{names} : dog", "＝dog", "dog, dog", "\N{COMBINING DIAERESIS}",
        "'{}'",
    ],
)  # fmt: skip
def test_no_text_is_an_operator_of_the_database(any_catalog: SampleCatalog, word: str) -> None:
    [_, dog] = any_catalog.add([new_photo(b"first", 8), new_photo(b"dog", 9)])
    assert found(any_catalog, word) == ([dog] if words_in(word) == ("dog",) else [])


def test_numbers_in_any_form_are_only_words(any_catalog: SampleCatalog) -> None:
    names = [b"1e5.jpg", b"00012.jpg", b"3.14", b"2019-07-14 15.32.08.jpg"]
    ids = any_catalog.add([new_photo(name, seed) for seed, name in enumerate(names)])
    words = ("1e5", "00012", "14", "2019-07-14")
    assert [found(any_catalog, word) for word in words] == [
        [ids[0]], [ids[1]], [ids[2], ids[3]], [ids[3]],
    ]  # fmt: skip
    assert found(any_catalog, "12") == []


def test_a_moved_photo_is_found_by_its_new_path_only(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add([new_photo(b"Lisbon/1.jpg", 1)])
    with any_catalog.database.write() as session:
        photos.move_photo(session, key, any_catalog.root, FileStamp(b"Porto/1.jpg", 1001, 9))
    assert (found(any_catalog, "lisbon"), found(any_catalog, "porto")) == ([], [key])
    assert found(any_catalog, "sentence") == [key]


def test_a_copy_is_found_by_its_own_path_and_the_same_captions(any_catalog: SampleCatalog) -> None:
    [source, over] = any_catalog.add([new_photo(b"Lisbon/1.jpg", 1), new_photo(b"Porto/2.jpg", 2)])
    with any_catalog.database.write() as session:
        copy = photos.copy_photo(session, source, any_catalog.root, FileStamp(b"Faro/1.jpg", 5, 6))
        photos.copy_photo(session, source, any_catalog.root, FileStamp(b"Porto/2.jpg", 5, 6))
    assert (found(any_catalog, "lisbon"), found(any_catalog, "faro")) == ([source], [copy])
    assert found(any_catalog, "porto") == [over]
    assert found(any_catalog, "best") == [source, over, copy]


def test_a_changed_photo_loses_the_words_of_its_old_captions(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add([replace(new_photo(b"same", 1), captions=(("a dog", -1.0),))])
    any_catalog.add([replace(new_photo(b"same", 2), captions=(("a cat", -1.0),))])
    assert (found(any_catalog, "dog"), found(any_catalog, "cat")) == ([], [key])


def test_captions_of_every_model_are_searched(any_catalog: SampleCatalog) -> None:
    other = any_catalog.other_model()
    [key] = any_catalog.add([replace(new_photo(b"same", 1), captions=(("a dog", -1.0),))])
    any_catalog.add([replace(new_photo(b"same", 1), captions=(("a hound", -1.0),))], other)
    assert found(any_catalog, "dog") == found(any_catalog, "hound") == [key]


def test_a_removed_photo_is_found_no_more(any_catalog: SampleCatalog) -> None:
    [gone, kept] = any_catalog.add([new_photo(b"Lisbon/1.jpg", 1), new_photo(b"Lisbon/2.jpg", 2)])
    with any_catalog.database.write() as session:
        photos.remove_photos(session, [gone])
    assert found(any_catalog, "lisbon") == [kept]
    with any_catalog.database.write() as session:
        session.execute(delete(Root))
    assert found(any_catalog, "lisbon") == []


def test_a_batch_that_failed_is_not_found(any_catalog: SampleCatalog) -> None:
    with pytest.raises(IntegrityError):
        any_catalog.add([*new_photos([2, 3]), new_photo(b"2.jpg", 4)])
    assert found(any_catalog, "sentence") == []


def test_words_of_a_photo_are_told(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add([new_photo(b"Lisbon/1.jpg", 1)])
    with any_catalog.database.read() as session:
        told = words_of(session, [key, 10**9])
    file = {"1", "jpg", "1jpg", "\uff1d1", "\uff1d1jpg"}
    own_name = set(told[key]) - file - {"lisbon", "best", "second", "sentence"}
    assert list(told) == [key]
    assert own_name == {any_catalog.home.path.name}


def test_photos_of_an_older_database_are_found_after_the_upgrade(
    any_catalog: SampleCatalog,
) -> None:
    config = migration_config(any_catalog.home.database_url)
    ids = any_catalog.add([new_photo(b"Lisbon/%d.jpg" % seed, seed) for seed in range(501)])
    odd = any_catalog.add([replace(new_photo(b"m\xfcnze Porto", 900), captions=())])
    command.downgrade(config, "0001")
    with any_catalog.database.read() as session:
        assert count_rows(session).photos == 502
    command.upgrade(config, "head")
    assert found(any_catalog, "lisbon") == ids
    assert found(any_catalog, "porto") == odd
    assert found(any_catalog, "500") == [ids[500]]
    any_catalog.add([replace(new_photo(b"Lisbon/1.jpg", 1), captions=(("a dog", -1.0),))])
    assert found(any_catalog, "dog") == [ids[1]]


def test_upgrade_splits_words_by_the_rules_of_its_time(catalog: SampleCatalog) -> None:
    """Written out here: whatever becomes of the rules, what this revision stores stays the same."""
    config = migration_config(catalog.home.database_url)
    captions = (("a dog, a Dog runs", -1.0), ("Zürich", -2.0))
    catalog.add([replace(new_photo(b"LisbonTrip2019/m\xfcnze IMG_2041.JPG", 1), captions=captions)])
    command.downgrade(config, "0001")
    command.upgrade(config, "0002")
    with catalog.database.read() as session:
        [words] = session.scalars(text("SELECT words FROM photo_text"))
    assert words == ("home lisbontrip2019 lisbon trip 2019 m nze img 2041 jpg a dog runs zurich")


def test_index_on_sqlite_agrees_with_its_table(catalog: SampleCatalog) -> None:
    keys = catalog.add(new_photos(range(20)))
    catalog.add(new_photos(range(5, 25)))
    with catalog.database.write() as session:
        photos.move_photo(session, keys[0], catalog.root, FileStamp(b"moved", 1, 1))
        photos.remove_photos(session, keys[3:6])
        # Raises DatabaseError where the index and the table differ.
        check = "INSERT INTO photo_text_fts (photo_text_fts, rank) VALUES ('integrity-check', 1)"
        session.execute(text(check))


def test_postgresql_looks_words_up_in_the_index(postgresql_url: str, tmp_path: Path) -> None:
    home = Home(tmp_path, postgresql_url)
    database = open_database(home)
    catalog = SampleCatalog(home, database)
    catalog.add(new_photos(range(20)))
    asked = []

    def note(_: Connection, __: object, statement: str, parameters: dict, *___: object) -> None:  # type: ignore[type-arg]
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    found(catalog, "best")
    statement, parameters = asked[-1]
    with database.read() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
        assert "photo_text_fts" in "".join(plan.scalars())
    database.close()
