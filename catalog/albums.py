"""Albums: photos in an order of somebody's own, kept by the SHA-256 of their bytes.

So a photo that is moved or indexed anew stays in its albums, and one that was removed is in them
again when it comes back. Of photos with the same bytes an album has one.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select, tuple_, update
from sqlalchemy.orm import Session

from catalog.kept_rows import add_row, add_rows, checked, drop_contents, read_rows
from catalog.models import Album, AlbumPhoto, Photo, clean_text
from catalog.sql import NO_SYNC

LONGEST_NAME = 100  # characters


class UnknownAlbum(LookupError):
    """There is no album with this number."""


@dataclass(frozen=True)
class AlbumView:
    """An album; `photos` counts those that are indexed now, `cover` is the first one's hash."""

    album_id: int
    name: str
    created_at: datetime
    photos: int
    cover: str | None


def create_album(session: Session, name: str, hashes: Iterable[str] = ()) -> int:
    """Make an album of photos by their hashes, in their order; returns its id."""
    row = {"name": clean_text(name), "created_at": datetime.now(UTC)}
    album_id = add_row(session, Album, row)
    add_to_album(session, album_id, hashes)
    return album_id


def rename_album(session: Session, album_id: int, name: str) -> None:
    """Give an album another name. Raises UnknownAlbum."""
    row = {"name": clean_text(name), "created_at": find_album(session, album_id).created_at}
    values = {**row, **checked(Album, row)}
    renamed = update(Album).where(Album.id == album_id).values(values)
    session.execute(renamed, execution_options=NO_SYNC)


def delete_album(session: Session, album_id: int) -> None:
    """Forget an album, and the links that share it; its photos stay. Raises UnknownAlbum."""
    find_album(session, album_id)
    session.execute(delete(Album).where(Album.id == album_id), execution_options=NO_SYNC)


def find_album(session: Session, album_id: int) -> AlbumView:
    """Return an album. Raises UnknownAlbum for none, and for one whose row is damaged."""
    found = _views(session, read_rows(session, Album, Album.id == album_id).sound)
    if not found:
        raise UnknownAlbum(album_id)
    return found[0]


def list_albums(session: Session) -> list[AlbumView]:
    """Return all albums, the newest first."""
    return _views(session, read_rows(session, Album, order=[Album.id.desc()]).sound)


def album_contents(session: Session, album_id: int) -> list[str]:
    """Return the hashes of an album's photos, in its order, indexed now or not."""
    rows = read_rows(
        session, AlbumPhoto, AlbumPhoto.album_id == album_id, order=[AlbumPhoto.position]
    )
    return [row["content_hash"] for row in rows.sound]


def add_to_album(session: Session, album_id: int, hashes: Iterable[str]) -> int:
    """Put photos behind those of an album; returns how many it did not have.

    Raises UnknownAlbum.
    """
    find_album(session, album_id)
    there = set(session.scalars(select(AlbumPhoto.content_hash).where(_of(album_id))))
    fresh = [each for each in dict.fromkeys(hashes) if each not in there]
    last = session.scalar(select(func.max(AlbumPhoto.position)).where(_of(album_id)))
    _store(session, album_id, fresh, 0 if last is None else last + 1)
    return len(fresh)


def remove_from_album(session: Session, album_id: int, hashes: Sequence[str]) -> int:
    """Take photos out of an album; returns how many it had. Raises UnknownAlbum."""
    find_album(session, album_id)
    return drop_contents(session, AlbumPhoto, hashes, _of(album_id))


def order_album(
    session: Session, album_id: int, hashes: Sequence[str], after: str | None = None
) -> None:
    """Put photos of an album first, or behind the one `after`; the others stay as they were.

    Photos that it does not have are left out; so is `after`, where it moves itself. Raises
    UnknownAlbum.
    """
    find_album(session, album_id)
    former = album_contents(session, album_id)
    known = set(former)
    first = [each for each in dict.fromkeys(hashes) if each in known]
    moved = set(first)
    rest = [each for each in former if each not in moved]
    place = rest.index(after) + 1 if after in rest else 0
    order = [*rest[:place], *first, *rest[place:]]
    session.execute(delete(AlbumPhoto).where(_of(album_id)), execution_options=NO_SYNC)
    _store(session, album_id, order, 0)


def _store(session: Session, album_id: int, hashes: Sequence[str], first: int) -> None:
    rows = [
        {"album_id": album_id, "content_hash": each, "position": position}
        for position, each in enumerate(hashes, start=first)
    ]
    add_rows(session, AlbumPhoto, rows)


def _of(album_id: int) -> ColumnElement[bool]:
    return AlbumPhoto.album_id == album_id


def _views(session: Session, rows: Sequence[dict[str, Any]]) -> list[AlbumView]:
    there = exists().where(Photo.content_hash == AlbumPhoto.content_hash)
    indexed = select(AlbumPhoto.album_id, func.count(), func.min(AlbumPhoto.position))
    indexed = indexed.where(AlbumPhoto.album_id.in_([row["id"] for row in rows]), there)
    counted = {
        key: (count, first)
        for key, count, first in session.execute(indexed.group_by(AlbumPhoto.album_id))
    }
    covers = select(AlbumPhoto.album_id, AlbumPhoto.content_hash).where(
        tuple_(AlbumPhoto.album_id, AlbumPhoto.position).in_(
            [(key, first) for key, (_, first) in counted.items()]
        )
    )
    cover_of: dict[int, str] = {key: cover for key, cover in session.execute(covers)}  # noqa: C416
    return [
        AlbumView(
            album_id=row["id"],
            name=row["name"],
            created_at=row["created_at"],
            photos=counted.get(row["id"], (0, 0))[0],
            cover=cover_of.get(row["id"]),
        )
        for row in rows
    ]
