"""Benchmark: pgvector beside FAISS, over the same vectors in the same PostgreSQL.

    python -m benchmarks.scale_vectors --photos 200000

A server of its own is started, with its own settings as they come, and thrown away. Photos and
vectors are made up (benchmarks/vectors.py), one kind; dates are at random, and filters by date let
10, 1 and 0.1% of the photos pass. What is done is told on stderr meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.machine import described
from benchmarks.vectors import DIMENSION, RESULTS, mixture, sentences
from catalog.change_feed import next_change
from catalog.database import Database, open_database
from catalog.filters import Condition, PhotoFilter
from catalog.home import Home, open_home
from catalog.model_registry import register_model
from catalog.photos import add_photos
from catalog.records import FileStamp, Metadata, NewPhoto
from catalog.roots import get_or_add_root
from catalog.vectors.chosen_store import StoreName, VectorStore
from catalog.vectors.factory import make_vector_index
from catalog.vectors.interface import VectorIndex, Vectors
from tests.postgresql import running_server

T = TypeVar("T")

KIND = "visual"
# Of photos that pass, as filters by date.
SHARES = (0.1, 0.01, 0.001)

_FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_STORES = (StoreName.FAISS, StoreName.PGVECTOR)
_WRITTEN = 256
_TELL_SECONDS = 20.0
_PLAIN = Metadata(640, 480, "JPEG", None, None, None, None)
_PHOTOS = """
INSERT INTO photo (root_id, path, content_hash, size, mtime_ns, width, height, format, taken_at,
                   indexed_at)
SELECT :root, convert_to(place::text, 'UTF8'), md5(place::text), 1, 1, 640, 480, 'JPEG',
  :first_day + minute * interval '1 minute', now()
