"""The indexing state of an application, shared by all its requests: runner, monitor, streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from catalog.home import Home
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
    runner: IndexRunner
    monitor: ProgressMonitor
    streams: Streams = field(default_factory=Streams)

    def stop(self) -> None:
        """Ask the run to end that goes on, if a server started it; raises NothingRuns."""
        try:
            self.runner.stop()
        except NothingRuns:
            seen = self.monitor.progress(fresh=True)
            if not seen.here or seen.active_run is None:
                raise
            request_stop(self.home, seen.active_run.run_id)

    def close_streams(self) -> None:
        """End every event stream, so that the server can stop."""
        self.streams.closed.set()

    def close(self) -> None:
        """End every stream and the run of this server's, and wait for its end."""
        self.close_streams()
        self.runner.close()


def bind_indexing(app: Flask, engine: SearchEngine, config: WebConfig) -> None:
    """Let the handlers of `app` index the folders that `config` allows."""
    runner = IndexRunner(engine.home, config.indexable, config.index_command)
    app.extensions[_INDEXING] = Indexing(
        engine.home, runner, ProgressMonitor(engine.home, engine.database, runner)
    )


def indexing_of(app: Flask) -> Indexing:
    """The indexing state of `app`."""
    return cast(Indexing, app.extensions[_INDEXING])


def current_indexing() -> Indexing:
    """The indexing state of the app that handles this request."""
    return indexing_of(current_app)
