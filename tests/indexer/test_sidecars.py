"""Sidecars that come, change and go are read anew, and their photos are not described again."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from alembic import command

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.checksums import damaged_descriptions
from catalog.database import migration_config, open_database
from catalog.home import Home, open_home
from catalog.keywords import keywords_beginning
from catalog.photos import touch_photo
from catalog.records import FileStamp, Origin
from catalog.views import PhotoView
from indexer.watch import Intervals, times_to_look
from tests.indexer.annotated_photos import annotated, write_sidecar
from tests.indexer.factories import PHOTOS, Catalog


def view(catalog: Catalog, photo: Path) -> PhotoView:
    return catalog.views()[str(photo)]


@pytest.mark.parametrize("replacing", [True, False])
def test_sidecar_that_comes_changes_and_goes_is_seen_by_the_next_run(
    catalog: Catalog, folder: Path, replacing: bool
) -> None:
    cat = folder / "cat.png"
    catalog.index(folder)
    assert view(catalog, cat).keywords == ()
    sidecar = write_sidecar(cat, annotated(["harvest festival"], rating=4), replacing=replacing)
    for keywords, rating in ((["harvest festival"], 4), (["regatta", "Lisbon"], 2)):
        sidecar.write_bytes(annotated(keywords, rating=rating))
        report = catalog.index(folder)
        assert (report.indexed, report.unchanged) == (0, len(PHOTOS))
        seen = view(catalog, cat)
        assert (seen.keywords, seen.rating) == (tuple(keywords), rating)
        assert seen.captions
    sidecar.unlink()
    assert catalog.index(folder).unchanged == len(PHOTOS)
    assert (view(catalog, cat).keywords, view(catalog, cat).rating) == ((), None)
    assert catalog.looked == len(PHOTOS)


def test_nothing_is_read_again_while_sidecars_stay_as_they_are(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sidecar(folder / "cat.png", annotated(["harvest"]))
    catalog.index(folder)
    monkeypatch.setattr("indexer.prepare._read", lambda task: pytest.fail("it was read again"))
    assert catalog.index(folder).unchanged == len(PHOTOS)


def test_sidecar_goes_with_its_photo_and_leaves_its_copy_alone(
    catalog: Catalog, folder: Path
) -> None:
    sidecar = write_sidecar(folder / "cat.png", annotated(["harvest"]), replacing=True)
    catalog.index(folder)
    (folder / "pets").mkdir()
    shutil.copy(folder / "cat.png", folder / "copy.png")
    for path in (folder / "cat.png", sidecar):
        path.rename(folder / "pets" / path.name)
    report = catalog.index(folder)
    assert (report.indexed, report.moved, report.duplicates) == (0, 1, 1)
    assert view(catalog, folder / "pets" / "cat.png").keywords == ("harvest",)
    assert view(catalog, folder / "copy.png").keywords == ()


def test_hostile_sidecar_stops_no_run(catalog: Catalog, folder: Path) -> None:
    write_sidecar(folder / "cat.png", b"<a>" * 300_000)
    write_sidecar(folder / "coffee.png", annotated(["harvest"])[:-60])
    Path(f"{folder / 'rocket.jpg'}.xmp").symlink_to("/nowhere")
    report = catalog.index(folder)
    assert (report.indexed, report.skipped) == (len(PHOTOS), ())
    assert view(catalog, folder / "coffee.png").keywords == ("harvest",)
    assert catalog.index(folder).unchanged == len(PHOTOS)


@pytest.mark.slow
def test_watching_sees_a_sidecar(tmp_path: Path) -> None:
    times = times_to_look([tmp_path], (), Intervals(debounce=0.2, max_delay=1, poll=3600))
    next(times)
    started = time.monotonic()
    threading.Timer(0.2, (tmp_path / "a.xmp").write_bytes, (b"",)).start()
    next(times)
    assert time.monotonic() - started < 300


@pytest.fixture(params=["sqlite", "postgresql"])
def any_home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    home = open_home(tmp_path / "home")
    if request.param == "postgresql":
        return Home(home.path, request.getfixturevalue("postgresql").empty())
    return home


def test_home_of_the_former_release_gets_annotations_without_the_model(
    any_home: Home, folder: Path, captioner: Captioner, embedder: SentenceEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    database = open_database(any_home)
    former = Catalog(any_home, database, captioner, embedder)
    former.index(folder)
    for path, seen in former.views().items():  # as the former release stored them
        origin = Origin(seen.taken_at, None, None, None, None, seen.taken_from, metadata_version=2)
        stamp = FileStamp(os.path.basename(os.fsencode(path)), seen.size, seen.mtime_ns)
        with database.write() as session:
            touch_photo(session, seen.photo_id, stamp, origin)
    captions = {path: seen.captions for path, seen in former.views().items()}
    command.downgrade(migration_config(any_home.database_url), "0007")
    database.close()

    write_sidecar(folder / "cat.png", annotated(["Harvest festival"], rating=4, title="Rex"))
    monkeypatch.setattr(captioner, "look", lambda pixels: pytest.fail("the model ran"))
    database = open_database(any_home)
    catalog = Catalog(any_home, database, captioner, embedder)
    with database.read() as session:
        assert damaged_descriptions(session, catalog.model) == []
    report = catalog.index(folder)
    assert (report.indexed, report.unchanged, report.skipped) == (0, len(PHOTOS), ())
    cat = view(catalog, folder / "cat.png")
    assert (cat.keywords, cat.rating, cat.title) == (("Harvest festival",), 4, "Rex")
    assert {path: seen.captions for path, seen in catalog.views().items()} == captions
    with database.read() as session:
        assert keywords_beginning(session, "fest", 5) == [("Harvest festival", 1 / len(PHOTOS))]
        assert damaged_descriptions(session, catalog.model) == []
    database.close()
