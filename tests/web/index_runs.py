"""Index runs as the server's page meets them: its own commands, and runs of other processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from catalog.database import Database
from catalog.home import Home
from catalog.lock import writer_lock
from catalog.roots import get_or_add_root
from catalog.runs import Noted, finish_run, note_run, start_run
from tests.cli.command_process import REPOSITORY

OWN_ORIGIN = {"Origin": "http://localhost"}
REPORT = {
    "indexed": 1, "unchanged": 0, "moved": 0, "duplicates": 0, "removed": 0, "offline_roots": [],
    "skipped": [{"path": "/a<b>.jpg", "reason": "The file is empty."}],
    "seconds": 2.0, "photos_per_second": 0.5,
}  # fmt: skip

MakeApp = Callable[..., Flask]


def python_command(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


def real_index(home: Home) -> tuple[str, ...]:
    return (
        sys.executable, str(REPOSITORY / "tellshow.py"), "index", "--json", "--device", "cpu",
        "--home", str(home.path), "--",
    )  # fmt: skip


@contextmanager
def indexing_elsewhere(
    home: Home, database: Database, folder: Path
) -> Iterator[Callable[..., None]]:
    """Somebody else's run, as it looks from outside; call what is given with done and total."""
    with writer_lock(home):
        with database.write() as session:
            root = get_or_add_root(session, folder)
            run = start_run(session, Noted([root], {}))

        def note(done: int, total: int) -> None:
            noted = Noted([root], {"indexed": done, "skipped": 1}, total, done, done / 2)
            with database.write() as session:
                note_run(session, run, noted)

        yield note
        with database.write() as session:
            finish_run(session, run, Noted([root], {"indexed": 7, "skipped": 1}, 8, 8, 4.0))
