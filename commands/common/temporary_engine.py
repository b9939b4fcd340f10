"""A search engine over captioned photos in a temporary home, for training and evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.common.errors import Failed

if TYPE_CHECKING:
    from captioner.captioner import Captioner
    from captioner.embedder import SentenceEmbedder
    from captioner.image_embedder import ImageEmbedder
    from catalog.database import Database
    from catalog.home import Home
    from commands.common.progress_bar import ProgressBar
    from search.engine import SearchEngine


@contextmanager
def temporary_engine(
    captioner: Captioner,
    embedder: SentenceEmbedder,
    photos: Any,
    bar: ProgressBar,
    image_embedder: ImageEmbedder | None = None,
) -> Iterator[tuple[SearchEngine, list[Any]]]:
    """A search engine over just these captioned photos, and each one's PhotoView in their order.

    Raises Failed where one of them cannot be read.
    """
    import tempfile

    from catalog.views import list_photos
    from indexer.pipeline import Indexer
    from search.engine import SearchEngine

    with tempfile.TemporaryDirectory(prefix="tellshow-") as folder:
        album = _linked(photos, Path(folder) / "photos")
        with _catalog_in(Path(folder) / "home") as (home, database):
            models, images = (captioner, embedder), image_embedder
            Indexer(home, database, *models, image_embedder=images).index([album], bar)
            with database.read() as session:
                views = sorted(list_photos(session), key=lambda view: view.path)
            if len(views) < len(photos):
                raise Failed(f"only {len(views)} of {len(photos)} photos could be read")
            yield SearchEngine(home, database, *models, images), views


def _linked(photos: Any, album: Path) -> Path:
    """A folder with a link to each photo, named so that they keep their order."""
    album.mkdir()
    for number, photo in enumerate(photos):
        (album / f"{number:06d}{photo.path.suffix}").symlink_to(photo.path.resolve())
    return album


@contextmanager
def _catalog_in(folder: Path) -> Iterator[tuple[Home, Database]]:
    """A new home in SQLite and FAISS, whatever the environment says."""
    from catalog.database import open_database
    from catalog.home import open_home
    from catalog.vectors.chosen_store import FAISS

    home = open_home(folder)
    url = f"sqlite:///{home.path / 'catalog.db'}"
    home = replace(home, database_url=url, vector_store=FAISS)
    database = open_database(home)
    try:
        yield home, database
    finally:
        database.close()
