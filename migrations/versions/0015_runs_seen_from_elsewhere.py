"""When a run was last seen to go on, and whether it is asked to end: for servers on other machines.

Where all share one home its lock file and a file of its own say so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("run", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "run",
        sa.Column("stop_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("run", "stop_requested")
    op.drop_column("run", "seen_at")
