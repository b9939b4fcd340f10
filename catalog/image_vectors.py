"""The home's image embedder in SQL: which one was chosen, and the vectors that it made of photos.

A home has one or none. Its vectors are rows of their own model and kind, apart from what captioners
make: each carries a checksum, over its bytes and the content hash of the photo.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import LargeBinary, and_, cast, delete, exists, select
from sqlalchemy.orm import Session

from catalog.change_feed import next_change
from catalog.checksums import vector_checksum
from catalog.model_registry import NewModel, register_models, remove_model
from catalog.models import ChosenImageEmbedder, Model, Photo, Vector
from catalog.sql import ONE_SHAPE, chunks, upsert

KIND = "image"  # of its vectors
MODEL_KIND = "image_embedder"


@dataclass(frozen=True)
class HomeImageEmbedder:
    """The image embedder that a home was given, and the folder that it lay in then.

    `dimension`: the width of its vectors.
    """

    model_id: int
    name: str
    sha256: str
    dimension: int
    folder: Path


def chosen_image_embedder(session: Session) -> HomeImageEmbedder | None:
    """Return the home's image embedder, None where it has none."""
    query = select(Model.id, Model.name, Model.sha256, Model.config, ChosenImageEmbedder.folder)
    query = query.join(ChosenImageEmbedder, ChosenImageEmbedder.model_id == Model.id)
    row = session.execute(query).first()
    if row is None:
        return None
    key, name, sha256, config, folder = row
    return HomeImageEmbedder(key, name, sha256, config["dimension"], Path(os.fsdecode(folder)))


def choose_image_embedder(
    session: Session, *, name: str, sha256: str, dimension: int, folder: Path
) -> HomeImageEmbedder:
    """Make a model the home's image embedder; what another one made is dropped.

    The same weights in another folder are the same model.
    """
    current = chosen_image_embedder(session)
    if current is not None and current.sha256 == sha256:
        name = current.name
    elif current is not None:
        forget_image_embedder(session)
    new = NewModel(MODEL_KIND, name, sha256, {"dimension": dimension}, {})
    [model_id] = register_models(session, [new])
    session.execute(delete(ChosenImageEmbedder))
    session.add(ChosenImageEmbedder(model_id=model_id, folder=os.fsencode(folder)))
    session.flush()
    return HomeImageEmbedder(model_id, name, sha256, dimension, folder)


def forget_image_embedder(session: Session) -> None:
    """Take the home's image embedder back, with all that it made; nothing where there is none."""
    current = chosen_image_embedder(session)
    if current is not None:
        next_change(session)
        remove_model(session, current.model_id)


def contents_without_vector(session: Session, model_id: int) -> list[str]:
    """Return the hashes of the bytes of photos that lack a vector by the model, sorted."""
    own = exists().where(Vector.photo_id == Photo.id, *_own(model_id))
    query = select(Photo.content_hash).where(~own).distinct().order_by(Photo.content_hash)
    return list(session.scalars(query))


def add_image_vectors(
    session: Session, model_id: int, vectors: Mapping[str, NDArray[np.float32]]
) -> int:
    """Give all photos of some bytes that lack one their unit vector [D], by content hash.

    Returns how many photos that were.
    """
    change = next_change(session)
    lacking = ~exists().where(Vector.photo_id == Photo.id, *_own(model_id))
    rows: list[dict[str, Any]] = []
    for chunk in chunks(list(vectors)):
        query = select(Photo.id, Photo.content_hash).where(Photo.content_hash.in_(chunk), lacking)
        for key, content_hash in session.execute(query.order_by(Photo.id)):
            blob = np.asarray(vectors[content_hash], dtype="<f2").tobytes()
            rows.append(
                {
                    "photo_id": key,
                    "kind": KIND,
                    "model_id": model_id,
                    "embedder": None,
                    "change": change,
                    "blob": blob,
                    "checksum": vector_checksum(content_hash, blob),
                }
            )
    if rows:
        query = upsert(session, Vector).on_conflict_do_nothing()  # another run's, of the same bytes
        session.execute(query, rows, execution_options=ONE_SHAPE)
    return len(rows)


def damaged_image_vectors(session: Session, model_id: int) -> list[int]:
    """Return the ids of photos whose vector by the model is not as it was written."""
    ids = session.scalars(
        select(Vector.photo_id).where(*_own(model_id)).order_by(Vector.photo_id)
    ).all()
    return [key for chunk in chunks(ids) for key in _damaged(session, model_id, chunk)]


def _damaged(session: Session, model_id: int, ids: Sequence[int]) -> list[int]:
    columns: list[Any] = [Photo.content_hash, Vector.blob, Vector.checksum]
    if session.get_bind().dialect.name == "sqlite":  # whose damaged values may be of any type
        columns = [cast(column, LargeBinary) for column in columns]
    query = select(Photo.id, *columns).join(
        Vector, and_(Vector.photo_id == Photo.id, *_own(model_id))
    )
    rows = session.execute(query.where(Photo.id.in_(ids)).order_by(Photo.id))
    return [
        key
        for key, content_hash, blob, checksum in rows
        if vector_checksum(content_hash, blob).encode() != _bytes(checksum)
    ]


def _own(model_id: int) -> tuple[Any, ...]:
    return Vector.model_id == model_id, Vector.kind == KIND


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
