"""Benchmark: FAISS indexes of very many vectors: recall, latency, memory and build time.

    python -m benchmarks.vectors --photos 1000000

Photos are made up, two vectors each, in a home that is thrown away unless --home names one to
keep. The vectors are a mixture, as real ones are: many directions that photos crowd around, some
more than others, with an own part that is larger in a few of the values than in the rest.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import photos
from catalog.database import open_database
from catalog.home import Home, open_home
from catalog.model_registry import register_model
from catalog.records import FileStamp, Metadata, NewPhoto
from catalog.roots import get_or_add_root
from catalog.vectors.faiss_index import FaissIndex
from catalog.vectors.kinds import read_kind
from catalog.vectors.store import StoredVectors

DIMENSION = 384
KINDS = ("caption", "visual")
RESULTS = 200
_BATCH = 5_000
_CLUSTERS = 2_000
_WARM_UP = 10
_PLAIN = Metadata(640, 480, "JPEG", None, None, None, None)

Vectors = NDArray[np.float32]


def mixture(seed: int, count: int) -> Vectors:
    """Unit vectors [count, DIMENSION], drawn from the one mixture by `seed`."""
    fixed, random = np.random.default_rng(0), np.random.default_rng(seed)
    centres = _unit(fixed.standard_normal((_CLUSTERS, DIMENSION), np.float32))
    crowd = 1 / np.arange(1, _CLUSTERS + 1) ** 0.5
    spread = np.linspace(1.5, 0.5, DIMENSION, dtype=np.float32)
    chosen = random.choice(_CLUSTERS, count, p=crowd / crowd.sum())
    own = _unit(random.standard_normal((count, DIMENSION), np.float32) * spread)
    return _unit(centres[chosen] + own)


def _unit(values: Vectors) -> Vectors:
    unit: Vectors = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit


def sentences(count: int) -> Vectors:
    """Queries [count, DIMENSION]: from the same mixture, blurred as a sentence is."""
    noise = _unit(np.random.default_rng(1).standard_normal((count, DIMENSION), np.float32))
    return _unit(mixture(10**9, count) + noise)


def fill(home: Home, count: int) -> float:
    """Put photos into an empty home, as the indexer would; returns seconds."""
    database, started = open_database(home), time.perf_counter()
    with database.write() as session:
        root = get_or_add_root(session, home.path)
        model = register_model(
            session, kind="captioner", name="made up", sha256="0" * 64, config={}, metrics={}
        )
    for first in range(0, count, _BATCH):
        with database.write() as session:
            batch = list(_made(first, min(_BATCH, count - first)))
            photos.add_photos(session, root, model, batch, "made up")
    database.close()
    return time.perf_counter() - started


def _made(first: int, count: int) -> Iterator[NewPhoto]:
    vectors = {kind: mixture(2 * first + place, count) for place, kind in enumerate(KINDS)}
    for row in range(count):
        name = b"%09d" % (first + row)
        own = {kind: values[row] for kind, values in vectors.items()}
        yield NewPhoto(FileStamp(name, 1, 1), name.decode(), _PLAIN, (), own, b"", 0.0)


def build(home: Home) -> dict[str, Any]:
    """Build and save the indexes from SQL; seconds and the most memory that took."""
    database, started = open_database(home), time.perf_counter()
    seconds = {}
    for kind in KINDS:
        index = FaissIndex(home, database, 1, kind, DIMENSION)
        index.rebuild()
        seconds[kind] = round(time.perf_counter() - started, 1)
        started = time.perf_counter()
    database.close()
    sizes = [path.stat().st_size for path in home.vectors.rglob("gen-*.faiss")]
    return {"seconds": seconds, "peak_mb": _peak_mb(), "files_mb": round(sum(sizes) / 2**20)}


def ask(home: Home, count: int) -> dict[str, Any]:
    """Open the saved indexes as a server does, and ask both each sentence in turn."""
    database, started = open_database(home), time.perf_counter()
    indexes = [FaissIndex(home, database, 1, kind, DIMENSION) for kind in KINDS]
    for index in indexes:
        index.open()
    opened, queries = time.perf_counter() - started, sentences(count)
    for row in queries[:_WARM_UP]:
        _both(indexes, row)
    took, found = zip(*(_timed(_both, indexes, row) for row in queries), strict=True)
    resident = _peak_mb()
    true = [_exact(home, kind, queries) for kind in KINDS]
    recall = [
        np.mean([np.isin(row, each[place]).mean() for row, each in zip(rows, found, strict=True)])
        for place, rows in enumerate(true)
    ]
    database.close()
    return {
        "index": indexes[0].index_kind.value,
        "open_seconds": round(opened, 1),
        "recall_at_200": {
            kind: round(float(of), 4) for kind, of in zip(KINDS, recall, strict=True)
        },
        "p50_ms": round(1000 * float(np.percentile(took, 50)), 1),
        "p95_ms": round(1000 * float(np.percentile(took, 95)), 1),
        "resident_mb": resident,
    }


def _both(indexes: list[FaissIndex], row: Vectors) -> list[NDArray[np.int64]]:
    return [index.search(row[None], RESULTS)[0][0] for index in indexes]


def _timed(call: Callable[..., Any], *given: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    result = call(*given)
    return time.perf_counter() - started, result


def _exact(home: Home, kind: str, queries: Vectors) -> NDArray[np.int64]:
    """The true ids [Q, RESULTS], by comparing every vector that SQL holds."""
    database = open_database(home)
    ids = np.empty((len(queries), 0), np.int64)
    similarity = np.empty((len(queries), 0), np.float32)
    with database.read() as session:
        for keys, values in StoredVectors(1, kind, DIMENSION).since(session):
            similarity = np.hstack([similarity, queries @ values.T])
            ids = np.hstack([ids, np.broadcast_to(keys, (len(ids), len(keys)))])
            best = np.argpartition(-similarity, min(RESULTS, ids.shape[1]) - 1)[:, :RESULTS]
            similarity = np.take_along_axis(similarity, best, axis=1)
            ids = np.take_along_axis(ids, best, axis=1)
    database.close()
    return ids


def _peak_mb() -> int:
    """The most memory that this process had in RAM, pages of mapped files included."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def measure(home: Home, count: int, queries: int) -> dict[str, Any]:
    """Fill where the home is empty, build and ask, each in a process of its own."""
    report: dict[str, Any] = {"photos": count}
    if not (home.path / "catalog.db").exists():
        report["fill_seconds"] = round(_apart(fill, home, count), 1)
    report["build"] = _apart(build, home)
    return {**report, **_apart(ask, home, queries)}


def _apart(work: Callable[..., Any], *given: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def main() -> None:
    """Run the benchmark as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--index", help="exact, ivf or pq (default: what the number asks for)")
    parser.add_argument("--home", type=Path, help="kept, and not filled again if it is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tellshow-vectors-") as folder:
        home = replace(open_home(given.home or Path(folder)), index_kind=read_kind(given.index))
        print(json.dumps(measure(home, given.photos, given.queries), indent=2))


if __name__ == "__main__":
    main()
