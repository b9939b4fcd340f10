"""Runs and failures as others see them, and how much room a home takes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from catalog.disk_usage import measure
from catalog.failures import failed_paths, failures_by_reason, record_failure
from catalog.home import Home
from catalog.lock import is_being_written, writer_lock
from catalog.models import Run
from catalog.runs import (
    Noted,
    ask_to_end,
    beat,
    count_runs,
    finish_run,
    last_run_finished,
    list_runs,
    note_run,
    start_run,
)
from tests.catalog.factories import SampleCatalog


def test_run_is_seen_from_start_to_end(any_catalog: SampleCatalog) -> None:
    with any_catalog.database.write() as session:
        assert last_run_finished(session)
        run_id = start_run(session, Noted([any_catalog.root], {}))
        begun = list_runs(session, 1)[0]
        note_run(session, run_id, Noted([any_catalog.root], {"indexed": 3}, 10, 4, 1.5))
        half = list_runs(session, 1)[0]
        assert not last_run_finished(session)
        finish_run(session, run_id, Noted([any_catalog.root], {"indexed": 9}, 10, 10, 4.0))
        whole = list_runs(session, 1)[0]
        assert last_run_finished(session)
    assert (begun.total, begun.done, begun.finished_at) == (None, 0, None)
    assert (half.total, half.done, half.seconds, half.counts) == (10, 4, 1.5, {"indexed": 3})
    assert whole.finished_at is not None
    assert whole.finished_at >= whole.started_at
    assert (whole.roots, whole.counts) == ((any_catalog.root,), {"indexed": 9})


def test_last_run_comes_first_and_those_of_older_releases_are_read(
    any_catalog: SampleCatalog,
) -> None:
    old = {"started_at": datetime.now(UTC), "counts": {"indexed": 2, "skipped": 1}}
    with any_catalog.database.write() as session:
        session.execute(insert(Run).values(old))
        session.execute(insert(Run).values(started_at=datetime.now(UTC)))
        start_run(session, Noted([], {}))
        assert count_runs(session) == 3
        assert [run.counts for run in list_runs(session, 2, offset=1)] == [{}, old["counts"]]
        assert list_runs(session, 5)[-1].total is None


def test_failures_are_gathered_by_reason(any_catalog: SampleCatalog) -> None:
    with any_catalog.database.write() as session:
        for name in (b"/b\xff.jpg", b"/a.jpg", b"/c.jpg"):
            record_failure(session, name, 0, 0, "The file is empty.")
        record_failure(session, b"/d.jpg", 0, 0, "It is no photo.")
        found = failures_by_reason(session)
        assert list(found.items()) == [("The file is empty.", 3), ("It is no photo.", 1)]
        assert failed_paths(session, "The file is empty.", 2) == [b"/a.jpg", b"/b\xff.jpg"]
        assert failed_paths(session, "The file is empty.", 2, offset=2) == [b"/c.jpg"]
        assert failed_paths(session, "Nothing of the kind.", 2) == []


def test_home_is_seen_to_be_written_while_it_is(home: Home) -> None:
    assert not is_being_written(home)
    with writer_lock(home):
        assert is_being_written(home)
    assert not is_being_written(home)


def test_footprint_counts_every_file_of_a_small_home(home: Home) -> None:
    for path, size in ((home.path / "catalog.db", 50), (home.vectors / "1-visual" / "gen-1", 7)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    _put_thumbnails(home, [0x03, 0xFF], each=1)
    found = measure(home)
    assert (found.database, found.vectors, found.models, found.thumbnails) == (50, 7, 0, 200)
    assert found.exact
    assert found.total == 257


def test_footprint_estimates_many_thumbnails(home: Home) -> None:
    _put_thumbnails(home, range(256), each=5)
    found = measure(home)
    assert not found.exact
    assert (found.database, found.thumbnails) == (None, 256 * 5 * 100)


def _put_thumbnails(home: Home, folders: "range | list[int]", each: int) -> None:
    for number in folders:
        folder = Path(home.thumbnails / f"{number:02x}")
        folder.mkdir()
        for name in range(each):
            (folder / f"{name}.jpg").write_bytes(b"x" * 100)


def test_run_is_alive_while_it_says_so_and_hears_that_it_shall_end(
    any_catalog: SampleCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_catalog.database.write() as session:
        run_id = start_run(session, Noted([any_catalog.root], {}))
        assert not list_runs(session, 1)[0].is_alive  # one in a file never says so
        assert not beat(session, run_id)
        assert list_runs(session, 1)[0].is_alive
        ask_to_end(session, run_id)
        assert beat(session, run_id)
        assert list_runs(session, 1)[0].stop_requested
        monkeypatch.setattr("catalog.runs._SILENT", timedelta(0))
        assert not list_runs(session, 1)[0].is_alive
        monkeypatch.undo()
        finish_run(session, run_id, Noted([any_catalog.root], {}))
        assert not list_runs(session, 1)[0].is_alive
