"""Runs that break off keep what was committed, and what every run records of itself."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from catalog.advisory_lock import indexing_lock
from catalog.database import open_database
from catalog.home import Home, open_home
from catalog.stop_request import is_stop_requested, request_stop
from indexer.record import Recorder
from indexer.retry import RetryPolicy
from tests.indexer.factories import PHOTOS, Catalog
from tests.postgresql import Server


def test_an_interrupted_run_keeps_what_was_committed(catalog: Catalog, folder: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    catalog.on_advance = interrupt
    with pytest.raises(KeyboardInterrupt):
        catalog.index(folder, batch_size=2)
    assert len(catalog.names()) == 2
    assert catalog.vectors("caption").count == 2
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
        if len(pixels) == 1:  # the second batch: both may be described at once
            raise RuntimeError("out of memory")
        return look(pixels)

    with monkeypatch.context() as patch:
        patch.setattr(catalog.captioner, "look", failing)
        with pytest.raises(RuntimeError):
            catalog.index(folder, batch_size=3)
    assert len(catalog.names()) == 3
    assert catalog.vectors("caption").count == 3
    assert catalog.index(folder).indexed == 1


def test_nothing_more_is_described_once_a_batch_cannot_be_written(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Recorder.add
    for shade in range(12):
        Image.new("RGB", (64, 64), (shade, 0, 0)).save(folder / f"shade{shade:02}.png")
    photos = len(PHOTOS) + 12

    def fill_the_disk(recorder, session, batch, new):  # type: ignore[no-untyped-def]
        if catalog.counts().photos:
            raise OSError("No space left on device")
        return add(recorder, session, batch, new)

    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # as many photos are described at once
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add", fill_the_disk)
        with pytest.raises(OSError, match="No space"):
            catalog.index(folder, batch_size=1)
    assert len(catalog.names()) == 1
    assert catalog.looked <= 6  # those alone that were ahead while the second was written
    assert catalog.index(folder).indexed == photos - 1


def test_a_run_is_recorded_with_what_it_did(catalog: Catalog, folder: Path) -> None:
    (folder / "bad.gif").write_bytes(b"no picture")
    catalog.index(folder)
    (run,) = catalog.runs()
    assert run.finished_at is not None
    assert not run.interrupted
    assert run.counts == {"indexed": len(PHOTOS), "skipped": 1}
    assert (run.done, run.total) == (len(PHOTOS) + 1, len(PHOTOS) + 1)


def test_a_run_tells_others_how_far_it_is_with_each_batch(catalog: Catalog, folder: Path) -> None:
    seen = []
    catalog.on_advance = lambda: seen.append(catalog.runs()[0])
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
    (run,) = catalog.runs()
    assert run.finished_at is not None
    assert run.interrupted
    assert (run.done, run.total) == (2, len(PHOTOS))


@pytest.mark.parametrize("steps", range(2, 9))
def test_a_run_broken_off_while_it_still_begins_is_ended(
    catalog: Catalog, folder: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C comes after so many transactions; the second of them records the run."""
    call, done = RetryPolicy.call, 0

    def interrupted(policy: RetryPolicy, work: Callable[[], object]) -> object:
        nonlocal done
        result = call(policy, work)
        done += 1
        if done == steps:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(RetryPolicy, "call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        catalog.index(folder)
    (run,) = catalog.runs()
    assert run.finished_at is not None
    assert run.interrupted
    assert run.done == 0
    assert catalog.index(folder).indexed == len(PHOTOS)


def test_run_that_begins_leaves_the_request_to_another_run_of_its_home(
    catalog: Catalog, tmp_path: Path, postgresql: Server
) -> None:
    catalog.home = home = Home(open_home(tmp_path / "served").path, postgresql.empty())
    catalog.database, empty = open_database(home), tmp_path / "empty"
    empty.mkdir()
    with indexing_lock(home, catalog.database, [b"/scans"]) as other:
        other.hold()
        request_stop(home, 7)
        catalog.index(empty)
        assert is_stop_requested(home, 7)
    catalog.index(empty)  # the other is over, and what was asked of it
    assert not is_stop_requested(home, 7)
    catalog.database.close()


def test_request_ends_its_run_and_goes_with_it(catalog: Catalog, folder: Path) -> None:
    request_stop(catalog.home, 1)  # of a catalog that was brought back: ids begin anew
    catalog.on_advance = lambda: request_stop(catalog.home, 1)
    with pytest.raises(KeyboardInterrupt):
        catalog.index(folder, batch_size=1, stoppable=True)
    assert len(catalog.names()) >= 1
    assert not is_stop_requested(catalog.home, 1)
    assert list(catalog.home.path.glob("stop-run*")) == []
