"""Photos by the month in which they were taken, newest first.

A photo's date is the clock's where it was taken, or else that of its file, as indexing found it;
see records.Origin. Functions take a session and neither commit nor roll back: who opened it
decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, Text, false, func, select, type_coerce
from sqlalchemy.orm import Session

from catalog.models import Photo
from catalog.selection import EVERYTHING, Selection, selection_clauses
from catalog.sql import expect_few_groups, is_postgresql

# In the place of a month, for photos without a date.
UNDATED = "undated"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True)
class MonthCount:
    """A month, such as "2019-07" or UNDATED, and how many photos it has."""

    month: str
    photos: int


def is_month(text: str) -> bool:
    """Whether a text names a month, or UNDATED."""
    return text == UNDATED or _MONTH.fullmatch(text) is not None


def count_by_month(session: Session, chosen: Selection = EVERYTHING) -> list[MonthCount]:
    """The months that have photos, the newest first; those without a date last.

    A date that damage made unreadable is in no month. Raises DamagedValue as selection_clauses.
    """
    start = _start_of_month(session)
    query = select(start.label("start"), func.count().label("photos"))
    starts = query.where(*selection_clauses(session, chosen)).group_by(start).subquery()
    expect_few_groups(session)
    counts = {
        UNDATED if name is None else name: count
        for name, count in session.execute(select(_month(session, starts), starts.c.photos))
    }
    undated = counts.pop(UNDATED, 0)
    newest = sorted((name for name in counts if is_month(name)), reverse=True)
    dated = [MonthCount(name, counts[name]) for name in newest]
    return [*dated, MonthCount(UNDATED, undated)] if undated else dated


def photos_of_month(
    session: Session, month: str, count: int, offset: int = 0, chosen: Selection = EVERYTHING
) -> Sequence[int]:
    """Ids of at most `count` photos of a month, the newest first, without the first `offset`.

    `month`: one that `is_month` accepts. Raises DamagedValue as selection_clauses.
    """
    query = select(Photo.id).where(*_taken_in(month), *selection_clauses(session, chosen))
    newest = query.order_by(Photo.taken_at.desc(), Photo.id.desc())
    return session.scalars(newest.limit(count).offset(offset)).all()


def newest_photos(session: Session, count: int) -> Sequence[int]:
    """Ids of the photos that were taken last."""
    dated = select(Photo.id).where(Photo.taken_at.is_not(None))
    newest = dated.order_by(Photo.taken_at.desc(), Photo.id.desc()).limit(count)
    found = session.scalars(newest).all()
    if len(found) < count:
        found = [*found, *photos_of_month(session, UNDATED, count - len(found))]
    return found


def _start_of_month(session: Session) -> ColumnElement[Any]:
    """What photos of one month have in common, found for each fast; NULL without a date."""
    if is_postgresql(session):
        return func.date_trunc("month", func.timezone("UTC", Photo.taken_at))
    return func.substr(Photo.taken_at, 1, 7, type_=Text)  # SQLite stores times as text


def _month(session: Session, starts: Subquery) -> ColumnElement[str | None]:
    """The month as text, in the order of time."""
    if is_postgresql(session):
        return func.to_char(starts.c.start, "YYYY-MM", type_=Text)
    return type_coerce(starts.c.start, Text)


def _taken_in(month: str) -> list[ColumnElement[bool]]:
    if month == UNDATED:
        return [Photo.taken_at.is_(None)]
    year, number = map(int, month.split("-"))
    if year < datetime.min.year:
        return [false()]
    since = [Photo.taken_at >= datetime(year, number, 1, tzinfo=UTC)]
    if (year, number) == (datetime.max.year, 12):
        return since
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return [*since, Photo.taken_at < end]
