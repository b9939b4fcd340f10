"""What tests of the indexer may ask for besides what all tests may."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import Database
from catalog.home import Home
from tests.indexer.factories import PHOTOS, Catalog


@pytest.fixture
def catalog(
    home: Home,
    database: Database,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> Catalog:
    made = Catalog(home, database, captioner, embedder)
    look = captioner.look

    def counting(pixels):  # type: ignore[no-untyped-def]
        made.looked += len(pixels)
        return look(pixels)

    monkeypatch.setattr(captioner, "look", counting)
    return made


@pytest.fixture(scope="session")
def small_photos(sample_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few photographs, made small to save the tests' time."""
    folder = tmp_path_factory.mktemp("small")
    for name in PHOTOS:
        with Image.open(sample_photos / name) as image:
            image.thumbnail((600, 600))
            image.save(folder / name)
    return folder


@pytest.fixture
def folder(tmp_path: Path, small_photos: Path) -> Path:
    """A folder of a few photographs of the test's own."""
    return Path(shutil.copytree(small_photos, tmp_path / "photos"))
