"""A home made by the former release gets dates by today's rules, and needs no model for it."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from PIL import ExifTags, Image
from sqlalchemy import inspect, text

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
    b"night.jpg": "2021-07-15 06:30:00",
    b"edited.jpg": "2024-05-05 10:00:00",
    b"IMG-20210714-WA0001.jpg": None,
    b"plain.jpg": "2021-07-14 15:30:00",
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
    kept = [name for name in inspect(target).get_table_names() if "fts" not in name]
    with source.connect() as reading, target.begin() as writing:
        writing.execute(text("DELETE FROM vector_change"))
        order = ["root", "photo", "model", *sorted(set(kept) - {"root", "photo", "model"})]
        for table in (name for name in order if name != "alembic_version"):
            columns = [column["name"] for column in inspect(target).get_columns(table)]
            names = ", ".join(columns)
            values = ", ".join(f":{column}" for column in columns)
            rows = reading.execute(text(f"SELECT {names} FROM {table}")).mappings().all()
            if rows:
                insert = text(f"INSERT INTO {table} ({names}) VALUES ({values})")
                writing.execute(insert, [dict(row) for row in rows])
        for path, taken in FORMER.items():
            update = text("UPDATE photo SET taken_at = :taken WHERE path = :path")
            writing.execute(update, {"taken": taken, "path": path})
    source.dispose()
    target.dispose()


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
    assert {rest for rest in origins(database).values()} == {(None, None, 1)}
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
