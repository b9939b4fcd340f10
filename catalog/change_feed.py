"""The change feed: which transactions changed vectors, and how far a reader has taken them in.

SQLite has one writer at a time and a counter in one row. On PostgreSQL such a row would make all
writers take turns, and a sequence loses changes: its numbers are given in another order than
transactions commit in, so that a reader passes a number which comes to be seen later. There a
change is the transaction's own id, added to what the counter was when this began. An id below the
xmin of a reader's snapshot is that of a transaction which has ended, so nothing comes after it;
what was committed above it is kept by a reader one by one (Position.beyond), and so is neither
waited for nor read twice while another transaction takes long.

Functions take a session and neither commit nor roll back: who opened it decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    all_,
    and_,
    delete,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from catalog.models import VectorChange, VectorCommit, VectorRemoval
from catalog.sql import NO_SYNC, chunks, is_postgresql, upsert

# So many removals are remembered; a reader that is further behind compares all ids.
_REMEMBERED = 100_000

_NEXT = text(
    "WITH own AS (SELECT counter + CAST(CAST(pg_current_xact_id() AS text) AS bigint) AS change"
    " FROM vector_change), noted AS (INSERT INTO vector_commit (change) SELECT change FROM own"
    " ON CONFLICT DO NOTHING) SELECT change FROM own"
)
# One statement, so one snapshot.
_POSITION = text(
    "WITH ended AS (SELECT counter, counter"
    " + CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS below"
    " FROM vector_change)"
    " SELECT coalesce((SELECT max(change) FROM vector_commit WHERE change < below), counter),"
    " ARRAY(SELECT change FROM vector_commit WHERE change >= below) FROM ended"
)
_RESTORED = text(
    "SELECT counter, (SELECT max(change) FROM vector_commit) FROM vector_change"
    " WHERE (SELECT max(change) FROM vector_commit) >= counter"
    " + CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)"
)


@dataclass(frozen=True)
class Position:
    """How far a reader has followed: all changes up to `settled`, and some later ones one by one.

    Equal positions have seen the same changes.
    """

    settled: int = 0
    beyond: frozenset[int] = frozenset()

    def after(self, change: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        """What a WHERE has to hold for a row to be of a change that is not taken in yet."""
        later = change > self.settled
        if not self.beyond:
            return later
        taken_in = literal(sorted(self.beyond), ARRAY(BigInteger))  # more than parameters may be
        return and_(later, change != all_(taken_in))


START = Position()


def next_change(session: Session) -> int:
    """The number of this transaction's changes to vectors, noted for those who follow.

    On SQLite it is greater than any before; on PostgreSQL it is the same for all of a transaction,
    and no other writer is kept waiting.
    """
    if is_postgresql(session):
        return int(session.scalars(_NEXT).one())
    query = update(VectorChange).values(counter=VectorChange.counter + 1)
    query = query.execution_options(**NO_SYNC)
    return session.scalars(query.returning(VectorChange.counter)).one()


def position(session: Session) -> Position:
    """How far a reader is that has taken in all this session sees; it grows by every commit."""
    if not is_postgresql(session):
        return Position(session.scalars(select(VectorChange.counter)).one())
    settled, beyond = session.execute(_POSITION).one()
    return Position(settled, frozenset(beyond))


def note_removed(session: Session, ids: Sequence[int], change: int) -> None:
    """Note that photos lost vectors by a change, maybe all of them."""
    rows = [{"photo_id": key, "change": change} for key in sorted(set(ids))]
    for chunk in chunks(rows):
        query = upsert(session, VectorRemoval)
        query = query.on_conflict_do_update(
            index_elements=["photo_id"], set_={"change": query.excluded.change}
        )
        session.execute(query, chunk, execution_options=NO_SYNC)


def removed_since(session: Session, since: Position) -> list[int] | None:
    """The ids of photos that lost vectors since a position; None: too many to be remembered."""
    oldest = session.scalar(select(func.min(VectorRemoval.change)))
    if oldest is None:
        return []
    if since.settled < oldest:
        return None
    query = select(VectorRemoval.photo_id).where(since.after(VectorRemoval.change))
    return list(session.scalars(query))


def prune_changes(session: Session) -> None:
    """Forget what no reader needs: commits that are settled, but for the last, and old removals."""
    settled = position(session).settled
    query = delete(VectorCommit).where(VectorCommit.change < settled)
    session.execute(query, execution_options=NO_SYNC)
    newest = select(VectorRemoval.change).order_by(VectorRemoval.change.desc())
    oldest = session.scalar(newest.offset(_REMEMBERED).limit(1))
    if oldest is not None:
        old = delete(VectorRemoval).where(VectorRemoval.change < oldest)
        session.execute(old, execution_options=NO_SYNC)


def resume_changes(session: Session) -> None:
    """Let changes go on to grow where a dump was restored into a server of lower transaction ids.

    Nothing on SQLite, and where they grow anyway.
    """
    row: Any = session.execute(_RESTORED).first() if is_postgresql(session) else None
    if row is not None:
        counter, highest = row
        query = update(VectorChange).where(VectorChange.counter == counter)
        session.execute(query.values(counter=highest), execution_options=NO_SYNC)
