"""The image embedder's part of an index run: vectors of photos that have none, by their thumbnails.

A thumbnail is what was decoded of the photo, 512 pixels long, which is more than such models see:
no file is read or decoded again, and photos in folders that are away get their vectors, too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captioner.image_embedder import ImageEmbedder
from catalog.database import Database
from catalog.home import Home
from catalog.image_vectors import (
    HomeImageEmbedder,
    add_image_vectors,
    contents_without_vector,
    damaged_image_vectors,
)
from catalog.own_files import remove_own
from catalog.photos import forget_photos
from catalog.thumbnails import thumbnails_of
from catalog.vectors.snapshots import files_of_gone_models
from indexer.progress import Progress
from indexer.retry import RetryPolicy

_BATCH = 32  # photos that are embedded, and recorded, together


class ImageVectors:
    """Gives photos the vectors of the home's image embedder; `chosen` says how it is stored."""

    def __init__(
        self,
        home: Home,
        database: Database,
        embedder: ImageEmbedder,
        chosen: HomeImageEmbedder,
        retry: RetryPolicy,
    ) -> None:
        self._home, self._database, self._retry = home, database, retry
        self._thumbnails = thumbnails_of(home)
        self._embedder, self._model_id = embedder, chosen.model_id

    def remove_leftovers(self) -> None:
        """Remove the vector files of an image embedder that the home had before."""
        files = self._retry.call(partial(files_of_gone_models, self._home, self._database))
        remove_own(self._home.path, files)

    def forget_damaged(self) -> None:
        """Drop vectors that are not as they were written, to be made again; reads every one."""

        def forget() -> None:
            with self._database.read() as session:
                damaged = damaged_image_vectors(session, self._model_id)
            if damaged:
                with self._database.write() as session:
                    forget_photos(session, damaged, self._model_id)

        self._retry.call(forget)

    def fill(self, progress: Progress, is_stop_requested: Callable[[], bool]) -> int:
        """Embed what lacks a vector; returns how many photos that were.

        A photo whose thumbnail is missing waits for the run that makes it again. Raises
        KeyboardInterrupt where a stop is requested; what was embedded before is kept.
        """
        lacking = self._retry.call(self._lacking)
        if lacking:
            progress.start(len(lacking))
        count = 0
        for start in range(0, len(lacking), _BATCH):
            if is_stop_requested():
                raise KeyboardInterrupt
            batch = lacking[start : start + _BATCH]
            count += self._embed(batch)
            progress.advance(len(batch))
        return count

    def _lacking(self) -> list[str]:
        with self._database.read() as session:
            return contents_without_vector(session, self._model_id)

    def _embed(self, contents: Sequence[str]) -> int:
        pictures = dict(self._pictures(contents))
        if not pictures:
            return 0
        vectors = self._embedder.encode_images(list(pictures.values()))
        return self._retry.call(partial(self._record, dict(zip(pictures, vectors, strict=True))))

    def _record(self, vectors: dict[str, NDArray[np.float32]]) -> int:
        with self._database.write() as session:
            return add_image_vectors(session, self._model_id, vectors)

    def _pictures(self, contents: Sequence[str]) -> Iterator[tuple[str, Image.Image]]:
        for content_hash in contents:
            jpeg = self._thumbnails.read(content_hash)
            picture = None if jpeg is None else _decoded(jpeg)
            if picture is not None:
                yield content_hash, picture


def _decoded(jpeg: bytes) -> Image.Image | None:
    """A thumbnail's picture; None where it does not decode, of which the doctor tells."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(jpeg), formats=["JPEG"]) as image:
                return image.convert("RGB")
    except Exception:  # whatever damage makes the decoder raise
        return None
