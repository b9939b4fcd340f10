"""Timings of indexing: whole runs, single stages and growing collections.

Printed by `benchmarks.index`.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from benchmarks.clip_tower import Pixels, tower_of
from captioner.captioner import Captioner
from captioner.checkpoint import load_checkpoint
from captioner.embedder import SentenceEmbedder, choose_embedder
from captioner.tags import tags_of
from catalog.database import Database, open_database
from catalog.home import Home, open_home
from indexer.concurrency import decoders_that_suit
from indexer.decode_pool import Decoders
from indexer.describe import named_vectors
from indexer.pipeline import Indexer, IndexOptions, IndexReport
from indexer.walk import is_named_like_a_photo
from search.engine import SearchEngine

_DEPTH = 2  # batches that are read ahead, as the indexer does
_SIDE = 224  # pixels of what both see

Models = tuple[Captioner, SentenceEmbedder]


@dataclass(frozen=True)
class Rates:
    """Photos a second: of indexing, and of the tower in the same runtime and precision."""

    photos: int
    index: float
    tower: float


@dataclass(frozen=True)
class Stage:
    """What one stage of indexing takes of a photo where nothing else goes on."""

    name: str
    milliseconds: float


@dataclass(frozen=True)
class Grown:
    """A whole run over so many photos in a process of its own."""

    photos: int
    rate: float
    megabytes: float
    again_seconds: float


class Album:
    """A folder of links to photos, thrown away at the end."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tellshow-album-")
        self.path = Path(self._folder.name)
        for number, file in enumerate(files):
            (self.path / f"{number:06d}{file.suffix}").symlink_to(file.resolve())
        self.files = sorted(self.path.iterdir())

    def __enter__(self) -> Album:
        """Nothing more to do."""
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the links."""
        self._folder.cleanup()


def photos_in(folder: Path) -> list[Path]:
    """The photos of a folder, by name."""
    return sorted(path for path in folder.iterdir() if is_named_like_a_photo(bytes(path)))


def load_models(device: str) -> Models:
    """The shipped captioner and its embedder, on a device."""
    return load_checkpoint(device=device), choose_embedder(device=device)


def compare(models: Models, album: Album, batch_size: int, repeat: int) -> Rates:
    """The best of several times each, in turns, so that both meet the same machine."""
    see = tower_of(models[0])
    index: list[float] = []
    tower: list[float] = []
    decoders, photos = Decoders(), 0
    for _ in range(repeat):
        report = _index(models, album, batch_size, decoders)
        photos = report.indexed
        index.append(report.photos_per_second)
        tower.append(_tower_rate(see, album, batch_size, decoders))
    decoders.close()
    return Rates(photos, max(index), max(tower))


def _index(models: Models, album: Album, batch_size: int, decoders: Decoders) -> IndexReport:
    with _home() as (home, database):
        options = IndexOptions(batch_size=batch_size)
        return Indexer(home, database, *models, options, decoders).index([album.path])


@contextmanager
def _home() -> Iterator[tuple[Home, Database]]:
    with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
        home = open_home(Path(folder))
        database = open_database(home)
        try:
            yield home, database
        finally:
            database.close()


def _tower_rate(
    see: Callable[[Pixels], object], album: Album, batch_size: int, decoders: Decoders
) -> float:
    started = time.perf_counter()
    for pixels in _batches(album.files, batch_size, decoders):
        see(pixels)
    return len(album.files) / (time.perf_counter() - started)


def _batches(files: Sequence[Path], size: int, decoders: Decoders) -> Iterator[Pixels]:
    """uint8 [B,3,224,224], decoded ahead by as many threads and workers as the indexer has."""

    def pixels(file: Path) -> Pixels:
        return decoders.decode_photo(file.read_bytes(), _SIDE).pixels

    with ThreadPoolExecutor(decoders_that_suit()) as pool:
        ahead = [pool.submit(pixels, file) for file in files[: _DEPTH * size]]
        for start in range(0, len(files), size):
            batch = [ahead[row].result() for row in range(len(files[start : start + size]))]
            del ahead[: len(batch)]
            after = start + _DEPTH * size
            ahead += [pool.submit(pixels, file) for file in files[after : after + size]]
            yield np.stack(batch)


def stages(models: Models, album: Album, batch_size: int) -> list[Stage]:
    """Each stage by itself over the same photos, and at the end a run in which they overlap."""
    spent = _Spent()
    decoders = Decoders()
    with spent.on("reading and decoding"):
        batches = list(_batches(album.files, batch_size, decoders))
    for pixels in batches:
        _describe(models, pixels, spent)
    with _home() as (home, database):
        timed = _TimedDatabase(database.engine, spent=spent)
        indexer = Indexer(home, timed, *models, IndexOptions(batch_size=batch_size), decoders)
        report = indexer.index([album.path])
        with spent.on("making both FAISS files from SQL"):
            SearchEngine(home, database, *models).rebuild()
    decoders.close()
    spent.seconds["all of it, overlapping"] = report.seconds
    photos = len(album.files)
    return [Stage(name, 1000 * seconds / photos) for name, seconds in spent.seconds.items()]


def _describe(models: Models, pixels: Pixels, spent: _Spent) -> None:
    captioner, embedder = models
    with spent.on("the CNN"):
        state = captioner.look(pixels)
    with spent.on("captions"):
        found = captioner.generate_captions(state)
    with spent.on("what photos are named"):
        named_vectors(captioner, embedder, state, [captions[0].text for captions in found])
        tags_of(captioner, state)
    with spent.on("hub bias and packing"):
        captioner.hub_bias(state)
        state.pack(captioner.config)


class _Spent:
    """Seconds by stage, in the order of their first."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


@dataclass(frozen=True)
class _TimedDatabase(Database):
    """A database that notes how long its transactions take."""

    spent: _Spent = field(default_factory=_Spent)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """As ever."""
        with self.spent.on("SQL, beside the model"), super().write() as session:
            yield session


def grow(files: Sequence[Path], batch_size: int, device: str) -> Grown:
    """Index photos in a process of its own, whose memory is then known, and then again."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_grow, list(files), batch_size, device).result()


def _grow(files: Sequence[Path], batch_size: int, device: str) -> Grown:
    options = IndexOptions(batch_size=batch_size)
    with Album(files) as album, _home() as (home, database):
        indexer = Indexer(home, database, *load_models(device), options)
        first = indexer.index([album.path])
        again = indexer.index([album.path])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Grown(len(files), first.photos_per_second, peak / unit, again.seconds)
