"""SQL queries that find inconsistent rows, and the statements that repair them.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy import Select, delete, exists, func, select, text, union
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from catalog.checksums import damaged_rows
from catalog.image_vectors import KIND, MODEL_KIND
from catalog.keywords import note_keywords
from catalog.models import (
    Caption,
    DamagedValue,
    Keyword,
    Model,
    Photo,
    PhotoKeyword,
    PhotoText,
    Root,
    Run,
    State,
    Vector,
    clean_text,
    lines_of,
)  # fmt: skip
from catalog.sql import NO_SYNC, chunks, readable, stored_texts
from catalog.tags import spaced_words
from catalog.words import words_of_photo

_KINDS = ("caption", "visual")  # of the vectors in a description
KINDS = (*_KINDS, KIND)


def sqlite_damage(session: Session) -> list[str]:
    """What SQLite finds wrong with its own file; nothing on databases that check themselves."""
    if not _is_sqlite(session):
        return []
    try:
        lines = list(session.scalars(text("PRAGMA integrity_check(20)")))
    except DatabaseError as error:
        return [" ".join(str(error.orig).split())]
    # The full-text index is checked, and mended, apart.
    return [line for line in lines if line != "ok" and "photo_text_fts" not in line]


def damaged_values(session: Session) -> list[str]:
    """Columns that hold what was never written there, and rows that are not as they were."""
    found = []
    for column in (each for table in (Root, Model, Run) for each in table.__table__.columns):
        try:
            session.execute(select(column)).all()
        except DamagedValue as error:
            found.append(f"{column}: {error}")
        except DatabaseError as error:  # text that is none
            found.append(f"{column}: {' '.join(str(error.orig).split())}")
    if found:
        return found
    return [
        f"{table.__tablename__} {key}: its row is not as it was written"
        for table in (Root, Model)
        for key in damaged_rows(session, table)
    ]


def broken_references(session: Session) -> dict[str, list[int]]:
    """Row ids by table of rows that refer to one that is not there; only SQLite lets them be."""
    if not _is_sqlite(session):
        return {}
    broken: dict[str, list[int]] = {}
    for table, row, _, _ in session.execute(text("PRAGMA foreign_key_check")):
        broken.setdefault(table, []).append(row)
    return broken


def remove_rows(session: Session, table: str, rows: Sequence[int]) -> None:
    """Remove rows of a table by SQLite's own row ids."""
    statement = text(f"DELETE FROM {table} WHERE rowid = :row")  # a name from the schema itself
    session.execute(statement, [{"row": row} for row in rows])


def half_described(session: Session) -> dict[int, list[int]]:
    """Photo ids by model of photos that have some of what the model makes, and not all.

    All is a state, captions, and a vector of each kind as long as the model's others.
    """
    found: dict[int, list[int]] = {}
    captioners = select(Model.id).where(Model.kind != MODEL_KIND).order_by(Model.id)
    for model_id in session.scalars(captioners).all():
        parts = union(
            *(
                select(table.photo_id).where(table.model_id == model_id)
                for table in (State, Caption, Vector)
            )
        ).subquery()
        known = select(Photo.id).join(parts, parts.c.photo_id == Photo.id)
        rows = session.scalars(known.except_(_whole(session, model_id))).all()
        if rows:
            found[model_id] = sorted(rows)
    return found


def not_described(session: Session) -> list[int]:
    """Ids of photos of which no captioner has made anything."""
    none = [~exists().where(table.photo_id == Photo.id) for table in (State, Caption)]
    none.append(~exists().where(Vector.photo_id == Photo.id, Vector.kind.in_(_KINDS)))
    return list(session.scalars(select(Photo.id).where(*none).order_by(Photo.id)))


def vector_size(session: Session, model_id: int) -> int | None:
    """Length in bytes of most of a model's vectors; None where it made none."""
    length = func.length(Vector.blob)
    query = select(length).where(Vector.model_id == model_id).group_by(length)
    return session.scalar(query.order_by(func.count().desc(), length).limit(1))


def vector_sets(session: Session) -> list[tuple[int, str]]:
    """Every (model id, kind) of which there are vectors, and so should be a file."""
    query = select(Vector.model_id, Vector.kind).distinct().order_by(Vector.model_id, Vector.kind)
    return [(model_id, kind) for model_id, kind in session.execute(query)]


