"""How much is stored.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
what is counted but its number.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import models
from catalog.models import Caption, Photo, Vector


@dataclass(frozen=True)
class Counts:
    """Numbers of rows; captions and vectors of one model, where one was named."""

    photos: int
    captions: int
    failures: int
    vectors: int


def count_rows(session: Session, model_id: int | None = None) -> Counts:
    """Return how much is stored; captions and vectors of one model, or of all."""
    return Counts(
        photos=_count(session, Photo),
        captions=_count(session, Caption, model_id),
        failures=_count(session, models.Failure),
        vectors=_count(session, Vector, model_id),
    )


def _count(session: Session, table: type[models.Base], model_id: int | None = None) -> int:
    query = select(func.count()).select_from(table)
    if model_id is not None:
        query = query.where(table.__table__.c.model_id == model_id)
    return session.scalar(query) or 0
