"""Watching folders: at once at first, once for many changes, not for one's own."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.progress import EachOnce, Silent
from indexer.watch import Intervals, times_to_look

pytestmark = pytest.mark.slow

SOON = Intervals(debounce=0.3, max_delay=1.5, poll=3600)
# A second in which a busy machine does not come to write is taken for the end of the changes.
STEADY = Intervals(debounce=1, max_delay=3, poll=3600)
PATIENCE = 300.0  # seconds; far less than `poll`


def later(seconds: float, do: object, *arguments: object) -> None:
    threading.Timer(seconds, do, arguments).start()  # type: ignore[arg-type]


def seconds_to_next(times: Iterator[None]) -> float:
    started = time.monotonic()
    next(times)
    return time.monotonic() - started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    made.mkdir()
    return made


def looks(folder: Path, intervals: Intervals, skip: tuple[Path, ...] = ()) -> Iterator[None]:
    times = times_to_look([folder], skip, intervals)
    assert seconds_to_next(times) < PATIENCE  # the full pass at first
    return times


def test_it_is_time_at_once_and_again_when_a_photo_comes(folder: Path) -> None:
    times = looks(folder, SOON)
    later(0.2, (folder / "a.jpg").write_bytes, b"photo")
    assert 0.4 < seconds_to_next(times) < PATIENCE


def test_a_change_during_the_pass_is_not_missed(folder: Path) -> None:
    times = looks(folder, SOON)
    (folder / "a.jpg").write_bytes(b"photo")
    assert seconds_to_next(times) < PATIENCE


def test_many_changes_in_a_row_are_one_time(folder: Path) -> None:
    times = looks(folder, STEADY)
    for number in range(5):
        later(0.1 + 0.1 * number, (folder / f"{number}.jpg").write_bytes, b"photo")
    assert 1.4 < seconds_to_next(times) < PATIENCE


def test_changes_that_do_not_end_are_not_waited_for(folder: Path) -> None:
    times = looks(folder, STEADY)
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.1):
            (folder / "a.jpg").write_bytes(os.urandom(8))

    threading.Thread(target=write, daemon=True).start()
    taken = seconds_to_next(times)
    stop.set()
    assert 2.9 < taken < PATIENCE


@pytest.mark.parametrize("change", ["removed", "renamed", "new folder", "moved in", "link"])
def test_whatever_changes_the_photos_counts(folder: Path, tmp_path: Path, change: str) -> None:
    (folder / "a.jpg").write_bytes(b"photo")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b.jpg").write_bytes(b"photo")
    times = looks(folder, SOON)
    do = {
        "removed": (folder / "a.jpg").unlink,
        "renamed": lambda: (folder / "a.jpg").rename(folder / "b.jpg"),
        "new folder": (folder / "new").mkdir,
        "moved in": lambda: (tmp_path / "other").rename(folder / "other"),
        "link": lambda: (folder / "b.jpg").symlink_to(folder / "a.jpg"),
    }[change]
    later(0.1, do)
    assert seconds_to_next(times) < PATIENCE


def test_reading_photos_and_files_that_are_none_do_not_count(folder: Path, tmp_path: Path) -> None:
    (folder / "a.jpg").write_bytes(b"photo")
    (folder / "home").mkdir()
    times = looks(folder, Intervals(debounce=0.1, max_delay=1, poll=1), (folder / "home",))
    later(0.1, (folder / "a.jpg").read_bytes)
    later(0.1, (folder / "notes.txt").write_bytes, b"notes")
    later(0.1, (folder / ".hidden.jpg").write_bytes, b"photo")
    later(0.1, (folder / "home" / "thumbnail.jpg").write_bytes, b"thumbnail")
    assert seconds_to_next(times) >= 0.99


def test_a_home_in_a_folder_named_from_here_does_not_count(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    intervals = Intervals(debounce=0.1, max_delay=1, poll=1)
    times = looks(Path("photos"), intervals, (folder / "home",))
    later(0.1, (folder / "home" / "thumbnail.jpg").write_bytes, b"thumbnail")
    assert seconds_to_next(times) >= 0.99


def test_it_is_time_now_and_then_where_nothing_seems_to_change(folder: Path) -> None:
    times = looks(folder, Intervals(debounce=0.1, max_delay=1, poll=0.5))
    assert 0.49 < seconds_to_next(times) < PATIENCE


def test_a_folder_that_comes_back_is_watched_again(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "unplugged")
    times = looks(folder, Intervals(debounce=0.1, max_delay=1, poll=0.3))
    (tmp_path / "unplugged").rename(folder)
    next(times)
    next(times)
    started = time.monotonic()
    later(0.05, (folder / "a.jpg").write_bytes, b"photo")
    next(times)
    assert time.monotonic() - started < PATIENCE


def test_a_file_is_told_once_for_the_same_reason() -> None:
    told: list[tuple[str, str]] = []

    class Noted(Silent):
        def skipped(self, path: str, reason: str) -> None:
            told.append((path, reason))

    once = EachOnce(Noted())
    for reason in ("damaged", "damaged", "empty"):
        once.skipped("a.jpg", reason)
    assert told == [("a.jpg", "damaged"), ("a.jpg", "empty")]
