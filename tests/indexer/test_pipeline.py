"""Indexing real photos with the shipped captioner into a real database and FAISS."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from captioner.image_file import decode_photo, to_tensor
from catalog.database import open_database
from catalog.descriptions import load_states
from catalog.home import open_home
from catalog.lock import WriterBusy, writer_lock
from indexer import prepare
from indexer.pipeline import FolderNotFound, NotAFolder
from tests.catalog.factories import photo_ids
from tests.indexer.factories import PHOTOS, Catalog


def test_indexed_photos_have_captions_vectors_states_and_thumbnails(
    catalog: Catalog, folder: Path
) -> None:
    report = catalog.index(folder)
    assert (report.indexed, report.unchanged, report.skipped) == (len(PHOTOS), 0, ())
    assert report.photos_per_second > 0
    assert catalog.messages == [f"start {len(PHOTOS)}", "finish"]
    views = catalog.views()
    assert set(views) == {str(folder / name) for name in PHOTOS}
    for view in views.values():
        assert view.captions[0][0]
        assert view.captions[0][1] < 0
        with Image.open(view.full_path) as original:
            assert (view.width, view.height) == original.size
        with Image.open(catalog.home.thumbnail(view.content_hash)) as thumbnail:
            assert max(thumbnail.size) <= 512
    assert catalog.counts().vectors == 2 * len(PHOTOS)
    with catalog.database.read() as session:
        ids = photo_ids(session, catalog.model)
        states = load_states(session, ids, catalog.model)
    assert len(states) == len(PHOTOS)
    assert all(len(blob) <= 10_000 for blob, _ in states.values())


def test_what_a_photo_shows_finds_it_in_faiss(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    size = catalog.captioner.config.encoder.image_size
    indexes = {kind: catalog.vectors(kind) for kind in ("caption", "visual")}
    assert [index.count for index in indexes.values()] == [len(PHOTOS)] * 2
    for view in catalog.views().values():
        photo = decode_photo(view.full_path.read_bytes())
        state = catalog.captioner.look(np.asarray(to_tensor(photo, size))[None])
        assert state.classes is not None
        named = catalog.captioner.class_vectors_of(state.classes)
        for kind, vector in (("caption", named), ("visual", state.visual.astype(np.float32))):
            ids, similarity = indexes[kind].search(vector, 1)
            assert ids[0, 0] == view.photo_id
            assert similarity[0, 0] == pytest.approx(1, abs=1e-2)


def test_nothing_is_read_where_nothing_changed(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.index(folder)
    monkeypatch.setattr(prepare, "_read", lambda task: pytest.fail("a file was read"))
    report = catalog.index(folder)
    assert (report.indexed, report.unchanged, report.removed) == (0, len(PHOTOS), 0)
    assert catalog.looked == len(PHOTOS)


def test_names_that_are_no_text_are_indexed_and_shown(catalog: Catalog, folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xff.png")
    try:
        (folder / "cat.png").rename(folder / name)
    except OSError:
        pytest.skip("this file system takes only text for names")
    (folder / os.fsdecode(b"b\xe4d.jpg")).write_bytes(b"no picture")
    report = catalog.index(folder)
    assert report.indexed == len(PHOTOS)
    assert report.skipped[0].path.endswith("b?d.jpg")
    report.skipped[0].path.encode()
    assert str(folder / name) in catalog.views()
    assert catalog.index(folder).unchanged == len(PHOTOS)


def test_an_exif_orientation_is_upright_in_the_catalog(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "turned"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (300, 200), "red").save(folder / "a.jpg", exif=exif)
    catalog.index(folder)
    (view,) = catalog.views().values()
    assert (view.width, view.height) == (200, 300)
    with Image.open(catalog.home.thumbnail(view.content_hash)) as thumbnail:
        assert thumbnail.size == (200, 300)


def test_a_home_inside_the_folder_is_not_indexed(
    captioner: Captioner, embedder: SentenceEmbedder, folder: Path
) -> None:
    home = open_home(folder / "home")
    database = open_database(home)
    catalog = Catalog(home, database, captioner, embedder)
    assert catalog.index(folder).indexed == len(PHOTOS)
    assert catalog.index(folder).indexed == 0
    database.close()


def test_an_empty_folder_is_indexed_as_such(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    report = catalog.index(tmp_path / "empty")
    assert (report.indexed, report.unchanged, report.skipped) == (0, 0, ())


def test_a_folder_that_never_was_is_an_error(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound, match=r"There is no folder .*missing"):
        catalog.index(tmp_path / "missing")


def test_a_file_is_no_folder(catalog: Catalog, folder: Path) -> None:
    with pytest.raises(NotAFolder, match="is not a folder"):
        catalog.index(folder / "cat.png")


def test_two_cannot_index_into_one_home(catalog: Catalog, folder: Path) -> None:
    with writer_lock(catalog.home), pytest.raises(WriterBusy):
        catalog.index(folder)


def test_the_report_is_what_index_json_prints(catalog: Catalog, folder: Path) -> None:
    (folder / "bad.gif").write_bytes(b"no picture")
    printed = catalog.index(folder).to_json()
    assert list(printed) == [
        "indexed", "unchanged", "moved", "duplicates", "removed", "offline_roots", "skipped",
        "seconds", "photos_per_second",
    ]  # fmt: skip
    (skipped,) = printed["skipped"]  # type: ignore[misc]
    assert set(skipped) == {"path", "reason"}
