"""Full-text search over the words of paths and captions: SQLite's FTS5, PostgreSQL's GIN.

Words are stored and looked up case-folded and without accents. Functions take a session and
neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from catalog.models import Caption, Photo, PhotoText, Root
from catalog.paths import show_path
from catalog.sql import NO_SYNC, chunks

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

_WORD = re.compile(r"[^\W_]+")
# What is written together in a name: LisbonTrip2019 -> Lisbon, Trip, 2019.
_PART = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|[A-Z]")


def refresh_words(session: Session, ids: Sequence[int]) -> None:
    """Store the words of photos anew, after their paths or captions changed."""
    for chunk in chunks(ids):
        query = delete(PhotoText).where(PhotoText.photo_id.in_(chunk))
        session.execute(query, execution_options=NO_SYNC)
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


def words_in(text: str) -> tuple[str, ...]:
    """The words of a sentence or of a query, each once: "Zürich, IMG_2041" -> zurich img 2041."""
    return tuple(dict.fromkeys(_WORD.findall(_plain(text).casefold())))


def words_of_photo(root: bytes, path: bytes, captions: Iterable[str]) -> str:
    """All words that a photo is found by, with spaces between.

    They are those of its captions, of its path below the indexed folder `root`, and of that
    folder's own name. What is written together in a name counts whole and in parts.
    """
    name = os.path.join(os.path.basename(root), path)
    words = [*_words_of_name(show_path(name))]
    words += [word for caption in captions for word in words_in(caption)]
    return " ".join(dict.fromkeys(words))


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
    """A full-text query for all of the words; quoted, no word is an operator."""
    if dialect == "sqlite":
        return " ".join(f'"{word}"' for word in words)
    return " & ".join(f"'{word}'" for word in words)


def _words_of_name(name: str) -> Iterator[str]:
    for word in _WORD.findall(_plain(name)):
        yield word.casefold()
        yield from (part.casefold() for part in _PART.findall(word))


def _plain(text: str) -> str:
    """Without accents, whether they were written as one character with their letter or apart."""
    marks = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in marks if not unicodedata.combining(mark))
