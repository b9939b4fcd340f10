"""`tellshow index`: its report, watching, and homes that are busy, full or read-only."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from catalog.home import open_home
from catalog.lock import writer_lock
from commands import index
from tellshow import Exit, run
from tests.cli.command_process import PATIENCE, REPOSITORY, rows, start, wait_until

Output = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_the_summary_counts_the_skipped_by_reason(album: Path, home: Path, capsys: Output) -> None:
    for name in ("a.jpg", "b.jpg"):
        (album / name).touch()
    (album / "notes.png").write_text("no picture")
    assert run(["index", str(album), "--home", str(home)]) == Exit.DONE
    captured = capsys.readouterr()
    first, *reasons = captured.out.splitlines()
    assert first.startswith("2 indexed, 0 unchanged, 0 moved, 0 duplicates, 0 removed, 3 skipped")
    assert "photos/s" in first
    assert [line.strip() for line in reasons] == [
        "2 skipped: The file is empty.",
        "1 skipped: The file is not a picture in a format we can read.",
    ]
    assert captured.err.count("skipped ") == 3


def test_an_unplugged_folder_beside_another_is_told_and_keeps_its_photos(
    album: Path, sample_photos: Path, home: Path, tmp_path: Path, capsys: Output
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(sample_photos / "coffee.png", other / "coffee.png")
    arguments = ["index", str(album), str(other), "--home", str(home), "--json"]
    assert run(arguments) == Exit.DONE
    album.rename(tmp_path / "unplugged")
    capsys.readouterr()
    assert run(arguments) == Exit.DONE
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert (report["offline_roots"], report["unchanged"]) == ([str(album)], 1)
    assert "cannot be reached" in captured.err
    assert rows(home, "photo") == 3


def test_a_disk_that_is_gone_for_good_is_let_go_by_an_empty_folder_in_its_place(
    album: Path, home: Path, capsys: Output
) -> None:
    arguments = ["index", str(album), "--home", str(home)]
    assert run(arguments) == Exit.DONE
    shutil.rmtree(album)
    album.mkdir()
    assert run(arguments) == Exit.DONE
    assert "run again with --prune" in capsys.readouterr().err
    assert rows(home, "photo") == 2
    assert run([*arguments, "--prune"]) == Exit.DONE
    assert "2 removed" in capsys.readouterr().out
    assert rows(home, "photo") == 0


def test_a_second_indexer_says_that_the_home_is_busy(
    album: Path, home: Path, capsys: Output
) -> None:
    with writer_lock(open_home(home)):
        assert run(["index", str(album), "--home", str(home)]) == Exit.FAILED
    captured = capsys.readouterr()
    assert captured.err.strip() == f"tellshow: Another tellshow is writing to {home}."
    assert captured.out == ""


def test_watching_waits_for_another_indexer(
    album: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    lock, slept = writer_lock(open_home(home)), []

    def sleep(seconds: float) -> None:
        if seconds != index.BUSY_SECONDS:
            return  # the lock's own, which looks a few times before it gives up
        slept.append(seconds)
        if len(slept) == 3:
            lock.__exit__(None, None, None)
        if len(slept) > 3:
            pytest.fail("it waits although nobody writes")

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(index.time, "sleep", sleep)
    monkeypatch.setattr("indexer.watch._Changes.wait", interrupt)
    lock.__enter__()
    assert run(["index", str(album), "--home", str(home), "--watch"]) == Exit.INTERRUPTED
    captured = capsys.readouterr()
    assert captured.err.count("Waiting for it.") == 1
    assert captured.out.startswith("2 indexed")


def test_watching_follows_changes_and_ends_cleanly_on_ctrl_c(
    album: Path, sample_photos: Path, home: Path
) -> None:
    process = start("index", album, "--home", home, "--watch", "--json")
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["indexed"] == 2
        shutil.copy(sample_photos / "coffee.png", album / "coffee.png")
        (album / "rocket.jpg").rename(album / "ariane.jpg")
        report = json.loads(process.stdout.readline())
        assert (report["indexed"], report["moved"], report["unchanged"]) == (1, 1, 1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == Exit.INTERRUPTED
    assert out == ""
    assert err.strip() == "tellshow: interrupted; what was done so far is saved"
    assert rows(home, "photo") == 3


def test_ctrl_c_saves_what_was_done(album: Path, sample_photos: Path, home: Path) -> None:
    for path in sample_photos.iterdir():
        shutil.copy(path, album / path.name)
    process = start("index", album, "--home", home, "--batch-size", "1")
    try:
        wait_until(lambda: rows(home, "photo") > 0)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode in (Exit.INTERRUPTED, Exit.DONE)
    assert "Traceback" not in err
    assert list((home / "vectors").rglob("gen-*"))


@pytest.mark.parametrize("part", [0, 0.1])
def test_a_full_disk_is_one_sentence_and_loses_nothing(
    album: Path, home: Path, part: float, capsys: Output
) -> None:
    shutil.copy(album / "cat.png", album / "copy.png")
    arguments = ["index", str(album), "--home", str(home)]
    assert run(arguments) == Exit.DONE
    (album / "new.jpg").write_bytes((album / "rocket.jpg").read_bytes() + b"more")
    room = int(part * (home / "catalog.db").stat().st_size)
    code, out, err = _end(start(*arguments, largest_file=room))
    assert (code, out) == (Exit.FAILED, "")
    (line,) = err.strip().splitlines()
    assert line.startswith("tellshow: ")
    assert rows(home, "photo") == 3
    capsys.readouterr()
    assert run(arguments) == Exit.DONE
    assert capsys.readouterr().out.startswith("1 indexed, 3 unchanged")


def test_a_read_only_home_is_one_sentence(album: Path, home: Path) -> None:
    open_home(home)
    home.chmod(0o500)
    try:
        if os.access(home, os.W_OK):
            pytest.skip("root may write in spite of the bits")
        code, out, err = _end(start("index", album, "--home", home))
    finally:
        home.chmod(0o700)
    assert (code, out) == (Exit.FAILED, "")
    assert err.strip() == f"tellshow: The home {home} is not writable: Permission denied."


def _end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def test_run_that_is_told_to_end_again_and_again_ends_in_order(album: Path, home: Path) -> None:
    for number in range(40):  # more than it could read until it is told
        (album / f"{number}.jpg").write_bytes((album / "rocket.jpg").read_bytes() + bytes([number]))
    process = start("index", album, "--home", home)
    try:
        wait_until(lambda: rows(home, "run") > 0)
        while process.poll() is None:
            process.terminate()
            time.sleep(0.005)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == Exit.INTERRUPTED, errors
    assert errors.strip().endswith("tellshow: interrupted; what was done so far is saved")
    assert rows(home, "run WHERE finished_at IS NOT NULL") == 1


def test_interruption_that_python_only_prints_is_sent_again() -> None:
    program = """
        import os, signal, sys, time, weakref
        import tellshow

        class Thing: pass

        def work():
            thing = Thing()
            reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))
            del thing  # what its callback raises is printed, and no more
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                return 3

        tellshow.run = work
        tellshow.main()
    """
    assert _python(program) == 3


def test_process_deaf_to_sigterm_ends_although_its_decoders_are_so_too(album: Path) -> None:
    program = f"""
        import pathlib, signal
        from indexer.decode_pool import shared_decoders

        if __name__ == "__main__":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            shared_decoders().decode(pathlib.Path({str(album / "rocket.jpg")!r}).read_bytes())
    """
    assert _python(program) == 0


def _python(program: str) -> int:
    """The exit code of a program of its own."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, cwd=REPOSITORY, timeout=PATIENCE, check=False).returncode
