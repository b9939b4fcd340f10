"""What is stored of photos: whole batches or nothing, and never twice."""

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, event, func, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from catalog import model_registry, photos
from catalog.descriptions import change_counter, load_states
from catalog.failures import Failure, clear_failure, known_failures, record_failure
from catalog.model_registry import list_models, register_model
from catalog.models import Base, Caption, Model, Root
from catalog.records import FileStamp, NewPhoto
from catalog.roots import get_or_add_root, list_roots
from catalog.vectors.store import UnevenVectors, iter_vectors
from catalog.views import Counts, count_rows, list_photos, view_photos
from tests.catalog.factories import TAKEN, Shelf, new_photo, new_photos, photo_ids, unit_vector


def totals(shelf: Shelf, model: int | None = None) -> Counts:
    with shelf.database.read() as session:
        return count_rows(session, model)


def change(shelf: Shelf) -> int:
    with shelf.database.read() as session:
        return change_counter(session)


def captions(shelf: Shelf, photo_id: int) -> list[str]:
    with shelf.database.read() as session:
        return [text for text, _ in view_photos(session, [photo_id])[photo_id].captions]


def vectors(shelf: Shelf, kind: str = "caption", after: int = 0) -> dict[int, np.ndarray]:
    with shelf.database.read() as session:
        parts = list(iter_vectors(session, kind, shelf.model, batch=2, after=after))
    return {int(key): row for ids, rows in parts for key, row in zip(ids, rows, strict=True)}


def test_everything_given_comes_back(any_shelf: Shelf) -> None:
    [first, second] = any_shelf.add(new_photos([1, 2]))
    with any_shelf.database.read() as session:
        view = view_photos(session, [second, first])[second]
        states = load_states(session, [first, second, 999], any_shelf.model)
    assert view.path == b"2.jpg"
    assert view.full_path == any_shelf.home.path.resolve() / "2.jpg"
    assert (view.width, view.height, view.format, view.size) == (640, 480, "JPEG", 1002)
    assert (view.camera, view.latitude, view.longitude) == (None, 51.5, None)
    assert view.captions == (("best sentence 2", -1.5), ("second sentence 2", -2.5))
    assert states == {first: (b"state 1", 0.25), second: (b"state 2", 0.5)}
    stored = vectors(any_shelf, "visual")
    assert list(stored) == [first, second]
    np.testing.assert_array_equal(stored[first], unit_vector(1_000_001).astype(np.float16))


