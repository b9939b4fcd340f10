"""The words of each photo's path and captions, and a full-text index over them.

Printed as SQL it makes the table and the index only: the words themselves are split in Python, by
a copy of the rules of catalog/fulltext.py as they were at this revision.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BATCH = 500

_TRIGGER = "CREATE TRIGGER photo_text_fts_{event} AFTER {event} ON photo_text BEGIN {body} END"
_ADD = "INSERT INTO photo_text_fts (rowid, words) VALUES (new.photo_id, new.words);"
# FTS5 keeps no text of its own here, so it has to be given the text of a row that it removes.
_DROP = (
    "INSERT INTO photo_text_fts (photo_text_fts, rowid, words) "
    "VALUES ('delete', old.photo_id, old.words);"
)
_TRIGGERS = {"INSERT": _ADD, "DELETE": _DROP, "UPDATE": _DROP + " " + _ADD}

_WORD = re.compile(r"[^\W_]+")
# What is written together in a name: LisbonTrip2019 -> Lisbon, Trip, 2019.
_PART = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|[A-Z]")


def upgrade() -> None:
    """Make the table and its index, and note the words of the photos that are there."""
    op.create_table(
        "photo_text",
        sa.Column("photo_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("photo_id", name="pk_photo_text"),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["photo.id"],
            name="fk_photo_text_photo_id_photo",
            ondelete="CASCADE",
        ),
    )
    if op.get_context().dialect.name == "sqlite":
        _create_fts5()
    else:
        op.execute(
            "CREATE INDEX photo_text_fts ON photo_text USING gin (to_tsvector('simple', words))"
        )
    if not context.is_offline_mode():
        _fill()


def downgrade() -> None:
    """Drop the index and the words; captions and paths are where they were."""
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE photo_text_fts")
    op.drop_table("photo_text")


def _create_fts5() -> None:
    # The words were cut and folded before; the tokeniser only has to part them at the spaces.
    op.execute(
        "CREATE VIRTUAL TABLE photo_text_fts USING fts5(words, content='photo_text', "
        "content_rowid='photo_id', tokenize='unicode61 remove_diacritics 0')"
    )
    for event, body in _TRIGGERS.items():
        op.execute(_TRIGGER.format(event=event, body=body))


def _fill() -> None:
    connection = op.get_bind()
    photo_text = sa.table("photo_text", sa.column("photo_id"), sa.column("words"))
    last = 0
    while rows := list(_words_after(connection, last)):
        connection.execute(sa.insert(photo_text), rows)
        last = rows[-1]["photo_id"]


def _words_after(connection: sa.Connection, last: int) -> Iterator[dict[str, Any]]:
    """The words of the next photos, in order of id."""
    query = sa.text(
        "SELECT photo.id, root.path, photo.path, caption.text "
        "FROM (SELECT * FROM photo WHERE id > :last ORDER BY id LIMIT :batch) AS photo "
        "JOIN root ON root.id = photo.root_id LEFT JOIN caption ON caption.photo_id = photo.id "
        "ORDER BY photo.id, caption.model_id, caption.rank"
    )
    found = connection.execute(query, {"last": last, "batch": BATCH}).all()
    for key, group in groupby(found, key=lambda row: row[0]):
        rows = list(group)
        captions = [caption for _, _, _, caption in rows if caption is not None]
        yield {"photo_id": key, "words": _words_of_photo(rows[0][1], rows[0][2], captions)}


def _words_of_photo(root: bytes, path: bytes, captions: Iterable[str]) -> str:
    """The words of its folder's name, its path below that and its captions, spaces between."""
    name = os.fsdecode(os.path.join(os.path.basename(root), path))
    words = [*_words_of_name(name.encode("utf-8", "replace").decode())]
    words += [word for text in captions for word in _WORD.findall(_plain(text).casefold())]
    return " ".join(dict.fromkeys(words))


def _words_of_name(name: str) -> Iterator[str]:
    for word in _WORD.findall(_plain(name)):
        yield word.casefold()
        yield from (part.casefold() for part in _PART.findall(word))


def _plain(text: str) -> str:
    """Without accents, whether they were written as one character with their letter or apart."""
    marks = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in marks if not unicodedata.combining(mark))
