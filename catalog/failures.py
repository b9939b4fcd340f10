"""Which files could not be indexed, gathered by why.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
how failures come about.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.models import Failure


def failures_by_reason(session: Session) -> dict[str, int]:
    """Return every reason with the number of its files, the most frequent first."""
    number = func.count().label("number")
    query = select(Failure.reason, number).group_by(Failure.reason)
    found = session.execute(query.order_by(number.desc(), Failure.reason))
    return {row.reason: row.number for row in found}


def failed_paths(session: Session, reason: str, limit: int, offset: int = 0) -> list[bytes]:
    """Return absolute paths of files that failed for a reason, in order."""
    query = select(Failure.path).where(Failure.reason == reason).order_by(Failure.path)
    return list(session.scalars(query.limit(limit).offset(offset)))
