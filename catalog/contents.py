"""Which bytes are in the catalog, whatever files hold them.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
paths, nor of what was made of the bytes.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.models import Photo, State


def described_contents(session: Session, model_id: int) -> set[bytes]:
    """Return the SHA-256s, of 32 bytes each, of all photos with a state by the model."""
    query = select(Photo.content_hash).join(State, State.photo_id == Photo.id)
    rows = session.scalars(query.where(State.model_id == model_id))
    return {bytes.fromhex(content_hash) for content_hash in rows}
