"""The indexing state of an application, shared by all its requests: runner, monitor, streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from search.engine import SearchEngine
from web.config import WebConfig
from web.indexing.events import Streams
from web.indexing.progress import ProgressMonitor
from web.indexing.runner import IndexRunner

_INDEXING = "tellshow_indexing"


@dataclass(frozen=True)
class Indexing:
    """The runner of index runs, the monitor of their progress, and the event streams."""

    runner: IndexRunner
    monitor: ProgressMonitor
    streams: Streams = field(default_factory=Streams)

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
        runner, ProgressMonitor(engine.home, engine.database, runner)
    )


def indexing_of(app: Flask) -> Indexing:
    """The indexing state of `app`."""
    return cast(Indexing, app.extensions[_INDEXING])


def current_indexing() -> Indexing:
    """The indexing state of the app that handles this request."""
    return indexing_of(current_app)
