"""The FAISS files of several homes on one database, each known by its number and its checksum."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NAME = "pk_vector_generation"
# The one that was saved last stays.
_FORMER = """
DELETE FROM vector_generation WHERE EXISTS (
  SELECT 1 FROM vector_generation AS other WHERE other.model_id = vector_generation.model_id
    AND other.kind = vector_generation.kind AND other.generation > vector_generation.generation)
"""


def upgrade() -> None:
    """Let a kind and model have several."""
    _identify_by("model_id", "kind", "generation")


def downgrade() -> None:
    """Let each have one."""
    op.execute(sa.text(_FORMER))
    _identify_by("model_id", "kind")


def _identify_by(*columns: str) -> None:
    with op.batch_alter_table("vector_generation") as batch:
        batch.drop_constraint(_NAME, type_="primary")
        batch.create_primary_key(_NAME, list(columns))
