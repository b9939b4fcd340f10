"""Keywords that people gave, in SQL: which photos have one, and what may be typed to find them.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.orm import Session

from catalog.models import Keyword, Photo, PhotoKeyword, clean_text, lines_of
from catalog.sql import NO_SYNC, chunks, readable, stored_texts
from catalog.tags import add_labels, labels_beginning, photos_labelled, spaced_words


def note_keywords(session: Session, ids: Sequence[int]) -> None:
    """Note anew which keywords photos have, after those in their own rows changed."""
    for chunk in chunks(ids):
        former = delete(PhotoKeyword).where(PhotoKeyword.photo_id.in_(chunk))
        session.execute(former, execution_options=NO_SYNC)
        written = select(Photo.id, *stored_texts(session, [Photo.keywords]))
        written = written.where(Photo.id.in_(chunk), func.length(Photo.keywords) > 0)
        given = [(key, lines_of(readable(lines))) for key, lines in session.execute(written)]
        known = _keyword_ids(session, (name for _, names in given for name in names))
        rows = [
            {"photo_id": key, "keyword_id": known[name]}
            for key, names in given
            for name in dict.fromkeys(names)
        ]
        if rows:
            session.execute(insert(PhotoKeyword), rows)


def has_keyword(session: Session, text: str) -> ColumnElement[bool]:
    """What a WHERE over Photo has to hold for one to have a keyword with these words in a row."""
    return photos_labelled(session, Keyword, PhotoKeyword.photo_id, PhotoKeyword.keyword_id, text)


def keywords_beginning(session: Session, start: str, most: int) -> list[tuple[str, float]]:
    """Keywords with a word that begins so, and the share of photos with each, most first."""
    link = PhotoKeyword.photo_id, PhotoKeyword.keyword_id
    return labels_beginning(session, Keyword, *link, start, most)


def _keyword_ids(session: Session, names: Iterable[str]) -> Mapping[str, int]:
    """The ids of keywords by name; those that no photo had before are added."""
    wanted = list(dict.fromkeys(names))
    known: dict[str, int] = {}
    for chunk in chunks(wanted):
        query = select(Keyword.name, Keyword.id).where(Keyword.name.in_(chunk))
        known.update((name, key) for name, key in session.execute(query))
    fresh = [name for name in wanted if name not in known]
    rows = [{"name": name, "words": clean_text(spaced_words(name))} for name in fresh]
    return {**known, **add_labels(session, Keyword, rows)}
