"""Photos, vectors and models made up for a catalog, which never looks inside them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.database import Database
from catalog.fulltext import Lookup, look_up
from catalog.home import Home
from catalog.model_registry import register_model
from catalog.models import State
from catalog.photos import add_photos
from catalog.records import FileStamp, Metadata, NewPhoto
from catalog.roots import get_or_add_root

DIMENSION = 16
TAKEN = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)


def unit_vector(seed: int) -> NDArray[np.float32]:
    """A unit vector that is always the same for a seed."""
    vector = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


def skewed_vector(seed: int) -> NDArray[np.float32]:
    """A unit vector of which, as in real ones, a part of the values says most."""
    values = unit_vector(seed) * np.float32(0.7) ** np.arange(DIMENSION, dtype=np.float32)
    return values / np.linalg.norm(values)


def new_photo(path: bytes, seed: int = 0) -> NewPhoto:
    """A photo whose bytes, captions, vectors and state follow from `seed`."""
    return NewPhoto(
        file=FileStamp(path, size=1000 + seed, mtime_ns=5_000_000_000_000 + seed),
        content_hash=sha256(str(seed).encode()).hexdigest(),
        metadata=Metadata(640, 480, "JPEG", TAKEN, None, 51.5, None),
        captions=((f"best sentence {seed}", -1.5), (f"second sentence {seed}", -2.5)),
        vectors={"caption": unit_vector(seed), "visual": unit_vector(1_000_000 + seed)},
        state=b"state %d" % seed,
        bias=seed / 4,
    )


def new_photos(seeds: Sequence[int]) -> list[NewPhoto]:
    """A photo a seed, each at a path of its own."""
    return [new_photo(b"%d.jpg" % seed, seed) for seed in seeds]


def find(
    session: Session, kind: Callable[[str, int], Lookup], asked: str, most: int = 1000
) -> list[int] | None:
    """Ids of the photos that one look-up finds, ascending; None: there are more than `most`."""
    [found] = look_up(session, [kind(asked, most)])
    return None if found is None else found.tolist()


def photo_ids(session: Session, model_id: int) -> list[int]:
    """Ids of all photos with a state by the model, ascending."""
    query = select(State.photo_id).where(State.model_id == model_id).order_by(State.photo_id)
    return list(session.scalars(query))


class SampleCatalog:
    """A database with one root and one model in it, and photos put there batch by batch.

    `folder`: that of the root, the home's own where it is None.
    """

    def __init__(self, home: Home, database: Database, folder: Path | None = None) -> None:
        self.home = home
        self.database = database
        self.folder = folder or home.path
        self.model = self._model("first")
        with database.write() as session:
            self.root = get_or_add_root(session, self.folder)

    def _model(self, name: str) -> int:
        with self.database.write() as session:
            return register_model(
                session, kind="captioner", name=name, sha256="0" * 64, config={}, metrics={}
            )

    def other_model(self) -> int:
        """The id of another model."""
        return self._model("another")

    def add(self, photos: Sequence[NewPhoto], model: int | None = None) -> list[int]:
        """Store photos in one transaction."""
        with self.database.write() as session:
            return add_photos(session, self.root, model or self.model, photos, "embedder")
