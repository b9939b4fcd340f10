"""`tellshow` as a process of its own, as people run it."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 300.0  # seconds; a machine that does much else lets a process starve


def start(*arguments: str | Path, largest_file: int | None = None) -> subprocess.Popen[str]:
    """Start a command, with one thread for the model, so that its figures are always the same.

    `largest_file`: writing more bytes than these into any file fails, as on a full disk.
    """

    def prepare() -> None:
        # Shells start what runs in the background deaf to Ctrl-C, and children inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "tellshow", *map(str, arguments)],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
    )


def usual_environment() -> dict[str, str]:
    """This process's environment, but for what names another runtime than the usual one."""
    named = {"TELLSHOW_PRECISION", "TELLSHOW_RUNTIME"}
    kept = {name: value for name, value in os.environ.items() if name not in named}
    return {**kept, "PYTHONPATH": str(REPOSITORY)}


def wait_until(true: Callable[[], bool]) -> None:
    """Return as soon as something is true; fails where it never is."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def rows(home: Path, table: str) -> int:
    """How many rows a table has, 0 before there is a database."""
    file = home / "catalog.db"
    if not file.is_file():
        return 0
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return count
    except sqlite3.OperationalError:  # not made yet, or busy
        return 0
    finally:
        connection.close()
