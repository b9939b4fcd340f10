"""What all photos hang on, folders and models, is checked: damage of it is told, never answered."""

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.checksums import check_models, check_roots
from catalog.database import DatabaseUnavailable, migration_config
from catalog.doctor import Doctor, Problem
from catalog.filters import PhotoFilter, passing_photos
from catalog.model_registry import described, list_models, register_model
from catalog.models import Failure
from catalog.moved_roots import move_root
from catalog.roots import exclude, get_or_add_root, known_roots, list_roots
from catalog.views import list_photos
from tests.catalog.factories import SampleCatalog, new_photos

ROOT_CHANGES = (
    "path = CAST('/elsewhere' AS BLOB)",
    "path = CAST(path AS TEXT)",
    "excluded = '[\"*.png\"]'",
    "checksum = replace(checksum, substr(checksum, 1, 1), 'x')",
)
MODEL_CHANGES = (
    "kind = 'capt)oner'",
    "kind = CAST(x'63ff70' AS TEXT)",
    "name = 'firsu'",
    "sha256 = 'f' || substr(sha256, 2)",
    'config = \'{"embedder": "other"}\'',
    "metrics = '{\"r1\": 99.5}'",
    "created_at = '2031-01-01 00:00:00.000000'",
)
READ_ROOTS = (
    known_roots,
    list_roots,
    list_photos,
    lambda session: passing_photos(session, PhotoFilter(folder=b"/")),
)
READ_MODELS = (list_models, described)


def told(catalog: SampleCatalog) -> list[str]:
    found = Doctor(catalog.home, catalog.database, mend=True).examine().findings
    return [name for each in found if each.problem is Problem.DATABASE for name in each.examples]


def change(catalog: SampleCatalog, table: str, what: str) -> None:
    with catalog.database.write() as session:
        session.execute(text(f"UPDATE {table} SET {what}"))


@pytest.mark.parametrize("read", READ_ROOTS)
@pytest.mark.parametrize("what", ROOT_CHANGES)
def test_damaged_folder_is_told_and_not_answered(
    catalog: SampleCatalog, what: str, read: Callable[[Session], object]
) -> None:
    catalog.add(new_photos(range(2)))
    change(catalog, "root", what)
    sentence = "is damaged: |Could not decode to UTF-8"
    with pytest.raises(DatabaseUnavailable, match=sentence), catalog.database.read() as found:
        read(found)
    assert told(catalog)


@pytest.mark.parametrize("read", READ_MODELS)
@pytest.mark.parametrize("what", MODEL_CHANGES)
def test_damaged_model_is_told_and_not_answered(
    catalog: SampleCatalog, what: str, read: Callable[[Session], object]
) -> None:
    catalog.add(new_photos(range(2)))
    change(catalog, "model", what)
    sentence = "is damaged: |Could not decode to UTF-8"
    with pytest.raises(DatabaseUnavailable, match=sentence), catalog.database.read() as found:
        read(found)
    assert told(catalog)


def test_rows_are_sound_as_they_are_written_changed_and_moved(
    any_catalog: SampleCatalog, tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(b"f\xfcr \xf0\x9f\x90\x88")
    folder.mkdir()
    new = os.fsencode(tmp_path / "new")
    with any_catalog.database.write() as session:
        get_or_add_root(session, folder)
        path = os.fsencode(folder.resolve())
        exclude(session, known_roots(session)[path], ["*.png", "caf\u00e9/"])
        move_root(session, known_roots(session)[path], new, None)
        assert known_roots(session)[new].excluded == ("*.png", "caf\u00e9/")
        register_model(
            session,
            kind="captioner",
            name="half \ud800 a pair, nul \0",
            sha256="1" * 64,
            config={"b": [1, 1.5, None], "a": {"z": 1e-300, "y": "\u00e9"}},
            metrics={"r1": 23.5, "many": 2**60},
        )
    with any_catalog.database.read() as session:
        check_roots(session)
        check_models(session)
    config = migration_config(any_catalog.home.database_url)
    any_catalog.database.close()
    command.downgrade(config, "0006")
    command.upgrade(config, "head")
    with any_catalog.database.write() as session:
        check_roots(session)
        check_models(session)
        for table in ("root", "model"):
            query = text(f"SELECT count(*) FROM {table} WHERE length(checksum) <> 32")
            assert session.scalar(query) == 0
        session.execute(text("UPDATE root SET excluded = '[]'"))
        with pytest.raises(ValueError, match="is not as it was written"):
            check_roots(session)


def test_rows_without_a_checksum_are_taken_as_they_are(any_catalog: SampleCatalog) -> None:
    """As where the columns were added by printed SQL."""
    with any_catalog.database.write() as session:
        session.execute(text("UPDATE root SET checksum = ''"))
        session.execute(text("UPDATE model SET checksum = ''"))
        exclude(session, next(iter(known_roots(session).values())), ["*.gif"])
        assert [model.name for model in list_models(session)] == ["first"]
        check_roots(session)


def test_row_that_an_index_does_not_have_is_told_in_a_sentence(catalog: SampleCatalog) -> None:
    """A value changes in the index or in the table alone: the file is damaged, and no program."""
    values = {"path": b"/photos/0.jpg", "size": 1, "mtime_ns": 1, "reason": "It is empty."}
    with catalog.database.write() as session:
        session.execute(insert(Failure).values(values))
    with pytest.raises(IntegrityError), catalog.database.write() as session:
        session.execute(insert(Failure).values(values))
    catalog.database.close()
    file = catalog.home.path / "catalog.db"
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("PRAGMA journal_mode=DELETE")
    content = file.read_bytes()
    places = [each.start() for each in re.finditer(values["path"], content)]
    assert len(places) == 2
    told = []
    for place in places:
        file.write_bytes(content[:place] + b"!" + content[place + 1 :])
        try:
            with catalog.database.write() as session:
                session.execute(insert(Failure).values(values))
        except DatabaseUnavailable as error:
            told.append(str(error))
        catalog.database.close()
    assert len(told) == 1
    assert " is damaged: UNIQUE constraint failed: failure.path; " in told[0]
