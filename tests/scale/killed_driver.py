"""A driver that ends itself by SIGKILL: killed_driver.py HOME FOLDER ADDRESS WHEN.

WHEN: "read" as soon as a block came back; "before" its commit; "after" it.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalog.database import open_database
from catalog.home import open_home
from indexer.pipeline import Indexer
from indexer.progress import Silent
from indexer.ray_engine import RayEngine, RayOptions
from indexer.record import Recorder
from tests.scale.quick_models import QuickModels

# Of the block that is lost; the one before is committed by then.
SECOND = 2
BLOCK = 8


class Killer(Silent):
    """Kills at the second call; as a progress, when the second block is read, or is committed."""

    def __init__(self, when: str) -> None:
        self._when, self._calls = when, 0

    def read(self, count: int) -> None:
        self.call("read")

    def advance(self, count: int) -> None:
        self.call("after")

    def call(self, moment: str) -> None:
        self._calls += moment == self._when
        if self._calls == SECOND:
            os.kill(os.getpid(), signal.SIGKILL)

    def behind(self, add: Callable[..., Any]) -> Callable[..., Any]:
        """Recorder.add, and then a kill: what it wrote is not committed."""

        def added(*arguments: Any) -> Any:
            counts = add(*arguments)
            self.call("before")
            return counts

        return added


def main(home: str, folder: str, address: str, when: str) -> None:
    killer = Killer(when)
    Recorder.add = killer.behind(Recorder.add)  # type: ignore[method-assign]
    opened, quick = open_home(Path(home)), QuickModels(Path(home))
    captioner, embedder = quick.load()
    database = open_database(opened)
    options = RayOptions(address, workers=1, batch_size=BLOCK)
    with RayEngine(opened, quick.load, captioner.config.encoder.image_size, options) as engine:
        indexer = Indexer(opened, database, captioner, embedder, engine=engine)
        indexer.index([Path(folder)], killer)


if __name__ == "__main__":
    main(*sys.argv[1:])