FROM unnest(CAST(:minutes AS int[])) WITH ORDINALITY AS each (minute, place) ORDER BY place
"""


def fill(database: Database, folder: Path, vectors: Vectors) -> int:
    """Put photos with vectors [N, D] into an empty catalog; returns the id of their model.

    Each was taken in a minute of its own, in no order; ids are 1 to N.
    """
    minutes = np.random.default_rng(0).permutation(len(vectors)).tolist()
    with database.write() as session:
        model = register_model(
            session, kind="captioner", name="made up", sha256="0" * 64, config={}, metrics={}
        )
        root = get_or_add_root(session, folder)
        own = {"root": root, "minutes": minutes, "first_day": _FIRST_DAY}
        session.execute(text(_PHOTOS), own)
        _copy_vectors(session, model, next_change(session), vectors)
    with database.write() as session:
        session.execute(text("ANALYZE"))
    return model


def newest(share: float, count: int) -> PhotoFilter:
    """A filter that a share of so many photos pass."""
    return PhotoFilter(after=_FIRST_DAY + timedelta(minutes=round(count * (1 - share))))


def recall_of(index: VectorIndex, vectors: Vectors, queries: Vectors, share: float | None) -> float:
    """Of the RESULTS nearest photos, or of all that pass where they are fewer, the share found.

    Raises AssertionError where fewer are found than there are.
    """
    count = len(vectors)
    allowed = np.arange(count)
    if share is not None:
        minutes = np.random.default_rng(0).permutation(count)
        allowed = np.flatnonzero(minutes >= round(count * (1 - share)))
    kept = vectors[allowed].astype(np.float16).astype(np.float32)
    wanted = min(RESULTS, len(allowed))
    found = []
    for row in queries:
        true = allowed[np.argsort(-(kept @ row))[:wanted]] + 1
        ids = index.search(row[None], RESULTS, _condition(share, count))[0][0]
        if (ids >= 0).sum() != wanted:
            raise AssertionError(f"{(ids >= 0).sum()} photos were found where {wanted} pass")
        found.append(np.isin(true, ids).mean())
    return float(np.mean(found))


def measure(count: int = 200_000, asked: int = 200) -> str:
    """A Markdown table: both stores over `count` vectors, each asked `asked` sentences by filter.

    Raises ServerUnavailable without PostgreSQL.
    """
    vectors, queries = mixture(0, count), sentences(asked)
    lines = [
        f"| {count:,} vectors | p50 ms | p95 ms | recall@{RESULTS} |",
        "| --- | --- | --- | --- |",
    ]
    with _catalog() as (home, database):
        model, seconds = _timed(lambda: fill(database, home.path, vectors))
        _tell(f"{count:,} photos were written in {seconds:.0f} s")
        for name in _STORES:
            for row in _rows(name, home, database, model, vectors, queries):
                _tell(row)
                lines.append(row)
    return "\n".join(lines)


def _rows(
    name: StoreName, home: Home, database: Database, model: int, vectors: Vectors, queries: Vectors
) -> Iterator[str]:
    """What a store takes to be built and to write a block, and by filter to be asked."""
    chosen = replace(home, vector_store=VectorStore(name))
    index = make_vector_index(chosen, database, model, KIND, DIMENSION)
    with _told(name, database, len(vectors)):
        _, seconds = _timed(index.rebuild)
    written = _timed(lambda: _write(database, home.path, model, vectors[:_WRITTEN]))[1]
    yield (
        f"| {name.value}, built in {seconds:.1f} s; {_WRITTEN} photos written in "
        f"{1000 * written:.0f} ms | | | |"
    )
    for share in (None, *SHARES):
        label = "no filter" if share is None else f"{100 * share:g}% pass"
        took = [_ask(index, row, share, len(vectors)) for row in (*queries[:5], *queries)][5:]
        half, most = 1000 * np.percentile(took, [50, 95])
        recall = recall_of(index, vectors, queries[:50], share)
        yield f"| {name.value}, {label} | {half:.1f} | {most:.1f} | {recall:.3f} |"


def _write(database: Database, folder: Path, model: int, vectors: Vectors) -> None:
    """Store photos with vectors [N, D] in one transaction, and take them back."""
    photos = [
        NewPhoto(FileStamp(b"new %d" % place, 1, 1), "0" * 64, _PLAIN, (), {KIND: row}, b"", 0.0)
        for place, row in enumerate(vectors)
    ]
    with database.write() as session:
        add_photos(session, get_or_add_root(session, folder), model, photos, "made up")
        session.rollback()


def _ask(index: VectorIndex, row: Vectors, share: float | None, count: int) -> float:
    condition = _condition(share, count)
    return _timed(lambda: index.search(row[None], RESULTS, condition))[1]


def _condition(share: float | None, count: int) -> Condition | None:
    return None if share is None else Condition(newest(share, count))


@contextmanager
def _catalog() -> Iterator[tuple[Home, Database]]:
    """An empty home whose catalog lies in a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as folder, running_server() as server:
        home = replace(open_home(Path(folder) / "home"), database_url=server.empty())
        database = open_database(home)
        try:
            yield home, database
        finally:
            database.close()


def _copy_vectors(session: Session, model: int, change: int, vectors: Vectors) -> None:
    halves: NDArray[np.float16] = vectors.astype("<f2")
    driver: Any = session.connection().connection.driver_connection
    statement = "COPY vector (photo_id, kind, model_id, change, blob) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["int4", "varchar", "int4", "int8", "bytea"])
        for place, row in enumerate(halves, start=1):
            copy.write_row((place, KIND, model, change, row.tobytes()))


@contextmanager
def _told(name: StoreName, database: Database, count: int) -> Iterator[None]:
    """Tell meanwhile how many vectors of a graph are linked, as PostgreSQL counts them."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(_TELL_SECONDS):
            with database.read() as session:
                done = session.scalar(text("SELECT tuples_done FROM pg_stat_progress_create_index"))
            if done:
                _tell(f"{name.value}: {done:,} of {count:,} vectors are linked")

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def main() -> None:
    """Print the machine and the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=200, help="for each filter")
    chosen = parser.parse_args()
    print(described())
    print(measure(chosen.photos, chosen.queries))


if __name__ == "__main__":
    main()
