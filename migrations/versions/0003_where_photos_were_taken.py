"""The zone and the source of a photo's date, and the patterns of files that a root leaves out.

Dates are the clock's where a photo was taken from here on. Those that are there came by older
rules, in UTC where a camera named its zone: version 1 has the next indexing look them up again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("photo", sa.Column("taken_offset", sa.Integer))
    op.add_column("photo", sa.Column("taken_from", sa.String(8)))
    version = sa.Column("metadata_version", sa.Integer, nullable=False, server_default="1")
    op.add_column("photo", version)
    op.add_column("root", sa.Column("excluded", sa.JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop the columns; dates stay as they are."""
    op.drop_column("root", "excluded")
    for column in ("metadata_version", "taken_from", "taken_offset"):
        op.drop_column("photo", column)