def test_batch_takes_a_handful_of_statements(any_shelf: Shelf) -> None:
    statements = []

    def note(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(any_shelf.database.engine, "before_cursor_execute", note)
    any_shelf.add(new_photos(range(32)))
    assert len(statements) <= 10


def test_failed_batch_leaves_nothing(any_shelf: Shelf) -> None:
    any_shelf.add(new_photos([1]))
    before = totals(any_shelf), change(any_shelf)
    with pytest.raises(IntegrityError):
        any_shelf.add([*new_photos([2, 3]), new_photo(b"2.jpg", 4)])
    assert (totals(any_shelf), change(any_shelf)) == before


def test_removing_a_photo_removes_all_that_was_computed(any_shelf: Shelf) -> None:
    ids = any_shelf.add(new_photos([1, 2, 3]))
    with any_shelf.database.write() as session:
        photos.remove_photos(session, ids[:2])
    assert totals(any_shelf) == Counts(photos=1, captions=2, failures=0, vectors=2)
    with any_shelf.database.read() as session:
        assert photo_ids(session, any_shelf.model) == [ids[2]]


def test_removing_a_root_removes_its_photos(any_shelf: Shelf) -> None:
    any_shelf.add(new_photos([1, 2]))
    with any_shelf.database.write() as session:
        session.delete(session.get_one(Root, any_shelf.root))
    assert totals(any_shelf) == Counts(0, 0, 0, 0)


def test_ids_are_never_given_again(any_shelf: Shelf) -> None:
    [old] = any_shelf.add(new_photos([1]))
    with any_shelf.database.write() as session:
        photos.remove_photos(session, [old])
    [new] = any_shelf.add(new_photos([1]))
    assert new > old


def test_more_photos_than_a_statement_takes_parameters_are_removed(any_shelf: Shelf) -> None:
    ids = any_shelf.add(new_photos(range(1100)))
    with any_shelf.database.write() as session:
        assert len(view_photos(session, ids)) == 1100
        photos.remove_photos(session, [*ids, *range(10_000, 50_000)])
    assert totals(any_shelf).photos == 0


def test_changed_file_keeps_its_id_and_loses_what_was_computed_before(any_shelf: Shelf) -> None:
    other = any_shelf.other_model()
    [first] = any_shelf.add([new_photo(b"same", 1)])
    any_shelf.add([new_photo(b"same", 1)], other)
    [again, _] = any_shelf.add([new_photo(b"same", 2), new_photo(b"new", 3)])
    assert again == first
    assert captions(any_shelf, first) == ["best sentence 2", "second sentence 2"]
    with any_shelf.database.read() as session:
        assert photo_ids(session, other) == []
        assert photos.known_files(session, any_shelf.root, other)[b"same"].has_state is False


def test_another_model_sees_the_same_photo_beside_the_first(any_shelf: Shelf) -> None:
    other = any_shelf.other_model()
    [first] = any_shelf.add([new_photo(b"same", 1)])
    [again] = any_shelf.add([new_photo(b"same", 1)], other)
    assert again == first
    assert totals(any_shelf) == Counts(photos=1, captions=4, failures=0, vectors=4)
    assert totals(any_shelf, other) == Counts(photos=1, captions=2, failures=0, vectors=2)
    assert len(captions(any_shelf, first)) == 2


def test_known_files_tell_whether_this_model_saw_them(any_shelf: Shelf) -> None:
    [key] = any_shelf.add(new_photos([7]))
    other = any_shelf.other_model()
    with any_shelf.database.read() as session:
        known = photos.known_files(session, any_shelf.root, any_shelf.model)[b"7.jpg"]
        unseen = photos.known_files(session, any_shelf.root, other)[b"7.jpg"]
    assert (known.photo_id, known.size, known.has_state) == (key, 1007, True)
    assert (unseen.photo_id, unseen.has_state) == (key, False)


def test_same_bytes_are_found_with_a_state_first_then_lowest_id(any_shelf: Shelf) -> None:
    other = any_shelf.other_model()
    [_] = any_shelf.add([new_photo(b"by the other", 1)], other)
    [low, _] = any_shelf.add([new_photo(b"a", 1), new_photo(b"b", 1)])
    with any_shelf.database.read() as session:
        found = photos.photo_with_content(session, new_photo(b"", 1).content_hash, any_shelf.model)
        assert photos.photo_with_content(session, "nothing like it", any_shelf.model) is None
    assert found is not None
    assert (found.photo_id, found.has_state, found.root_id) == (low, True, any_shelf.root)


def test_copy_has_all_that_the_source_has(any_shelf: Shelf) -> None:
    [source] = any_shelf.add(new_photos([1]))
    before = change(any_shelf)
    with any_shelf.database.write() as session:
        copy = photos.copy_photo(session, source, any_shelf.root, FileStamp(b"copy", 5, 6))
        view = view_photos(session, [copy])[copy]
        states = load_states(session, [source, copy], any_shelf.model)
    assert (view.path, view.size, view.camera, view.taken_at) == (b"copy", 5, None, TAKEN)
    assert captions(any_shelf, copy) == captions(any_shelf, source)
    assert states[copy] == states[source]
    assert list(vectors(any_shelf, after=before)) == [copy]


def test_copy_over_a_known_photo_takes_its_place(any_shelf: Shelf) -> None:
    [source, over] = any_shelf.add(new_photos([1, 2]))
    with any_shelf.database.write() as session:
        copy = photos.copy_photo(session, source, any_shelf.root, FileStamp(b"2.jpg", 5, 6))
    assert copy == over
    assert captions(any_shelf, over) == captions(any_shelf, source)
    assert totals(any_shelf) == Counts(photos=2, captions=4, failures=0, vectors=4)


def test_copy_onto_itself_only_notes_the_new_time(any_shelf: Shelf) -> None:
    [source] = any_shelf.add(new_photos([1]))
    with any_shelf.database.write() as session:
        file = FileStamp(b"1.jpg", 1001, 77)
        assert photos.copy_photo(session, source, any_shelf.root, file) == source
        known = photos.known_files(session, any_shelf.root, any_shelf.model)
    assert known[b"1.jpg"].mtime_ns == 77
    assert totals(any_shelf).captions == 2


def test_moved_photo_keeps_its_id_and_vectors(any_shelf: Shelf) -> None:
    [key, other] = any_shelf.add(new_photos([1, 2]))
    before = change(any_shelf)
    with any_shelf.database.write() as session:
        photos.move_photo(session, key, any_shelf.root, FileStamp(b"new place", 1001, 9))
        known = photos.known_files(session, any_shelf.root, any_shelf.model)
    assert {path: file.photo_id for path, file in known.items()} == {
        b"new place": key,
        b"2.jpg": other,
    }
    assert change(any_shelf) == before


def test_photo_moved_over_another_replaces_it(any_shelf: Shelf) -> None:
    [key, _] = any_shelf.add(new_photos([1, 2]))
    with any_shelf.database.write() as session:
        photos.move_photo(session, key, any_shelf.root, FileStamp(b"2.jpg", 1001, 9))
        known = photos.known_files(session, any_shelf.root, any_shelf.model)
    assert [file.photo_id for file in known.values()] == [key]
    assert totals(any_shelf).vectors == 2


def test_touched_photo_has_its_new_time(any_shelf: Shelf) -> None:
    [key] = any_shelf.add(new_photos([1]))
    far = 2**62
    with any_shelf.database.write() as session:
        photos.touch_photo(session, key, FileStamp(b"1.jpg", 1001, far))
        known = photos.known_files(session, any_shelf.root, any_shelf.model)
    assert known[b"1.jpg"].mtime_ns == far


def test_path_that_is_not_utf8_comes_back_byte_for_byte(any_shelf: Shelf) -> None:
    path = b"caf\xe9/\xff\xfe \xf0\x9f\x90\x95.jpg"
    [key] = any_shelf.add([new_photo(path, 1)])
    with any_shelf.database.read() as session:
        assert list(photos.known_files(session, any_shelf.root, any_shelf.model)) == [path]
        full = view_photos(session, [key])[key].full_path
    assert os.fsencode(full).endswith(path)


def test_root_is_known_again_by_its_resolved_path(any_shelf: Shelf, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    with any_shelf.database.write() as session:
        first = get_or_add_root(session, folder)
        longer = folder / ".." / folder.name
        assert get_or_add_root(session, longer) == first
        views = list_roots(session)
    assert os.fsencode(folder) in [view.path for view in views]
    assert [view.photos for view in views] == [0, 0]


def test_root_counts_its_photos_and_remembers_when_it_was_there(any_shelf: Shelf) -> None:
    any_shelf.add(new_photos([1, 2]))
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    with any_shelf.database.write() as session:
        session.execute(update(Root).values(last_seen_online=long_ago))
        assert list_roots(session)[0].last_seen_online == long_ago
        get_or_add_root(session, any_shelf.home.path)
        [root] = list_roots(session)
    assert root.photos == 2
    assert datetime.now(UTC) - root.last_seen_online < timedelta(minutes=5)


def test_failure_is_remembered_replaced_and_forgotten(any_shelf: Shelf) -> None:
    path = b"/photos/caf\xe9.jpg"
    with any_shelf.database.write() as session:
        record_failure(session, path, 1, 2, "it is no picture")
        record_failure(session, path, 3, 2**62, "caf\udce9\0 is cut short")
        assert known_failures(session) == {path: Failure(path, 3, 2**62, "caf? is cut short")}
        clear_failure(session, path)
        clear_failure(session, b"never failed")
        assert known_failures(session) == {}


def test_model_is_recorded_once(any_shelf: Shelf) -> None:
    given = {"kind": "embedder", "name": "e", "sha256": "1" * 64}
    config, metrics = {"size": 3, "names": ["é"]}, {"r1": 23.5}
    with any_shelf.database.write() as session:
        key = register_model(session, **given, config=config, metrics=metrics)
        assert register_model(session, **given, config={}, metrics={}) == key
        assert model_registry.model_id(session, name="e", sha256="1" * 64) == key
        assert model_registry.model_id(session, name="e", sha256="2" * 64) is None
    with any_shelf.database.read() as session:
        row = session.get_one(Model, key)
        assert (row.kind, row.config, row.metrics) == ("embedder", config, metrics)


def test_times_come_back_in_utc_whatever_zone_they_had(any_shelf: Shelf) -> None:
    tokyo = timezone(timedelta(hours=9))
    with any_shelf.database.write() as session:
        session.execute(update(Root).values(last_seen_online=TAKEN.astimezone(tokyo)))
    with any_shelf.database.read() as session:
        found = list_roots(session)[0].last_seen_online
    assert (found, found.tzinfo) == (TAKEN, UTC)


def test_time_without_a_zone_is_refused(any_shelf: Shelf) -> None:
    with (
        pytest.raises(StatementError, match="has no time zone"),
        any_shelf.database.write() as session,
    ):
        session.execute(update(Root).values(last_seen_online=TAKEN.replace(tzinfo=None)))


def test_every_change_to_vectors_makes_the_counter_grow(any_shelf: Shelf) -> None:
    seen = [change(any_shelf)]
    [key] = any_shelf.add(new_photos([1]))
    seen.append(change(any_shelf))
    any_shelf.add(new_photos([1]))
    seen.append(change(any_shelf))
    with any_shelf.database.write() as session:
        photos.copy_photo(session, key, any_shelf.root, FileStamp(b"copy", 1, 1))
    seen.append(change(any_shelf))
    with any_shelf.database.write() as session:
        photos.remove_photos(session, [key])
    seen.append(change(any_shelf))
    assert seen == sorted(set(seen))


def test_nothing_to_do_does_nothing(any_shelf: Shelf) -> None:
    before = change(any_shelf)
    with any_shelf.database.write() as session:
        photos.remove_photos(session, [])
        assert view_photos(session, []) == {}
        assert load_states(session, [], any_shelf.model) == {}
    assert change(any_shelf) == before
    assert any_shelf.add([]) == []


def test_vectors_of_two_lengths_are_refused(any_shelf: Shelf) -> None:
    short = new_photo(b"short", 2)
    any_shelf.add([new_photo(b"long", 1)])
    any_shelf.add([NewPhoto(**{**vars(short), "vectors": {"caption": np.ones(3)}})])
    with pytest.raises(UnevenVectors):
        vectors(any_shelf)


def test_foreign_keys_cascade_in_every_table(any_shelf: Shelf) -> None:
    actions = {
        key.ondelete for table in Base.metadata.tables.values() for key in table.foreign_keys
    }
    assert actions == {"CASCADE"}
    any_shelf.add(new_photos([1]))
    with any_shelf.database.write() as session:
        session.delete(session.get_one(Model, any_shelf.model))
    with any_shelf.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Caption)) == 0


def test_photos_are_listed_in_order_of_id(shelf: Shelf) -> None:
    ids = shelf.add(new_photos([3, 1, 2]))
    with shelf.database.read() as session:
        assert [view.photo_id for view in list_photos(session)] == sorted(ids)


def test_newest_model_is_listed_last(shelf: Shelf) -> None:
    other = shelf.other_model()
    with shelf.database.read() as session:
        listed = list_models(session)
    assert [(view.model_id, view.name) for view in listed] == [
        (shelf.model, "shelf"),
        (other, "another"),
    ]
