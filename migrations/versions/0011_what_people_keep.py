"""What people keep: albums, favourites, links that share photos, saved and recent searches.

Photos stand in them by the SHA-256 of their bytes. Going down drops all of it, for which there is
no other copy.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLES = (
    "album", "album_photo", "favourite", "share", "share_photo", "saved_search", "recent_search",
    "preference",
)  # fmt: skip


def upgrade() -> None:
    """Add the tables."""
    _create("album", _id(), _text("name"), _time("created_at"), sqlite_autoincrement=True)
    _create("album_photo", *_photo_of("album"), key=("album_id", "content_hash"))
    _create("favourite", _hash("content_hash"), _time("added_at"), key=("content_hash",))
    _create(
        "share",
        _id(),
        _hash("token_hash"),
        _text("title"),
        sa.Column("album_id", sa.Integer, nullable=True),
        _time("created_at"),
        _time("expires_at"),
        sa.UniqueConstraint("token_hash", name="uq_share_token_hash"),
        _refers("share", "album"),
        sqlite_autoincrement=True,
    )
    _create("share_photo", *_photo_of("share"), key=("share_id", "content_hash"))
    _create("saved_search", _id(), _text("name"), _text("parameters"), _time("created_at"))
    _create("recent_search", _id(), _text("parameters"), _time("asked_at"), checksum=False)
    value = sa.Column("value", sa.String(32), nullable=False)
    name = sa.Column("name", sa.String(32), nullable=False)
    _create("preference", name, value, key=("name",), checksum=False)
    for table, column in (
        ("album_photo", "content_hash"), ("share", "album_id"), ("share_photo", "content_hash")
    ):  # fmt: skip
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    """Drop them."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create(
    table: str, *parts: Any, key: tuple[str, ...] = ("id",), checksum: bool = True, **options: Any
) -> None:
    last = [sa.Column("checksum", sa.String(32), nullable=False)] if checksum else []
    primary = sa.PrimaryKeyConstraint(*key, name=f"pk_{table}")
    op.create_table(table, *parts, *last, primary, **options)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _hash(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(64), nullable=False)


def _photo_of(owner: str) -> tuple[Any, ...]:
    """The columns of a photo in an album or a share."""
    return (
        sa.Column(f"{owner}_id", sa.Integer, nullable=False),
        _hash("content_hash"),
        sa.Column("position", sa.Integer, nullable=False),
        _refers(f"{owner}_photo", owner),
    )


def _refers(table: str, owner: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{owner}_id"], [f"{owner}.id"], name=f"fk_{table}_{owner}_id_{owner}", ondelete="CASCADE"
    )
