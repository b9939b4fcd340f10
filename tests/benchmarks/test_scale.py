"""The measurements past one machine run, on a few photos."""

import threading
from dataclasses import replace
from queue import SimpleQueue

from benchmarks import scale_writes
from catalog.database import open_database
from catalog.home import Home
from catalog.views import Counts, count_rows
from tests.postgresql import Server


def test_writers_record_all_their_photos(home: Home, postgresql: Server) -> None:
    home = replace(home, database_url=postgresql.new_database("scale"))
    database, start = open_database(home), threading.Barrier(2, timeout=60)
    taken: SimpleQueue[float] = SimpleQueue()
    writers = [
        threading.Thread(target=scale_writes.record_photos, args=(home, each, 300, start, taken))
        for each in range(2)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with database.read() as session:
        assert count_rows(session) == Counts(photos=600, captions=1800, failures=0, vectors=1200)
    database.close()
    assert taken.get() > 0
