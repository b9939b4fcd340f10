"""Corruptions of every file of a home: bits, pages, lengths, and files in the place of others."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.torture.answers import judge
from tests.torture.setting import Setting, copy_home, rewrite
from tests.torture.table import Outcome, Row, timed

PAGE = 4096
Harm = Callable[[bytes, random.Random], bytes]


def flip_bit(content: bytes, dice: random.Random) -> bytes:
    """Change one bit."""
    return _put(
        content, place := dice.randrange(len(content)), bytes([content[place] ^ _bit(dice)])
    )


def change_byte(content: bytes, dice: random.Random) -> bytes:
    """Give one byte another value."""
    place = dice.randrange(len(content))
    return _put(content, place, bytes([content[place] ^ dice.randrange(1, 256)]))


def zero_page(content: bytes, dice: random.Random) -> bytes:
    """Lose a page of the disk, the first one too."""
    return _put(content, PAGE * dice.randrange(_pages(content)), bytes(PAGE))[: len(content)]


def scramble_page(content: bytes, dice: random.Random) -> bytes:
    """Read a page of the disk as another's."""
    return _put(content, PAGE * dice.randrange(_pages(content)), dice.randbytes(PAGE))[
        : len(content)
    ]


def swap_pages(content: bytes, dice: random.Random) -> bytes:
    """Write two pages in each other's place."""
    one, other = (PAGE * dice.randrange(_pages(content)) for _ in range(2))
    first, second = content[one : one + PAGE], content[other : other + PAGE]
    if len(first) != len(second):
        return content[:one]
    return _put(_put(content, one, second), other, first)


def cut_off(content: bytes, dice: random.Random) -> bytes:
    """Lose the end."""
    return content[: dice.randrange(len(content))]


def empty(content: bytes, dice: random.Random) -> bytes:
    """Lose all of it."""
    return b""


def append(content: bytes, dice: random.Random) -> bytes:
    """Write something behind its end."""
    return content + dice.randbytes(dice.randrange(1, 2 * PAGE))


