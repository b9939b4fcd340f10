"""Locks of writers in the database itself: PostgreSQL's advisory locks, seen by every machine.

Who indexes holds the catalog's lock beside others who do, and each of his folders alone; who
repairs, moves or drops holds the catalog alone. They end with a transaction that stays open for
it, so they hold through a pooler as well, and end with a process that is killed. A catalog in
SQLite has one writer, by the lock file of its home.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from hashlib import blake2b
from typing import Protocol

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import DBAPIError

from catalog.database import Database, WriterBusy, errors_translated
from catalog.home import Home
from catalog.lock import is_being_written, writer_lock
from catalog.paths import show_path

_CLASS = 0x7E115111  # of our locks among others in the database; any number will do
_WHOLE = 0  # the catalog's own; a folder's is a hash of its path
_PATIENCE = "10s"  # for the catalog: somebody may be tidying up for a moment
_INSTANT = "250ms"  # for a folder, which is held for as long as it is indexed
_NOT_AVAILABLE = "55P03"

_TAKE = text("SELECT pg_advisory_xact_lock(CAST(:class AS int), CAST(:key AS int))")
_TAKE_SHARED = text("SELECT pg_advisory_xact_lock_shared(CAST(:class AS int), CAST(:key AS int))")
_TRY_ALONE = text("SELECT pg_try_advisory_xact_lock(CAST(:class AS int), CAST(:key AS int))")
_HELD = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND classid = CAST(CAST(:class AS text) AS oid)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)


class IndexingLock(Protocol):
    """Keeps other writers from some folders while they are indexed."""

    def hold(self) -> None:
        """Take it where it is not held, as after a lost connection; call before each transaction.

        Raises WriterBusy where another writer has it, and DatabaseUnavailable.
        """

    def alone(self) -> AbstractContextManager[bool]:
        """Whether nobody else indexes, whom the body keeps waiting then."""


@contextmanager
def indexing_lock(
    home: Home, database: Database, folders: Sequence[bytes]
) -> Iterator[IndexingLock]:
    """Hold folders, by absolute path, for indexing; in PostgreSQL from the first `hold` on.

    Raises WriterBusy and NoFileLocks.
    """
    if not _is_shared(database):
        with writer_lock(home):
            yield _HeldByFile()
        return
    lock = _AdvisoryLock(database, folders)
    try:
        yield lock
    finally:
        lock.release()


@contextmanager
def catalog_lock(home: Home, database: Database) -> Iterator[None]:
    """Hold the whole catalog for writing; raises WriterBusy where anybody else writes.

    Raises NoFileLocks and DatabaseUnavailable.
    """
    with writer_lock(home):
        if not _is_shared(database):
            yield
            return
        with errors_translated(database.engine), database.engine.connect() as connection:
            if not connection.scalar(_TRY_ALONE, _key(_WHOLE)):
                raise WriterBusy(f"Another tellshow is writing to {database.url}.")
            yield


def is_catalog_written(home: Home, database: Database) -> bool:
    """Whether somebody writes to the catalog just now, in PostgreSQL on whatever machine."""
    if not _is_shared(database):
        return is_being_written(home)
    with database.read() as session:
        return bool(session.scalar(_HELD, {"class": _CLASS}))


class _HeldByFile:
    """The lock file of a home, which is held already, and by nobody else."""

    def hold(self) -> None:
        """Nothing to do."""

    def alone(self) -> AbstractContextManager[bool]:
        """Always."""
        return nullcontext(True)


class _AdvisoryLock:
    """An IndexingLock by a transaction of its own; safe to use from several threads."""

    def __init__(self, database: Database, folders: Sequence[bytes]) -> None:
        self._database, self._folders = database, sorted(folders)
        self._connection: Connection | None = None
        self._one_thread = threading.Lock()

    def hold(self) -> None:
        """Take it where it is not held; see IndexingLock."""
        with self._one_thread, errors_translated(self._database.engine):
            if self._connection is not None and not self._is_lost(self._connection):
                return
            self._connection = None
            self._connection = self._taken()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else indexes; see IndexingLock."""
        self.hold()
        with self._one_thread:
            assert self._connection is not None
            point = self._connection.begin_nested()
            try:
                yield bool(self._connection.scalar(_TRY_ALONE, _key(_WHOLE)))
            finally:
                point.rollback()

    def release(self) -> None:
        """Give it back."""
        with self._one_thread:
            connection, self._connection = self._connection, None
        if connection is not None:
            _close(connection)

    def _is_lost(self, connection: Connection) -> bool:
        try:
            connection.execute(text("SELECT 1"))
        except DBAPIError:
            _close(connection)
            return True
        return False

    def _taken(self) -> Connection:
        connection = self._database.engine.connect()
        try:
            self._take(connection)
        except BaseException:
            _close(connection)
            raise
        return connection

    def _take(self, connection: Connection) -> None:
        # It only holds locks, so that it keeps nothing of the database's from being tidied up.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        busy = f"Another tellshow is writing to {self._database.url}."
        _wait(connection, _TAKE_SHARED, _WHOLE, _PATIENCE, busy)
        for folder in self._folders:
            busy = (
                f"Another tellshow is indexing {show_path(folder)} into {self._database.url}: "
                "wait until it has ended."
            )
            _wait(connection, _TAKE, _number(folder), _INSTANT, busy)


def _close(connection: Connection) -> None:
    """Close a connection, which may be lost: it notices the first time."""
    for _ in range(2):
        with suppress(DBAPIError):
            connection.close()
            return


def _wait(connection: Connection, take: TextClause, key: int, patience: str, busy: str) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{patience}'"))
    try:
        connection.execute(take, _key(key))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _NOT_AVAILABLE:
            raise WriterBusy(busy) from error
        raise


def _is_shared(database: Database) -> bool:
    return database.engine.dialect.name == "postgresql"


def _key(key: int) -> dict[str, int]:
    return {"class": _CLASS, "key": key}


def _number(folder: bytes) -> int:
    """A folder's number: 31 bits of a hash, of which two would only wait for each other."""
    return 1 + int.from_bytes(blake2b(folder, digest_size=4).digest()) % (2**31 - 1)
