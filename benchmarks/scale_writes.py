"""Photos a second that index runs record in PostgreSQL beside each other.

The model is a stub: what it would have made of each photo is drawn before the clock starts, as
large as the shipped captioner's. The server syncs each commit to the disk, as by default.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from catalog.database import open_database
from catalog.home import Home, open_home
from catalog.model_registry import NewModel, register_models
from catalog.records import FileStamp, Metadata, NewPhoto, NewTag
from catalog.roots import note_online
from indexer.plan import Task
from indexer.prepare import Prepared
from indexer.record import Recorder, RunLog
from indexer.retry import RetryPolicy, Transactions
from tests.postgresql import Server, running_server

WRITERS = (1, 2, 4)
PHOTOS = 4096  # in all, shared out among the writers
BLOCK = 256  # photos of one transaction
STATE_BYTES, DIMENSION = 9600, 384
CAPTIONS, TAGS, TAG_NAMES = 3, 5, 1000


@dataclass(frozen=True)
class Written:
    """How long `writers` took for PHOTOS photos, and the CPU seconds of both sides."""

    writers: int
    seconds: float
    client_seconds: float
    server_seconds: float

    @property
    def rate(self) -> float:
        """Photos a second."""
        return PHOTOS / self.seconds


def measure() -> str:
    """A Markdown table: photos a second by number of writers."""
    with TemporaryDirectory() as folder, running_server(durable=True) as server:
        homes = [Home(open_home(Path(folder) / str(each)).path, "") for each in WRITERS]
        timed = [
            _timed(server, replace(home, database_url=server.new_database("writes")), writers)
            for home, writers in zip(homes, WRITERS, strict=True)
        ]
    return _table(timed)


def _table(timed: list[Written]) -> str:
    lines = [
        "| writers | photos/s | times one | CPU of the writers, ms a photo | of PostgreSQL |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each in timed:
        client, server = (
            1000 * taken / PHOTOS for taken in (each.client_seconds, each.server_seconds)
        )
        times = each.rate / timed[0].rate
        lines.append(
            f"| {each.writers} | {each.rate:.0f} | {times:.2f} | {client:.2f} | {server:.2f} |"
        )
    return "\n".join(lines)


def _timed(server: Server, home: Home, writers: int) -> Written:
    open_database(home).close()
    processes = multiprocessing.get_context("spawn")
    start = processes.Barrier(writers + 1)
    taken = processes.SimpleQueue()
    share = PHOTOS // writers
    started = [
        processes.Process(target=record_photos, args=(home, number, share, start, taken))
        for number in range(writers)
    ]
    for process in started:
        process.start()
    start.wait()  # all are ready
    before = _cpu_seconds(server)
    start.wait()
    began = time.perf_counter()
    client = sum(taken.get() for _ in started)
    seconds = time.perf_counter() - began
    for process in started:
        process.join()
    return Written(writers, seconds, client, _cpu_seconds(server) - before)


def _cpu_seconds(server: Server) -> float:
    """The processor time of a server and of all that it started, those that have ended included."""
    engine = create_engine(server.url)
    with engine.connect() as connection:
        backend = connection.scalar(text("SELECT pg_backend_pid()"))
        postmaster = _times(Path(f"/proc/{backend}"))[0]
        ticks = sum(_times(Path(f"/proc/{postmaster}"))[1:])
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                parent, own, _ = _times(folder)
                ticks += own if parent == postmaster else 0
    engine.dispose()
    return ticks / os.sysconf("SC_CLK_TCK")


def _times(process: Path) -> tuple[int, int, int]:
    """Of a process in Linux's /proc: its parent, its own ticks, those of children that ended."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = map(int, fields[11:15])
    return int(fields[1]), user + system, children_user + children_system


def record_photos(
    home: Home, number: int, count: int, start: Barrier, taken: SimpleQueue[float]
) -> None:
    """Record `count` photos of a root of its own, in blocks, as an index run does.

    Waits at `start` once it is ready, and once to begin; puts its CPU seconds into `taken`.
    """
    database = open_database(home)
    folder, log = os.fsencode(f"/photos-{number}"), RunLog()
    with database.write() as session:
        [model] = register_models(session, [NewModel("captioner", "stub", "0" * 64, {}, {})])
        root = note_online(session, folder, None).root_id
        log.open(session, [root])
    recorder = Recorder(model, "stub", {root: folder}, [root])
    blocks = [
        [_described(root, folder, key) for key in range(first, min(first + BLOCK, count))]
        for first in range(0, count, BLOCK)
    ]
    transactions = Transactions(database, RetryPolicy())
    for _ in ("ready", "go"):
        start.wait()
    before = time.process_time()
    for block in blocks:
        transactions.write(partial(_record, recorder, log, block))
    taken.put(time.process_time() - before)
    database.close()


def _record(
    recorder: Recorder, log: RunLog, block: list[tuple[Prepared, NewPhoto]], session: Session
) -> None:
    counts = recorder.add(session, [each for each, _ in block], [new for _, new in block])
    log.note(session, len(block), counts, 0)


def _described(root: int, folder: bytes, key: int) -> tuple[Prepared, NewPhoto]:
    """A photo as it is prepared and described, drawn by its number."""
    random = np.random.default_rng([root, key])
    stamp = FileStamp(b"2024/%02d/holiday-in-lisbon-%06d.jpg" % (key % 12, key), 10**6 + key, key)
    digest = sha256(b"%d %d" % (root, key)).hexdigest()
    metadata = Metadata(4000, 3000, "JPEG", datetime(2024, 5, 6, tzinfo=UTC), "Canon", 38.7, -9.1)
    vectors = random.standard_normal((2, DIMENSION)).astype(np.float32)
    chosen = random.choice(TAG_NAMES, TAGS, replace=False).tolist()
    new = NewPhoto(
        file=stamp,
        content_hash=digest,
        metadata=metadata,
        captions=tuple(
            (f"a group of people that walks along street number {each}", -9.0)
            for each in random.integers(0, 1000, CAPTIONS).tolist()
        ),
        vectors=dict(zip(("caption", "visual"), vectors, strict=True)),
        state=random.bytes(STATE_BYTES),
        bias=0.5,
        tags=tuple(NewTag(f"class {each}", f"class {each}, a thing", 0.2) for each in chosen),
    )
    pixels = np.empty((3, 0, 0), np.uint8)  # nothing looks at them any more
    return Prepared(Task(root, folder, stamp, None, False), digest, metadata, pixels), new
