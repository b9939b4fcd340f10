"""Index runs with an image embedder give every photo a vector, and describe nothing anew for it."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from captioner.image_embedder import ImageEmbedder, ImageEmbedderUnavailable
from catalog.image_vectors import KIND, chosen_image_embedder
from catalog.models import Photo, Vector
from catalog.vectors.factory import make_vector_index
from indexer.pipeline import Indexer, IndexOptions, IndexReport
from tests.catalog.damage import flip
from tests.indexer.factories import Catalog
from tests.tiny_clip import WIDTH, make_tiny_clip


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models of other weights."""
    folder = tmp_path_factory.mktemp("models")
    return [make_tiny_clip(folder / f"clip-{seed}", seed) for seed in (0, 1)]


@pytest.fixture
def clip(clips: list[Path]) -> ImageEmbedder:
    return ImageEmbedder(clips[0], "cpu")


def index(catalog: Catalog, folder: Path, clip: ImageEmbedder | None) -> IndexReport:
    options = IndexOptions(batch_size=2)
    models = catalog.captioner, catalog.embedder
    own = Indexer(catalog.home, catalog.database, *models, options, image_embedder=clip)
    return own.index([folder], catalog)


def vectors(catalog: Catalog) -> dict[str, bytes]:
    """The image embedder's vectors by the photos' names."""
    with catalog.database.read() as session:
        query = select(Photo.path, Vector.blob).join(Vector, Vector.photo_id == Photo.id)
        rows = session.execute(query.where(Vector.kind == KIND))
        return {os.fsdecode(path): blob for path, blob in rows}


def test_photos_get_their_vectors_as_they_are_described(
    catalog: Catalog, folder: Path, clip: ImageEmbedder
) -> None:
    assert index(catalog, folder, clip).indexed == 4
    found = vectors(catalog)
    assert set(found) == set(os.listdir(folder))
    assert {len(blob) for blob in found.values()} == {2 * WIDTH}
    assert len(set(found.values())) == 4
    with catalog.database.read() as session:
        chosen = chosen_image_embedder(session)
    assert chosen is not None
    assert (chosen.sha256, chosen.folder) == (clip.sha256, clip.folder)
    saved = make_vector_index(catalog.home, catalog.database, chosen.model_id, KIND, WIDTH)
    assert saved.verify()


def test_photos_of_before_get_vectors_without_being_described_anew(
    catalog: Catalog, folder: Path, clip: ImageEmbedder
) -> None:
    index(catalog, folder, None)
    assert (vectors(catalog), catalog.looked) == ({}, 4)
    report = index(catalog, folder, clip)
    assert (report.indexed, report.unchanged, catalog.looked) == (0, 4, 4)
    assert len(vectors(catalog)) == 4


def test_photos_whose_folder_is_away_get_vectors_too(
    catalog: Catalog, folder: Path, clip: ImageEmbedder, tmp_path: Path
) -> None:
    index(catalog, folder, None)
    folder.rename(tmp_path / "unplugged")
    report = index(catalog, folder, clip)
    assert report.offline_roots == (str(folder),)
    assert len(vectors(catalog)) == 4


def test_run_without_the_image_embedder_leaves_its_vectors_alone(
    catalog: Catalog, folder: Path, clip: ImageEmbedder
) -> None:
    index(catalog, folder, clip)
    before = vectors(catalog)
    shutil.copy(folder / "cat.png", folder / "copy.png")
    (folder / "rocket.jpg").rename(folder / "moved.jpg")
    index(catalog, folder, None)
    after = vectors(catalog)
    assert after["copy.png"] == after["cat.png"] == before["cat.png"]
    assert after["moved.jpg"] == before["rocket.jpg"]


def test_changed_photo_gets_another_vector(
    catalog: Catalog, folder: Path, clip: ImageEmbedder
) -> None:
    index(catalog, folder, clip)
    before = vectors(catalog)
    with Image.open(folder / "rocket.jpg") as rocket:
        rocket.rotate(180).save(folder / "cat.png")
    index(catalog, folder, clip)
    after = vectors(catalog)
    assert [name for name in after if after[name] != before[name]] == ["cat.png"]


def test_damaged_vector_is_made_again(catalog: Catalog, folder: Path, clip: ImageEmbedder) -> None:
    index(catalog, folder, clip)
    before = vectors(catalog)
    with catalog.database.write() as session:
        row = session.scalars(select(Vector).where(Vector.kind == KIND)).first()
        assert row is not None
        row.blob = flip(row.blob)
    assert vectors(catalog) != before
    index(catalog, folder, clip)
    assert vectors(catalog) == before
    assert catalog.looked == 4


def test_another_model_embeds_all_photos_anew_and_leaves_no_file_of_the_first(
    catalog: Catalog, folder: Path, clip: ImageEmbedder, clips: list[Path]
) -> None:
    index(catalog, folder, clip)
    before = vectors(catalog)
    index(catalog, folder, ImageEmbedder(clips[1], "cpu"))
    after = vectors(catalog)
    assert [name for name in after if after[name] == before[name]] == []
    assert len(list(catalog.home.vectors.glob("*-image"))) == 1


def test_photo_without_a_thumbnail_waits_for_the_run_that_makes_it(
    catalog: Catalog, folder: Path, clip: ImageEmbedder
) -> None:
    index(catalog, folder, None)
    thumbnails = sorted(catalog.home.thumbnails.rglob("*.jpg"))
    thumbnails[0].write_bytes(b"\xff\xd8 no picture at all")
    index(catalog, folder, clip)
    assert len(vectors(catalog)) == 3
    thumbnails[0].unlink()
    index(catalog, folder, clip)
    assert len(vectors(catalog)) == 4


def test_run_that_is_interrupted_keeps_what_it_embedded(
    catalog: Catalog, folder: Path, clip: ImageEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(catalog, folder, None)
    monkeypatch.setattr("indexer.image_vectors._BATCH", 1)
    advanced = 0

    def interrupt() -> None:
        nonlocal advanced
        advanced += 1
        if advanced == 2:
            raise KeyboardInterrupt

    catalog.on_advance = interrupt
    with pytest.raises(KeyboardInterrupt):
        index(catalog, folder, clip)
    assert len(vectors(catalog)) == 2
    catalog.on_advance = lambda: None
    index(catalog, folder, clip)
    assert len(vectors(catalog)) == 4


def test_no_run_begins_with_a_model_that_cannot_embed(
    catalog: Catalog, folder: Path, tmp_path: Path, clips: list[Path]
) -> None:
    broken = Path(shutil.copytree(clips[0], tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ImageEmbedderUnavailable):
        index(catalog, folder, ImageEmbedder(broken, "cpu"))
    assert catalog.runs() == []
