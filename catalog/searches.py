"""Searches that are kept: those that somebody named, and the last ones that were asked.

A search is the query string of its page.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from catalog.kept_rows import add_row, read_rows
from catalog.models import Preference, RecentSearch, SavedSearch, clean_text
from catalog.sql import NO_SYNC

MOST_RECENT = 50  # are kept
_RECENT = "recent_searches"  # a preference
_OFF = "off"


@dataclass(frozen=True)
class SavedSearchView:
    """A search that somebody named."""

    search_id: int
    name: str
    parameters: str
    created_at: datetime


def save_search(session: Session, name: str, parameters: str) -> int:
    """Keep a search under a name, instead of one that has it; returns its id."""
    name = clean_text(name)
    session.execute(delete(SavedSearch).where(SavedSearch.name == name), execution_options=NO_SYNC)
    row = {"name": name, "parameters": clean_text(parameters), "created_at": datetime.now(UTC)}
    return add_row(session, SavedSearch, row)


def list_saved(session: Session) -> list[SavedSearchView]:
    """Return the saved searches, by name."""
    rows = read_rows(session, SavedSearch, order=[SavedSearch.name]).sound
    return [
        SavedSearchView(row["id"], row["name"], row["parameters"], row["created_at"])
        for row in rows
    ]


def delete_saved(session: Session, search_id: int) -> bool:
    """Forget a saved search; returns whether it was there."""
    gone = delete(SavedSearch).where(SavedSearch.id == search_id).returning(SavedSearch.id)
    return bool(session.scalars(gone).all())


def note_search(session: Session, parameters: str) -> None:
    """Note that a search was asked, unless that is switched off; the oldest are forgotten."""
    if not remembers_searches(session):
        return
    parameters = clean_text(parameters)
    same = delete(RecentSearch).where(RecentSearch.parameters == parameters)
    session.execute(same, execution_options=NO_SYNC)
    row = {"parameters": parameters, "asked_at": datetime.now(UTC)}
    session.execute(insert(RecentSearch).values(row))
    kept = select(RecentSearch.id).order_by(RecentSearch.id.desc()).limit(MOST_RECENT)
    old = delete(RecentSearch).where(RecentSearch.id.not_in(session.scalars(kept).all()))
    session.execute(old, execution_options=NO_SYNC)


def recent_searches(session: Session, most: int = MOST_RECENT) -> list[str]:
    """Return the last searches, the newest first."""
    query = select(RecentSearch.parameters).order_by(RecentSearch.id.desc()).limit(most)
    return list(session.scalars(query))


def forget_searches(session: Session) -> None:
    """Forget all recent searches; those that were saved stay."""
    session.execute(delete(RecentSearch), execution_options=NO_SYNC)


def remembers_searches(session: Session) -> bool:
    """Whether searches are noted."""
    query = select(Preference.value).where(Preference.name == _RECENT)
    return session.scalar(query) != _OFF


def remember_searches(session: Session, on: bool) -> None:
    """Switch the noting of searches on or off; switched off, those noted are forgotten, too."""
    session.execute(delete(Preference).where(Preference.name == _RECENT))
    if not on:
        session.execute(insert(Preference).values(name=_RECENT, value=_OFF))
        forget_searches(session)
