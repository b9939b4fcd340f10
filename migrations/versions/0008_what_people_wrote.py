"""What people wrote about photos: titles, descriptions, ratings, keywords, and who is on them.

Nothing of it is known yet: the next indexing reads it from the files and the sidecars beside them,
without the model. On the way down, photos of which something is known then count as damaged, since
their checksums are over that, too, and are described again.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FORMER = ("names", "joined", "grams", "captions")
_COLUMNS = (*_FORMER, "written")
_TRIGGER = "CREATE TRIGGER photo_text_fts_{event} AFTER {event} ON photo_text BEGIN {body} END"
# What a trigger does, for the columns given. FTS5 keeps no text of its own here, so it has to be
# given the text of a row that it removes.
_ADD = "INSERT INTO photo_text_fts (rowid, {columns}) VALUES (new.photo_id, {new});"
_DROP = (
    "INSERT INTO photo_text_fts (photo_text_fts, rowid, {columns}) "
    "VALUES ('delete', old.photo_id, {old});"
)
_FORMER_NAMES = "string_to_array(names || ' ' || joined, ' ')"
_NAMES = "string_to_array(names || ' ' || joined || ' ' || written, ' ')"


def upgrade() -> None:
    """Add the columns and tables, and take the new words into the full-text index."""
    op.add_column("photo", sa.Column("sidecars", sa.String(16), nullable=False, server_default=""))
    op.add_column("photo", sa.Column("title", sa.Text, nullable=True))
    op.add_column("photo", sa.Column("description", sa.Text, nullable=True))
    op.add_column("photo", sa.Column("rating", sa.Integer, nullable=True))
    for name in ("keywords", "people"):
        op.add_column("photo", sa.Column(name, sa.Text, nullable=False, server_default=""))
    _create_keywords()
    _drop_index()
    column = sa.Column("written", sa.Text, nullable=False, server_default="")
    op.add_column("photo_text", column)
    _create_index(_COLUMNS, _NAMES)


def downgrade() -> None:
    """Drop the columns and tables, and leave the new words out of the index."""
    _drop_index()
    op.drop_column("photo_text", "written")
    _create_index(_FORMER, _FORMER_NAMES)
    op.drop_table("photo_keyword")
    op.drop_table("keyword")
    for name in ("people", "keywords", "rating", "description", "title", "sidecars"):
        op.drop_column("photo", name)


def _create_keywords() -> None:
    op.create_table(
        "keyword",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_keyword"),
        sa.UniqueConstraint("name", name="uq_keyword_name"),
    )
    op.create_table(
        "photo_keyword",
        sa.Column("photo_id", sa.Integer, nullable=False),
        sa.Column("keyword_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("photo_id", "keyword_id", name="pk_photo_keyword"),
        *(
            sa.ForeignKeyConstraint(
                [f"{table}_id"],
                [f"{table}.id"],
                name=f"fk_photo_keyword_{table}_id_{table}",
                ondelete="CASCADE",
            )
            for table in ("photo", "keyword")
        ),
    )
    op.create_index("ix_photo_keyword_keyword_id_photo_id", "photo_keyword",
                    ["keyword_id", "photo_id"])  # fmt: skip


def _drop_index() -> None:
    if op.get_context().dialect.name != "sqlite":
        op.execute("DROP INDEX photo_text_fts")
        return
    for event in ("INSERT", "DELETE", "UPDATE"):
        op.execute(f"DROP TRIGGER photo_text_fts_{event}")
    op.execute("DROP TABLE photo_text_fts")


def _create_index(columns: Iterable[str], names: str) -> None:
    """The index over all words in SQLite, over those of names alone in PostgreSQL."""
    if op.get_context().dialect.name != "sqlite":
        op.execute(f"CREATE INDEX photo_text_fts ON photo_text USING gin (({names}))")
        return
    listed = ", ".join(columns)
    op.execute(
        f"CREATE VIRTUAL TABLE photo_text_fts USING fts5({listed}, content='photo_text', "
        "content_rowid='photo_id', tokenize='ascii', detail='column')"
    )
    op.execute("INSERT INTO photo_text_fts (photo_text_fts) VALUES ('rebuild')")
    new, old = (", ".join(f"{row}.{name}" for name in columns) for row in ("new", "old"))
    add, drop = (each.format(columns=listed, new=new, old=old) for each in (_ADD, _DROP))
    for event, body in {"INSERT": add, "DELETE": drop, "UPDATE": f"{drop} {add}"}.items():
        op.execute(_TRIGGER.format(event=event, body=body))
