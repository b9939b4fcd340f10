"""Index runs that the server starts: a process of its own for one of the folders allowed for it.

The server neither waits for it nor shares memory or interpreter with it. Knows nothing of HTTP,
nor of how a run is done: what to start is given, and it prints what `tellshow index --json` does.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any

from catalog.home import Home
from catalog.lock import is_being_written
from catalog.paths import show_path

_NICENESS = 10
_STOP_SECONDS = 15.0  # a batch may have to be finished first
_TOLD = 4000  # bytes of what a failed run had to say


class NotPermitted(Exception):
    """The folder is none of those that may be indexed from the page."""


class AlreadyRunning(Exception):
    """Somebody writes to the home already."""


class NothingRuns(Exception):
    """There is no run of this server's to stop."""


@dataclass(frozen=True)
class Ended:
    """A run of this server's that is over.

    `report` is the object it printed, None where it failed or was stopped; `message` is then the
    last thing it said.
    """

    folder: Path
    ended_at: datetime
    stopped: bool
    report: Mapping[str, Any] | None
    message: str

    def to_json(self) -> dict[str, object]:
        """How it ended, as the API tells it."""
        return {
            "folder": shown(self.folder),
            "ended_at": self.ended_at.isoformat(),
            "stopped": self.stopped,
            "message": self.message,
            "report": self.report,
        }


@dataclass
class Going:
    """A run of this server's that goes on."""

    folder: Path
    started_at: datetime
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    errors: IO[bytes]
    stopping: bool = False


class IndexRunner:
    """Starts and stops index runs, one at a time; safe to use from several threads.

    `command` is what indexes a folder that stands behind it.
    """

    def __init__(self, home: Home, folders: Sequence[Path], command: Sequence[str]) -> None:
        self.folders = tuple(folders)
        self._home = home
        self._command = tuple(command)
        self._lock = Lock()
        self._going: Going | None = None
        self._ended: Ended | None = None
        self._waiter: Thread | None = None

    @property
    def going(self) -> Going | None:
        """The run that goes on, if there is one."""
        return self._going

    @property
    def ended(self) -> Ended | None:
        """The last run that is over, if there is one."""
        return self._ended

    def allowed(self, named: int | str) -> Path:
        """The folder of a number, from 1, or of exactly this path. Raises NotPermitted."""
        for number, folder in enumerate(self.folders, start=1):
            if named == number or named == shown(folder):
                return folder
        raise NotPermitted

    def start(self, folder: Path) -> None:
        """Begin to index a folder that is allowed. Raises NotPermitted and AlreadyRunning."""
        if folder not in self.folders:
            raise NotPermitted
        with self._lock:
            if self._going is not None or is_being_written(self._home):
                raise AlreadyRunning
            self._going = going = self._spawn(folder)
            self._waiter = Thread(target=self._reap, args=(going,), name="index run", daemon=True)
            self._waiter.start()

    def stop(self) -> None:
        """Ask the run to end; it saves what it has first. Raises NothingRuns."""
        with self._lock:
            if self._going is None:
                raise NothingRuns
            self._going.stopping = True
            self._going.process.terminate()

    def close(self) -> None:
        """End the run, if there is one, and wait until it has."""
        with self._lock:
            going, waiter = self._going, self._waiter
        if going is None or waiter is None:
            return
        going.stopping = True
        going.process.terminate()
        waiter.join(_STOP_SECONDS)
        going.process.kill()  # does nothing to one that has ended
        waiter.join()

    def _spawn(self, folder: Path) -> Going:
        # Files, not pipes: however much it says, nobody has to read along.
        output, errors = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115
        started_at = datetime.now(UTC)
        process = subprocess.Popen(
            [*self._command, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for the server, which then ends the run itself
        )
        _be_nice(process)
        return Going(folder, started_at, process, output, errors)

    def _reap(self, going: Going) -> None:
        code = going.process.wait()
        with going.output, going.errors:
            report = _report(going.output) if code == 0 else None
            message = "" if report else _last_line(going.errors)
        ended = Ended(going.folder, datetime.now(UTC), going.stopping, report, message)
        with self._lock:
            self._going, self._ended = None, ended


def shown(folder: Path) -> str:
    """A folder as people and programs are told it."""
    return show_path(os.fsencode(folder))


def _be_nice(process: subprocess.Popen[bytes]) -> None:
    """Let searches go first; it has no threads yet, so all of them inherit this."""
    if hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, min(19, os.nice(0) + _NICENESS))


def _report(output: IO[bytes]) -> Mapping[str, Any] | None:
    output.seek(0)
    try:
        found = json.load(output)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _last_line(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _TOLD))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("tellshow: ") if lines else "It said nothing about why it ended."
