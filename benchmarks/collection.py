"""A photo collection to measure on: folders indexed into a home, and the engine over it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from captioner.checkpoint import load_checkpoint
from captioner.embedder import choose_embedder
from catalog.database import open_database
from catalog.home import open_home
from catalog.views import PhotoView, list_photos
from indexer.pipeline import Indexer
from search.engine import SearchEngine


@contextmanager
def indexed(
    folders: Sequence[Path], home: Path | None = None
) -> Iterator[tuple[SearchEngine, list[PhotoView]]]:
    """An engine over the folders, and all their photos by path.

    Without a home, into one that is thrown away; a home that holds the folders is taken as it is.
    """
    captioner, embedder = load_checkpoint(device="cpu"), choose_embedder(device="cpu")
    with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
        opened = open_home(home or Path(folder))
        database = open_database(opened)
        try:
            Indexer(opened, database, captioner, embedder).index(folders)
            with database.read() as session:
                views = sorted(list_photos(session), key=lambda view: view.path)
            yield SearchEngine(opened, database, captioner, embedder), views
        finally:
            database.close()


@contextmanager
def linked(files: Sequence[Path]) -> Iterator[Path]:
    """A folder of links to the files, named so that they sort in this order."""
    with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
        for number, file in enumerate(files):
            (Path(folder) / f"{number:06d}{file.suffix}").symlink_to(file.resolve())
        yield Path(folder)
