"""A catalog of more photos than are re-ranked at once, made up from those of a few real ones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, PhotoState
from captioner.config import CaptionerConfig
from captioner.embedder import SentenceEmbedder
from catalog.database import Database, open_database
from catalog.home import open_home
from catalog.model_registry import register_model
from catalog.photos import add_photos
from catalog.records import FileStamp, Metadata, NewPhoto
from catalog.roots import note_online
from catalog.vectors.interface import Vectors
from catalog.vectors.kinds import IndexKind
from search.engine import SearchEngine

COUNT = 449
# A word that the captioner does not know: every other photo is in a folder of this name, so that
# more are called so than are re-ranked at once.
UNKNOWN = "qzxv"
# Every so manyth photo is a copy of the one before: the same bytes, the same vectors and state.
COPIED = 10


@contextmanager
def many_photos(
    folder: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    real: SearchEngine,
    kind: IndexKind | None = None,
) -> Iterator[SearchEngine]:
    """An engine over COUNT photos, each between two of those that another engine has indexed."""
    home = replace(open_home(folder / "home"), index_kind=kind)
    database = open_database(home)
    state = real.states(real.sample(12))
    assert state is not None
    photos = [_photo(number, state, captioner.config) for number in range(COUNT)]
    _fill(database, captioner, embedder, photos)
    yield SearchEngine(home, database, captioner, embedder)
    database.close()


def _fill(
    database: Database, captioner: Captioner, embedder: SentenceEmbedder, photos: list[NewPhoto]
) -> None:
    with database.write() as session:
        root = note_online(session, b"/made-up", None).root_id
        model = register_model(
            session,
            kind="captioner",
            name=captioner.name,
            sha256=captioner.sha256,
            config={"embedder": embedder.name},
            metrics={},
        )
        add_photos(session, root, model, photos, embedder.name)


def _photo(number: int, real: PhotoState, config: CaptionerConfig) -> NewPhoto:
    folder = UNKNOWN if number % 2 else "other"
    seed = number - 1 if number % COPIED == COPIED - 1 else number
    random = np.random.default_rng(seed)
    one, other = random.choice(len(real), 2, replace=False).tolist()
    share = random.uniform()
    mixed = replace(
        real[one : one + 1],
        memory=np.rint(_between(real.memory[one], real.memory[other], share)).astype(np.int8)[None],
        seed=_between(real.seed[one], real.seed[other], share).astype(np.float16)[None],
    )
    return NewPhoto(
        file=FileStamp(os.fsencode(f"{folder}/{number}.jpg"), 1000 + seed, 1000 + seed),
        content_hash=sha256(str(seed).encode()).hexdigest(),
        metadata=Metadata(640, 480 if number % 2 else 800, "JPEG", None, None, None, None),
        captions=((f"photo {seed}", -1.0),),
        vectors={
            "visual": _near(real.visual[one].astype(np.float32), random),
            "caption": _near(real.visual[other].astype(np.float32), random),
        },
        state=mixed.pack(config)[0],
        bias=float(random.normal()),
    )


def _between(one: NDArray[Any], other: NDArray[Any], share: float) -> Vectors:
    mixed: Vectors = one.astype(np.float32) * share + other.astype(np.float32) * (1 - share)
    return mixed


def _near(vector: Vectors, random: np.random.Generator) -> Vectors:
    noise = random.standard_normal(len(vector)).astype(np.float32)
    moved: Vectors = vector + noise / np.linalg.norm(noise)
    return moved / np.linalg.norm(moved)
