"""What a model made of photos, in SQL: captions, vectors, states, tags.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import delete, func, insert, literal, select
from sqlalchemy.orm import Session

from catalog import models
from catalog.bulk_insert import insert_rows
from catalog.checksums import check_descriptions, description_checksum
from catalog.models import Caption, PhotoTag, State, Vector, clean_text
from catalog.records import NewPhoto
from catalog.sql import NO_SYNC, by_photo_id, chunks
from catalog.tags import tag_ids

_PARTS = (Caption, Vector, State, PhotoTag)


def add_descriptions(
    session: Session,
    model_id: int,
    owners: Sequence[tuple[int, NewPhoto]],
    embedder: str,
    change: int,
) -> None:
    """Store what a model made of photos that have nothing by it; `owners`: (photo id, photo)."""
    insert_rows(
        session, Caption, [row for key, new in owners for row in _captions(key, model_id, new)]
    )
    vectors = (row for key, new in owners for row in _vectors(key, model_id, new, embedder))
    insert_rows(session, Vector, [{**row, "change": change} for row in vectors])
    insert_rows(session, State, [_state(key, model_id, new, embedder) for key, new in owners])
    ids = tag_ids(session, (tag for _, new in owners for tag in new.tags))
    insert_rows(
        session, PhotoTag, [row for key, new in owners for row in _tags(key, model_id, new, ids)]
    )


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


def load_states(
    session: Session, ids: Sequence[int], model_id: int
) -> dict[int, tuple[bytes, float]]:
    """Return (packed state, hub bias) by photo id.

    Photos without one are left out, and those whose description is damaged.
    """
    found = check_descriptions(session, ids, model_id).sound
    return {key: (each.state, each.bias) for key, each in found.items()}


def description_changes(session: Session, ids: Sequence[int], model_id: int) -> dict[int, int]:
    """Return the last change of each photo's description by a model; see change_feed.py."""
    changes: dict[int, int] = {}
    for chunk in chunks(ids):
        query = select(Vector.photo_id, func.max(Vector.change)).group_by(Vector.photo_id)
        own = by_photo_id(Vector.model_id) == model_id
        query = query.where(Vector.photo_id.in_(chunk), own)
        changes.update((key, change) for key, change in session.execute(query))
    return changes


def sample_photo_ids(session: Session, model_id: int, count: int) -> list[int]:
    """Return at most `count` ids of photos with a state by the model, evenly spread, ascending.

    Each costs a look into the index, however many photos there are.
    """
    own = State.model_id == model_id
    first, last = session.execute(
        select(func.min(State.photo_id), func.max(State.photo_id)).where(own)
    ).one()
    if first is None:
        return []
    step = max((last - first) / max(count - 1, 1), 1)
    starts = sorted({first + round(step * number) for number in range(count)})
    found = (
        session.scalar(select(func.min(State.photo_id)).where(own, State.photo_id >= start))
        for start in starts
        if start <= last
    )
    return sorted({key for key in found if key is not None})


def _captions(key: int, model_id: int, new: NewPhoto) -> Iterator[dict[str, Any]]:
    for rank, (text, likelihood) in enumerate(new.captions):
        yield {
            "photo_id": key,
            "model_id": model_id,
            "rank": rank,
            "text": clean_text(text),
            "log_likelihood": float(likelihood),
        }


def _vectors(key: int, model_id: int, new: NewPhoto, embedder: str) -> Iterator[dict[str, Any]]:
    for kind, values in new.vectors.items():
        yield {
            "photo_id": key,
            "model_id": model_id,
            "kind": kind,
            "embedder": clean_text(embedder) if kind == "caption" else None,
            "blob": np.asarray(values, dtype="<f2").tobytes(),
        }


def _tags(
    key: int, model_id: int, new: NewPhoto, ids: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    for tag in new.tags:
        own = {"tag_id": ids[tag.name], "probability": float(tag.probability)}
        yield {"photo_id": key, "model_id": model_id, **own}


def _state(key: int, model_id: int, new: NewPhoto, embedder: str) -> dict[str, Any]:
    bias = float(new.bias)
    checksum = description_checksum(
        new.content_hash,
        new.state,
        bias,
        [
            (row["rank"], row["text"], row["log_likelihood"])
            for row in _captions(key, model_id, new)
        ],
        [
            (row["kind"], row["embedder"], row["blob"])
            for row in _vectors(key, model_id, new, embedder)
        ],
        [(tag.name, float(tag.probability)) for tag in new.tags],
    )
    values = {"blob": new.state, "bias": bias, "checksum": checksum}
    return {"photo_id": key, "model_id": model_id, **values}


def _copy_rows(
    session: Session, table: type[models.Base], source_id: int, target_id: int, change: int
) -> None:
    own = {"photo_id": literal(target_id), "change": literal(change)}
    columns = list(table.__table__.columns)
    values = [own.get(column.name, column) for column in columns]
    rows = select(*values).where(table.__table__.c.photo_id == source_id)
    session.execute(insert(table).from_select([column.name for column in columns], rows))
