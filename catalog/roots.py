"""The folders that were indexed, as rows.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from catalog.models import Photo, Root


@dataclass(frozen=True)
class RootView:
    """An indexed folder, its number of photos, and when it was last there."""

    root_id: int
    path: bytes
    photos: int
    last_seen_online: datetime


def get_or_add_root(session: Session, folder: Path) -> int:
    """Return the id of a folder that is there now, recording it if it is new."""
    path = os.fsencode(folder.resolve())
    seen = {"last_seen_online": datetime.now(UTC)}
    known = session.scalar(select(Root.id).where(Root.path == path))
    if known is None:
        return session.scalars(insert(Root).values(path=path, **seen).returning(Root.id)).one()
    session.execute(update(Root).where(Root.id == known).values(seen))
    return known


def exclude(
    session: Session, root_id: int, patterns: Sequence[str], *, instead: bool = False
) -> tuple[str, ...]:
    """Remember patterns of files to leave out, behind those known or `instead` of them; return all.

    A pattern that is known moves to the end, since of two that fit a file the last one counts.
    """
    known = session.scalar(select(Root.excluded).where(Root.id == root_id)) or []
    kept = [] if instead else [pattern for pattern in known if pattern not in patterns]
    excluded = [*kept, *dict.fromkeys(patterns)]
    if excluded != known:
        session.execute(update(Root).where(Root.id == root_id).values(excluded=excluded))
    return tuple(excluded)


def list_roots(session: Session) -> list[RootView]:
    """Return every indexed folder, by path."""
    query = (
        select(Root.id, Root.path, func.count(Photo.id), Root.last_seen_online)
        .outerjoin(Photo, Photo.root_id == Root.id)
        .group_by(Root.id, Root.path, Root.last_seen_online)
        .order_by(Root.path)
    )
    return [RootView(*row) for row in session.execute(query)]
