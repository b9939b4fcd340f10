"""Clocks that run backwards or were wrong: of files, of what is stored, and of the machine."""

from __future__ import annotations

import datetime
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.torture.answers import Look, judge, look_at
from tests.torture.forks import command, in_fork
from tests.torture.setting import Setting
from tests.torture.table import Outcome, Row, timed

YEAR = 365 * 24 * 3600
SHIFTS = (-20 * YEAR, -2 * YEAR, 3600, -3600, YEAR, 20 * YEAR)


def run(setting: Setting) -> Iterator[Row]:
    """Set the machine's clock, the stored times, and those of files; ask and index under them."""
    row = Row("clocks backwards and forwards")
    with timed(row):
        for shift in SHIFTS[: setting.times(len(SHIFTS))]:
            for work in (
                _indexed_by_a_wrong_clock,
                _stored_by_a_wrong_clock,
                _photo_of_another_time,
            ):
                with setting.copied_home() as home:
                    row.add(*work(setting, home, shift))
    yield row


def _indexed_by_a_wrong_clock(setting: Setting, home: Path, shift: int) -> tuple[Outcome, str]:
    """All of a home is made at a wrong time, and gone on with at the right one."""
    shutil.rmtree(home)

    def work() -> tuple[int, Look]:
        _set_clock(shift)
        code = command("index", setting.album, "--batch-size", "1", "--home", home)()
        return code, look_at(home)

    made = in_fork(work)
    if not made.result or made.result[0]:
        return Outcome.WRONG, f"{shift}: {made.output}"
    indexed = setting.index(home)
    # The album was made a moment ago, and a day ahead is taken for another zone's.
    expected = _undated(setting.sound) if shift <= -YEAR else setting.sound
    return _outcome(expected, setting, home, f"{shift}: {indexed.output}", made.result[1])


def _undated(sound: Look) -> Look:
    """What a clock that is behind makes of it: a file's own time of the future is not believed."""
    none = dict.fromkeys(("taken_at", "taken_from", "taken_offset"))
    photos = {
        path: {**found, **none} if found["taken_from"] == "file" else found
        for path, found in sound.answers["photos"].items()
    }
    return Look({**sound.answers, "photos": photos})


def _stored_by_a_wrong_clock(setting: Setting, home: Path, shift: int) -> tuple[Outcome, str]:
    """What is stored is of another time, and the last run ended, or did not, before it began."""
    with closing(sqlite3.connect(home / "catalog.db")) as opened, opened:
        for column in ("root.last_seen_online", "run.started_at", "run.finished_at"):
            table, name = column.split(".")
            opened.execute(
                f"UPDATE {table} SET {name} = strftime('%Y-%m-%d %H:%M:%S.000000', {name}, ?)",
                (f"{shift} seconds",),
            )
        if shift < 0:
            opened.execute("UPDATE run SET finished_at = NULL")
    for path in home.rglob("*"):
        found = path.stat()
        if path.is_file() and found.st_nlink == 1:
            os.utime(path, (found.st_atime + shift, found.st_mtime + shift))
    seen = setting.look(home)
    doctor, indexed = setting.run("doctor", home=home), setting.index(home)
    if doctor.result or indexed.result:
        return Outcome.WRONG, f"{shift}: {doctor.output} {indexed.output}"
    return _outcome(setting.sound, setting, home, str(shift), seen)


def _photo_of_another_time(setting: Setting, home: Path, shift: int) -> tuple[Outcome, str]:
    """A photo is edited, and its time is before that of the one it replaced, or far ahead."""
    album = home.with_name("album")
    shutil.copytree(setting.album, album)
    photo = album / "cat.png"
    before = photo.stat().st_mtime
    if setting.index(home, album).result:
        return Outcome.WRONG, f"{shift}: the copies cannot be indexed"
    photo.write_bytes((album / "rocket.jpg").read_bytes() + b"edited")
    os.utime(photo, (before + shift, before + shift))
    indexed = setting.index(home, album)
    if indexed.result or not indexed.output.startswith("1 indexed"):
        return Outcome.WRONG, f"{shift}: {indexed.output}"
    return Outcome.RIGHT, ""


def _outcome(
    expected: Look, setting: Setting, home: Path, name: str, *seen: Look
) -> tuple[Outcome, str]:
    for look in (*seen, setting.look(home)):
        verdict = judge(expected, look)
        if verdict.outcome is not Outcome.RIGHT:
            return Outcome.WRONG, f"{name}: {verdict.detail}"
    return Outcome.RIGHT, ""


def _set_clock(shift: int) -> None:
    """Let this process believe that it is another time: wherever our modules ask for it."""
    now, now_ns = time.time, time.time_ns

    class AnyTime(type(datetime.datetime)):  # type: ignore[misc]
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime.datetime)

    class Shifted(datetime.datetime, metaclass=AnyTime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.datetime.fromtimestamp(now() + shift, tz)

    time.time = lambda: now() + shift
    time.time_ns = lambda: now_ns() + shift * 10**9
    for module in list(sys.modules.values()):
        named = (getattr(module, "__name__", "") or "").partition(".")[0]
        if named in {"catalog", "indexer", "search", "commands"} and hasattr(module, "datetime"):
            module.datetime = Shifted  # type: ignore[attr-defined]
