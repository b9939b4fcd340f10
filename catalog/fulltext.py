"""Full-text search over the words of photos: SQLite's FTS5, PostgreSQL's GIN.

A photo's names are its path and what people wrote about it.

Words are stored and looked up as catalog.words folds them. Functions take a session and neither
commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import TextClause, delete, select, text
from sqlalchemy.orm import Session

from catalog.bulk_insert import insert_rows
from catalog.keywords import note_keywords
from catalog.models import Caption, DamagedValue, Photo, PhotoText, Root, lines_of
from catalog.sql import NO_SYNC, chunks, is_postgresql, readable, stored_texts
from catalog.words import (
    FILE,
    grams_of,
    is_unspaced,
    joined_words,
    may_cross,
    parts_by_script,
    words_in,
    words_of_photo,
)

Ids = NDArray[np.int64]
_NOTHING: Ids = np.empty(0, dtype=np.int64)

# The migrations make the index; on SQLite its triggers keep it in step with the table photo_text.
# PostgreSQL's text parser would cut words by rules of its own and of the server's locale.
_NAMES = "names joined written"
_NAMED = "string_to_array(names || ' ' || joined || ' ' || written, ' ') @> CAST(:words AS text[])"
_CAPTIONED = "string_to_array(captions, ' ') @> CAST(:words AS text[])"
_AROUND = "string_to_array(grams, ' ') @> CAST(:grams AS text[])"


def refresh_words(session: Session, ids: Sequence[int]) -> None:
    """Store the words and keywords of photos anew, after what they are made of changed."""
    note_keywords(session, ids)
    for chunk in chunks(ids):
        query = delete(PhotoText).where(PhotoText.photo_id.in_(chunk))
        session.execute(query, execution_options=NO_SYNC)
        insert_rows(session, PhotoText, list(_rows(session, chunk)))


@dataclass(frozen=True)
class Lookup:
    """Which photos to find: those with all of some folded words in their names.

    `captioned`: or in their captions. Of more than `most` photos none is listed. Made of any text:
    what parts words only separates.
    """

    words: tuple[str, ...]
    most: int
    captioned: bool = False

    @classmethod
    def word(cls, word: str, most: int) -> Lookup:
        """Photos with a word in their names, or in their captions."""
        return cls(words_in(word), most, captioned=True)

    @classmethod
    def name(cls, word: str, most: int) -> Lookup:
        """Photos with a word in their names."""
        return cls(words_in(word), most)

    @classmethod
    def file(cls, name: str, most: int) -> Lookup:
        """Photos whose file is named so, with or without its ending."""
        joined = joined_words(name)
        return cls((FILE + joined,) if joined else (), most)


def look_up(session: Session, lookups: Sequence[Lookup]) -> list[Ids | None]:
    """Return the ids [N] of each lookup's photos, ascending; None where there are too many."""
    asked = [each for each in lookups if each.words]
    found = iter([ids for chunk in chunks(asked) for ids in _look_up(session, chunk)])
    return [next(found) if each.words else _NOTHING for each in lookups]


def photos_named_around(session: Session, word: str, most: int) -> Ids | None:
    """Return the ids [N] of all photos with a word inside a longer one of their names, or as one.

    None where more than `most` have it; nobody has a word of one or two letters, but for scripts
    without spaces.
    """
    [folded, *others] = words_in(word) or ("",)
    grams = grams_of(folded)
    if not grams or others:
        return _NOTHING
    column = "joined" if may_cross(folded) else "names"
    if is_postgresql(session):
        where = f"{_AROUND} AND (strpos({column}, :word) > 0 OR strpos(written, :word) > 0)"
        return _ids(session, _where(where), most, grams=list(grams), word=folded)
    query = text(
        "SELECT photo_id FROM photo_text_fts JOIN photo_text ON photo_id = photo_text_fts.rowid "
        "WHERE photo_text_fts MATCH :match AND (instr(photo_text.written, :word) > 0 "
        f"OR instr(photo_text.{column}, :word) > 0) LIMIT :limit"
    )
    return _ids(session, query, most, match=_match("grams", grams), word=folded)


