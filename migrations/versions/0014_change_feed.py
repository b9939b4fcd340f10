"""The change feed: commits by transaction id on PostgreSQL, and which photos lost vectors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables. Changes of before are at most the counter, those that follow are greater."""
    op.create_table(
        "vector_commit",
        sa.Column("change", sa.BigInteger, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("change", name="pk_vector_commit"),
    )
    op.create_table(
        "vector_removal",
        sa.Column("photo_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("photo_id", name="pk_vector_removal"),
    )
    op.create_index("ix_vector_removal_change", "vector_removal", ["change"])


def downgrade() -> None:
    """Let the counter go on behind the last change, and drop the tables."""
    op.execute(
        "UPDATE vector_change SET counter = (SELECT max(change) FROM vector_commit)"
        " WHERE EXISTS (SELECT 1 FROM vector_commit)"
    )
    op.drop_table("vector_removal")
    op.drop_table("vector_commit")
