"""Hostile files among good ones: each costs itself, is remembered with a reason, and no more."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from captioner.raw import can_read_raw
from indexer import prepare
from indexer.decode_pool import Decoders, Limits
from tests.captioner.dng_files import make_dng
from tests.indexer.factories import PHOTOS, Catalog
from tests.indexer.hostile_photos import CRASH, HANG, decode_or_suffer, endless_jpeg, lack_the_extra

SHARED_PHOTOS = (Path(__file__).parents[3] / "shared" / "photos").resolve()


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(decode_or_suffer, Limits(cpu_seconds=2, wall_seconds=4))
    yield made
    made.close()


def test_crashes_and_hangs_cost_one_file_each_and_are_not_tried_again(
    catalog: Catalog, folder: Path, decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "crash.jpg").write_bytes(CRASH)
    (folder / "hang.jpg").write_bytes(HANG)
    (folder / "endless.jpg").write_bytes(endless_jpeg())
    report = catalog.index(folder, decoders=decoders)
    assert report.indexed == len(PHOTOS)
    reasons = {Path(item.path).name: item.reason for item in report.skipped}
    assert "crash" in reasons.pop("crash.jpg")
    assert set(reasons) == {"hang.jpg", "endless.jpg"}
    assert all("cannot be decoded within" in reason for reason in reasons.values())
    monkeypatch.setattr(prepare, "_read", lambda task: pytest.fail("it was tried again"))
    assert catalog.index(folder, decoders=decoders).skipped == report.skipped


def test_a_hostile_file_is_tried_again_when_it_changes(
    catalog: Catalog, folder: Path, decoders: Decoders
) -> None:
    bad = folder / "bad.jpg"
    bad.write_bytes(CRASH)
    catalog.index(folder, decoders=decoders)
    Image.new("RGB", (300, 200), "green").save(bad)
    report = catalog.index(folder, decoders=decoders)
    assert (report.indexed, report.skipped) == (1, ())


def test_pictures_with_a_wrong_extension_are_indexed_all_the_same(
    catalog: Catalog, folder: Path
) -> None:
    (folder / "cat.png").rename(folder / "cat.jpg")
    (folder / "rocket.jpg").rename(folder / "rocket.heic")
    assert catalog.index(folder).indexed == len(PHOTOS)
    assert {view.format for view in catalog.views().values()} == {"PNG", "JPEG"}


def test_a_file_we_may_not_read_is_skipped_and_read_once_we_may(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = os.fsencode(folder / "cat.png")

    def refuse(path: bytes, mode: str) -> object:
        if path == secret:  # the bits alone do not keep root out
            raise PermissionError(13, "Permission denied", path)
        return open(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(prepare, "open", refuse, raising=False)
        report = catalog.index(folder)
    (skipped,) = report.skipped
    assert skipped.reason == "The file cannot be read: Permission denied."
    assert catalog.index(folder).indexed == 1


def test_a_picture_in_a_format_we_cannot_read_is_named(catalog: Catalog, folder: Path) -> None:
    Image.new("RGB", (16, 16), "red").save(folder / "icon.ico")
    (skipped,) = catalog.index(folder).skipped
    assert os.path.basename(skipped.path) == "icon.ico"
    assert skipped.reason == "The file is not a picture in a format we can read."


@pytest.mark.skipif(not can_read_raw(), reason="the extra `raw` is not installed")
def test_raw_files_are_indexed_once_the_extra_is_there(catalog: Catalog, folder: Path) -> None:
    (folder / "a.dng").write_bytes(make_dng(Image.new("RGB", (320, 240), "red")))
    for path in folder.iterdir():
        if path.name in PHOTOS:
            path.unlink()
    lacking = Decoders(lack_the_extra)
    report = catalog.index(folder, decoders=lacking)
    lacking.close()
    assert [item.reason for item in report.skipped] == [
        "RAW files need an extra: pip install 'tellshow[raw]'."
    ]
    assert catalog.index(folder).indexed == 1
    (view,) = catalog.views().values()
    assert (view.format, view.camera) == ("RAW", "Maker One")
    assert catalog.counts().failures == 0


@pytest.mark.skipif(
    not SHARED_PHOTOS.is_dir(), reason="the photos beside the repository are absent"
)
def test_every_file_of_a_wild_collection_is_accounted_for(
    catalog: Catalog, capfd: pytest.CaptureFixture[str]
) -> None:
    files = {
        str(path.relative_to(SHARED_PHOTOS)) for path in SHARED_PHOTOS.rglob("*") if path.is_file()
    }
    report = catalog.index(SHARED_PHOTOS)
    skipped = {os.path.relpath(item.path, SHARED_PHOTOS) for item in report.skipped}
    kept = {os.path.relpath(path, SHARED_PHOTOS) for path in catalog.views()}
    assert skipped | kept == files
    assert not skipped & kept
    assert not {name for name in skipped if not name.startswith("broken")}
    assert report.indexed + report.duplicates == len(kept)
    assert all(item.reason.endswith(".") for item in report.skipped)
    assert catalog.counts().failures == len(skipped)
    assert capfd.readouterr().err == "", "a decoder wrote to the terminal"
    assert catalog.index(SHARED_PHOTOS).unchanged == len(kept)
