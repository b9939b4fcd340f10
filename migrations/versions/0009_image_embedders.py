"""The image embedder that a home was given, checksums of its vectors, and calibrations.

Homes have none of them until they are asked for. Going down drops the image vectors, of which
former releases know nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the column."""
    op.add_column("vector", sa.Column("checksum", sa.String(32), nullable=True))
    op.create_table(
        "image_embedder",
        sa.Column("model_id", sa.Integer, nullable=False),
        sa.Column("folder", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("model_id", name="pk_image_embedder"),
        _model_key("image_embedder", "model_id"),
    )
    op.create_table(
        "calibration",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("model_id", sa.Integer, nullable=False),
        sa.Column("image_model_id", sa.Integer, nullable=True),
        sa.Column("ranking", sa.Text, nullable=False),
        sa.Column("checksum", sa.String(32), nullable=False),
        sa.Column("captions", sa.Integer, nullable=False),
        sa.Column("photos", sa.Integer, nullable=False),
        sa.Column("fitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calibration"),
        _model_key("calibration", "model_id"),
        _model_key("calibration", "image_model_id"),
    )


def downgrade() -> None:
    """Drop them, and all that an image embedder made."""
    op.drop_table("calibration")
    op.drop_table("image_embedder")
    op.execute("DELETE FROM vector WHERE kind = 'image'")
    op.execute("DELETE FROM vector_generation WHERE kind = 'image'")
    op.execute("DELETE FROM model WHERE kind = 'image_embedder'")
    op.drop_column("vector", "checksum")


def _model_key(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], ["model.id"], name=f"fk_{table}_{column}_model", ondelete="CASCADE"
    )
