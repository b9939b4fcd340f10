"""What people keep, for pages and the API: photos by their hashes, and who may write in a home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.orm import Session

from catalog.photos import contents_of, ids_with_contents
from search.engine import UnknownPhoto
from web.context import current_engine

MOST_PHOTOS = 10_000  # of one request


class ReadOnlyHome(Exception):
    """Nothing can be kept in this home, which can only be read."""


def is_writable() -> bool:
    """Whether something can be kept in the home."""
    return not current_engine().home.read_only


@contextmanager
def writing() -> Iterator[Session]:
    """A session in one transaction; raises ReadOnlyHome, and DatabaseUnavailable."""
    if not is_writable():
        raise ReadOnlyHome
    with current_engine().database.write() as session:
        yield session


def hashes_of(session: Session, ids: Sequence[int]) -> list[str]:
    """The hashes of photos, those that are gone left out. Raises UnknownPhoto where all are."""
    found = contents_of(session, ids)
    if ids and not found:
        raise UnknownPhoto(ids[0])
    return found


def photos_of(session: Session, hashes: Sequence[str]) -> list[int]:
    """The ids of photos by their hashes, in their order; of copies the one indexed first."""
    known = ids_with_contents(session, hashes)
    return [known[each][0] for each in hashes if each in known]
