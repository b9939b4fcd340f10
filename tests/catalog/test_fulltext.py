"""Photos are found by the words of their paths and captions, whatever happened to them."""

from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, delete, event, text
from sqlalchemy.exc import IntegrityError

from catalog import photos
from catalog.database import migration_config, open_database
from catalog.fulltext import photos_with_word, words_in, words_of
from catalog.home import Home
from catalog.models import Root
from catalog.records import FileStamp
from catalog.views import count_rows
from tests.catalog.factories import Shelf, new_photo, new_photos


def found(shelf: Shelf, word: str, most: int = 1000) -> list[int]:
    with shelf.database.read() as session:
        ids: list[int] = photos_with_word(session, word, most).tolist()
    return ids


def test_a_photo_is_found_by_its_name_its_folder_and_its_captions(any_shelf: Shelf) -> None:
    described = replace(new_photo(b"Lisbon/IMG_2041.JPG", 1), captions=(("a dog runs", -1.0),))
    [dog, other] = any_shelf.add([described, new_photo(b"IMG_2042.JPG", 2)])
    for word in ("lisbon", "LISBON", "2041", "IMG_2041", "img_2041.jpg", "dog"):
        assert found(any_shelf, word) == [dog], word
    assert found(any_shelf, "img") == [dog, other]
    for word in ("20", "lis", "runs_away", "2041_2042"):
        assert found(any_shelf, word) == [], word


def test_a_photo_is_found_by_the_name_of_its_root(any_shelf: Shelf) -> None:
    [key] = any_shelf.add(new_photos([1]))
    assert found(any_shelf, any_shelf.home.path.name) == [key]


def test_accents_and_capitals_do_not_matter(any_shelf: Shelf) -> None:
    names = ["Zürich", "Zu\N{COMBINING DIAERESIS}rich", "ZURICH", "ΑΘΗΝΑ", "東京"]
    ids = any_shelf.add([new_photo(name.encode(), seed) for seed, name in enumerate(names)])
    assert found(any_shelf, "zürich") == found(any_shelf, "Zurich") == ids[:3]
    assert found(any_shelf, "Αθήνα") == [ids[3]]
    assert found(any_shelf, "東京") == [ids[4]]


def test_a_word_that_too_many_have_finds_nothing(any_shelf: Shelf) -> None:
    ids = any_shelf.add(new_photos([1, 2, 3]))
    assert found(any_shelf, "best", most=3) == ids
    assert found(any_shelf, "best", most=2) == []


@pytest.mark.parametrize(
    "word",
    [
        "", "\"", "'", "\\", "*", "dog*", "-dog", "(", "dog)", "NEAR(dog 2)", "AND", "NOT", "OR",
        "words:dog", "dog\0", "' OR 1=1 --", "^dog", "dog:*", "!dog", "& |", "<->", "%s", ":x",
        "\udcff", "½", "①", "a" * 300, "1e5", "1.5", "-1", "\N{ETHIOPIC NUMBER TEN}", "🐕",
    ],
)  # fmt: skip
def test_no_text_is_an_operator_of_the_database(any_shelf: Shelf, word: str) -> None:
    [_, dog] = any_shelf.add([new_photo(b"first", 8), new_photo(b"dog", 9)])
    assert found(any_shelf, word) == ([dog] if words_in(word) == ("dog",) else [])


def test_numbers_in_any_form_are_only_words(any_shelf: Shelf) -> None:
    names = [b"1e5.jpg", b"00012.jpg", b"3.14", b"2019-07-14 15.32.08.jpg"]
    ids = any_shelf.add([new_photo(name, seed) for seed, name in enumerate(names)])
    words = ("1e5", "00012", "14", "2019-07-14")
    assert [found(any_shelf, word) for word in words] == [
        [ids[0]], [ids[1]], [ids[2], ids[3]], [ids[3]],
    ]  # fmt: skip
    assert found(any_shelf, "12") == []


def test_a_moved_photo_is_found_by_its_new_path_only(any_shelf: Shelf) -> None:
    [key] = any_shelf.add([new_photo(b"Lisbon/1.jpg", 1)])
    with any_shelf.database.write() as session:
        photos.move_photo(session, key, any_shelf.root, FileStamp(b"Porto/1.jpg", 1001, 9))
    assert (found(any_shelf, "lisbon"), found(any_shelf, "porto")) == ([], [key])
    assert found(any_shelf, "sentence") == [key]


