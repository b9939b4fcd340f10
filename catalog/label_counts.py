"""Tags and keywords by how many photos have them, each with a photo to show.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    ScalarSelect,
    Select,
    exists,
    func,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from catalog.models import Keyword, PhotoKeyword, PhotoTag, Tag

# The photo that shows a tag is the surest of so many.
_SAMPLED = 50


@dataclass(frozen=True)
class LabelCount:
    """A tag or a keyword, how many photos have it, and the id of one of them."""

    name: str
    photos: int
    sample: int


def count_tags(session: Session) -> int:
    """How many tags some photo has."""
    return _count_used(session, Tag.id, PhotoTag.tag_id)


def count_keywords(session: Session) -> int:
    """How many keywords some photo has."""
    return _count_used(session, Keyword.id, PhotoKeyword.keyword_id)


def frequent_tags(session: Session, count: int, offset: int = 0) -> list[LabelCount]:
    """The tags that most photos have, without the first `offset`."""
    # Several models may give a photo the same tag; to look for that takes four times as long.
    first, last = func.min(PhotoTag.model_id), func.max(PhotoTag.model_id)
    is_one_model = session.scalar(select(first == last))
    photos = func.count() if is_one_model else func.count(PhotoTag.photo_id.distinct())
    query = select(PhotoTag.tag_id, photos.label("photos")).group_by(PhotoTag.tag_id)
    ordered = query.order_by(photos.desc(), PhotoTag.tag_id)
    most = ordered.limit(count).offset(offset).subquery()
    named = select(Tag.name, most.c.photos, _surest(most.c.tag_id, most), most.c.tag_id)
    named = named.join(most, most.c.tag_id == Tag.id)
    rows = session.execute(named.order_by(most.c.photos.desc(), most.c.tag_id)).all()
    return _shown_apart(session, rows, _surest_photos)


def frequent_keywords(session: Session, count: int, offset: int = 0) -> list[LabelCount]:
    """The keywords that most photos have, without the first `offset`."""
    photos, newest = func.count().label("photos"), func.max(PhotoKeyword.photo_id).label("newest")
    query = select(PhotoKeyword.keyword_id, photos, newest).group_by(PhotoKeyword.keyword_id)
    ordered = query.order_by(photos.desc(), PhotoKeyword.keyword_id)
    most = ordered.limit(count).offset(offset).subquery()
    named = select(Keyword.name, most.c.photos, most.c.newest, most.c.keyword_id)
    named = named.join(most, most.c.keyword_id == Keyword.id)
    rows = session.execute(named.order_by(most.c.photos.desc(), most.c.keyword_id)).all()
    return _shown_apart(session, rows, _newest_photos)


def _shown_apart(
    session: Session, rows: Sequence[Row[str, int, int, int]], others: Callable[[int], Select[int]]
) -> list[LabelCount]:
    """Labels of rows (name, photos, sample, id), no two with the same photo where they have others.

    `others`: the photos of a label in the order in which they would show it.
    """
    shown: set[int] = set()
    labels = []
    for name, photos, sample, key in rows:
        if sample in shown and photos > 1:
            found = session.scalars(others(key).limit(_SAMPLED))
            sample = next((each for each in found if each not in shown), sample)
        shown.add(sample)
        labels.append(LabelCount(name, photos, sample))
    return labels


def _newest_photos(keyword_id: int) -> Select[int]:
    of = select(PhotoKeyword.photo_id).where(PhotoKeyword.keyword_id == keyword_id)
    return of.order_by(PhotoKeyword.photo_id.desc())


def _surest_photos(tag_id: int) -> Select[int]:
    last = select(PhotoTag.photo_id, PhotoTag.probability).where(PhotoTag.tag_id == tag_id)
    sampled = last.order_by(PhotoTag.photo_id.desc()).limit(_SAMPLED).subquery()
    return select(sampled.c.photo_id).order_by(
        sampled.c.probability.desc(), sampled.c.photo_id.desc()
    )


def _count_used(
    session: Session, label: InstrumentedAttribute[int], used: InstrumentedAttribute[int]
) -> int:
    """How many labels some photo has: a look into an index for each."""
    return session.scalar(select(func.count(label)).where(exists().where(used == label))) or 0


def _surest(tag_id: ColumnElement[int], of: FromClause) -> ScalarSelect[int]:
    """Of the photos with a tag that were indexed last, the one that shows it most probably.

    To be selected beside `tag_id`, a column of the query's part `of`.
    """
    last = select(PhotoTag.photo_id, PhotoTag.probability).where(PhotoTag.tag_id == tag_id)
    sampled = last.order_by(PhotoTag.photo_id.desc()).limit(_SAMPLED).correlate(of).subquery()
    surest = sampled.c.probability.desc(), sampled.c.photo_id.desc()
    found = select(sampled.c.photo_id).order_by(*surest).limit(1)
    return found.correlate(of).scalar_subquery()
