"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    _create_root()
    _create_photo()
    _create_model()
    _create_caption()
    _create_vector()
    _create_state()
    _create_failure()
    _create_run()
    _create_vector_change()
    _create_vector_generation()


def downgrade() -> None:
    """Drop every table, those that refer to others first."""
    tables = "vector_generation vector_change run failure state vector caption model photo root"
    for table in tables.split():
        op.drop_table(table)


def _key(table: str, referred: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{referred}_id"],
        [f"{referred}.id"],
        name=f"fk_{table}_{referred}_id_{referred}",
        ondelete="CASCADE",
    )


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _create_root() -> None:
    op.create_table(
        "root",
        _integer("id"),
        _bytes("path"),
        sa.Column("last_seen_online", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_root"),
        sa.UniqueConstraint("path", name="uq_root_path"),
    )


def _create_photo() -> None:
    op.create_table(
        "photo",
        _integer("id"),
        _integer("root_id"),
        _bytes("path"),
        sa.Column("content_hash", sa.String(64), nullable=False),
        _big("size"),
        _big("mtime_ns"),
        _integer("width"),
        _integer("height"),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True)),
        sa.Column("camera", sa.Text),
        sa.Column("latitude", sa.Float(53)),
        sa.Column("longitude", sa.Float(53)),
        sa.Column("indexed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_photo"),
        sa.UniqueConstraint("root_id", "path", name="uq_photo_root_id_path"),
        _key("photo", "root"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_photo_content_hash", "photo", ["content_hash"])


def _create_model() -> None:
    op.create_table(
        "model",
        _integer("id"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_model"),
        sa.UniqueConstraint("name", "sha256", name="uq_model_name_sha256"),
    )


def _create_caption() -> None:
    op.create_table(
        "caption",
        _integer("photo_id"),
        _integer("model_id"),
        _integer("rank"),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("log_likelihood", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("photo_id", "model_id", "rank", name="pk_caption"),
        _key("caption", "photo"),
        _key("caption", "model"),
    )
    op.create_index("ix_caption_model_id", "caption", ["model_id"])


def _create_vector() -> None:
    op.create_table(
        "vector",
        _integer("photo_id"),
        sa.Column("kind", sa.String(16), nullable=False),
        _integer("model_id"),
        sa.Column("embedder", sa.Text),
        _big("change"),
        _bytes("blob"),
        sa.PrimaryKeyConstraint("photo_id", "kind", "model_id", name="pk_vector"),
        _key("vector", "photo"),
        _key("vector", "model"),
    )
    columns = ["model_id", "kind", "change", "photo_id"]
    op.create_index("ix_vector_model_id_kind_change_photo_id", "vector", columns)


def _create_state() -> None:
    op.create_table(
        "state",
        _integer("photo_id"),
        _integer("model_id"),
        _bytes("blob"),
        sa.Column("bias", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("photo_id", "model_id", name="pk_state"),
        _key("state", "photo"),
        _key("state", "model"),
    )
    op.create_index("ix_state_model_id_photo_id", "state", ["model_id", "photo_id"])


def _create_failure() -> None:
    op.create_table(
        "failure",
        _integer("id"),
        _bytes("path"),
        _big("size"),
        _big("mtime_ns"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_failure"),
        sa.UniqueConstraint("path", name="uq_failure_path"),
    )


def _create_run() -> None:
    op.create_table(
        "run",
        _integer("id"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("counts", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )


def _create_vector_change() -> None:
    table = op.create_table(
        "vector_change",
        _integer("id"),
        _big("counter"),
        sa.PrimaryKeyConstraint("id", name="pk_vector_change"),
    )
    op.bulk_insert(table, [{"id": 1, "counter": 0}])


def _create_vector_generation() -> None:
    op.create_table(
        "vector_generation",
        _integer("model_id"),
        sa.Column("kind", sa.String(16), nullable=False),
        _integer("generation"),
        sa.Column("sha256", sa.String(64), nullable=False),
        _integer("count"),
        _big("change_counter"),
        sa.PrimaryKeyConstraint("model_id", "kind", name="pk_vector_generation"),
        _key("vector_generation", "model"),
    )
