"""Requests to stop an index run, each a file in the home that the run itself looks for.

A home on PostgreSQL may have several runs at once, of several folders. No process is signalled by a
number that was noted: another may have it by now, or it is one of another machine or container that
shares the home.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from catalog.home import Home

_NAME = re.compile(r"stop-run(?:-[0-9]+)?", re.ASCII)  # former releases had one, for any run


def request_stop(home: Home, run_id: int) -> None:
    """Ask a run to end; raises OSError where nothing can be written in the home."""
    # A link in its place is not followed: it may lead to anybody's file.
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    os.close(os.open(_file(home, run_id), flags, 0o600))


def is_stop_requested(home: Home, run_id: int) -> bool:
    """Whether this run is asked to end."""
    return os.path.lexists(_file(home, run_id))


def withdraw_request(home: Home, run_id: int) -> None:
    """Forget a request to this run, which ended or, where an old catalog came back, begins."""
    with suppress(OSError):
        _file(home, run_id).unlink()


def withdraw_others(home: Home, run_id: int) -> None:
    """Forget requests that came too late for their runs; for the only run that goes on."""
    with suppress(OSError):
        for path in home.path.iterdir():
            if _NAME.fullmatch(path.name) and path != _file(home, run_id):
                path.unlink()


def _file(home: Home, run_id: int) -> Path:
    return home.path / f"stop-run-{run_id}"