def test_a_copy_is_found_by_its_own_path_and_the_same_captions(any_shelf: Shelf) -> None:
    [source, over] = any_shelf.add([new_photo(b"Lisbon/1.jpg", 1), new_photo(b"Porto/2.jpg", 2)])
    with any_shelf.database.write() as session:
        copy = photos.copy_photo(session, source, any_shelf.root, FileStamp(b"Faro/1.jpg", 5, 6))
        photos.copy_photo(session, source, any_shelf.root, FileStamp(b"Porto/2.jpg", 5, 6))
    assert (found(any_shelf, "lisbon"), found(any_shelf, "faro")) == ([source], [copy])
    assert found(any_shelf, "porto") == [over]
    assert found(any_shelf, "best") == [source, over, copy]


def test_a_changed_photo_loses_the_words_of_its_old_captions(any_shelf: Shelf) -> None:
    [key] = any_shelf.add([replace(new_photo(b"same", 1), captions=(("a dog", -1.0),))])
    any_shelf.add([replace(new_photo(b"same", 2), captions=(("a cat", -1.0),))])
    assert (found(any_shelf, "dog"), found(any_shelf, "cat")) == ([], [key])


def test_captions_of_every_model_are_searched(any_shelf: Shelf) -> None:
    other = any_shelf.other_model()
    [key] = any_shelf.add([replace(new_photo(b"same", 1), captions=(("a dog", -1.0),))])
    any_shelf.add([replace(new_photo(b"same", 1), captions=(("a hound", -1.0),))], other)
    assert found(any_shelf, "dog") == found(any_shelf, "hound") == [key]


def test_a_removed_photo_is_found_no_more(any_shelf: Shelf) -> None:
    [gone, kept] = any_shelf.add([new_photo(b"Lisbon/1.jpg", 1), new_photo(b"Lisbon/2.jpg", 2)])
    with any_shelf.database.write() as session:
        photos.remove_photos(session, [gone])
    assert found(any_shelf, "lisbon") == [kept]
    with any_shelf.database.write() as session:
        session.execute(delete(Root))
    assert found(any_shelf, "lisbon") == []


def test_a_batch_that_failed_is_not_found(any_shelf: Shelf) -> None:
    with pytest.raises(IntegrityError):
        any_shelf.add([*new_photos([2, 3]), new_photo(b"2.jpg", 4)])
    assert found(any_shelf, "sentence") == []


def test_words_of_a_photo_are_told(any_shelf: Shelf) -> None:
    [key] = any_shelf.add([new_photo(b"Lisbon/1.jpg", 1)])
    with any_shelf.database.read() as session:
        told = words_of(session, [key, 10**9])
    own_name = set(told[key]) - {"lisbon", "1", "jpg", "best", "second", "sentence"}
    assert list(told) == [key]
    assert own_name == {any_shelf.home.path.name}


def test_photos_of_an_older_database_are_found_after_the_upgrade(any_shelf: Shelf) -> None:
    config = migration_config(any_shelf.home.database_url)
    ids = any_shelf.add([new_photo(b"Lisbon/%d.jpg" % seed, seed) for seed in range(501)])
    odd = any_shelf.add([replace(new_photo(b"m\xfcnze Porto", 900), captions=())])
    command.downgrade(config, "0001")
    with any_shelf.database.read() as session:
        assert count_rows(session).photos == 502
    command.upgrade(config, "head")
    assert found(any_shelf, "lisbon") == ids
    assert found(any_shelf, "porto") == odd
    assert found(any_shelf, "500") == [ids[500]]
    any_shelf.add([replace(new_photo(b"Lisbon/1.jpg", 1), captions=(("a dog", -1.0),))])
    assert found(any_shelf, "dog") == [ids[1]]


def test_index_on_sqlite_agrees_with_its_table(shelf: Shelf) -> None:
    keys = shelf.add(new_photos(range(20)))
    shelf.add(new_photos(range(5, 25)))
    with shelf.database.write() as session:
        photos.move_photo(session, keys[0], shelf.root, FileStamp(b"moved", 1, 1))
        photos.remove_photos(session, keys[3:6])
        # Raises DatabaseError where the index and the table differ.
        check = "INSERT INTO photo_text_fts (photo_text_fts, rank) VALUES ('integrity-check', 1)"
        session.execute(text(check))


def test_postgresql_looks_words_up_in_the_index(postgresql_url: str, tmp_path: Path) -> None:
    home = Home(tmp_path, postgresql_url)
    database = open_database(home)
    shelf = Shelf(home, database)
    shelf.add(new_photos(range(20)))
    asked = []

    def note(_: Connection, __: object, statement: str, parameters: dict, *___: object) -> None:  # type: ignore[type-arg]
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    found(shelf, "best")
    statement, parameters = asked[-1]
    with database.read() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
        assert "photo_text_fts" in "".join(plan.scalars())
    database.close()