HARMS: tuple[Harm, ...] = (
    flip_bit, change_byte, zero_page, scramble_page, swap_pages, cut_off, empty, append,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One corruption: its name, and what does it to a home."""

    name: str
    corrupt: Callable[[Path], None]


def run(setting: Setting) -> Iterator[Row]:
    """Corrupt copies of the sound home, each once, and see what they answer and come back to."""
    logged = setting.folder / "logged-home"
    _leave_log(setting, logged)
    kinds = {
        "corruptions of `catalog.db`, anywhere": _anywhere(setting, "catalog.db", 80),
        "corruptions of values in `catalog.db`": _of_values(setting, 96),
        "corruptions of `catalog.db` with a log": _anywhere(setting, "catalog.db-wal", 24),
        "corruptions of vector files": _of_files(setting, "vectors/*/gen-*", 32),
        "corruptions of thumbnails": _of_files(setting, "thumbnails/*/*.jpg", 32),
        "corruptions of kept checkpoints": _of_files(setting, "models/*", 12),
        "corruptions of the marker and locks": _of_files(setting, "[!c]*.*", 20),
        "files of a home lost, or folders instead": _replaced(setting, 24),
    }
    for what, cases in kinds.items():
        if not setting.wants(what):
            continue
        row = Row(what)
        source = logged if "log" in what.split()[-1] else setting.home
        alone: list[str] = []
        with timed(row):
            for case in cases:
                with setting.copied_home(source) as home:
                    case.corrupt(home)
                    _judge(setting, row, case, home, alone)
        if alone:
            row.remarks.append(f"{what}: {len(alone)} were named by the doctor alone")
        yield row


def _judge(setting: Setting, row: Row, case: Case, home: Path, alone: list[str]) -> None:
    """Ask the home; then mend it as it is told, and ask again."""
    seen = setting.look(home)
    verdict = judge(setting.sound, seen)
    detail = f"{case.name}: {verdict.detail}"
    if verdict.doctor_alone:
        alone.append(detail)
    if verdict.outcome is Outcome.RIGHT and not set(seen.findings) - {"foreign"}:
        row.add(Outcome.RIGHT)
        return
    left = mended(setting, home)
    if verdict.outcome is not Outcome.WRONG and left:
        row.add(Outcome.LOST, f"{detail}; once mended: {left}")
        return
    row.add(verdict.outcome, detail)


def mended(setting: Setting, home: Path) -> str:
    """Do what the sentences say: doctor and index, else restore. What is wrong still, or ""."""
    _move_away(home)
    for restoring in (False, True):
        if restoring:
            told = setting.run("restore", setting.backup, home=home)
            if told.result != 0:
                return f"restore: {told.output}"
        doctor = setting.run("doctor", home=home)
        indexed = setting.index(home)
        if indexed.result == 0:
            again = judge(setting.sound, setting.look(home))
            if again.outcome is Outcome.RIGHT:
                return ""
            if restoring:
                return f"{again.outcome}: {again.detail}"
        elif restoring or indexed.result is None:
            return f"{doctor.output} {indexed.output}"
    return "unreachable"


def _move_away(home: Path) -> None:
    """What lies in the place of a file or of a folder, as the sentences about it say."""
    for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm", "writer.lock"):
        if (home / name).is_dir():
            shutil.rmtree(home / name)
    if (home / "tellshow-home.json").is_dir():
        shutil.rmtree(home / "tellshow-home.json")
    for name in ("thumbnails", "vectors", "models"):
        if (home / name).is_file():
            (home / name).unlink()
        for path in (home / name).rglob("*.*") if (home / name).is_dir() else ():
            if path.is_dir():
                shutil.rmtree(path)


def _anywhere(setting: Setting, name: str, usual: int) -> Iterator[Case]:
    """Every kind of harm in turn, to one file."""
    for number in range(setting.times(usual)):
        harm = HARMS[number % len(HARMS)] if number % 3 else flip_bit
        yield _harmed(f"{harm.__name__} {name} #{number}", lambda home: home / name, harm, setting)


def _of_files(setting: Setting, pattern: str, usual: int) -> Iterator[Case]:
    """Every kind of harm in turn, to the files of a pattern."""
    for number in range(setting.times(usual)):
        harm = HARMS[number % len(HARMS)]

        def choose(home: Path, number: int = number) -> Path:
            files = [path for path in sorted(home.glob(pattern)) if path.is_file()]
            return files[number // len(HARMS) % len(files)]

        yield _harmed(f"{harm.__name__} {pattern} #{number}", choose, harm, setting)


def _harmed(name: str, choose: Callable[[Path], Path], harm: Harm, setting: Setting) -> Case:
    def corrupt(home: Path) -> None:
        file = choose(home)
        rewrite(file, harm(file.read_bytes() or b"\0", setting.dice(name)))

    return Case(name, corrupt)


def _of_values(setting: Setting, usual: int) -> Iterator[Case]:
    """A bit of one value of one column of one row, wherever in the file its bytes stand."""
    with closing(sqlite3.connect(setting.home / "catalog.db")) as opened:
        values = list(_values(opened))
    content = (setting.home / "catalog.db").read_bytes()
    columns = sorted({column for column, _ in values})
    for number in range(setting.times(usual)):
        column = columns[number % len(columns)]
        name = f"value of {column} #{number}"
        dice = setting.dice(name)
        of_column = [value for other, value in values if other == column]
        places = [place for value in of_column for place in _places(content, value)]
        if not places:
            continue
        start, length = dice.choice(places)
        place = start + dice.randrange(length)
        changed = _put(content, place, bytes([content[place] ^ _bit(dice)]))
        yield Case(name, lambda home, changed=changed: rewrite(home / "catalog.db", changed))


def _values(opened: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    """Every value of more than two bytes, by table and column, as SQLite stores it."""
    tables = opened.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    ).fetchall()
    opened.text_factory = bytes
    for (table,) in tables:
        cursor = opened.execute(f"SELECT * FROM {table}")
        names = [each[0] for each in cursor.description]
        for row in cursor:
            for column, value in zip(names, row, strict=True):
                stored = _stored(value)
                if len(stored) >= 3:
                    yield f"{table}.{column}", stored


def _stored(value: Any) -> bytes:
    """A value's bytes as in a record of SQLite's file format, section 2.1."""
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, int):
        length = next(n for n in (1, 2, 3, 4, 6, 8) if -(1 << 8 * n - 1) <= value < 1 << 8 * n - 1)
        return value.to_bytes(length, "big", signed=True)
    return bytes(value or b"")


def _places(content: bytes, value: bytes) -> Iterator[tuple[int, int]]:
    start = content.find(value)
    while start >= 0:
        yield start, len(value)
        start = content.find(value, start + 1)


def _replaced(setting: Setting, usual: int) -> Iterator[Case]:
    """Files that are gone, folders in their place, and files in the place of one another."""
    files = sorted(path.relative_to(setting.home) for path in setting.home.rglob("*"))
    for number in range(setting.times(usual)):
        name = f"replaced #{number}"
        dice = setting.dice(name)
        file = dice.choice(files)
        kind = ("lost", "a folder", "another file", "a text")[number % 4]

        def corrupt(home: Path, file: Path = file, kind: str = kind, dice: Any = dice) -> None:
            path = home / file
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            if kind == "a folder" and not (setting.home / file).is_dir():
                path.mkdir()
            elif kind == "another file":
                others = [each for each in files if (setting.home / each).is_file()]
                path.write_bytes((setting.home / dice.choice(others)).read_bytes())
            elif kind == "a text":
                path.write_bytes(b"These are a person's own words.\n" * 200)

        yield Case(f"{kind} for {file}", corrupt)


def _leave_log(setting: Setting, target: Path) -> None:
    """The home as a killed process leaves it: what was committed last is in the log alone."""
    copy_home(setting.home, target)
    with closing(sqlite3.connect(target / "catalog.db", isolation_level=None)) as opened:
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("PRAGMA wal_autocheckpoint=0")
        for table in ("photo", "caption", "state", "vector", "photo_text"):
            opened.execute(f"UPDATE {table} SET rowid = rowid")  # whole rows, as they are
        log = target / "catalog.db-wal"
        kept = {each: each.read_bytes() for each in (target / "catalog.db", log)}
    for file, content in kept.items():
        rewrite(file, content)


def _put(content: bytes, place: int, part: bytes) -> bytes:
    return content[:place] + part + content[place + len(part) :]


def _bit(dice: random.Random) -> int:
    return 1 << dice.randrange(8)


def _pages(content: bytes) -> int:
    return max(1, -(-len(content) // PAGE))
