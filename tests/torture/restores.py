"""Backups restored in both directions, over catalogs in any state, and backups that are damaged."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from tests.torture.answers import Look, judge
from tests.torture.corruptions import HARMS
from tests.torture.forks import in_fork
from tests.torture.setting import Setting, copy_home, rewrite
from tests.torture.table import Outcome, Row, timed


def run(setting: Setting) -> Iterator[Row]:
    """Restore the older over the newer, the newer over the older, and damaged ones over both."""
    both, damaged = Row("restores in both directions"), Row("damaged backups")
    older = setting.folder / "older-home"
    copy_home(setting.home, older)
    in_fork(lambda: _remove_some(older))
    older_backup = setting.folder / "older.backup"
    setting.run("backup", older_backup, home=older)
    older_look = setting.look(older)
    ways = [
        (setting.home, setting.backup, setting.sound, setting.sound),
        (setting.home, older_backup, setting.sound, older_look),
        (older, setting.backup, older_look, setting.sound),
    ]
    with timed(both):
        for harm in HARMS_OF_TARGETS[: setting.times(len(HARMS_OF_TARGETS))]:
            for source, backup, before, after in ways:
                with setting.copied_home(source) as home:
                    harm(home)
                    kept = before if harm is _nothing else None
                    both.add(*_restore(setting, home, backup, after, kept, harm.__name__))
    yield both
    with timed(damaged):
        for number in range(setting.times(40)):
            with setting.copied_home(older) as home:
                bad = home.with_name("bad.backup")
                dice = setting.dice("backup", number)
                harm_backup = HARMS[number % len(HARMS)] if number % 2 else _harm_near_names
                bad.write_bytes(harm_backup(setting.backup.read_bytes(), dice))
                damaged.add(*_restore_damaged(setting, home, bad, older_look))
    yield damaged


def _remove_some(home: Path) -> None:
    from sqlalchemy import select

    from catalog.database import open_database
    from catalog.home import open_home
    from catalog.models import Photo
    from catalog.photos import remove_photos

    database = open_database(open_home(home))
    with database.write() as session:
        remove_photos(session, session.scalars(select(Photo.id).where(Photo.id > 4)).all())
    database.close()


def _restore(
    setting: Setting, home: Path, backup: Path, after: Look, kept: Look | None, name: str
) -> tuple[Outcome, str]:
    restored = setting.run("restore", backup, home=home)
    if restored.result != 0:
        return Outcome.LOST, f"{name}: {restored.output}"
    answers = judge(_without_doctor(after), _without_doctor(setting.look(home)))
    if answers.outcome is not Outcome.RIGHT:
        return Outcome.WRONG, f"{name}: {answers.detail}"
    if kept is not None and (left := _aside_differs(setting, home, kept)):
        return Outcome.LOST, f"{name}: the catalog that was there: {left}"
    return Outcome.RIGHT, ""


def _aside_differs(setting: Setting, home: Path, kept: Look) -> str:
    """What the catalog that was put aside has not any more, or ""."""
    [aside] = home.glob("catalog-before-restore-*.db")
    for end in ("", "-wal", "-shm"):
        (home / f"catalog.db{end}").unlink(missing_ok=True)
    aside.rename(home / "catalog.db")
    verdict = judge(_without_doctor(kept), _without_doctor(setting.look(home)))
    return "" if verdict.outcome is Outcome.RIGHT else verdict.detail


def _restore_damaged(
    setting: Setting, home: Path, backup: Path, before: Look
) -> tuple[Outcome, str]:
    restored = setting.run("restore", backup, home=home)
    if restored.result is None or "Traceback" in restored.output:
        return Outcome.WRONG, restored.output
    expected = before if restored.result else setting.sound
    verdict = judge(_without_doctor(expected), _without_doctor(setting.look(home)))
    if verdict.outcome is not Outcome.RIGHT:
        return Outcome.WRONG, f"{restored.output}: {verdict.detail}"
    return (Outcome.NAMED if restored.result else Outcome.RIGHT), ""


def _without_doctor(look: Look) -> Look:
    """Only the answers: a thumbnail of a photo that is gone again is no fault."""
    return Look(look.answers, look.refused, look.broke, look.told, {})


def _harm_near_names(content: bytes, dice: random.Random) -> bytes:
    """Change a byte of the archive's own structures: its first kilobyte, or its directory."""
    place = dice.choice([dice.randrange(1024), len(content) - 1 - dice.randrange(600)])
    return content[:place] + bytes([content[place] ^ dice.randrange(1, 256)]) + content[place + 1 :]


def _nothing(home: Path) -> None:
    pass


def _other_log(home: Path) -> None:
    """A log of another database lies beside the catalog, which SQLite cannot know."""
    _write_log(home)


def _lost(home: Path) -> None:
    (home / "catalog.db").unlink()


def _lost_with_log(home: Path) -> None:
    _write_log(home)
    (home / "catalog.db").unlink()


def _empty_with_log(home: Path) -> None:
    _write_log(home)
    (home / "catalog.db").write_bytes(b"")


def _garbage(home: Path) -> None:
    rewrite(home / "catalog.db", random.Random(1).randbytes(50_000))


def _of_another_program(home: Path) -> None:
    (home / "catalog.db").unlink()
    with closing(sqlite3.connect(home / "catalog.db")) as opened, opened:
        opened.execute("CREATE TABLE notes (words)")


def _text(home: Path) -> None:
    rewrite(home / "catalog.db", b"These are a person's own words.\n" * 300)


def _leftover_journal(home: Path) -> None:
    (home / "catalog.db-journal").write_bytes(random.Random(2).randbytes(5000))


def _write_log(home: Path) -> None:
    """The log of a database with other tables, as a process that was killed leaves it."""
    other = home / "other.db"
    with closing(sqlite3.connect(other, isolation_level=None)) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("CREATE TABLE notes AS SELECT randomblob(20000)")
        log = (home / "other.db-wal").read_bytes()
    for path in home.glob("other.db*"):
        path.unlink()
    (home / "catalog.db-wal").write_bytes(log)


HARMS_OF_TARGETS: tuple[Callable[[Path], None], ...] = (
    _nothing, _other_log, _lost, _lost_with_log, _empty_with_log, _garbage, _of_another_program,
    _text, _leftover_journal,
)  # fmt: skip
