"""A home made by the former release gets dates by today's rules, and needs no model for it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from PIL import ExifTags, Image
from sqlalchemy import (
    Connection,
    MetaData,
    RowMapping,
    Table,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import Database, make_engine, migration_config, open_database
from catalog.home import Home, open_home
from indexer.pipeline import Indexer
from tests.cli.catalog_contents import content
from tests.indexer.factories import Catalog

Tag = ExifTags.Base
# By the former rules: with its zone in UTC, an edit for a date it could not read, or none.
FORMER = {
    b"night.jpg": datetime(2021, 7, 15, 6, 30, tzinfo=UTC),
    b"edited.jpg": datetime(2024, 5, 5, 10, 0, tzinfo=UTC),
    b"IMG-20210714-WA0001.jpg": None,
    b"plain.jpg": datetime(2021, 7, 14, 15, 30, tzinfo=UTC),
}
NOW = {
    "night.jpg": (datetime(2021, 7, 14, 23, 30, tzinfo=UTC), -420, "exif"),
    "edited.jpg": (datetime(2021, 7, 14, 15, 30, tzinfo=UTC), None, "exif"),
    "IMG-20210714-WA0001.jpg": (datetime(2021, 7, 14, tzinfo=UTC), None, "name"),
    "plain.jpg": (datetime(2021, 7, 14, 15, 30, tzinfo=UTC), None, "exif"),
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    taken = {
        "night.jpg": {
            Tag.DateTimeOriginal: "2021:07:14 23:30:00",
            Tag.OffsetTimeOriginal: "-07:00",
        },
        "edited.jpg": {Tag.DateTimeOriginal: "2021:07:14 15:30"},
        "IMG-20210714-WA0001.jpg": {},
        "plain.jpg": {Tag.DateTimeOriginal: "2021:07:14 15:30:00"},
    }
    for number, (name, tags) in enumerate(taken.items()):
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif).update(tags)
        if name == "edited.jpg":
            exif[Tag.DateTime] = "2024:05:05 10:00:00"
        Image.new("RGB", (64, 48), (60 * number, 90, 30)).save(folder / name, exif=exif)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def former_home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A home whose database is at the revision of the former release, and empty."""
    home = open_home(tmp_path / "home")
    if request.param == "postgresql":
        home = Home(home.path, request.getfixturevalue("postgresql").empty())
    command.upgrade(migration_config(home.database_url), "0002")
    return home


def fill(former: Home, now: Home) -> None:
    """Put all rows of a home into one of the former release, with its dates."""
    source, target = (make_engine(home.database_url) for home in (now, former))
    there, tables = MetaData(), MetaData()
    there.reflect(source)
    tables.reflect(target)
    with source.connect() as reading, target.begin() as writing:
        writing.execute(delete(tables.tables["vector_change"]))
        for table in tables.sorted_tables:
            # The words were cut by other rules: they are noted anew by the upgrade.
            if table.name == "alembic_version" or table.name.startswith("photo_text"):
                continue
            columns = [there.tables[table.name].c[column.name] for column in table.columns]
            rows = [row_in_utc(row) for row in reading.execute(select(*columns)).mappings()]
            if rows:
                writing.execute(insert(table), rows)
                count_on(writing, table)
        photo = tables.tables["photo"]
        for path, taken in FORMER.items():
            writing.execute(update(photo).where(photo.c.path == path).values(taken_at=taken))
    source.dispose()
    target.dispose()


def count_on(connection: Connection, table: Table) -> None:
    """Let PostgreSQL give no id again that was put there; SQLite sees to that itself."""
    if connection.dialect.name == "postgresql" and "id" in table.columns:
        sequence = func.pg_get_serial_sequence(table.name, "id")
        highest = select(func.max(table.c.id)).scalar_subquery()
        connection.execute(select(func.setval(sequence, highest)))


def row_in_utc(row: RowMapping) -> dict[str, Any]:
    """A row as any database takes it: SQLite gives times without their zone."""
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def origins(database: Database) -> dict[str, tuple[object, ...]]:
    query = text("SELECT path, taken_offset, taken_from, metadata_version FROM photo")
    with database.engine.connect() as connection:
        return {os.fsdecode(bytes(path)): tuple(rest) for path, *rest in connection.execute(query)}


def test_former_dates_are_looked_up_again_without_the_model(
    former_home: Home,
    photos: Path,
    tmp_path: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = open_home(tmp_path / "now")
    database = open_database(now)
    Indexer(now, database, captioner, embedder).index([photos])
    database.close()
    for thumbnail in now.thumbnails.rglob("*.jpg"):
        kept = former_home.thumbnails / thumbnail.relative_to(now.thumbnails)
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(thumbnail.read_bytes())
    fill(former_home, now)

    monkeypatch.setattr(captioner, "look", lambda pixels: pytest.fail("the model ran"))
    database = open_database(former_home)
    assert set(origins(database).values()) == {(None, None, 1)}
    catalog = Catalog(former_home, database, captioner, embedder)
    report = catalog.index(photos)
    assert (report.indexed, report.unchanged, report.skipped) == (0, len(NOW), ())
    views = catalog.views()
    found = {
        Path(path).name: (view.taken_at, view.taken_offset, view.taken_from)
        for path, view in views.items()
    }
    assert found == NOW
    assert content(former_home) == content(now)
    monkeypatch.setattr("indexer.prepare._read", lambda task: pytest.fail("it was read again"))
    assert catalog.index(photos).unchanged == len(NOW)
    database.close()
