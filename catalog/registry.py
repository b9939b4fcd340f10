"""Which captioners and sentence embedders have made rows.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
how a model works, nor where it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.models import Model


@dataclass(frozen=True)
class ModelView:
    """A captioner or a sentence embedder that made rows."""

    model_id: int
    kind: str
    name: str
    sha256: str


def register_model(
    session: Session,
    *,
    kind: str,
    name: str,
    sha256: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> int:
    """Return the id of a model ("captioner" or "embedder"), recording it if it is new."""
    known = model_id(session, name=name, sha256=sha256)
    if known is not None:
        return known
    row = Model(kind=kind, name=name, sha256=sha256, config=dict(config), metrics=dict(metrics))
    row.created_at = datetime.now(UTC)
    session.add(row)
    session.flush()
    return row.id


def model_id(session: Session, *, name: str, sha256: str) -> int | None:
    """Return the id of a recorded model, None if it is not."""
    return session.scalar(select(Model.id).where(Model.name == name, Model.sha256 == sha256))


def list_models(session: Session) -> list[ModelView]:
    """Return every model that was used here, the one registered last at the end."""
    query = select(Model.id, Model.kind, Model.name, Model.sha256).order_by(Model.id)
    return [ModelView(*row) for row in session.execute(query)]
