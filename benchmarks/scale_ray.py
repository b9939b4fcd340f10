"""Benchmark: indexing on Ray, against the engine in one process, over the same photos.

    python -m benchmarks.scale_ray --folder images --count 1000 --workers 2

The rate is of `count` photos behind the first ones: two runs of different length each, and the
difference of their seconds, so that what starts Ray and loads models counts for neither.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.collection import linked
from benchmarks.scale_servers import make_photos
from captioner.checkpoint import load_checkpoint
from captioner.embedder import choose_embedder
from catalog.database import open_database
from catalog.home import Home, open_home
from indexer.engine import Engine
from indexer.pipeline import Indexer
from indexer.ray_engine import RayEngine, RayOptions
from indexer.ray_workers import ModelSource
from indexer.walk import is_named_like_a_photo

_FIRST = 200
COUNT, WORKERS = 1000, 2
SIDE = 500  # pixels of a photo that is made up


@dataclass(frozen=True)
class Timed:
    """An engine's seconds for a short run and a long one, all included, and what lies between."""

    name: str
    short_seconds: float
    long_seconds: float
    photos_between: int

    @property
    def rate(self) -> float:
        """Photos a second, without the start."""
        return self.photos_between / (self.long_seconds - self.short_seconds)


def measure() -> str:
    """A Markdown table of both engines over parts of the sample photos; needs the extra `ray`."""
    with TemporaryDirectory(prefix="tellshow-") as name:
        folder = Path(name) / "photos"
        make_photos(folder, COUNT + _FIRST, seed=0, side=SIDE)
        return table(compare(sorted(folder.iterdir()), WORKERS))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--workers", type=int, default=WORKERS)
    options = parser.parse_args()
    files = sorted(path for path in options.folder.iterdir() if is_named_like_a_photo(bytes(path)))
    print(table(compare(files[: options.count + _FIRST], options.workers)))


def compare(files: Sequence[Path], workers: int) -> list[Timed]:
    """Both engines; the one in this process first, whose models are loaded already."""
    engines = {"one process": None, f"Ray, {workers} actors": workers}
    timed = []
    for name, number in engines.items():
        short, first = _run(files[:_FIRST], number)
        long, all_of_them = _run(files, number)
        timed.append(Timed(name, short, long, all_of_them - first))
    return timed


def table(timed: Sequence[Timed]) -> str:
    """A Markdown table, and how the last compares with the first."""
    rows = [
        f"| {each.name} | {each.rate:.1f} | {each.short_seconds:.1f} | {each.long_seconds:.1f} |"
        for each in timed
    ]
    share = 100 * timed[-1].rate / timed[0].rate
    return "\n".join(
        [
            "| engine | photos/s, start excluded | short run, s | long run, s |",
            "| --- | --- | --- | --- |",
            *rows,
            f"\n{timed[-1].name}: {share:.0f}% of {timed[0].name}.",
        ]
    )


def _run(files: Sequence[Path], workers: int | None) -> tuple[float, int]:
    """Seconds of a run into a new home, and how many photos it described."""
    captioner, embedder = load_checkpoint(device="cpu"), choose_embedder(device="cpu")
    with linked(files) as folder, TemporaryDirectory(prefix="tellshow-") as place:
        home = open_home(Path(place) / "home")
        database = open_database(home)
        size = captioner.config.encoder.image_size
        source = ModelSource(home, captioner.sha256, embedder.name, "cpu")
        started = time.perf_counter()
        with _engine(home, source, size, workers) as engine:
            report = Indexer(home, database, captioner, embedder, engine=engine).index([folder])
        seconds = time.perf_counter() - started
        database.close()
    return seconds, report.indexed


@contextmanager
def _engine(
    home: Home, source: ModelSource, size: int, workers: int | None
) -> Iterator[Engine | None]:
    if workers is None:
        yield None
        return
    with RayEngine(home, source.load, size, RayOptions(workers=workers)) as engine:
        yield engine


if __name__ == "__main__":
    main()
