"""Several writers of one PostgreSQL: each folder is one writer's, and repairs are alone."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from catalog.advisory_lock import catalog_lock, indexing_lock, is_catalog_written
from catalog.database import Database, WriterBusy, open_database
from catalog.home import Home
from tests.postgresql import Server

ONE, OTHER = b"/photos", b"/scans"


@pytest.fixture
def shared(home: Home, postgresql: Server) -> Iterator[tuple[Home, Database]]:
    """A home whose database is PostgreSQL."""
    home = replace(home, database_url=postgresql.empty_catalog())
    database = open_database(home)
    yield home, database
    database.close()


def test_two_folders_are_indexed_at_once_and_one_is_not(shared: tuple[Home, Database]) -> None:
    with indexing_lock(*shared, [ONE]) as first, indexing_lock(*shared, [OTHER]) as second:
        first.hold()
        second.hold()
        busy = pytest.raises(WriterBusy, match=r"^Another tellshow is indexing /photos into .+\.$")
        with busy, indexing_lock(*shared, [OTHER[:1], ONE]) as third:
            third.hold()
    with indexing_lock(*shared, [ONE]) as again:
        again.hold()


def test_repairs_and_indexing_exclude_each_other(
    shared: tuple[Home, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.advisory_lock._PATIENCE", "20ms")
    busy = pytest.raises(WriterBusy, match=r"^Another tellshow is writing to .+\.$")
    assert not is_catalog_written(*shared)
    with catalog_lock(*shared):
        assert is_catalog_written(*shared)
        with busy, indexing_lock(*shared, [ONE]) as lock:
            lock.hold()
    with indexing_lock(*shared, [ONE]) as lock:
        lock.hold()
        assert is_catalog_written(*shared)
        with busy, catalog_lock(*shared):
            pass
    assert not is_catalog_written(*shared)


def test_only_who_is_alone_tidies_up(shared: tuple[Home, Database]) -> None:
    with indexing_lock(*shared, [ONE]) as first:
        with first.alone() as is_alone:
            assert is_alone
        with indexing_lock(*shared, [OTHER]) as second:
            second.hold()
            with first.alone() as is_alone:
                assert not is_alone
        with first.alone() as is_alone:
            assert is_alone


def test_lock_that_was_lost_with_its_connection_is_taken_again(
    shared: tuple[Home, Database], postgresql: Server
) -> None:
    with indexing_lock(*shared, [ONE]) as first, indexing_lock(*shared, [ONE]) as second:
        first.hold()
        postgresql.cut_connections()
        first.hold()
        with pytest.raises(WriterBusy):
            second.hold()
        postgresql.cut_connections()
        second.hold()
        with pytest.raises(WriterBusy):
            first.hold()


def test_sqlite_has_one_writer_by_the_file_of_its_home(home: Home, database: Database) -> None:
    with indexing_lock(home, database, [ONE]) as lock, lock.alone() as is_alone:
        assert is_alone
        assert is_catalog_written(home, database)
        with pytest.raises(WriterBusy), indexing_lock(home, database, [OTHER]):
            pass
        with pytest.raises(WriterBusy), catalog_lock(home, database):
            pass
    assert not is_catalog_written(home, database)
