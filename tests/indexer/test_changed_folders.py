"""Photos that changed, moved, were copied or went away between two runs of the indexer."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.indexer.factories import PHOTOS, Catalog


def test_a_changed_photo_is_indexed_again(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    before = catalog.views()[str(folder / "cat.png")]
    with Image.open(folder / "rocket.jpg") as rocket:
        rocket.rotate(180).save(folder / "cat.png")
    report = catalog.index(folder)
    after = catalog.views()[str(folder / "cat.png")]
    assert (report.indexed, report.unchanged) == (1, len(PHOTOS) - 1)
    assert after.photo_id == before.photo_id
    assert after.content_hash != before.content_hash
    assert not catalog.home.thumbnail(before.content_hash).exists()
    assert catalog.vectors("visual").count == len(PHOTOS)


def test_a_touched_photo_is_not_captioned_again(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    os.utime(folder / "cat.png", ns=(1, 1))
    report = catalog.index(folder)
    assert (report.indexed, report.unchanged) == (0, len(PHOTOS))
    assert catalog.looked == len(PHOTOS)
    assert catalog.index(folder).unchanged == len(PHOTOS)


def test_a_renamed_photo_is_not_captioned_again(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    before = catalog.views()[str(folder / "cat.png")]
    (folder / "pets").mkdir()
    (folder / "cat.png").rename(folder / "pets" / "chelsea.png")
    report = catalog.index(folder)
    after = catalog.views()[str(folder / "pets" / "chelsea.png")]
    assert (report.indexed, report.moved, report.removed) == (0, 1, 0)
    assert catalog.looked == len(PHOTOS)
    assert (after.photo_id, after.captions) == (before.photo_id, before.captions)
    assert catalog.home.thumbnail(after.content_hash).exists()


def test_renaming_every_photo_needs_no_prune(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    (folder / "all").mkdir()
    for name in PHOTOS:
        (folder / name).rename(folder / "all" / name)
    report = catalog.index(folder)
    assert (report.moved, report.removed, report.withheld) == (len(PHOTOS), 0, 0)


def test_a_photo_moved_between_two_indexed_folders_is_not_captioned_again(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    catalog.index(folder, other)
    (folder / "cat.png").rename(other / "cat.png")
    report = catalog.index(folder, other)
    assert (report.indexed, report.moved, report.removed) == (0, 1, 0)
    assert str(other / "cat.png") in catalog.views()


def test_a_copied_photo_is_a_duplicate_and_is_not_captioned_again(
    catalog: Catalog, folder: Path
) -> None:
    catalog.index(folder)
    shutil.copy(folder / "cat.png", folder / "copy.png")
    report = catalog.index(folder)
    assert (report.indexed, report.duplicates, report.moved) == (0, 1, 0)
    assert catalog.looked == len(PHOTOS)
    views = catalog.views()
    assert views[str(folder / "copy.png")].captions == views[str(folder / "cat.png")].captions
    assert catalog.vectors("caption").count == len(PHOTOS) + 1


def test_copies_in_one_run_are_captioned_once(catalog: Catalog, folder: Path) -> None:
    for number in range(5):
        shutil.copy(folder / "cat.png", folder / f"{number}.png")
    report = catalog.index(folder, batch_size=2)
    assert (report.indexed, report.duplicates) == (len(PHOTOS), 5)
    assert catalog.looked == len(PHOTOS)
    assert len(catalog.names()) == len(PHOTOS) + 5


def test_a_copy_of_a_photo_that_is_then_changed_is_indexed_in_the_same_run(
    catalog: Catalog, folder: Path
) -> None:
    catalog.index(folder)
    shutil.copy(folder / "cat.png", folder / "original.png")
    with Image.open(folder / "rocket.jpg") as rocket:
        rocket.rotate(180).save(folder / "cat.png")
    report = catalog.index(folder)
    assert (report.indexed, report.unchanged) == (2, len(PHOTOS) - 1)
    assert catalog.names() == sorted([*PHOTOS, "original.png"])
    (run, _) = catalog.runs()
    assert (run.done, run.total) == (2, 2)


def test_a_removed_photo_leaves_the_catalog(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    gone = catalog.views()[str(folder / "cat.png")]
    (folder / "cat.png").unlink()
    report = catalog.index(folder)
    assert (report.removed, report.unchanged) == (1, len(PHOTOS) - 1)
    assert "cat.png" not in catalog.names()
    assert catalog.vectors("visual").count == len(PHOTOS) - 1
    assert not catalog.home.thumbnail(gone.content_hash).exists()


def test_a_thumbnail_stays_while_another_copy_does(catalog: Catalog, folder: Path) -> None:
    shutil.copy(folder / "cat.png", folder / "copy.png")
    catalog.index(folder)
    (folder / "cat.png").unlink()
    catalog.index(folder)
    left = catalog.views()[str(folder / "copy.png")]
    assert catalog.home.thumbnail(left.content_hash).exists()


@pytest.mark.parametrize("lost", ["gone", "empty"])
def test_a_lost_thumbnail_is_made_again_without_the_model(
    catalog: Catalog, folder: Path, lost: str
) -> None:
    catalog.index(folder)
    thumbnail = catalog.home.thumbnail(catalog.views()[str(folder / "cat.png")].content_hash)
    whole = thumbnail.read_bytes()
    thumbnail.unlink() if lost == "gone" else thumbnail.write_bytes(b"")
    unfinished = catalog.home.thumbnails / "tmpunfinish.tmp"
    unfinished.touch()
    assert catalog.index(folder).unchanged == len(PHOTOS)
    assert thumbnail.read_bytes() == whole
    assert not unfinished.exists()
    assert catalog.looked == len(PHOTOS)


def test_more_than_half_is_not_removed_without_prune(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    for name in PHOTOS[:3]:
        (folder / name).unlink()
    report = catalog.index(folder)
    assert (report.removed, report.withheld) == (0, 3)
    assert catalog.names() == sorted(PHOTOS)
    report = catalog.index(folder, prune=True)
    assert (report.removed, report.withheld) == (3, 0)
    assert catalog.names() == [PHOTOS[3]]


def test_a_disk_that_left_its_empty_folder_behind_loses_nothing(
    catalog: Catalog, folder: Path
) -> None:
    catalog.index(folder)
    for path in folder.iterdir():
        path.unlink()
    report = catalog.index(folder)
    assert (report.removed, report.withheld) == (0, len(PHOTOS))
    assert catalog.names() == sorted(PHOTOS)


def test_a_folder_that_is_offline_loses_nothing(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    catalog.index(folder)
    folder.rename(tmp_path / "unplugged")
    report = catalog.index(folder, prune=True)
    assert (report.offline_roots, report.removed) == ((str(folder),), 0)
    assert catalog.names() == sorted(PHOTOS)


def test_a_folder_inside_an_indexed_one_shows_no_photo_twice(
    catalog: Catalog, folder: Path
) -> None:
    (folder / "pets").mkdir()
    (folder / "cat.png").rename(folder / "pets" / "cat.png")
    catalog.index(folder, folder / "pets")
    assert catalog.names() == sorted(PHOTOS)
    catalog.index(folder / "pets")
    catalog.index(folder)
    assert catalog.names() == sorted(PHOTOS)
    assert catalog.looked == len(PHOTOS)
