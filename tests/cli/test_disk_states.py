"""A home on a disk that is read-only or full: it is searched, and what is wrong is said."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from catalog.home import Home
from tellshow import Exit
from tests.cli.command_process import PATIENCE, REPOSITORY

READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"'
# A disk of its own, filled to its last byte with what is no part of the home.
FULL = (
    'cp -a "$1" "$1.copy" && mount -t tmpfs -o size=100m none "$1" && cp -a "$1.copy/." "$1" && '
    '{ dd if=/dev/zero of="$1/ballast" bs=4k 2>/dev/null || true; }'
)


@pytest.fixture(scope="module", autouse=True)
def _mounts() -> None:
    """Mounting in a namespace of one's own needs no rights, but a system that lets one."""
    try:
        done = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"])
    except OSError:
        pytest.skip("there is no unshare")
    if done.returncode:
        pytest.skip("this system lets nobody mount")


@pytest.fixture
def home(indexed_home: Home, tmp_path: Path) -> Path:
    """A home of a dozen photos that a test may change, as it lies while nobody has it open."""
    log = shutil.ignore_patterns("catalog.db-*")
    return shutil.copytree(indexed_home.path, tmp_path / "home", ignore=log)


# With room for half of a backup.
NEARLY_FULL = f'{FULL} && truncate -s -256K "$1/ballast"'


def tellshow(state: str, home: Path, *commands: Sequence[str | Path]) -> list[tuple[int, str]]:
    """Exit code and output of each command, with the home on such a disk."""
    run = "import sys; from tellshow import run; sys.exit(run(sys.argv[1:]))"
    found = []
    for command in commands:
        script = f'{state} || exit 99; shift; exec "$@"'
        arguments = [sys.executable, "-c", run, *map(str, command), "--home", str(home)]
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", str(home), *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        found.append((done.returncode, done.stdout + done.stderr))
    return found


def test_read_only_home_is_searched_and_counted_and_not_written(
    home: Path, album: Path, tmp_path: Path
) -> None:
    searched, counted, backed_up, indexed, doctored = tellshow(
        READ_ONLY,
        home,
        ["search", "a cat"],
        ["status"],
        ["backup", tmp_path / "photos.backup"],
        ["index", album],
        ["doctor"],
    )
    assert (searched[0], "cat.png" in searched[1]) == (Exit.DONE, True), searched
    assert (counted[0], "12 photos" in counted[1]) == (Exit.DONE, True), counted
    assert (backed_up[0], "12 photos" in backed_up[1]) == (Exit.DONE, True), backed_up
    said = f"tellshow: The home {home} is not writable: Read-only file system."
    assert (indexed, doctored) == ((Exit.FAILED, f"{said}\n"), (Exit.FAILED, f"{said}\n"))


def test_read_only_home_with_unsaved_changes_says_what_is_missing(home: Path) -> None:
    (home / "catalog.db-wal").write_bytes(b"what was committed last")
    [(code, told)] = tellshow(READ_ONLY, home, ["search", "a cat"])
    assert code == Exit.FAILED
    assert "its last changes still lie in" in told
    assert "run tellshow status once where it can be written" in told


def test_full_disk_is_searched_and_named(home: Path, album: Path) -> None:
    searched, indexed, rebuilt, restored = tellshow(
        FULL, home, ["search", "a cat"], ["index", album], ["rebuild"], ["restore", "a.backup"]
    )
    assert (searched[0], "cat.png" in searched[1]) == (Exit.DONE, True), searched
    assert indexed == (
        Exit.FAILED,
        f"tellshow: The home {home} cannot be written: the disk is full.\n",
    )
    assert restored == indexed
    assert rebuilt[0] == Exit.FAILED
    assert "the disk is full; make room and run it again" in rebuilt[1]


def test_backup_that_fills_the_disk_says_so_and_leaves_nothing(home: Path) -> None:
    backup = home / "photos.backup"
    made, listed = tellshow(NEARLY_FULL, home, ["backup", backup], ["status"])
    assert made[0] == Exit.FAILED
    assert "the disk is full; make room and run it again" in made[1]
    assert "damaged" not in made[1]
    assert listed[0] == Exit.DONE
