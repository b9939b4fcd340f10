"""The counter that grows with every change to vectors, by which an index follows them.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
what was changed.
"""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.bulk import NO_SYNC
from catalog.models import VectorChange


def change_counter(session: Session) -> int:
    """Return the counter that every committed change to vectors makes grow."""
    return session.scalars(select(VectorChange.counter)).one()


def next_change(session: Session) -> int:
    """Make the counter grow and return it; its row stays locked until the transaction ends."""
    query = update(VectorChange).values(counter=VectorChange.counter + 1)
    query = query.execution_options(**NO_SYNC)
    return session.scalars(query.returning(VectorChange.counter)).one()
