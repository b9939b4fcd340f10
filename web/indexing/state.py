"""What an application holds to index and to watch it: one of each for all its requests.

Knows nothing of routes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from search.engine import SearchEngine
from web.config import WebConfig
from web.indexing.events import Streams
from web.indexing.progress import Watch
from web.indexing.runner import IndexRunner

_INDEXING = "tellshow_indexing"


@dataclass(frozen=True)
class Indexing:
    """The runner of index runs, the watch over all of them, and who is told."""

    runner: IndexRunner
    watch: Watch
    streams: Streams = field(default_factory=Streams)

    def hush(self) -> None:
        """End every stream; call it when the server is to stop."""
        self.streams.closed.set()

    def close(self) -> None:
        """End every stream and the run of this server's, and wait for its end."""
        self.hush()
        self.runner.close()


def bind_indexing(app: Flask, engine: SearchEngine, config: WebConfig) -> None:
    """Let the handlers of `app` index the folders that `config` allows."""
    runner = IndexRunner(engine.home, config.indexable, config.index_command)
    app.extensions[_INDEXING] = Indexing(runner, Watch(engine.home, engine.database, runner))


def indexing_of(app: Flask) -> Indexing:
    """What `app` indexes with."""
    return cast(Indexing, app.extensions[_INDEXING])


def current_indexing() -> Indexing:
    """What the app that handles this request indexes with."""
    return indexing_of(current_app)
