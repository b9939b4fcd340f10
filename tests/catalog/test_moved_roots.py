"""Indexed folders that move, in both databases: what becomes of rows, words and failures."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.failures import known_failures, record_failure
from catalog.fulltext import Lookup
from catalog.models import Photo, Root, State
from catalog.moved_roots import (
    Placed,
    merge_doubled,
    move_root,
    pair_up,
    remove_emptied,
    remove_root,
)
from catalog.photos import add_photos, copy_photo
from catalog.records import FileStamp
from catalog.roots import (
    KnownRoot,
    exclude,
    is_away,
    known_roots,
    last_indexed,
    note_online,
    note_reachable,
)
from catalog.runs import Noted, finish_run, start_run
from tests.catalog.factories import SampleCatalog, find, new_photo, new_photos


def add_root(session: Session, path: Path) -> int:
    return note_online(session, os.fsencode(path), None).root_id


def places(session: Session) -> dict[int, tuple[bytes, bytes]]:
    """The folder and relative path of each photo, by its id."""
    query = select(Photo.id, Root.path, Photo.path).join(Root, Root.id == Photo.root_id)
    return {key: (root, path) for key, root, path in session.execute(query)}


def seen(session: Session, root_id: int, moment: datetime) -> None:
    """Let a folder have been there last at a moment."""
    values = {"last_seen_online": moment}
    session.execute(update(Root).where(Root.id == root_id).values(values))


def test_a_folder_moves_with_its_photos_failures_and_words(
    any_catalog: SampleCatalog, tmp_path: Path
) -> None:
    ids = any_catalog.add(new_photos([1, 2]))
    old, new = os.fsencode(any_catalog.folder), os.fsencode(tmp_path / "lisboa")
    with any_catalog.database.write() as session:
        record_failure(session, os.path.join(old, b"bad.jpg"), 1, 1, "It is empty.")
        moved = move_root(session, KnownRoot(any_catalog.root), new, None)
    with any_catalog.database.read() as session:
        assert (moved.moved, moved.left, moved.missing) == (2, 0, 2)
        assert places(session) == {ids[0]: (new, b"1.jpg"), ids[1]: (new, b"2.jpg")}
        assert list(known_failures(session)) == [os.path.join(new, b"bad.jpg")]
        assert find(session, Lookup.word, "lisboa") == ids


def test_a_folder_joins_another_by_content(any_catalog: SampleCatalog, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "3.jpg").write_bytes(bytes(1003))
    ids = any_catalog.add(new_photos([1, 2, 3]))
    new = os.fsencode(there)
    with any_catalog.database.write() as session:
        root = add_root(session, there)
        [twin] = add_photos(session, root, any_catalog.model, [new_photo(b"one.jpg", 1)], "e")
        old = exclude(session, KnownRoot(any_catalog.root), ["*.png"])
        known = exclude(session, KnownRoot(root), ["*.gif"])
        moved = move_root(session, old, new, known)
    with any_catalog.database.read() as session:
        assert (moved.moved, moved.left) == (2, 1)
        left = (os.fsencode(any_catalog.folder), b"2.jpg")
        assert places(session) == {ids[0]: (new, b"one.jpg"), ids[1]: left, ids[2]: (new, b"3.jpg")}
        assert twin not in places(session)
        assert known_roots(session)[new].excluded == ("*.png", "*.gif")


def test_a_folder_that_joined_another_wholly_is_forgotten(
    any_catalog: SampleCatalog, tmp_path: Path
) -> None:
    any_catalog.add(new_photos([1]))
    with any_catalog.database.write() as session:
        root = add_root(session, tmp_path / "there")
        add_photos(session, root, any_catalog.model, [new_photo(b"one.jpg", 1)], "e")
        move_root(
            session, KnownRoot(any_catalog.root), os.fsencode(tmp_path / "there"), KnownRoot(root)
        )
        assert list(known_roots(session)) == [os.fsencode(tmp_path / "there")]


def test_what_another_captioner_made_at_the_new_place_is_kept(
    any_catalog: SampleCatalog, tmp_path: Path
) -> None:
    [old] = any_catalog.add(new_photos([1]))
    other = any_catalog.other_model()
    with any_catalog.database.write() as session:
        root = add_root(session, tmp_path / "there")
        stamp = FileStamp(b"1.jpg", 1001, 5)
        copy_photo(session, old, root, stamp)
        add_photos(session, root, other, [new_photo(b"1.jpg", 1)], "e")
        path = os.fsencode(tmp_path / "there")
        move_root(session, KnownRoot(any_catalog.root), path, KnownRoot(root))
        states = session.execute(select(State.photo_id, State.model_id)).all()
        assert sorted(map(tuple, states)) == [(old, any_catalog.model), (old, other)]


def test_a_forgotten_folder_takes_its_photos_and_failures_alone(
    any_catalog: SampleCatalog, tmp_path: Path
) -> None:
    any_catalog.add(new_photos([1, 2]))
    with any_catalog.database.write() as session:
        root = add_root(session, tmp_path / "other")
        [kept] = add_photos(session, root, any_catalog.model, [new_photo(b"1.jpg", 1)], "e")
        for folder in (any_catalog.folder, tmp_path / "other"):
            path = os.path.join(os.fsencode(folder), b"bad.jpg")
            record_failure(session, path, 1, 1, "It is empty.")
        hashes = remove_root(session, any_catalog.root)
        assert hashes == {new_photo(b"", seed).content_hash for seed in (1, 2)}
        assert list(places(session)) == [kept]
        assert list(known_failures(session)) == [os.fsencode(tmp_path / "other" / "bad.jpg")]


# Photos that were doubled


@pytest.fixture
def doubled(any_catalog: SampleCatalog, tmp_path: Path) -> tuple[SampleCatalog, int, list[int]]:
    """A folder that is away, and one that is there with the same bytes, taken for a copy."""
    catalog = SampleCatalog(any_catalog.home, any_catalog.database, tmp_path / "away")
    ids = catalog.add(new_photos([1, 2]))
    there = tmp_path / "there"
    there.mkdir()
    with catalog.database.write() as session:
        root = add_root(session, there)
        seen(session, catalog.root, datetime.now(UTC))
        for key, seed in zip(ids, (1, 2), strict=True):
            (there / f"{seed}.jpg").touch()
            copy_photo(session, key, root, FileStamp(b"%d.jpg" % seed, 1, 1))
    return catalog, root, ids


def test_doubled_photos_become_one(doubled: tuple[SampleCatalog, int, list[int]]) -> None:
    catalog, root, ids = doubled
    with catalog.database.write() as session:
        assert merge_doubled(session, [root]) == {catalog.root: 2}
        remove_emptied(session, [catalog.root])
        assert sorted(places(session)) == ids
        assert catalog.root not in [known.root_id for known in known_roots(session).values()]
        assert merge_doubled(session, [root]) == {}


def test_photos_that_lay_beside_the_folder_while_it_was_there_stay(
    doubled: tuple[SampleCatalog, int, list[int]],
) -> None:
    catalog, root, _ = doubled
    with catalog.database.write() as session:
        seen(session, catalog.root, datetime.now(UTC) + timedelta(seconds=1))
        assert merge_doubled(session, [root]) == {}


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_of_both_folders_says_that_both_were_there(
    doubled: tuple[SampleCatalog, int, list[int]], finished: bool
) -> None:
    catalog, root, _ = doubled
    with catalog.database.write() as session:
        noted = Noted([catalog.root, root], {})
        run = start_run(session, noted)
        if finished:
            finish_run(session, run, noted)
        assert merge_doubled(session, [root]) == {}


def test_photos_that_a_newer_captioner_described_stay(
    doubled: tuple[SampleCatalog, int, list[int]],
) -> None:
    catalog, root, _ = doubled
    other = catalog.other_model()
    with catalog.database.write() as session:
        add_photos(session, root, other, [new_photo(b"1.jpg", 1)], "e")
        assert merge_doubled(session, [root]) == {catalog.root: 1}


def test_a_folder_that_is_there_is_noted_and_one_that_is_away_is_not(
    any_catalog: SampleCatalog, tmp_path: Path
) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    (tmp_path / "empty").mkdir()
    with any_catalog.database.write() as session:
        roots = [any_catalog.root, *(add_root(session, tmp_path / n) for n in ("gone", "empty"))]
        for root in roots:
            seen(session, root, long_ago)
        note_reachable(session)
        query = select(Root.last_seen_online > long_ago).order_by(Root.id)
        assert session.scalars(query).all() == [True, False, False]


def test_the_last_run_that_came_to_its_end_counts(any_catalog: SampleCatalog) -> None:
    with any_catalog.database.write() as session:
        assert last_indexed(session) == {}
        noted = Noted([any_catalog.root], {})
        first = start_run(session, noted)
        finish_run(session, first, noted)
        finished = last_indexed(session)
        broken_off = start_run(session, noted)
        finish_run(session, broken_off, Noted([any_catalog.root], {}, interrupted=True))
        start_run(session, noted)
        assert last_indexed(session) == finished
        assert list(finished) == [any_catalog.root]


def test_a_file_in_a_folders_place_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert is_away(os.fsencode(file))
    assert is_away(os.fsencode(file / "inner"))
    assert not is_away(os.fsencode(tmp_path))


def test_copies_whose_paths_end_alike_go_together() -> None:
    old = [Placed(1, b"/a/x/1.jpg", "h"), Placed(2, b"/a/y/1.jpg", "h"), Placed(3, b"/a/z", "i")]
    new = [
        Placed(4, b"/b/y/1.jpg", "h"),
        Placed(5, b"/b/q.jpg", "h"),
        Placed(6, b"/b/x/1.jpg", "h"),
    ]
    pairs = [(one.photo_id, other.photo_id) for one, other in pair_up(old, new)]
    assert sorted(pairs) == [(1, 6), (2, 4)]
