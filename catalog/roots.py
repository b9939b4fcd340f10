"""The folders that were indexed, as rows.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from catalog.checksums import check_roots, checked_rows, root_checksum
from catalog.models import Photo, Root, Run
from catalog.remote_folders import is_remote, is_there
from catalog.sql import NO_SYNC


@dataclass(frozen=True)
class RootView:
    """An indexed folder, its number of photos, and when it was last there."""

    root_id: int
    path: bytes
    photos: int
    last_seen_online: datetime


@dataclass(frozen=True)
class KnownRoot:
    """An indexed folder, and the patterns, in gitignore's syntax, of files to leave out of it."""

    root_id: int
    excluded: tuple[str, ...] = ()


def known_roots(session: Session) -> dict[bytes, KnownRoot]:
    """Return every indexed folder by its absolute path.

    Raises DamagedValue where the row of one is not as it was written.
    """
    rows = checked_rows(session, Root, Root.path, Root.id, Root.excluded)
    return {path: KnownRoot(key, tuple(kept)) for path, key, kept in rows}


def note_online(session: Session, path: bytes, known: KnownRoot | None) -> KnownRoot:
    """Record that a folder is there now, and the folder itself where it is not known."""
    seen = {"last_seen_online": datetime.now(UTC)}
    if known is None:
        noted = {**seen, "checksum": root_checksum(path, ())}
        query = insert(Root).values(path=path, **noted).returning(Root.id)
        return KnownRoot(session.scalars(query).one())
    session.execute(update(Root).where(Root.id == known.root_id).values(seen))
    return known


def note_reachable(session: Session, roots: Mapping[bytes, KnownRoot] | None = None) -> None:
    """Record that every indexed folder which is there now was seen.

    `roots`: all of them by path, where they were read before.
    """
    roots = known_roots(session) if roots is None else roots
    there = [root.root_id for path, root in roots.items() if not is_away(path)]
    seen = update(Root).where(Root.id.in_(there)).values(last_seen_online=datetime.now(UTC))
    session.execute(seen, execution_options=NO_SYNC)


def is_away(path: bytes) -> bool:
    """Whether a folder is certainly not there, or is empty, as where a disk is mounted.

    Where it cannot be looked at for another reason nothing is known, not even that it is away.
    """
    if is_remote(path):
        return is_there(path) is False
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def is_reachable(path: bytes) -> bool:
    """Whether a folder is there, for who is shown it."""
    return bool(is_there(path)) if is_remote(path) else os.path.isdir(path)


def is_same_folder(path: bytes, other: bytes) -> bool:
    """Whether two paths lead to one folder: by a link, or written in other letters' case."""
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def last_indexed(session: Session) -> dict[int, datetime]:
    """When the last run of each indexed folder began that came to an end, by its id."""
    missing = set(session.scalars(select(Root.id)))
    query = select(Run.started_at, Run.finished_at, Run.counts).order_by(Run.id.desc())
    found: dict[int, datetime] = {}
    with session.execute(query, execution_options={"yield_per": 100}) as runs:
        for started, finished, counts in runs:
            progress = (counts or {}).get("progress", {})
            if finished is not None and not progress.get("interrupted"):
                own = missing & set(progress.get("roots", ()))
                found.update(dict.fromkeys(own, started))
                missing -= own
            if not missing:
                break
    return found


def get_or_add_root(session: Session, folder: Path) -> int:
    """Return the id of a folder that is there now, recording it if it is new."""
    path = os.fsencode(folder.resolve())
    return note_online(session, path, known_roots(session).get(path)).root_id


def exclude(
    session: Session, root: KnownRoot, patterns: Sequence[str], *, instead: bool = False
) -> KnownRoot:
    """Remember patterns of files to leave out, behind those known or `instead` of them.

    A pattern that is known moves to the end, since of two that fit a file the last one counts.
    """
    kept = [] if instead else [pattern for pattern in root.excluded if pattern not in patterns]
    excluded = (*kept, *dict.fromkeys(patterns))
    if excluded != root.excluded:
        path = session.scalars(select(Root.path).where(Root.id == root.root_id)).one()
        values = {"excluded": list(excluded), "checksum": root_checksum(path, excluded)}
        session.execute(update(Root).where(Root.id == root.root_id).values(values))
    return KnownRoot(root.root_id, excluded)


def list_roots(session: Session) -> list[RootView]:
    """Return every indexed folder, by path.

    Raises DamagedValue where the row of one is not as it was written.
    """
    check_roots(session)
    query = (
        select(Root.id, Root.path, func.count(Photo.id), Root.last_seen_online)
        .outerjoin(Photo, Photo.root_id == Root.id)
        .group_by(Root.id, Root.path, Root.last_seen_online)
        .order_by(Root.path)
    )
    return [RootView(*row) for row in session.execute(query)]
