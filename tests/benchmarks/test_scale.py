"""The measurements past one machine run, on a few photos."""

import threading
from dataclasses import replace
from queue import SimpleQueue

import pytest

from benchmarks import scale_vectors, scale_writes
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


@pytest.mark.scale
def test_vector_stores_are_measured_beside_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    rows = scale_vectors.measure(count=2_000, asked=3).splitlines()
    assert rows[0].startswith("| 2,000 vectors |")
    labels = [row.split(" | ")[0] for row in rows if " | 1.000 |" in row]
    passing = ("no filter", "10% pass", "1% pass", "0.1% pass")
    assert labels == [f"| {name}, {each}" for name in ("faiss", "pgvector") for each in passing]
    assert "2,000 photos were written" in capsys.readouterr().err
