"""A home of the former release is searched by today's words, and needs no model for it."""

import pytest
from alembic import command
from sqlalchemy import text

from catalog.database import Database, migration_config, open_database
from catalog.fulltext import Lookup, photos_named_around
from tests.catalog.factories import SampleCatalog, find, new_photo

# The words that the former release noted for these names, cut at every mark.
FORMER = {
    "東京タワー2019.jpg": "東京タワー2019 東京タワー 2019 jpg",
    "दिल्ली.jpg": "द ल jpg",
    "दाल.jpg": "द ल jpg",
    "กรุงเทพ.jpg": "กรงเทพ jpg",
    "Zu\N{COMBINING DIAERESIS}rich.jpg": "zurich jpg",
    "🎂.jpg": "jpg",
    "hund/Schaeferhund.jpg": "hund schaeferhund jpg",
}


def rows(database: Database) -> list[tuple[object, ...]]:
    columns = "photo_id, names, joined, grams, captions"
    with database.engine.connect() as connection:
        query = text(f"SELECT {columns} FROM photo_text ORDER BY photo_id")
        return [tuple(row) for row in connection.execute(query)]


@pytest.mark.parametrize("revision", ["0002", "0004"])
def test_names_in_every_script_are_found_after_the_upgrade(
    any_catalog: SampleCatalog, revision: str
) -> None:
    ids = any_catalog.add([new_photo(name.encode(), seed) for seed, name in enumerate(FORMER)])
    ids += any_catalog.add([new_photo(b"m\xfcnze %d.jpg" % seed, seed) for seed in range(10, 520)])
    now = rows(any_catalog.database)
    assert len(now) == len(ids) == 517
    command.downgrade(migration_config(any_catalog.home.database_url), revision)
    with any_catalog.database.write() as session:
        for key, words in zip(ids, FORMER.values(), strict=False):
            statement = text("UPDATE photo_text SET words = :words WHERE photo_id = :key")
            session.execute(statement, {"words": f"{words} best sentence", "key": key})
    any_catalog.database.close()

    database = open_database(any_catalog.home)
    assert rows(database) == now
    with database.read() as session:
        assert [
            find(session, Lookup.name, word)
            for word in ("दिल्ली", "दाल", "กรุงเทพ", "Zürich", "🎂", "hund")
        ] == [[ids[1]], [ids[2]], [ids[3]], [ids[4]], [ids[5]], [ids[6]]]
        assert photos_named_around(session, "東京", 9).tolist() == [ids[0]]  # type: ignore[union-attr]
        assert photos_named_around(session, "schaefer", 9).tolist() == [ids[6]]  # type: ignore[union-attr]
        assert find(session, Lookup.word, "best") == ids
    database.close()


def test_upgrade_cuts_words_by_the_rules_of_its_time(catalog: SampleCatalog) -> None:
    """Written out here: whatever becomes of the rules, what this revision stores stays the same."""
    name = "İstanbul ﬁsh/東京Tower_🎂 Đà٢.JPG"
    catalog.add([new_photo(name.encode(), 1)])
    config = migration_config(catalog.home.database_url)
    command.downgrade(config, "0004")
    command.upgrade(config, "0005")
    [(_, names, joined, grams, captions)] = rows(catalog.database)
    assert names == "home istanbul fish 東京tower 東京 tower 🎂 da2 da 2 jpg"
    file = "東京tower🎂da2"
    assert joined == f"{file} {file}jpg \uff1d{file} \uff1d{file}jpg home istanbulfish"
    assert grams == (
        "東 京 tow owe wer 🎂 da2 a2j 2jp jpg hom ome ist sta tan anb nbu bul ulf lfi fis ish"
    )
    assert captions == "best sentence 1 second"


def test_downgrade_leaves_words_that_the_former_release_finds(any_catalog: SampleCatalog) -> None:
    any_catalog.add([new_photo(b"Lisbon/IMG_2041.JPG", 1)])
    command.downgrade(migration_config(any_catalog.home.database_url), "0004")
    matching = {
        "sqlite": 'SELECT rowid FROM photo_text_fts WHERE photo_text_fts MATCH \'"lisbon" "best"\'',
        "postgresql": "SELECT photo_id FROM photo_text WHERE "
        "to_tsvector('simple', words) @@ to_tsquery('simple', '''lisbon'' & ''best''')",
    }
    engine = any_catalog.database.engine
    with engine.connect() as connection:
        assert len(connection.execute(text(matching[engine.dialect.name])).all()) == 1
