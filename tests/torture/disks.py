"""A home on a disk that is read-only, full, or filled while a command writes."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.torture.answers import judge, look_at
from tests.torture.forks import Ended, command, in_fork
from tests.torture.kills import _damage, _forget
from tests.torture.setting import Setting
from tests.torture.table import Outcome, Row, timed

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000  # unshare(2)
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"'
# A disk of its own with so many bytes free; what fills it is no part of the home.
FULL = (
    'cp -a "$1" "$1.copy" && mount -t tmpfs -o size=200m none "$1" && cp -a "$1.copy/." "$1" && '
    '{ dd if=/dev/zero of="$1/room" bs=1 count=0 seek="$2" 2>/dev/null; '
    'dd if=/dev/zero of="$1/room" bs=1k count=$(($2 / 1024)) 2>/dev/null; '
    'dd if=/dev/zero of="$1/ballast" bs=4k 2>/dev/null || true; rm "$1/room"; }'
)
ROOMS = (0, 8_192, 65_536, 131_072, 262_144, 524_288, 2_097_152)


def run(setting: Setting) -> Iterator[Row]:
    """Run each command on such disks; then the home, with room again, is as it was."""
    read_only, full = Row("a read-only disk"), Row("a full disk, or one that fills")
    if sys.platform != "linux":
        reason = "needs namespaces of Linux"
    else:
        reason = in_fork(lambda: _mount('mount -t tmpfs none "$1"', Path("/mnt"), 0)).result
    if reason != "":
        read_only.skipped = full.skipped = f"{reason or 'this system lets nobody mount'}"
        yield from (read_only, full)
        return
    with timed(read_only):
        for arguments in _commands(setting)[: setting.times(6)]:
            with setting.copied_home() as home:
                _forget(home)
                verdict = _on_read_only(setting, home, arguments)
                read_only.add(*verdict)
    yield read_only
    with timed(full):
        cases = [(each, room) for room in ROOMS for each in _commands(setting)]
        for arguments, room in cases[: setting.times(len(cases))]:
            with setting.copied_home() as home:
                (_damage if arguments[0] == "doctor" else _forget)(home)
                full.add(*_on_full(setting, home, arguments, room))
    yield full


def _commands(setting: Setting) -> list[tuple[str | Path, ...]]:
    return [
        ("index", setting.album, "--batch-size", "1"),
        ("doctor",),
        ("rebuild",),
        ("restore", setting.backup),
        ("backup", setting.folder / "case" / "home" / "inside.backup", "--force"),
        ("status",),
    ]


def _on_read_only(
    setting: Setting, home: Path, arguments: tuple[str | Path, ...]
) -> tuple[Outcome, str]:
    def work() -> object:
        if told := _mount(READ_ONLY, home, 0):
            return told
        return command(*arguments, "--home", home)(), look_at(home)

    ended = in_fork(work)
    if not isinstance(ended.result, tuple) or "Traceback" in ended.output:
        return Outcome.WRONG, f"{arguments[0]}: {ended}"
    code, seen = ended.result
    if seen.broke or set(seen.refused) - {"doctor"}:
        return Outcome.WRONG, f"{arguments[0]}: {seen.broke} {seen.refused}"
    return (Outcome.RIGHT if code == 0 else Outcome.NAMED), ""


def _on_full(
    setting: Setting, home: Path, arguments: tuple[str | Path, ...], room: int
) -> tuple[Outcome, str]:
    after = home.with_name("after")

    def work() -> int | str:
        if told := _mount(FULL, home, room):
            return told
        code = command(*arguments, "--home", home)()
        (home / "ballast").unlink()
        shutil.copytree(home, after)
        return code

    ended = in_fork(work)
    name = f"{arguments[0]} with {room} bytes free"
    if not isinstance(ended.result, int) or "Traceback" in ended.output:
        return Outcome.WRONG, f"{name}: {ended}"
    if ended.result and not _says_why(ended):
        return Outcome.WRONG, f"{name}: {ended.output}"
    (after / "inside.backup").unlink(missing_ok=True)
    shutil.rmtree(home)
    after.rename(home)
    doctor, indexed = setting.run("doctor", home=home), setting.index(home)
    verdict = judge(setting.sound, setting.look(home))
    if doctor.result is None or indexed.result != 0 or verdict.outcome is not Outcome.RIGHT:
        return Outcome.LOST, f"{name}: {doctor.output} {indexed.output} {verdict.detail}"
    return (Outcome.RIGHT if ended.result == 0 else Outcome.NAMED), ""


def _says_why(ended: Ended) -> bool:
    return "full" in ended.output or "left to do" in ended.output


def _mount(script: str, home: Path, room: int) -> str:
    """Mount in a namespace of this process's own; why not, or ""."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    flags = _NEW_MOUNTS if user == 0 else _NEW_MOUNTS | _NEW_USER
    if libc.unshare(flags):
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    private = "mount --make-rprivate / && "
    done = subprocess.run(
        ["sh", "-c", private + script, "sh", str(home), str(room)], capture_output=True, text=True
    )
    return done.stderr.strip() if done.returncode else ""
