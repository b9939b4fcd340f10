"""Links that share photos: whoever has the token of one sees its photos until it ends.

Of a token only the SHA-256 is stored; it is drawn at random from 256 bits, so no slower hash is
needed. A link shares an album as it is whenever somebody looks, or a list of photos as it was.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from catalog.albums import album_contents, find_album
from catalog.kept_rows import add_row, add_rows, read_rows
from catalog.models import AlbumPhoto, Share, SharePhoto, clean_text
from catalog.sql import NO_SYNC

_TOKEN_BYTES = 32


class UnknownShare(LookupError):
    """There is no such link, or it has ended or was revoked."""


@dataclass(frozen=True)
class ShareView:
    """A link that shares photos; `album_id` None: a list of its own."""

    share_id: int
    title: str
    album_id: int | None
    created_at: datetime
    expires_at: datetime


def share_album(session: Session, album_id: int, title: str, lasts: timedelta) -> tuple[int, str]:
    """Share an album; returns the link's id and its token. Raises UnknownAlbum."""
    find_album(session, album_id)
    return _add(session, album_id, title, lasts)


def share_photos(
    session: Session, hashes: Sequence[str], title: str, lasts: timedelta
) -> tuple[int, str]:
    """Share photos by their hashes, in their order; returns the link's id and its token."""
    share_id, token = _add(session, None, title, lasts)
    rows = [
        {"share_id": share_id, "content_hash": each, "position": position}
        for position, each in enumerate(dict.fromkeys(hashes))
    ]
    add_rows(session, SharePhoto, rows)
    return share_id, token


def list_shares(session: Session) -> list[ShareView]:
    """Return the links that have not ended, the newest first."""
    rows = read_rows(session, Share, Share.expires_at > datetime.now(UTC), order=[Share.id.desc()])
    return [_view(row) for row in rows.sound]


def find_share(session: Session, token: str) -> ShareView:
    """Return the link that has a token. Raises UnknownShare."""
    wanted = _hash(token)
    for row in read_rows(session, Share, Share.token_hash == wanted).sound:
        # The index found it by a hash, of which time tells nothing about the token.
        equal = hmac.compare_digest(row["token_hash"].encode(), wanted.encode())
        if equal and row["expires_at"] > datetime.now(UTC):
            return _view(row)
    raise UnknownShare("there is no such link, or it has ended")


def share_contents(session: Session, share: ShareView) -> list[str]:
    """Return the hashes of the photos that a link shares, in their order, indexed now or not."""
    if share.album_id is not None:
        return album_contents(session, share.album_id)
    own = SharePhoto.share_id == share.share_id
    rows = read_rows(session, SharePhoto, own, order=[SharePhoto.position])
    return [row["content_hash"] for row in rows.sound]


def shared_content(session: Session, share: ShareView, beginning: str) -> str | None:
    """Return the hash that begins so of a photo that a link shares; None for none."""
    table = SharePhoto if share.album_id is None else AlbumPhoto
    own = (
        SharePhoto.share_id == share.share_id
        if share.album_id is None
        else AlbumPhoto.album_id == share.album_id
    )
    begins = table.content_hash.startswith(beginning, autoescape=True)
    found = read_rows(session, table, own, begins).sound
    return found[0]["content_hash"] if found else None


def revoke_share(session: Session, share_id: int) -> bool:
    """End a link; returns whether it was there."""
    gone = delete(Share).where(Share.id == share_id).returning(Share.id)
    return bool(session.scalars(gone).all())


def _add(session: Session, album_id: int | None, title: str, lasts: timedelta) -> tuple[int, str]:
    now = datetime.now(UTC)
    session.execute(delete(Share).where(Share.expires_at <= now), execution_options=NO_SYNC)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row: dict[str, Any] = {
        "token_hash": _hash(token),
        "title": clean_text(title),
        "album_id": album_id,
        "created_at": now,
        "expires_at": now + lasts,
    }
    return add_row(session, Share, row), token


def _hash(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()


def _view(row: dict[str, Any]) -> ShareView:
    return ShareView(row["id"], row["title"], row["album_id"], row["created_at"], row["expires_at"])
