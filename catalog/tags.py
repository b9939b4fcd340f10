"""Tags of photos in SQL: what a captioner's classifier sees, and which photos have a tag.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, false, func, insert, select
from sqlalchemy.orm import Session

from catalog.models import Photo, PhotoTag, Tag
from catalog.records import NewTag
from catalog.sql import chunks
from catalog.words import words_in


def tag_ids(session: Session, tags: Iterable[NewTag]) -> Mapping[str, int]:
    """The ids of tags by name; those that no photo had before are added."""
    wanted = {tag.name: tag for tag in tags}
    known: dict[str, int] = {}
    for chunk in chunks(list(wanted)):
        query = select(Tag.name, Tag.id).where(Tag.name.in_(chunk))
        known.update((name, key) for name, key in session.execute(query))
    fresh = [tag for name, tag in wanted.items() if name not in known]
    for tag in fresh:
        values = {"name": tag.name, "words": spaced_words(tag.sentence)}
        known[tag.name] = session.scalars(insert(Tag).values(values).returning(Tag.id)).one()
    return known


def has_tag(session: Session, text: str) -> ColumnElement[bool]:
    """What a WHERE over Photo has to hold for a photo to have a tag with all these words in a row.

    "cat" is a word of "Egyptian cat" and none of "catamaran".
    """
    words = spaced_words(text)
    query = select(Tag.id).where(Tag.words.contains(words, autoescape=True))
    named = session.scalars(query).all() if words.strip() else []
    if not named:
        return false()
    return Photo.id.in_(select(PhotoTag.photo_id).where(PhotoTag.tag_id.in_(named)))


def tags_beginning(session: Session, start: str, most: int) -> list[tuple[str, float]]:
    """Names of tags with a word that begins so, and the share of photos with each, most first."""
    begin = spaced_words(start).rstrip()
    if not begin:
        return []
    photos = func.count(PhotoTag.photo_id.distinct())
    query = (
        select(Tag.name, photos)
        .join(PhotoTag, PhotoTag.tag_id == Tag.id)
        .where(Tag.words.contains(begin, autoescape=True))
        .group_by(Tag.id, Tag.name)
        .order_by(photos.desc(), Tag.name)
        .limit(most)
    )
    found = session.execute(query).all()
    total = session.scalars(select(func.count(Photo.id))).one() if found else 0
    return [(name, count / total) for name, count in found]


def spaced_words(text: str) -> str:
    """The words of a text, in small letters, a space before and after each."""
    return f" {' '.join(words_in(text))} "
