"""The change feed: several writers of one PostgreSQL, and readers that miss nothing of theirs."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from catalog import change_feed
from catalog.change_feed import Position, position, prune_changes, removed_since
from catalog.database import Database, WriteConflict, open_database
from catalog.home import Home
from catalog.models import Caption, Photo, VectorCommit
from catalog.photos import add_photos, copy_photo, forget_photos, remove_photos
from catalog.records import FileStamp, NewTag
from catalog.vectors.store import StoredVectors
from catalog.views import Counts, count_rows
from indexer.retry import RetryPolicy, Transactions
from tests.catalog.factories import DIMENSION, SampleCatalog, new_photo, new_photos
from tests.postgresql import Server


@pytest.fixture
def shared(home: Home, postgresql: Server) -> Iterator[SampleCatalog]:
    """A root and a model in PostgreSQL."""
    home = replace(home, database_url=postgresql.empty_catalog())
    database = open_database(home)
    yield SampleCatalog(home, database)
    database.close()


class Follower:
    """Takes in what is new, as an index does; `seen`: each photo as often as it was read."""

    def __init__(self, catalog: SampleCatalog) -> None:
        self._database = catalog.database
        self._stored = StoredVectors(catalog.model, "caption", DIMENSION)
        self.position = Position()
        self.seen: list[int] = []

    def follow(self) -> list[int]:
        with self._database.read() as session:
            now = position(session)
            new = [int(key) for ids, _ in self._stored.since(session, self.position) for key in ids]
        self.position = now
        self.seen += new
        return new


@contextmanager
def transaction(database: Database) -> Iterator[Session]:
    """A transaction that stays open beside others."""
    with database.write() as session:
        yield session


def test_sequence_loses_what_commits_late_and_the_feed_does_not(shared: SampleCatalog) -> None:
    with shared.database.write() as session:
        session.execute(text("CREATE TABLE numbered (number bigserial, name text)"))
    follower, last, by_sequence = Follower(shared), 0, []

    def follow_sequence() -> None:
        nonlocal last
        with shared.database.read() as session:
            query = text("SELECT number, name FROM numbered WHERE number > :last ORDER BY 1")
            for number, name in session.execute(query, {"last": last}):
                last, _ = number, by_sequence.append(name)

    with transaction(shared.database) as late:
        [first] = add_photos(late, shared.root, shared.model, new_photos([1]), "e")
        late.execute(text("INSERT INTO numbered (name) VALUES ('late')"))
        [second] = shared.add(new_photos([2]))
        with shared.database.write() as session:
            session.execute(text("INSERT INTO numbered (name) VALUES ('early')"))
        follow_sequence()
        assert follower.follow() == [second]  # nobody waits for the other transaction
        assert follower.follow() == []  # nor reads anything twice meanwhile
    follow_sequence()
    assert by_sequence == ["early"]
    assert follower.follow() == [first]
    assert follower.follow() == []


def test_writers_do_not_wait_for_each_other(shared: SampleCatalog) -> None:
    with transaction(shared.database) as session:
        add_photos(session, shared.root, shared.model, new_photos(range(300)), "e")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(shared.add, new_photos(range(300, 600))).result(timeout=60)
    assert sorted(Follower(shared).follow()) == list(range(1, 601))


def test_transactions_elsewhere_change_no_position(shared: SampleCatalog) -> None:
    shared.add(new_photos([1]))
    before = Follower(shared)
    before.follow()
    with shared.database.write() as session:
        session.execute(text("CREATE TABLE other (id int)"))
    after = Follower(shared)
    after.follow()
    assert after.position == before.position


def test_same_block_written_twice_at_once_is_there_once(shared: SampleCatalog) -> None:
    block = [replace(photo, tags=(NewTag("cat", "a cat", 0.5),)) for photo in new_photos(range(40))]
    together = threading.Barrier(2, timeout=60)
    meet = Transactions(shared.database, RetryPolicy())

    def write(photos: list) -> list[int]:  # type: ignore[type-arg]
        together.wait()
        return meet.write(
            lambda session: add_photos(session, shared.root, shared.model, photos, "e")
        )

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(write, (block, block[::-1]))
    assert one == other[::-1]
    with shared.database.read() as session:
        assert count_rows(session) == Counts(photos=40, captions=80, failures=0, vectors=80)


def test_second_writer_of_a_photo_waits_and_replaces(shared: SampleCatalog) -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction(shared.database) as session:
            [first] = add_photos(session, shared.root, shared.model, [new_photo(b"a", 1)], "e")
            second = pool.submit(shared.add, [new_photo(b"a", 2), new_photo(b"b", 3)])
            assert not second.done()
        assert second.result(timeout=60)[0] == first
    with shared.database.read() as session:
        texts = session.scalars(select(Caption.text).where(Caption.photo_id == first))
        assert set(texts) == {"best sentence 2", "second sentence 2"}
        assert session.scalars(select(Photo.size).order_by(Photo.id)).all() == [1002, 1003]


def test_copy_made_twice_at_once_is_there_once(shared: SampleCatalog) -> None:
    [source] = shared.add(new_photos([1]))

    def copy() -> int:
        with shared.database.write() as session:
            return copy_photo(session, source, shared.root, FileStamp(b"copy", 5, 6))

    with ThreadPoolExecutor(1) as pool:
        with transaction(shared.database) as session:
            first = copy_photo(session, source, shared.root, FileStamp(b"copy", 5, 6))
            second = pool.submit(copy)
        assert second.result(timeout=60) == first
    with shared.database.read() as session:
        assert count_rows(session) == Counts(photos=2, captions=4, failures=0, vectors=4)


def test_copy_of_a_photo_that_is_gone_is_a_conflict(any_catalog: SampleCatalog) -> None:
    with pytest.raises(WriteConflict), any_catalog.database.write() as session:
        copy_photo(session, 77, any_catalog.root, FileStamp(b"copy", 5, 6))


def test_deadlock_is_a_conflict_that_is_tried_again(shared: SampleCatalog) -> None:
    ids = shared.add(new_photos([1, 2]))
    meet, once = threading.Barrier(2, timeout=60), threading.local()
    touch = text("UPDATE photo SET rating = coalesce(rating, 0) + 1 WHERE id = :id")

    def write(order: list[int]) -> int:
        tries = 0

        def update(session: Session) -> None:
            nonlocal tries
            tries += 1
            session.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
            session.execute(touch, {"id": order[0]})
            if not getattr(once, "met", False):
                once.met = True
                meet.wait()
            session.execute(touch, {"id": order[1]})

        Transactions(shared.database, RetryPolicy()).write(update)
        return tries

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(write, (ids, ids[::-1]))) == [1, 2]
    with shared.database.read() as session:
        assert session.scalars(select(Photo.rating)).all() == [2, 2]


def test_serialization_failure_is_a_conflict(shared: SampleCatalog) -> None:
    with pytest.raises(WriteConflict), shared.database.write() as session:
        session.execute(text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))


def test_removed_photos_are_told_from_those_that_stay(any_catalog: SampleCatalog) -> None:
    ids = any_catalog.add(new_photos(range(6)))
    follower = Follower(any_catalog)
    follower.follow()
    with any_catalog.database.write() as session:
        remove_photos(session, ids[:2])
        forget_photos(session, ids[2:3], any_catalog.model)
    any_catalog.add([new_photo(b"3.jpg", 77)])
    stored = StoredVectors(any_catalog.model, "caption", DIMENSION)
    with any_catalog.database.read() as session:
        gone = stored.removed_since(session, follower.position, ids)
        assert gone.tolist() == ids[:3]
        assert removed_since(session, position(session)) == []


def test_reader_that_is_further_behind_than_is_remembered_compares_all(
    any_catalog: SampleCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "_REMEMBERED", 1)
    ids = any_catalog.add(new_photos(range(6)))
    behind = Follower(any_catalog)
    behind.follow()
    for key in ids[:3]:
        with any_catalog.database.write() as session:
            remove_photos(session, [key])
    with any_catalog.database.write() as session:
        prune_changes(session)
    stored = StoredVectors(any_catalog.model, "caption", DIMENSION)
    with any_catalog.database.read() as session:
        assert removed_since(session, behind.position) is None
        assert stored.removed_since(session, behind.position, ids).tolist() == ids[:3]


def test_commits_that_are_settled_are_forgotten_but_for_the_last(shared: SampleCatalog) -> None:
    for seed in range(4):
        shared.add(new_photos([seed]))
    follower = Follower(shared)
    follower.follow()
    with shared.database.write() as session:
        prune_changes(session)
    with shared.database.read() as session:
        assert session.scalars(select(VectorCommit.change)).all() == [follower.position.settled]
        assert position(session) == follower.position


def test_changes_go_on_to_grow_in_a_server_of_lower_transaction_ids(shared: SampleCatalog) -> None:
    shared.add(new_photos([1]))
    with shared.database.write() as session:  # as pg_restore leaves it there
        for table in ("vector", "vector_commit"):
            session.execute(text(f"UPDATE {table} SET change = change + 1000000"))
    follower = Follower(shared)
    follower.follow()
    open_database(shared.home).close()
    [second] = shared.add(new_photos([2]))
    assert follower.follow() == [second]
