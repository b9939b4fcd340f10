"""Tags of photos, as a captioner's classifier gives them.

Captioners that were used before have no classifier, so that no photo has a tag yet.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "tag",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sa.UniqueConstraint("name", name="uq_tag_name"),
    )
    op.create_table(
        "photo_tag",
        sa.Column("photo_id", sa.Integer, nullable=False),
        sa.Column("model_id", sa.Integer, nullable=False),
        sa.Column("tag_id", sa.Integer, nullable=False),
        sa.Column("probability", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("photo_id", "model_id", "tag_id", name="pk_photo_tag"),
        *(
            sa.ForeignKeyConstraint(
                [f"{table}_id"],
                [f"{table}.id"],
                name=f"fk_photo_tag_{table}_id_{table}",
                ondelete="CASCADE",
            )
            for table in ("photo", "model", "tag")
        ),
    )
    op.create_index("ix_photo_tag_tag_id_photo_id", "photo_tag", ["tag_id", "photo_id"])
    op.create_index("ix_photo_tag_model_id", "photo_tag", ["model_id"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("photo_tag")
    op.drop_table("tag")
