"""Photo states in SQL, and which photos have one.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
what a state says.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.chunks import chunks
from catalog.models import State


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


def load_states(
    session: Session, ids: Sequence[int], model_id: int
) -> dict[int, tuple[bytes, float]]:
    """Return (packed state, hub bias) by photo id; photos without one are left out."""
    states: dict[int, tuple[bytes, float]] = {}
    for chunk in chunks(ids):
        query = select(State.photo_id, State.blob, State.bias)
        query = query.where(State.model_id == model_id, State.photo_id.in_(chunk))
        states.update({key: (blob, bias) for key, blob, bias in session.execute(query)})
    return states
