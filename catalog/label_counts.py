"""Tags and keywords by how many photos have them, each with a photo to show.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

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
    return session.scalar(select(func.count(PhotoTag.tag_id.distinct()))) or 0


def count_keywords(session: Session) -> int:
    """How many keywords some photo has."""
    return session.scalar(select(func.count(PhotoKeyword.keyword_id.distinct()))) or 0


def frequent_tags(session: Session, count: int, offset: int = 0) -> list[LabelCount]:
    """The tags that most photos have, without the first `offset`."""
    photos = func.count(PhotoTag.photo_id.distinct()).label("photos")
    query = select(PhotoTag.tag_id, photos).group_by(PhotoTag.tag_id)
    most = query.order_by(photos.desc(), PhotoTag.tag_id).limit(count).offset(offset).subquery()
    named = select(most.c.tag_id, Tag.name, most.c.photos).join(Tag, Tag.id == most.c.tag_id)
    rows = session.execute(named.order_by(most.c.photos.desc(), most.c.tag_id)).all()
    return [LabelCount(name, number, _surest(session, key)) for key, name, number in rows]


def frequent_keywords(session: Session, count: int, offset: int = 0) -> list[LabelCount]:
    """The keywords that most photos have, without the first `offset`."""
    photos, newest = func.count().label("photos"), func.max(PhotoKeyword.photo_id).label("newest")
    query = select(PhotoKeyword.keyword_id, photos, newest).group_by(PhotoKeyword.keyword_id)
    most = query.order_by(photos.desc(), PhotoKeyword.keyword_id).limit(count).offset(offset)
    part = most.subquery()
    named = select(Keyword.name, part.c.photos, part.c.newest)
    named = named.join(part, part.c.keyword_id == Keyword.id)
    rows: Sequence[tuple[str, int, int]] = [
        (name, number, key)
        for name, number, key in session.execute(
            named.order_by(part.c.photos.desc(), part.c.keyword_id)
        )
    ]
    return [LabelCount(*row) for row in rows]


def _surest(session: Session, tag_id: int) -> int:
    """Of the photos with a tag that were indexed last, the one that shows it most probably."""
    last = select(PhotoTag.photo_id, PhotoTag.probability).where(PhotoTag.tag_id == tag_id)
    sampled = last.order_by(PhotoTag.photo_id.desc()).limit(_SAMPLED).subquery()
    surest = sampled.c.probability.desc(), sampled.c.photo_id.desc()
    return session.scalars(select(sampled.c.photo_id).order_by(*surest).limit(1)).one()