def photos_without_words(session: Session) -> list[int]:
    """Ids of photos whose words are not noted."""
    query = select(Photo.id).where(~exists().where(PhotoText.photo_id == Photo.id))
    return list(session.scalars(query.order_by(Photo.id)))


def photos_with_other_words(session: Session) -> list[int]:
    """Ids of photos whose words are noted, and not those of their paths and captions."""
    ids = session.scalars(select(PhotoText.photo_id).order_by(PhotoText.photo_id)).all()
    return [key for chunk in chunks(ids) for key in _other_words(session, chunk)]


def is_keyword_index_wrong(session: Session) -> bool:
    """Whether other keywords are noted than those in the photos' own rows."""
    names = stored_texts(session, (Keyword.name, Keyword.words))
    links = select(PhotoKeyword.photo_id, *names).join(Keyword)
    noted = sorted((key, *map(readable, texts)) for key, *texts in session.execute(links))
    written = select(Photo.id, *stored_texts(session, [Photo.keywords])).order_by(Photo.id)
    return noted != sorted(
        (key, name, clean_text(spaced_words(name)))
        for key, lines in session.execute(written.where(func.length(Photo.keywords) > 0))
        for name in set(lines_of(readable(lines)))
    )


def rebuild_keyword_index(session: Session) -> None:
    """Note the keywords of all photos anew."""
    for table in (PhotoKeyword, Keyword):
        session.execute(delete(table), execution_options=NO_SYNC)
    query = select(Photo.id).where(func.length(Photo.keywords) > 0)
    note_keywords(session, session.scalars(query).all())


def is_text_index_wrong(session: Session) -> bool:
    """Whether SQLite's full-text index differs from its table; PostgreSQL's cannot."""
    if not _is_sqlite(session):
        return False
    check = "INSERT INTO photo_text_fts (photo_text_fts, rank) VALUES ('integrity-check', 1)"
    try:
        session.execute(text(check))
    except DatabaseError:
        return True
    return False


def rebuild_text_index(session: Session) -> None:
    """Make SQLite's full-text index anew from its table."""
    session.execute(text("INSERT INTO photo_text_fts (photo_text_fts) VALUES ('rebuild')"))


def content_hashes(session: Session) -> dict[str, list[int]]:
    """Ids of all photos by the hash of their bytes."""
    found: dict[str, list[int]] = {}
    for digest, key in session.execute(select(Photo.content_hash, Photo.id)):
        found.setdefault(digest, []).append(key)
    return found


def _whole(session: Session, model_id: int) -> Select[int]:
    size = vector_size(session, model_id)
    own = (State.model_id == model_id,)
    captioned = exists().where(Caption.photo_id == State.photo_id, Caption.model_id == model_id)
    vectors = [
        exists().where(
            Vector.photo_id == State.photo_id,
            Vector.model_id == model_id,
            Vector.kind == kind,
            func.length(Vector.blob) == size,
        )
        for kind in _KINDS
    ]
    return select(State.photo_id).where(*own, captioned, *vectors)


_WORDS = ("names", "joined", "grams", "captions", "written")  # of PhotoText and PhotoWords
_WRITTEN = ("keywords", "people", "title", "description")  # of Photo


def _other_words(session: Session, ids: Sequence[int]) -> Iterator[int]:
    names = [getattr(Photo, name) for name in _WRITTEN]
    columns = [Caption.text, *names, *(getattr(PhotoText, name) for name in _WORDS)]
    query = (
        select(Photo.id, Root.path, Photo.path, *stored_texts(session, columns))
        .join(PhotoText, PhotoText.photo_id == Photo.id)
        .join(Root, Root.id == Photo.root_id)
        .outerjoin(Caption, Caption.photo_id == Photo.id)
        .where(Photo.id.in_(ids))
        .order_by(Photo.id, Caption.model_id, Caption.rank)
    )
    for key, group in groupby(session.execute(query), key=lambda row: row[0]):
        _, root, path, _, keywords, people, title, description, *stored = (rows := list(group))[0]
        captions = [readable(row[3]) for row in rows if row[3] is not None]
        labels = (*lines_of(readable(keywords)), *lines_of(readable(people)))
        texts = [readable(each) for each in (title, description) if each is not None]
        words = words_of_photo(root, path, captions, labels, texts)
        if [readable(each) for each in stored] != [
            clean_text(getattr(words, name)) for name in _WORDS
        ]:
            yield key


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
