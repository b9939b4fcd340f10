"""Requests to stop an index run, as a file in the home that the run itself looks for.

No process is signalled by a number that was noted: another may have it by now, or it is one of
another machine or container that shares the home.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from catalog.home import Home

NAME = "stop-run"


def request_stop(home: Home, run_id: int) -> None:
    """Ask a run to end; raises OSError where nothing can be written in the home."""
    # A link in its place is not followed: it may lead to anybody's file.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(_file(home), flags, 0o600), "w", encoding="ascii") as file:
        file.write(str(run_id))


def is_stop_requested(home: Home, run_id: int) -> bool:
    """Whether this run is asked to end."""
    try:
        return _file(home).read_bytes() == str(run_id).encode()
    except OSError:
        return False


def withdraw_request(home: Home) -> None:
    """Forget a request that came too late for its run; for the holder of the writer's lock."""
    with suppress(OSError):
        _file(home).unlink()


def _file(home: Home) -> Path:
    return home.path / NAME
