"""Index runs that the server starts: a subprocess for one of the allowed folders at a time.

The command is given, and prints what `tellshow index --json` does; this floor indexes nothing
itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any

from catalog.home import Home
from catalog.lock import is_being_written
from catalog.paths import show_path

_NICENESS = 10
# A batch may have to be described and written, and vector files saved, by a process that is nice.
_STOP_SECONDS = 60.0
_ERROR_BYTES = 4000  # read of the end of a failed run's stderr


class NotPermitted(Exception):
    """The folder is none of those that may be indexed from the page."""


class AlreadyRunning(Exception):
    """Somebody writes to the home already."""


class NothingRuns(Exception):
    """This server runs nothing that could be stopped."""


@dataclass(frozen=True)
class EndedRun:
    """A run of this server's that has ended.

    `report` is the object it printed, None where it failed or was stopped; `message` is then the
    last line of its stderr.
    """

    folder: Path
    ended_at: datetime
    stopped: bool
    report: Mapping[str, Any] | None
    message: str

    def to_json(self) -> dict[str, object]:
        """The field `last` of the API's answer."""
        return {
            "folder": folder_text(self.folder),
            "ended_at": self.ended_at.isoformat(),
            "stopped": self.stopped,
            "message": self.message,
            "report": self.report,
        }


@dataclass
class ActiveRun:
    """A run of this server's that is going on."""

    folder: Path
    started_at: datetime
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    errors: IO[bytes]
    stopping: bool = False


class IndexRunner:
    """Starts and stops index runs, one at a time; safe to use from several threads.

    `command`: the arguments of a program to which the folder is appended. `is_running_elsewhere`
    tells of a run on another machine, whose lock is not this home's.
    """

    def __init__(
        self,
        home: Home,
        folders: Sequence[Path],
        command: Sequence[str],
        is_running_elsewhere: Callable[[], bool] = bool,
    ) -> None:
        self.folders = tuple(folders)
        self._home = home
        self._command = tuple(command)
        self._is_running_elsewhere = is_running_elsewhere
        self._lock = Lock()
        self._active: ActiveRun | None = None
        self._last: EndedRun | None = None
        self._waiter: Thread | None = None

    @property
    def active_run(self) -> ActiveRun | None:
        """The run that is going on, if there is one."""
        return self._active

    @property
    def last_run(self) -> EndedRun | None:
        """The last run that has ended, if there is one."""
        return self._last

    def allowed(self, named: int | str) -> Path:
        """The allowed folder of a number, from 1, or of exactly this path; raises NotPermitted."""
        for number, folder in enumerate(self.folders, start=1):
            if named == number or named == folder_text(folder):
                return folder
        raise NotPermitted

    def start(self, folder: Path) -> None:
        """Begin to index an allowed folder.

        Raises NotPermitted, AlreadyRunning and DatabaseUnavailable.
        """
        if folder not in self.folders:
            raise NotPermitted
        with self._lock:
            if self._active is not None or is_being_written(self._home):
                raise AlreadyRunning
            if self._is_running_elsewhere():
                raise AlreadyRunning
            self._active = active = self._spawn(folder)
            self._waiter = Thread(target=self._reap, args=(active,), name="index run", daemon=True)
            self._waiter.start()

    def stop(self) -> None:
        """Ask the run to end, which saves what it has first; raises NothingRuns."""
        with self._lock:
            if self._active is None:
                raise NothingRuns
            self._active.stopping = True
            self._active.process.terminate()

    def close(self) -> None:
        """End the run, if there is one, and wait until it has."""
        with self._lock:
            active, waiter = self._active, self._waiter
        if active is None or waiter is None:
            return
        active.stopping = True
        active.process.terminate()
        waiter.join(_STOP_SECONDS)
        active.process.kill()  # does nothing to one that has ended
        waiter.join()

    def _spawn(self, folder: Path) -> ActiveRun:
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
        return ActiveRun(folder, started_at, process, output, errors)

    def _reap(self, active: ActiveRun) -> None:
        code = active.process.wait()
        with active.output, active.errors:
            report = _report(active.output) if code == 0 else None
            message = "" if report else _last_line(active.errors)
        last_run = EndedRun(active.folder, datetime.now(UTC), active.stopping, report, message)
        with self._lock:
            self._active, self._last = None, last_run


def folder_text(folder: Path) -> str:
    """A folder's path as text; bytes that are none show as ?."""
    return show_path(os.fsencode(folder))


def _be_nice(process: subprocess.Popen[bytes]) -> None:
    """Lower the priority of a new process; it has no threads yet, so all of them inherit it."""
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
    errors.seek(max(0, size - _ERROR_BYTES))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("tellshow: ") if lines else "It said nothing about why it ended."
