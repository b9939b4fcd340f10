"""Patterns of files to leave out: remembered with their folder, and followed at the next run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import open_database
from catalog.home import Home, open_home
from indexer.ignore import InvalidPattern
from indexer.pipeline import Indexer, IndexOptions, IndexReport
from tests.indexer.factories import Catalog

NAMES = ("a.jpg", "b.png", "in/c.jpg", "in/deep/d.png", "in/@eaDir/a.jpg/thumb.jpg")


@pytest.fixture(params=["sqlite", "postgresql"])
def either(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    empty_catalog: Path,
) -> Iterator[Catalog]:
    """An empty home, once with each kind of database."""
    home = open_home(tmp_path / "home")
    if request.param == "postgresql":
        home = Home(home.path, request.getfixturevalue("postgresql").empty_catalog())
    else:
        shutil.copy(empty_catalog, home.path)
    database = open_database(home)
    yield Catalog(home, database, captioner, embedder)
    database.close()


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    folder = tmp_path / "shots"
    for number, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (50 * number, 0, 99)).save(path)
    return folder


def index(catalog: Catalog, folder: Path, *patterns: str, forget: bool = False) -> IndexReport:
    options = IndexOptions(batch_size=8, exclude=patterns, forget_excluded=forget)
    models = catalog.captioner, catalog.embedder
    return Indexer(catalog.home, catalog.database, *models, options).index([folder])


def test_a_pattern_added_later_drops_what_it_covers_and_is_remembered(
    either: Catalog, shots: Path
) -> None:
    assert index(either, shots).indexed == 4  # no thumbnails of a NAS
    report = index(either, shots, "*.png", "/in/")
    # More than half, and yet no --prune is needed: nothing vanished.
    assert (report.removed, report.unchanged, report.withheld) == (3, 1, 0)
    assert either.names() == ["a.jpg"]
    assert index(either, shots).unchanged == 1
    report = index(either, shots, "!b.png")
    assert (report.indexed, report.unchanged) == (1, 1)
    assert index(either, shots, forget=True).indexed == 2
    assert either.names() == ["a.jpg", "b.png", "c.jpg", "d.png"]


def test_patterns_are_each_folders_own(either: Catalog, shots: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (32, 32), "red").save(other / "e.png")
    index(either, shots, "*.png")
    index(either, other)
    assert either.names() == ["a.jpg", "c.jpg", "e.png"]


def test_an_ignore_file_added_later_drops_what_it_covers(either: Catalog, shots: Path) -> None:
    index(either, shots)
    (shots / "in" / ".tellshowignore").write_text("*.png\n")
    assert index(either, shots).removed == 1
    (shots / "in" / ".nomedia").touch()
    assert index(either, shots).removed == 1
    assert either.names() == ["a.jpg", "b.png"]


def test_a_file_that_moves_where_nothing_is_indexed_leaves(either: Catalog, shots: Path) -> None:
    index(either, shots)
    (shots / "@eaDir").mkdir()
    os.rename(shots / "a.jpg", shots / "@eaDir" / "a.jpg")
    assert index(either, shots).removed == 1


def test_a_pattern_that_is_none_changes_nothing(either: Catalog, shots: Path) -> None:
    index(either, shots)
    with pytest.raises(InvalidPattern):
        index(either, shots, "*.png", "!")
    assert index(either, shots).unchanged == 4
