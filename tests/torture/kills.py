"""`kill -9` at random moments of every command that writes: nothing is lost, and it can be done."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.torture.answers import Look, judge
from tests.torture.forks import Fork, command
from tests.torture.setting import Setting
from tests.torture.table import Outcome, Row, timed

# To this come the last digits of a kill's moment: some fall before the start, some after the end.
SPAN = 1.1


@dataclass(frozen=True)
class Victim:
    """A command, and what is done to a copy of the sound home so that it has something to do.

    `forgets`: it takes all photos out of the catalog, at once.
    """

    name: str
    arguments: tuple[str | Path, ...]
    harm: Callable[[Path], None]
    forgets: bool = False


def run(setting: Setting) -> Iterator[Row]:
    """Kill each command as often as another."""
    for victim in _victims(setting):
        row = Row(f"kills of `tellshow {victim.name}`")
        if not setting.wants(row.what):
            continue
        with timed(row):
            seconds = _measure(setting, victim)
            for number in range(setting.times(6)):
                moment = setting.dice(victim.name, number).uniform(0, SPAN * seconds)
                outcome, detail = _kill(setting, victim, moment)
                row.add(outcome, f"after {moment:.2f} s: {detail}")
        yield row


def _victims(setting: Setting) -> list[Victim]:
    index: tuple[str | Path, ...] = ("index", setting.album, "--batch-size", "1")
    other = setting.folder / "other.backup"
    shutil.copy2(setting.backup, other)
    copy, forget = setting.folder / "album", ("roots", "forget", setting.album, "--yes")
    shutil.copytree(setting.album, copy)

    def move_away(home: Path) -> None:
        setting.run("roots", "move", setting.album, copy, home=home)

    return [
        Victim("index", index, _empty),
        Victim("index --verify", (*index, "--verify"), _forget),
        Victim("doctor", ("doctor",), _damage),
        Victim("rebuild", ("rebuild",), lambda home: shutil.rmtree(home / "vectors")),
        Victim("backup", ("backup", other, "--force"), lambda home: None),
        Victim("restore", ("restore", setting.backup), lambda home: None),
        Victim("roots move", ("roots", "move", copy, setting.album), move_away),
        Victim("roots forget", forget, lambda home: None, forgets=True),
    ]


def _measure(setting: Setting, victim: Victim) -> float:
    with setting.copied_home() as home:
        victim.harm(home)
        started = time.monotonic()
        setting.run(*victim.arguments, home=home)
        return time.monotonic() - started


def _kill(setting: Setting, victim: Victim, moment: float) -> tuple[Outcome, str]:
    with setting.copied_home() as home:
        victim.harm(home)
        before, photos = setting.look(home), _digests(setting.album)
        fork = Fork(command(*victim.arguments, "--home", home))
        time.sleep(moment)
        fork.kill()
        fork.wait()
        after = setting.look(home)
        if after.broke:
            return Outcome.WRONG, str(after.broke)
        if lost := _missing(before, after, victim.forgets):
            return Outcome.LOST, f"{lost} photos are gone"
        if _digests(setting.album) != photos:
            return Outcome.LOST, "photos themselves are others"
        again = setting.run(*victim.arguments, home=home)
        indexed = setting.index(home)
        if again.result is None or indexed.result != 0:
            return Outcome.LOST, f"it cannot be done again: {again.output} {indexed.output}"
        verdict = judge(setting.sound, setting.look(home))
        if verdict.outcome is not Outcome.RIGHT:
            return Outcome.LOST, verdict.detail
        if "backup" in victim.name and (lost_backup := _lost_backup(setting, victim, home)):
            return Outcome.LOST, lost_backup
        return (Outcome.NAMED if after.refused else Outcome.RIGHT), ""


def _missing(before: Look, after: Look, may_be_none: bool) -> int:
    """How many photos the catalog had before, and has not any more although it opens."""
    if "photos" in after.refused or "catalog" in after.refused:
        return 0
    there = _contents(after)
    return 0 if may_be_none and not there else len(_contents(before) - there)


def _contents(look: Look) -> set[str]:
    return {photo["content_hash"] for photo in look.answers.get("photos", {}).values()}


def _lost_backup(setting: Setting, victim: Victim, home: Path) -> str:
    """Why the backup that was to be replaced cannot be restored, or ""."""
    restored = setting.run("restore", victim.arguments[1], home=home)
    return "" if restored.result == 0 else restored.output


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _empty(home: Path) -> None:
    shutil.rmtree(home)


def _forget(home: Path) -> None:
    """Three photos are to be described, two thumbnails to be made."""
    with closing(sqlite3.connect(home / "catalog.db")) as opened, opened:
        opened.execute("DELETE FROM state WHERE photo_id IN (2, 3, 4)")
    for thumbnail in sorted(home.glob("thumbnails/*/*.jpg"))[:2]:
        thumbnail.unlink()


def _damage(home: Path) -> None:
    """Something of every kind that the doctor mends."""
    with closing(sqlite3.connect(home / "catalog.db")) as opened, opened:
        opened.execute("UPDATE state SET bias = bias + 1 WHERE photo_id = 2")
        opened.execute("UPDATE photo_text SET names = 'others' WHERE photo_id = 3")
    next(home.glob("vectors/*/gen-*")).unlink()
    (home / "thumbnails" / "ab").mkdir(exist_ok=True)
    (home / "thumbnails" / "ab" / f"ab{'0' * 62}.jpg").write_bytes(b"of no photo")
