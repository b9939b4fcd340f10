"""Benchmark: searches by two servers on one PostgreSQL and one store, while a third indexes.

    python -m benchmarks.scale_servers

The photos are parts of the sample photos. Each server is a real `tellshow serve` with a home of its
own; each phase has as many clients, who ask without a pause.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.clients import Asked, ask_together
from benchmarks.machine import described
from benchmarks.server_process import serving, start, stop
from indexer.sample_photos import copy_sample_photos
from tests.postgresql import running_server

FIRST, MORE = 200, 1000  # photos that are there, and that are indexed meanwhile
SIDE = 224
CLIENTS, SECONDS, K = 4, 20.0, 20
QUERIES = (
    "a cat looks at the camera", "a rocket on its way", "a cup of coffee", "a woman in orange",
    "a wall of bricks", "grass", "coins on a table", "a clock", "galaxies in the dark", "a man",
)  # fmt: skip


def measure() -> str:
    """A Markdown table: answers a second and latency by one server, by two, and while indexing.

    Raises RuntimeError where something does not start, ServerUnavailable without PostgreSQL.
    """
    with running_server() as server, tempfile.TemporaryDirectory(prefix="tellshow-") as name:
        top = Path(name)
        (top / "store").mkdir()
        settings = {
            "TELLSHOW_DATABASE_URL": server.new_database("servers"),
            "TELLSHOW_STORE": f"file:{top}/store",
        }
        with _environment(settings):
            return _measured(top)


def _measured(top: Path) -> str:
    indexing = ["index", "--home", str(top / "indexing")]
    make_photos(top / "first", FIRST, seed=0)
    make_photos(top / "more", MORE, seed=1)
    if start([*indexing, str(top / "first")]).wait():
        raise RuntimeError("the photos cannot be indexed")
    rows = ["| | searches a second | p50 ms | p95 ms | errors |", "| --- | --- | --- | --- | --- |"]
    with serving(top / "one") as one, serving(top / "two") as two:
        both = [one.address, two.address]
        rows.append(_row("one server", _asked(both[:1])))
        rows.append(_row("two servers", _asked(both)))
        process = start([*indexing, str(top / "more")])
        try:
            rows.append(_row("two servers, while a third process indexes", _asked(both)))
            if process.poll() is not None:
                raise RuntimeError("it had indexed all before the clients had asked")
        finally:
            stop(process)
    return "\n".join(rows)


def make_photos(folder: Path, count: int, seed: int, side: int = SIDE) -> None:
    """Random parts of the sample photos, each another one, squares of `side` pixels."""
    chance = random.Random(seed)
    folder.mkdir()
    with tempfile.TemporaryDirectory(prefix="tellshow-") as name:
        copy_sample_photos(Path(name) / "samples")
        pictures = [Image.open(path) for path in sorted((Path(name) / "samples").iterdir())]
        for number in range(count):
            whole = pictures[number % len(pictures)].convert("RGB")
            cut = chance.randint(min(whole.size) // 2, min(whole.size))
            left, top = (chance.randint(0, edge - cut) for edge in whole.size)
            part = whole.crop((left, top, left + cut, top + cut)).resize((side, side))
            part.save(folder / f"{number:05d}.jpg", quality=85)


def _asked(addresses: Sequence[str]) -> list[Asked]:
    """What all clients were answered, who are spread over the servers."""
    clients = CLIENTS // len(addresses)
    with ThreadPoolExecutor(len(addresses)) as pool:
        parts = pool.map(
            lambda address: ask_together(address, QUERIES, clients, SECONDS, K)[0], addresses
        )
        return [asked for part in parts for asked in part]


def _row(name: str, asked: Sequence[Asked]) -> str:
    half, most = np.percentile([each.milliseconds for each in asked], [50, 95])
    errors = sum(bool(each.error) for each in asked)
    return f"| {name} | {len(asked) / SECONDS:.1f} | {half:.0f} | {most:.0f} | {errors} |"


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


if __name__ == "__main__":
    print(described())
    print(measure())
