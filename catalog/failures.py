"""Files that could not be indexed, and why.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from catalog import models
from catalog.sql import NO_SYNC, upsert


@dataclass(frozen=True)
class Failure:
    """A file that could not be indexed; `path` is absolute."""

    path: bytes
    size: int
    mtime_ns: int
    reason: str


def known_failures(session: Session) -> dict[bytes, Failure]:
    """Return every file that could not be indexed, by absolute path."""
    row = models.Failure
    query = select(row.path, row.size, row.mtime_ns, row.reason).order_by(row.path)
    return {found[0]: Failure(*found) for found in session.execute(query)}


def record_failure(session: Session, path: bytes, size: int, mtime_ns: int, reason: str) -> None:
    """Remember why the file at an absolute path could not be indexed."""
    found = {"size": size, "mtime_ns": mtime_ns, "reason": reason}
    query = upsert(session, models.Failure).values(path=path, **found)
    query = query.on_conflict_do_update(index_elements=["path"], set_=found)
    session.execute(query, execution_options=NO_SYNC)


def clear_failure(session: Session, path: bytes) -> None:
    """Forget that the file at an absolute path failed, if it did."""
    query = delete(models.Failure).where(models.Failure.path == path)
    session.execute(query, execution_options=NO_SYNC)


def failures_by_reason(session: Session) -> dict[str, int]:
    """Return every reason with the number of its files, the most frequent first."""
    number = func.count().label("number")
    query = select(models.Failure.reason, number).group_by(models.Failure.reason)
    found = session.execute(query.order_by(number.desc(), models.Failure.reason))
    return {row.reason: row.number for row in found}


def failed_paths(session: Session, reason: str, limit: int, offset: int = 0) -> list[bytes]:
    """Return absolute paths of files that failed for a reason, in order."""
    row = models.Failure
    query = select(row.path).where(row.reason == reason).order_by(row.path)
    return list(session.scalars(query.limit(limit).offset(offset)))
