"""The progress of indexing, by this server or by a command elsewhere.

The database says how far a run is; whether its process is still alive says the writer's lock, and
of one on another machine the database, too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from catalog.advisory_lock import is_catalog_written
from catalog.database import Database
from catalog.home import Home
from catalog.paths import show_path
from catalog.roots import list_roots
from catalog.runs import RunView, list_runs
from catalog.stop_request import is_stop_requested
from web.indexing.runner import ActiveRun, IndexRunner, folder_text

IDLE, STARTING, LOOKING, READING = "idle", "starting", "looking", "reading"
SAVING, BUSY = "saving", "busy"

_CACHE_SECONDS = 0.4  # all streams share what was read within this time


@dataclass(frozen=True)
class Progress:
    """What is being indexed at one moment.

    `state`: "idle"; "starting", a run of this server's that has not begun yet; "looking" for
    files; "reading" them; "saving" what was found; "busy", somebody writes and it is no index
    run. `run` is the last one that was recorded, `here` says that this server started it, or that
    another did and is gone or beside this one: it can be stopped from here.
    """

    state: str
    here: bool
    stopping: bool
    folders: tuple[str, ...]
    run: RunView | None

    @property
    def is_idle(self) -> bool:
        """Whether nobody writes."""
        return self.state == IDLE

    @property
    def active_run(self) -> RunView | None:
        """The run that is going on, once it is recorded."""
        return self.run if self.state in (LOOKING, READING) else None

    @property
    def photos_per_second(self) -> float | None:
        """Files a second since the first one; None where nobody can tell yet."""
        run = self.active_run
        return run.done / run.seconds if run and run.done and run.seconds else None

    @property
    def seconds_left(self) -> float | None:
        """How long it takes if it goes on like this; None where nobody can tell."""
        run, rate = self.active_run, self.photos_per_second
        return (run.total - run.done) / rate if run and rate and run.total is not None else None

    def to_json(self) -> dict[str, object]:
        """The object of a `progress` event."""
        run, rate, left = self.active_run, self.photos_per_second, self.seconds_left
        return {
            "state": self.state,
            "here": self.here,
            "stopping": self.stopping,
            "folders": list(self.folders),
            "run_id": run.run_id if run else None,
            "done": run.done if run else 0,
            "total": run.total if run else None,
            "indexed": run.counts.get("indexed", 0) if run else 0,
            "skipped": run.counts.get("skipped", 0) if run else 0,
            "photos_per_second": rate and round(rate, 2),
            "seconds_left": left if left is None else round(left, 1),
        }


class ProgressMonitor:
    """Reads the progress of indexing, at most a few times a second however many ask."""

    def __init__(self, home: Home, database: Database, runner: IndexRunner) -> None:
        self._home, self._database, self._runner = home, database, runner
        self._lock = Lock()
        self._progress: Progress | None = None
        self._read_at = 0.0

    def progress(self, fresh: bool = False) -> Progress:
        """The progress now, or one read a moment ago unless `fresh`; raises DatabaseUnavailable."""
        with self._lock:
            if fresh or self._progress is None or time.monotonic() - self._read_at > _CACHE_SECONDS:
                self._progress, self._read_at = self._read(), time.monotonic()
            return self._progress

    def _read(self) -> Progress:
        # Read before the lock: a run of ours that ended in between would look like another's.
        active = self._runner.active_run
        written = is_catalog_written(self._home, self._database)
        with self._database.read() as session:
            run = next(iter(list_runs(session, 1)), None)
            names = {root.root_id: show_path(root.path) for root in list_roots(session)}
        written = written or (run is not None and run.is_alive)
        state = _state(run, active, written)
        other = run if active is None and state in (LOOKING, READING) else None
        other = other if self._may_stop(other) else None
        return Progress(
            state=state,
            here=active is not None or other is not None,
            stopping=active.stopping if active else self._is_stopping(other),
            folders=_folders(state, run, active, names),
            run=run,
        )

    def _may_stop(self, run: RunView | None) -> bool:
        """Whether another server started it, and visitors of this one may index as well."""
        allowed = bool(self._runner.folders) and not self._home.read_only
        return run is not None and run.stoppable and allowed

    def _is_stopping(self, run: RunView | None) -> bool:
        if run is None:
            return False
        return run.stop_requested or is_stop_requested(self._home, run.run_id)


def _state(run: RunView | None, active: ActiveRun | None, written: bool) -> str:
    if active is not None:
        if run is None or run.started_at < active.started_at:
            return STARTING
        return SAVING if run.finished_at else _how_far(run)
    if not written:
        return IDLE
    # A run that was killed before stays open for ever; who writes now may be something else.
    return BUSY if run is None or run.finished_at else _how_far(run)


def _how_far(run: RunView) -> str:
    return LOOKING if run.total is None else READING


def _folders(
    state: str, run: RunView | None, active: ActiveRun | None, names: Mapping[int, str]
) -> tuple[str, ...]:
    if active is not None:
        return (folder_text(active.folder),)
    if run is None or state in (IDLE, BUSY):
        return ()
    return tuple(names[root] for root in run.roots if root in names)
