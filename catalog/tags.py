"""Tags of photos in SQL: what a captioner's classifier sees, and which photos have a tag.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, false, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from catalog.models import Keyword, Photo, PhotoTag, Tag
from catalog.records import NewTag
from catalog.sql import NO_SYNC, chunks, upsert
from catalog.words import words_in

# A label's table has a name and its words; the other links labels to photos.
Label = type[Tag] | type[Keyword]
Column = InstrumentedAttribute[int]

# Ids of photos [N], ascending, and the probability [N] of a tag.
TaggedPhotos = tuple[NDArray[np.int64], NDArray[np.float64]]


def tag_ids(session: Session, tags: Iterable[NewTag]) -> Mapping[str, int]:
    """The ids of tags by name; those that no photo had before are added."""
    wanted = {tag.name: tag for tag in tags}
    known: dict[str, int] = {}
    for chunk in chunks(list(wanted)):
        query = select(Tag.name, Tag.id).where(Tag.name.in_(chunk))
        known.update((name, key) for name, key in session.execute(query))
    fresh = [tag for name, tag in wanted.items() if name not in known]
    rows = [{"name": tag.name, "words": spaced_words(tag.sentence)} for tag in fresh]
    return {**known, **add_labels(session, Tag, rows)}


def add_labels(session: Session, table: Label, rows: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """Add labels that were not known, and return their ids by name.

    By name, so that writers wait for each other in one order; what another one adds is kept.
    """
    known: dict[str, int] = {}
    for chunk in chunks(sorted(rows, key=lambda row: row["name"])):
        query = upsert(session, table).on_conflict_do_nothing(index_elements=["name"])
        session.execute(query, chunk, execution_options=NO_SYNC)
        names = select(table.name, table.id).where(table.name.in_([row["name"] for row in chunk]))
        known.update((name, key) for name, key in session.execute(names))
    return known


def has_tag(session: Session, text: str) -> ColumnElement[bool]:
    """What a WHERE over Photo has to hold for a photo to have a tag with all these words in a row.

    "cat" is a word of "Egyptian cat" and none of "catamaran".
    """
    return photos_labelled(session, Tag, PhotoTag.photo_id, PhotoTag.tag_id, text)


def tags_beginning(session: Session, start: str, most: int) -> list[tuple[str, float]]:
    """Names of tags with a word that begins so, and the share of photos with each, most first."""
    return labels_beginning(session, Tag, PhotoTag.photo_id, PhotoTag.tag_id, start, most)


_TAGS = select(Tag.id, Tag.name, Tag.words).order_by(Tag.id)


class KnownTags:
    """All tags, and the photos that have them as far as they were asked for.

    As the catalog is when this is made and asked; for a catalog.cache.CatalogCache.
    """

    def __init__(self, session: Session) -> None:
        self._tags = session.execute(_TAGS).all()
        self._photos: dict[tuple[int, ...], TaggedPhotos | None] = {}

    def named(self, words: Sequence[str]) -> dict[str, list[int]]:
        """Ids of the tags that a text of folded words names, by the phrase that does.

        That is the tag's whole name, its kind, or both: "cat" names "Egyptian Mau", a kind of cat;
        "light" names no "traffic light".
        """
        sentence, said = f" {' '.join(words)} ", frozenset(words)
        named: dict[str, list[int]] = {}
        for key, name, every in self._tags:
            if said.isdisjoint(every.split()):
                continue
            own = spaced_words(name)
            kind = every.removeprefix(own.rstrip())
            for phrase in dict.fromkeys((every, own, kind)):
                if phrase.strip() and phrase in sentence:
                    named.setdefault(phrase.strip(), []).append(key)
                    break
        return named

    def photos(self, session: Session, tags: Sequence[int], most: int) -> TaggedPhotos | None:
        """What `tagged_photos` tells, asked of the session once."""
        key = (most, *tags)
        if key not in self._photos:
            self._photos[key] = tagged_photos(session, tags, most)
        return self._photos[key]


def tagged_photos(session: Session, tags: Sequence[int], most: int) -> TaggedPhotos | None:
    """Ids [N] of photos with any of the tags, and the probability of that [N]; None: over `most`.

    Classes exclude each other, so that probabilities add up; of several models the surest counts.
    """
    chance = func.sum(PhotoTag.probability).label("chance")
    query = select(PhotoTag.photo_id, chance).where(PhotoTag.tag_id.in_(tags))
    of_model = query.group_by(PhotoTag.photo_id, PhotoTag.model_id).subquery()
    surest = select(of_model.c.photo_id, func.max(of_model.c.chance))
    rows = session.execute(surest.group_by(of_model.c.photo_id).limit(most + 1)).all()
    if len(rows) > most:
        return None
    ids = np.array([key for key, _ in rows], np.int64)
    chances = np.array([value for _, value in rows], np.float64).clip(0, 1)
    order = np.argsort(ids)
    return ids[order], chances[order]


def photos_labelled(
    session: Session, table: Label, photo_id: Column, label_id: Column, text: str
) -> ColumnElement[bool]:
    """What a WHERE over Photo has to hold for one to have a label with these words in a row.

    `table`: of the labels; `photo_id` and `label_id`: columns of the table that links them.
    """
    words = spaced_words(text)
    query = select(table.id).where(table.words.contains(words, autoescape=True))
    named = session.scalars(query).all() if words.strip() else []
    if not named:
        return false()
    return Photo.id.in_(select(photo_id).where(label_id.in_(named)))


def labels_beginning(
    session: Session, table: Label, photo_id: Column, label_id: Column, start: str, most: int
) -> list[tuple[str, float]]:
    """Labels with a word that begins so, and the share of photos with each, most first."""
    begin = spaced_words(start).rstrip()
    if not begin:
        return []
    photos = func.count(photo_id.distinct())
    query = (
        select(table.name, photos)
        .join(label_id.class_, label_id == table.id)
        .where(table.words.contains(begin, autoescape=True))
        .group_by(table.id, table.name)
        .order_by(photos.desc(), table.name)
        .limit(most)
    )
    found = session.execute(query).all()
    total = session.scalars(select(func.count(Photo.id))).one() if found else 0
    return [(name, count / total) for name, count in found]


def spaced_words(text: str) -> str:
    """The words of a text, in small letters, a space before and after each."""
    return f" {' '.join(words_in(text))} "
