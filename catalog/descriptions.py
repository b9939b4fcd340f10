"""What a model made of a photo, written to SQL: its captions, vectors and state.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
files, nor of what a vector or a state says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import delete, insert, literal, select
from sqlalchemy.orm import Session

from catalog import models
from catalog.bulk import NO_SYNC, ONE_SHAPE
from catalog.chunks import chunks
from catalog.models import Caption, State, Vector
from catalog.newphoto import NewPhoto

_PARTS = (Caption, Vector, State)


def add_descriptions(
    session: Session,
    model_id: int,
    owners: Sequence[tuple[int, NewPhoto]],
    embedder: str,
    change: int,
) -> None:
    """Store what a model made of photos that have nothing by it; `owners`: (photo id, photo)."""
    _insert(session, Caption, [row for key, new in owners for row in _captions(key, model_id, new)])
    vectors = (row for key, new in owners for row in _vectors(key, model_id, new, embedder))
    _insert(session, Vector, [{**row, "change": change} for row in vectors])
    _insert(session, State, [_state(key, model_id, new) for key, new in owners])


def copy_descriptions(session: Session, source_id: int, target_id: int, change: int) -> None:
    """Give a photo that has nothing all that every model made of another."""
    for table in _PARTS:
        _copy_rows(session, table, source_id, target_id, change)


def drop_descriptions(session: Session, ids: Sequence[int], model_id: int | None = None) -> None:
    """Drop what a model made of photos, or what every model did."""
    for chunk in chunks(ids):
        for table in _PARTS:
            query = delete(table).where(table.photo_id.in_(chunk))
            if model_id is not None:
                query = query.where(table.model_id == model_id)
            session.execute(query, execution_options=NO_SYNC)


def _captions(key: int, model_id: int, new: NewPhoto) -> Iterator[dict[str, Any]]:
    for rank, (text, likelihood) in enumerate(new.captions):
        yield {
            "photo_id": key,
            "model_id": model_id,
            "rank": rank,
            "text": text,
            "log_likelihood": likelihood,
        }


def _vectors(key: int, model_id: int, new: NewPhoto, embedder: str) -> Iterator[dict[str, Any]]:
    for kind, values in new.vectors.items():
        yield {
            "photo_id": key,
            "model_id": model_id,
            "kind": kind,
            "embedder": embedder if kind == "caption" else None,
            "blob": np.asarray(values, dtype="<f2").tobytes(),
        }


def _state(key: int, model_id: int, new: NewPhoto) -> dict[str, Any]:
    return {"photo_id": key, "model_id": model_id, "blob": new.state, "bias": new.bias}


def _copy_rows(
    session: Session, table: type[models.Base], source_id: int, target_id: int, change: int
) -> None:
    own = {"photo_id": literal(target_id), "change": literal(change)}
    columns = list(table.__table__.columns)
    values = [own.get(column.name, column) for column in columns]
    rows = select(*values).where(table.__table__.c.photo_id == source_id)
    session.execute(insert(table).from_select([column.name for column in columns], rows))


def _insert(session: Session, table: type[models.Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(table), rows, execution_options=ONE_SHAPE)
