"""Lenses, and the towns nearest to where photos were taken.

Nothing of them is known yet: the next indexing reads lenses from the files, without the model, and
looks the towns up. On the way down, photos with a lens then count as damaged, since their checksums
are over that, too, and are described again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the tables."""
    op.add_column("photo", sa.Column("lens", sa.Text, nullable=True))
    op.create_table(
        "town",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_town"),
        sa.UniqueConstraint("name", name="uq_town_name"),
    )
    op.create_table(
        "photo_town",
        sa.Column("photo_id", sa.Integer, nullable=False),
        sa.Column("town_id", sa.Integer, nullable=True),
        sa.Column("latitude", sa.Float(53), nullable=False),
        sa.Column("longitude", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("photo_id", name="pk_photo_town"),
        *(
            sa.ForeignKeyConstraint(
                [f"{table}_id"],
                [f"{table}.id"],
                name=f"fk_photo_town_{table}_id_{table}",
                ondelete="CASCADE",
            )
            for table in ("photo", "town")
        ),
    )
    op.create_index("ix_photo_town_town_id_photo_id", "photo_town", ["town_id", "photo_id"])


def downgrade() -> None:
    """Drop the column and the tables."""
    op.drop_table("photo_town")
    op.drop_table("town")
    op.drop_column("photo", "lens")
