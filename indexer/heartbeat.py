"""The sign of life of a run, for servers on other machines, which see no lock file of its home."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from catalog.database import Database, DatabaseUnavailable
from catalog.runs import beat
from indexer.record import RunLog

BEAT_SECONDS = 2.0


@contextmanager
def beating(database: Database, log: RunLog) -> Iterator[None]:
    """While this is open the run of a log is seen to go on, and hears where it is asked to end.

    Only in a database on a server: who shares an SQLite file shares the home with its lock. One
    that does not answer is asked again.
    """
    if database.engine.dialect.name == "sqlite":
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(database, log, over), name="heartbeat")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(database: Database, log: RunLog, over: threading.Event) -> None:
    while True:
        with suppress(DatabaseUnavailable), database.write() as session:
            log.is_stop_requested |= beat(session, log.run_id)
        if over.wait(BEAT_SECONDS):
            return