def words_of(session: Session, ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Return the words of photos by id; ids that are gone are left out.

    Raises DamagedValue for what is no text.
    """
    words: dict[int, frozenset[str]] = {}
    columns = (PhotoText.names, PhotoText.joined, PhotoText.captions, PhotoText.written)
    for chunk in chunks(ids):
        query = select(PhotoText.photo_id, *columns).where(PhotoText.photo_id.in_(chunk))
        for key, *texts in session.execute(query):
            if not all(isinstance(each, str) for each in texts):
                raise DamagedValue(f"the words of photo {key} are no text")
            words[key] = frozenset(word for each in texts for word in each.split())
    return words


def name_words(session: Session) -> frozenset[str]:
    """Return all words of letters in the names of photos, folded; what is damaged is left out.

    Of scripts without spaces also their parts of one script, of at least two characters.
    """
    words: set[str] = set()
    query = select(*stored_texts(session, (PhotoText.names, PhotoText.written)))
    for row in session.execute(query):
        for stored in row:
            words.update(readable(stored or "").split())
    spelled = {word for word in words if _is_spelled(word)}
    parts = (part for word in spelled if is_unspaced(word) for part in parts_by_script(word))
    return frozenset(spelled).union(part for part in parts if len(part) > 1)


def _is_spelled(word: str) -> bool:
    return any(map(str.isalpha, word)) and not any(map(str.isdigit, word))


def _rows(session: Session, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    written = stored_texts(session, (Photo.keywords, Photo.people, Photo.title, Photo.description))
    query = (
        select(Photo.id, Root.path, Photo.path, Caption.text, *written)
        .join(Root, Root.id == Photo.root_id)
        .outerjoin(Caption, Caption.photo_id == Photo.id)
        .where(Photo.id.in_(ids))
        .order_by(Photo.id, Caption.model_id, Caption.rank)
    )
    for key, group in groupby(session.execute(query).all(), key=lambda row: row[0]):
        rows = list(group)
        _, root, path, _, *stored = rows[0]
        keywords, people, *texts = (readable(each or "") for each in stored)
        captions = [row[3] for row in rows if row[3] is not None]
        labels = (*lines_of(keywords), *lines_of(people))
        words = words_of_photo(root, path, captions, labels, texts)
        yield {"photo_id": key, **asdict(words)}


def _look_up(session: Session, lookups: Sequence[Lookup]) -> Iterator[Ids | None]:
    """The photos of lookups that have words, in one statement: a column of one row for each."""
    given: dict[str, Any] = {}
    for number, each in enumerate(lookups):
        words = list(each.words) if is_postgresql(session) else _match_of(each)
        given.update({f"words{number}": words, f"most{number}": each.most + 1})
    query = _lookup_query(tuple(each.captioned for each in lookups), is_postgresql(session))
    for each, stored in zip(lookups, session.execute(query, given).one(), strict=True):
        ids = _numbers(stored) if isinstance(stored, str) else np.array(stored or (), np.int64)
        yield np.sort(ids) if len(ids) <= each.most else None


@lru_cache(maxsize=1000)
def _lookup_query(captioned: tuple[bool, ...], postgresql: bool) -> TextClause:
    """A query of one lookup each, captioned ones or not."""
    parts = []
    for number, also in enumerate(captioned):
        if postgresql:
            where = f"{_NAMED} OR {_CAPTIONED}" if also else _NAMED
            found = f"SELECT photo_id FROM photo_text WHERE {where} LIMIT :most"
            part = f"ARRAY({found})".replace(":words", f":words{number}")
        else:
            found = "SELECT rowid FROM photo_text_fts WHERE photo_text_fts MATCH :words LIMIT :most"
            part = f"(SELECT group_concat(rowid) FROM ({found}))"
            part = part.replace(":words", f":words{number}")
        parts.append(part.replace(":most", f":most{number}"))
    return text(f"SELECT {', '.join(parts)}")


def _match_of(each: Lookup) -> str:
    """A query of FTS5; of one word in all columns at once, which ends sooner where it is common."""
    if each.captioned and len(each.words) == 1:
        return _match(f"{_NAMES} captions", each.words)
    named = _match(_NAMES, each.words)
    return f"({named}) OR ({_match('captions', each.words)})" if each.captioned else named


def _numbers(text_of_numbers: str) -> Ids:
    return np.fromstring(text_of_numbers, np.int64, sep=",")


def _ids(session: Session, query: TextClause, most: int, **given: Any) -> Ids | None:
    found = np.fromiter(session.scalars(query, {**given, "limit": most + 1}), dtype=np.int64)
    return np.sort(found) if len(found) <= most else None


def _where(condition: str) -> TextClause:
    return text(f"SELECT photo_id FROM photo_text WHERE {condition} LIMIT :limit")


def _match(columns: str, words: Sequence[str]) -> str:
    """A query of FTS5 for all of the words in any of the columns; quoted, none is an operator."""
    every = " AND ".join(f'"{word}"' for word in words)
    return f"{{{columns}}} : ({every})"
