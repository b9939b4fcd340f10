"""A damaged schema, whatever its bytes are by now, is told in a sentence and put right."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from catalog.backup import BackupError, back_up, restore
from catalog.database import DatabaseUnavailable, open_database
from catalog.home import Home, open_home
from catalog.views import count_rows
from tests.catalog.factories import SampleCatalog, new_photos

DAMAGES = [
    (b"CREATE TABLE root (", b"CREATE TAB\xc5E root ("),
    (b"CREATE INDEX ix_photo_content_hash ON", b"CREATE INDEX ix_photo_content_hash \xffN"),
    (b"CREATE TABLE photo_text", b"CREATE\xf4TABLE photo_text"),
    (b"CREATE TABLE alembic_version", b"CREATE TABLE alemb\xffc_version"),
    (b"tablerootroot", b"tablero\xf4troot"),
]


def damage(home: Home, old: bytes, new: bytes) -> None:
    file = home.path / "catalog.db"
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("PRAGMA journal_mode=DELETE")
    content = file.read_bytes()
    assert content.count(old) >= 1
    file.write_bytes(content.replace(old, new))


@pytest.mark.parametrize(("old", "new"), DAMAGES)
@pytest.mark.parametrize("read_only", [False, True])
def test_schema_that_is_no_text_is_a_sentence_and_a_backup_mends_it(
    catalog: SampleCatalog, tmp_path: Path, old: bytes, new: bytes, read_only: bool
) -> None:
    catalog.add(new_photos(range(3)))
    back_up(catalog.home, tmp_path / "a.backup")
    catalog.database.close()
    damage(catalog.home, old, new)
    home = Home(catalog.home.path, catalog.home.database_url, read_only=read_only)
    with pytest.raises(DatabaseUnavailable) as told:
        with_photos(home)
    assert str(catalog.home.path) in str(told.value)
    with pytest.raises(BackupError, match="damaged"):
        back_up(catalog.home, tmp_path / "b.backup")
    restore(catalog.home, tmp_path / "a.backup")
    assert with_photos(open_home(catalog.home.path)) == 3


def with_photos(home: Home) -> int:
    database = open_database(home)
    try:
        with database.read() as session:
            return count_rows(session).photos
    finally:
        database.close()
