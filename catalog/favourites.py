"""Favourites: photos that somebody marked, kept by the SHA-256 of their bytes, as in albums.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.kept_rows import add_rows, drop_contents, read_rows
from catalog.models import Favourite
from catalog.sql import chunks


def add_favourites(session: Session, hashes: Iterable[str]) -> int:
    """Mark photos by their hashes; returns how many were not marked."""
    wanted, known = list(dict.fromkeys(hashes)), set[str]()
    for chunk in chunks(wanted):
        query = select(Favourite.content_hash).where(Favourite.content_hash.in_(chunk))
        known |= set(session.scalars(query))
    now = datetime.now(UTC)
    fresh = [each for each in wanted if each not in known]
    add_rows(session, Favourite, [{"content_hash": each, "added_at": now} for each in fresh])
    return len(fresh)


def remove_favourites(session: Session, hashes: Sequence[str]) -> int:
    """Take the mark from photos; returns how many had it."""
    return drop_contents(session, Favourite, hashes)


def favourites(session: Session) -> list[str]:
    """Return the hashes of all favourites, marked last first, indexed now or not."""
    order = [Favourite.added_at.desc(), Favourite.content_hash]
    return [row["content_hash"] for row in read_rows(session, Favourite, order=order).sound]


def is_favourite(session: Session, content_hash: str) -> bool:
    """Whether a photo is one."""
    return bool(read_rows(session, Favourite, Favourite.content_hash == content_hash).sound)
