"""The indexing state of an application, shared by all its requests: runner, monitor, streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import cast

from flask import Flask, current_app

from catalog.database import Database
from catalog.home import Home
from catalog.runs import ask_to_end, list_runs
from catalog.stop_request import request_stop
from search.engine import SearchEngine
from web.config import WebConfig
from web.indexing.events import Streams
from web.indexing.progress import ProgressMonitor
from web.indexing.runner import IndexRunner, NothingRuns

_INDEXING = "tellshow_indexing"


@dataclass(frozen=True)
class Indexing:
    """The runner of index runs, the monitor of their progress, and the event streams."""

    home: Home
    database: Database
    runner: IndexRunner
    monitor: ProgressMonitor
    streams: Streams = field(default_factory=Streams)

    def stop(self) -> None:
        """Ask the run to end that goes on, if a server started it.

        Raises NothingRuns and DatabaseUnavailable.
        """
        try:
            self.runner.stop()
        except NothingRuns:
            seen = self.monitor.progress(fresh=True)
            if not seen.here or seen.active_run is None:
                raise
            request_stop(self.home, seen.active_run.run_id)
            if seen.active_run.is_alive:
                with self.database.write() as session:
                    ask_to_end(session, seen.active_run.run_id)

    def close_streams(self) -> None:
        """End every event stream, so that the server can stop."""
        self.streams.closed.set()

    def close(self) -> None:
        """End every stream and the run of this server's, and wait for its end."""
        self.close_streams()
        self.runner.close()


def bind_indexing(app: Flask, engine: SearchEngine, config: WebConfig) -> None:
    """Let the handlers of `app` index the folders that `config` allows."""
    home, database = engine.home, engine.database
    running = partial(_is_run_alive, database)
    runner = IndexRunner(home, config.indexable, config.index_command, running)
    monitor = ProgressMonitor(home, database, runner)
    app.extensions[_INDEXING] = Indexing(home, database, runner, monitor)


def _is_run_alive(database: Database) -> bool:
    with database.read() as session:
        return any(run.is_alive for run in list_runs(session, 1))


def indexing_of(app: Flask) -> Indexing:
    """The indexing state of `app`."""
    return cast(Indexing, app.extensions[_INDEXING])


def current_indexing() -> Indexing:
    """The indexing state of the app that handles this request."""
    return indexing_of(current_app)
