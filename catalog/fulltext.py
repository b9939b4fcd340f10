"""Which words stand in the path and the captions of which photo: SQLite's FTS5, PostgreSQL's GIN.

Functions take a session and neither commit nor roll back: who opened it decides. Knows nothing of
what a word means, nor which photos a search prefers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from catalog.chunks import chunks
from catalog.models import Caption, Photo, PhotoText, Root
from catalog.words import words_in, words_of_photo

# The migrations make the index; on SQLite its triggers keep it in step with the table photo_text.
_MATCHING = {
    "sqlite": text(
        "SELECT rowid FROM photo_text_fts WHERE photo_text_fts MATCH :words LIMIT :limit"
    ),
    "postgresql": text(
        "SELECT photo_id FROM photo_text "
        "WHERE to_tsvector('simple', words) @@ to_tsquery('simple', :words) LIMIT :limit"
    ),
}
_NOTHING = np.empty(0, dtype=np.int64)


def refresh_words(session: Session, ids: Sequence[int]) -> None:
    """Note the words of photos anew, after their paths or captions changed."""
    for chunk in chunks(ids):
        query = delete(PhotoText).where(PhotoText.photo_id.in_(chunk))
        session.execute(query, execution_options={"synchronize_session": False})
        session.execute(insert(PhotoText), list(_rows(session, chunk)))


def photos_with_word(session: Session, word: str, most: int) -> NDArray[np.int64]:
    """Return the ids [N] of all photos with a word; none where more than `most` have it.

    Any text will do: what is no letter and no digit only separates.
    """
    parts = words_in(word)
    if not parts:
        return _NOTHING
    dialect = session.get_bind().dialect.name
    given = {"words": _all_of(parts, dialect), "limit": most + 1}
    found = np.fromiter(session.scalars(_MATCHING[dialect], given), dtype=np.int64)
    return np.sort(found) if len(found) <= most else _NOTHING


def words_of(session: Session, ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Return the words of photos by id; ids that are gone are left out."""
    words: dict[int, frozenset[str]] = {}
    for chunk in chunks(ids):
        query = select(PhotoText.photo_id, PhotoText.words).where(PhotoText.photo_id.in_(chunk))
        words.update({key: frozenset(row.split()) for key, row in session.execute(query)})
    return words


def _rows(session: Session, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    query = (
        select(Photo.id, Root.path, Photo.path, Caption.text)
        .join(Root, Root.id == Photo.root_id)
        .outerjoin(Caption, Caption.photo_id == Photo.id)
        .where(Photo.id.in_(ids))
        .order_by(Photo.id, Caption.model_id, Caption.rank)
    )
    for key, group in groupby(session.execute(query).all(), key=lambda row: row[0]):
        rows = list(group)
        captions = [caption for _, _, _, caption in rows if caption is not None]
        yield {"photo_id": key, "words": words_of_photo(rows[0][1], rows[0][2], captions)}


def _all_of(words: Sequence[str], dialect: str) -> str:
    """A condition in the database's own language; quoted, no word is an operator of it."""
    if dialect == "sqlite":
        return " ".join(f'"{word}"' for word in words)
    return " & ".join(f"'{word}'" for word in words)
