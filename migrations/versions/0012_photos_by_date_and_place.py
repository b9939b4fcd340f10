"""Indexes by which photos are looked through: by when and by where they were taken."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INDEXES = (("taken_at", "id"), ("latitude", "longitude", "id"))


def upgrade() -> None:
    """Add the indexes."""
    for columns in _INDEXES:
        op.create_index(f"ix_photo_{'_'.join(columns)}", "photo", list(columns))


def downgrade() -> None:
    """Drop the indexes."""
    for columns in _INDEXES:
        op.drop_index(f"ix_photo_{'_'.join(columns)}", "photo")
