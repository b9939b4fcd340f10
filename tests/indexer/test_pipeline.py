"""Indexing real photos with the shipped captioner into a real database and FAISS."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from PIL import Image

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import open_database
from catalog.descriptions import load_states
from catalog.home import open_home
from catalog.lock import WriterBusy, writer_lock
from catalog.runs import RunView, list_runs
from indexer import prepare
from indexer.pipeline import FolderNotFound, NotAFolder
from indexer.record import Recorder
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
    assert catalog.views().vectors == 2 * len(PHOTOS)
    with catalog.database.read() as session:
        ids = photo_ids(session, catalog.model)
        states = load_states(session, ids, catalog.model)
    assert len(states) == len(PHOTOS)
    assert all(len(blob) <= 10_000 for blob, _ in states.values())


def test_a_caption_finds_its_photo_in_faiss(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    captions = catalog.vectors.index("caption")
    assert (captions.count, catalog.vectors.index("visual").count) == (len(PHOTOS), len(PHOTOS))
    for view in catalog.views().values():
        caption = view.captions[0][0]
        query = catalog.captioner.read([caption], catalog.embedder.encode([caption]))
        ids, similarity = captions.search(query, 1)
        assert similarity[0, 0] == pytest.approx(1, abs=1e-2)
        best = next(found for found in catalog.views().values() if found.photo_id == ids[0, 0])
        assert best.captions[0][0] == caption


def test_nothing_is_read_where_nothing_changed(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.index(folder)
    monkeypatch.setattr(prepare, "_read", lambda task: pytest.fail("a file was read"))
    report = catalog.index(folder)
    assert (report.indexed, report.unchanged, report.removed) == (0, len(PHOTOS), 0)
    assert catalog.looked == len(PHOTOS)


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
    assert catalog.vectors.index("visual").count == len(PHOTOS)


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
    assert catalog.vectors.index("caption").count == len(PHOTOS) + 1


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
    (run, _) = runs_of(catalog)
    assert (run.done, run.total) == (2, 2)


def test_a_removed_photo_leaves_the_catalog(catalog: Catalog, folder: Path) -> None:
    catalog.index(folder)
    gone = catalog.views()[str(folder / "cat.png")]
    (folder / "cat.png").unlink()
    report = catalog.index(folder)
    assert (report.removed, report.unchanged) == (1, len(PHOTOS) - 1)
    assert "cat.png" not in catalog.names()
    assert catalog.vectors.index("visual").count == len(PHOTOS) - 1
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
    unfinished = catalog.home.thumbnails / "abc.tmp"
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


def test_copies_of_photos_on_a_disk_that_is_offline_are_no_moves(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    catalog.index(folder)
    folder.rename(tmp_path / "unplugged")
    report = catalog.index(tmp_path / "unplugged")
    assert (report.moved, report.duplicates, report.indexed) == (0, len(PHOTOS), 0)


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
    assert catalog.views().failures == 0


def test_copies_of_a_bad_file_are_all_skipped_and_forgotten_when_gone(
    catalog: Catalog, folder: Path
) -> None:
    bad = [folder / f"{number}.jpg" for number in range(4)]
    for path in bad:
        path.write_bytes(b"no picture")
    report = catalog.index(folder, batch_size=2)
    assert sorted(item.path for item in report.skipped) == [str(path) for path in bad]
    assert {item.reason for item in report.skipped} == {report.skipped[0].reason}
    assert catalog.views().failures == 4
    for path in bad:
        path.unlink()
    catalog.index(folder)
    assert catalog.views().failures == 0


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
    assert catalog.views().failures == 0


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


def test_an_interrupted_run_keeps_what_was_committed(catalog: Catalog, folder: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    catalog.on_advance = interrupt
    with pytest.raises(KeyboardInterrupt):
        catalog.index(folder, batch_size=2)
    assert len(catalog.names()) == 2
    assert catalog.vectors.index("caption").count == 2
    assert list(catalog.home.vectors.rglob("gen-*"))
    assert catalog.messages[-1] == "finish"
    catalog.on_advance = lambda: None
    looked = catalog.looked  # the next batch too, which was described meanwhile
    assert looked <= 4
    report = catalog.index(folder)
    assert (report.indexed, report.unchanged) == (2, 2)
    assert catalog.looked == looked + 2
    assert threading.active_count() < 20


def test_an_error_in_the_model_keeps_what_was_committed(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = catalog.captioner.look

    def failing(pixels):  # type: ignore[no-untyped-def]
        if catalog.looked:
            raise RuntimeError("out of memory")
        return look(pixels)

    with monkeypatch.context() as patch:
        patch.setattr(catalog.captioner, "look", failing)
        with pytest.raises(RuntimeError):
            catalog.index(folder, batch_size=2)
    assert len(catalog.names()) == 2
    assert catalog.vectors.index("caption").count == 2
    assert catalog.index(folder).indexed == 2


def test_nothing_more_is_described_once_a_batch_cannot_be_written(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Recorder.add

    def fill_the_disk(recorder, session, batch, new):  # type: ignore[no-untyped-def]
        if catalog.views().photos:
            raise OSError("No space left on device")
        return add(recorder, session, batch, new)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add", fill_the_disk)
        with pytest.raises(OSError, match="No space"):
            catalog.index(folder, batch_size=1)
    assert len(catalog.names()) == 1
    assert catalog.looked in (2, 3)  # the third photo at most, while the second was written
    assert catalog.index(folder).indexed == len(PHOTOS) - 1


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
    home = open_home(folder)
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


def test_a_run_is_recorded_with_what_it_did(catalog: Catalog, folder: Path) -> None:
    (folder / "bad.gif").write_bytes(b"no picture")
    catalog.index(folder)
    (run,) = runs_of(catalog)
    assert run.finished_at is not None
    assert not run.interrupted
    assert run.counts == {"indexed": len(PHOTOS), "skipped": 1}
    assert (run.done, run.total) == (len(PHOTOS) + 1, len(PHOTOS) + 1)


def test_a_run_tells_others_how_far_it_is_with_each_batch(catalog: Catalog, folder: Path) -> None:
    seen = []
    catalog.on_advance = lambda: seen.append(runs_of(catalog)[0])
    catalog.index(folder, batch_size=1)
    assert [(run.done, run.total, run.counts["indexed"]) for run in seen] == [
        (done, len(PHOTOS), done) for done in range(1, len(PHOTOS) + 1)
    ]
    assert all(run.finished_at is None and run.roots for run in seen)


def test_a_run_that_a_person_broke_off_says_so(catalog: Catalog, folder: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    catalog.on_advance = interrupt
    with pytest.raises(KeyboardInterrupt):
        catalog.index(folder, batch_size=2)
    (run,) = runs_of(catalog)
    assert run.finished_at is not None
    assert run.interrupted
    assert (run.done, run.total) == (2, len(PHOTOS))


def runs_of(catalog: Catalog) -> list[RunView]:
    with catalog.database.read() as session:
        return list_runs(session, 10)
