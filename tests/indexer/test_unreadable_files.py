"""Files that cannot be read, or that change while they are: skipped with a reason."""

import os
import shutil
from pathlib import Path

import pytest

from indexer import prepare
from tests.indexer.factories import PHOTOS, Catalog


def test_a_bad_file_is_skipped_with_its_reason_and_not_tried_again_until_it_changes(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = folder / "bad.jpg"
    bad.write_bytes((folder / "rocket.jpg").read_bytes()[:5000])
    report = catalog.index(folder)
    assert report.indexed == len(PHOTOS)
    assert [(item.path, "damaged" in item.reason) for item in report.skipped] == [(str(bad), True)]
    assert "skipped bad.jpg" in catalog.messages
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "_read", lambda task: pytest.fail("it was tried again"))
        assert catalog.index(folder).skipped == report.skipped
    shutil.copy(folder / "rocket.jpg", bad)
    report = catalog.index(folder)
    assert (report.skipped, report.duplicates) == ((), 1)
    assert catalog.counts().failures == 0


def test_copies_of_a_bad_file_are_all_skipped_and_forgotten_when_gone(
    catalog: Catalog, folder: Path
) -> None:
    bad = [folder / f"{number}.jpg" for number in range(4)]
    for path in bad:
        path.write_bytes(b"no picture")
    report = catalog.index(folder, batch_size=2)
    assert sorted(item.path for item in report.skipped) == [str(path) for path in bad]
    assert {item.reason for item in report.skipped} == {report.skipped[0].reason}
    assert catalog.counts().failures == 4
    for path in bad:
        path.unlink()
    catalog.index(folder)
    assert catalog.counts().failures == 0


def test_a_photo_that_became_unreadable_leaves_the_catalog(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    (folder / "cat.png").write_bytes(b"overwritten")
    report = catalog.index(folder)
    assert (report.removed, len(report.skipped)) == (1, 1)
    assert "cat.png" not in catalog.names()


def test_a_file_that_vanishes_meanwhile_is_skipped_and_not_remembered(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = prepare._read

    def vanish(task):  # type: ignore[no-untyped-def]
        if task.file.path == b"cat.png":
            (folder / "cat.png").unlink()
        return read(task)

    monkeypatch.setattr(prepare, "_read", vanish)
    report = catalog.index(folder)
    assert report.indexed == len(PHOTOS) - 1
    assert "no longer there" in report.skipped[0].reason
    assert catalog.counts().failures == 0


def test_a_file_that_is_being_written_is_skipped_and_not_remembered(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat, sizes = os.fstat, iter(range(10**6))

    def growing(handle: int) -> os.stat_result:
        found = stat(handle)
        if found.st_size != (folder / "cat.png").stat().st_size:
            return found
        return os.stat_result((*found[:6], found.st_size + next(sizes), *found[7:10]))

    monkeypatch.setattr(prepare.os, "fstat", growing)
    report = catalog.index(folder)
    monkeypatch.undo()
    assert report.indexed == len(PHOTOS) - 1
    assert "being written" in report.skipped[0].reason
    assert catalog.index(folder).indexed == 1
