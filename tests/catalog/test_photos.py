"""What is stored of photos: whole batches or nothing, and never twice."""

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, event, func, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from catalog import model_registry, photos
from catalog.change_feed import START, Position, position
from catalog.descriptions import load_states
from catalog.failures import Failure, clear_failure, known_failures, record_failure
from catalog.model_registry import list_models, register_model
from catalog.models import Base, Caption, Model, Root
from catalog.records import FileStamp, NewPhoto
from catalog.roots import get_or_add_root, list_roots
from catalog.vectors.interface import DimensionMismatch
from catalog.vectors.store import StoredVectors
from catalog.views import Counts, count_rows, list_photos, view_photos
from tests.catalog.factories import (
    DIMENSION,
    TAKEN,
    SampleCatalog,
    new_photo,
    new_photos,
    photo_ids,
    unit_vector,
)


def totals(catalog: SampleCatalog, model: int | None = None) -> Counts:
    with catalog.database.read() as session:
        return count_rows(session, model)


def change(catalog: SampleCatalog) -> Position:
    with catalog.database.read() as session:
        return position(session)


def captions(catalog: SampleCatalog, photo_id: int) -> list[str]:
    with catalog.database.read() as session:
        return [text for text, _ in view_photos(session, [photo_id])[photo_id].captions]


def vectors(
    catalog: SampleCatalog, kind: str = "caption", after: Position = START
) -> dict[int, np.ndarray]:
    with catalog.database.read() as session:
        stored = StoredVectors(catalog.model, kind, DIMENSION)
        parts = list(stored.since(session, after, batch=2))
    return {int(key): row for ids, rows in parts for key, row in zip(ids, rows, strict=True)}


def test_everything_given_comes_back(any_catalog: SampleCatalog) -> None:
    [first, second] = any_catalog.add(new_photos([1, 2]))
    with any_catalog.database.read() as session:
        view = view_photos(session, [second, first])[second]
        states = load_states(session, [first, second, 999], any_catalog.model)
    assert view.path == b"2.jpg"
    assert view.full_path == any_catalog.home.path.resolve() / "2.jpg"
    assert (view.width, view.height, view.format, view.size) == (640, 480, "JPEG", 1002)
    assert (view.camera, view.latitude, view.longitude) == (None, 51.5, None)
    assert view.captions == (("best sentence 2", -1.5), ("second sentence 2", -2.5))
    assert states == {first: (b"state 1", 0.25), second: (b"state 2", 0.5)}
    stored = vectors(any_catalog, "visual")
    assert list(stored) == [first, second]
    np.testing.assert_array_equal(stored[first], unit_vector(1_000_001).astype(np.float16))


def test_batch_takes_a_handful_of_statements(any_catalog: SampleCatalog) -> None:
    statements = []

    def note(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(any_catalog.database.engine, "before_cursor_execute", note)
    any_catalog.add(new_photos(range(32)))
    assert len(statements) <= 12, statements


def test_failed_batch_leaves_nothing(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos([1]))
    before = totals(any_catalog), change(any_catalog)
    with pytest.raises(IntegrityError):
        any_catalog.add([*new_photos([2, 3]), new_photo(b"2.jpg", 4)])
    assert (totals(any_catalog), change(any_catalog)) == before


def test_removing_a_photo_removes_all_that_was_computed(any_catalog: SampleCatalog) -> None:
    ids = any_catalog.add(new_photos([1, 2, 3]))
    with any_catalog.database.write() as session:
        photos.remove_photos(session, ids[:2])
    assert totals(any_catalog) == Counts(photos=1, captions=2, failures=0, vectors=2)
    with any_catalog.database.read() as session:
        assert photo_ids(session, any_catalog.model) == [ids[2]]


def test_removing_a_root_removes_its_photos(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos([1, 2]))
    with any_catalog.database.write() as session:
        session.delete(session.get_one(Root, any_catalog.root))
    assert totals(any_catalog) == Counts(0, 0, 0, 0)


def test_ids_are_never_given_again(any_catalog: SampleCatalog) -> None:
    [old] = any_catalog.add(new_photos([1]))
    with any_catalog.database.write() as session:
        photos.remove_photos(session, [old])
    [new] = any_catalog.add(new_photos([1]))
    assert new > old


def test_more_photos_than_a_statement_takes_parameters_are_removed(
    any_catalog: SampleCatalog,
) -> None:
    ids = any_catalog.add(new_photos(range(1100)))
    with any_catalog.database.write() as session:
        assert len(view_photos(session, ids)) == 1100
        photos.remove_photos(session, [*ids, *range(10_000, 50_000)])
    assert totals(any_catalog).photos == 0


def test_changed_file_keeps_its_id_and_loses_what_was_computed_before(
    any_catalog: SampleCatalog,
) -> None:
    other = any_catalog.other_model()
    [first] = any_catalog.add([new_photo(b"same", 1)])
    any_catalog.add([new_photo(b"same", 1)], other)
    [again, _] = any_catalog.add([new_photo(b"same", 2), new_photo(b"new", 3)])
    assert again == first
    assert captions(any_catalog, first) == ["best sentence 2", "second sentence 2"]
    with any_catalog.database.read() as session:
        assert photo_ids(session, other) == []
        assert photos.known_files(session, any_catalog.root, other)[b"same"].has_state is False


def test_another_model_sees_the_same_photo_beside_the_first(any_catalog: SampleCatalog) -> None:
    other = any_catalog.other_model()
    [first] = any_catalog.add([new_photo(b"same", 1)])
    [again] = any_catalog.add([new_photo(b"same", 1)], other)
    assert again == first
    assert totals(any_catalog) == Counts(photos=1, captions=4, failures=0, vectors=4)
    assert totals(any_catalog, other) == Counts(photos=1, captions=2, failures=0, vectors=2)
    assert len(captions(any_catalog, first)) == 2


def test_known_files_tell_whether_this_model_saw_them(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add(new_photos([7]))
    other = any_catalog.other_model()
    with any_catalog.database.read() as session:
        known = photos.known_files(session, any_catalog.root, any_catalog.model)[b"7.jpg"]
        unseen = photos.known_files(session, any_catalog.root, other)[b"7.jpg"]
    assert (known.photo_id, known.size, known.has_state) == (key, 1007, True)
    assert (unseen.photo_id, unseen.has_state) == (key, False)


def test_same_bytes_are_found_with_a_state_first_then_lowest_id(any_catalog: SampleCatalog) -> None:
    other = any_catalog.other_model()
    [_] = any_catalog.add([new_photo(b"by the other", 1)], other)
    [low, _] = any_catalog.add([new_photo(b"a", 1), new_photo(b"b", 1)])
    with any_catalog.database.read() as session:
        found = photos.photo_with_content(
            session, new_photo(b"", 1).content_hash, any_catalog.model
        )
        assert photos.photo_with_content(session, "nothing like it", any_catalog.model) is None
    assert found is not None
    assert (found.photo_id, found.has_state, found.root_id) == (low, True, any_catalog.root)


def test_copy_has_all_that_the_source_has(any_catalog: SampleCatalog) -> None:
    [source] = any_catalog.add(new_photos([1]))
    before = change(any_catalog)
    with any_catalog.database.write() as session:
        copy = photos.copy_photo(session, source, any_catalog.root, FileStamp(b"copy", 5, 6))
        view = view_photos(session, [copy])[copy]
        states = load_states(session, [source, copy], any_catalog.model)
    assert (view.path, view.size, view.camera, view.taken_at) == (b"copy", 5, None, TAKEN)
    assert captions(any_catalog, copy) == captions(any_catalog, source)
    assert states[copy] == states[source]
    assert list(vectors(any_catalog, after=before)) == [copy]


def test_copy_over_a_known_photo_takes_its_place(any_catalog: SampleCatalog) -> None:
    [source, over] = any_catalog.add(new_photos([1, 2]))
    with any_catalog.database.write() as session:
        copy = photos.copy_photo(session, source, any_catalog.root, FileStamp(b"2.jpg", 5, 6))
    assert copy == over
    assert captions(any_catalog, over) == captions(any_catalog, source)
    assert totals(any_catalog) == Counts(photos=2, captions=4, failures=0, vectors=4)


def test_copy_onto_itself_only_notes_the_new_time(any_catalog: SampleCatalog) -> None:
    [source] = any_catalog.add(new_photos([1]))
    with any_catalog.database.write() as session:
        file = FileStamp(b"1.jpg", 1001, 77)
        assert photos.copy_photo(session, source, any_catalog.root, file) == source
        known = photos.known_files(session, any_catalog.root, any_catalog.model)
    assert known[b"1.jpg"].mtime_ns == 77
    assert totals(any_catalog).captions == 2


def test_moved_photo_keeps_its_id_and_vectors(any_catalog: SampleCatalog) -> None:
    [key, other] = any_catalog.add(new_photos([1, 2]))
    before = change(any_catalog)
    with any_catalog.database.write() as session:
        photos.move_photo(session, key, any_catalog.root, FileStamp(b"new place", 1001, 9))
        known = photos.known_files(session, any_catalog.root, any_catalog.model)
    assert {path: file.photo_id for path, file in known.items()} == {
        b"new place": key,
        b"2.jpg": other,
    }
    assert change(any_catalog) == before


def test_photo_moved_over_another_replaces_it(any_catalog: SampleCatalog) -> None:
    [key, _] = any_catalog.add(new_photos([1, 2]))
    with any_catalog.database.write() as session:
        photos.move_photo(session, key, any_catalog.root, FileStamp(b"2.jpg", 1001, 9))
        known = photos.known_files(session, any_catalog.root, any_catalog.model)
    assert [file.photo_id for file in known.values()] == [key]
    assert totals(any_catalog).vectors == 2


def test_touched_photo_has_its_new_time(any_catalog: SampleCatalog) -> None:
    [key] = any_catalog.add(new_photos([1]))
    far = 2**62
    with any_catalog.database.write() as session:
        photos.touch_photo(session, key, FileStamp(b"1.jpg", 1001, far))
        known = photos.known_files(session, any_catalog.root, any_catalog.model)
    assert known[b"1.jpg"].mtime_ns == far


def test_path_that_is_not_utf8_comes_back_byte_for_byte(any_catalog: SampleCatalog) -> None:
    path = b"caf\xe9/\xff\xfe \xf0\x9f\x90\x95.jpg"
    [key] = any_catalog.add([new_photo(path, 1)])
    with any_catalog.database.read() as session:
        assert list(photos.known_files(session, any_catalog.root, any_catalog.model)) == [path]
        full = view_photos(session, [key])[key].full_path
    assert os.fsencode(full).endswith(path)


def test_root_is_known_again_by_its_resolved_path(
    any_catalog: SampleCatalog, tmp_path: Path
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    with any_catalog.database.write() as session:
        first = get_or_add_root(session, folder)
        longer = folder / ".." / folder.name
        assert get_or_add_root(session, longer) == first
        views = list_roots(session)
    assert os.fsencode(folder) in [view.path for view in views]
    assert [view.photos for view in views] == [0, 0]


def test_root_counts_its_photos_and_remembers_when_it_was_there(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos([1, 2]))
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    with any_catalog.database.write() as session:
        session.execute(update(Root).values(last_seen_online=long_ago))
        assert list_roots(session)[0].last_seen_online == long_ago
        get_or_add_root(session, any_catalog.home.path)
        [root] = list_roots(session)
    assert root.photos == 2
    assert datetime.now(UTC) - root.last_seen_online < timedelta(minutes=5)


def test_failure_is_remembered_replaced_and_forgotten(any_catalog: SampleCatalog) -> None:
    path = b"/photos/caf\xe9.jpg"
    with any_catalog.database.write() as session:
        record_failure(session, path, 1, 2, "it is no picture")
        record_failure(session, path, 3, 2**62, "caf\udce9\0 is cut short")
        assert known_failures(session) == {path: Failure(path, 3, 2**62, "caf? is cut short")}
        clear_failure(session, path)
        clear_failure(session, b"never failed")
        assert known_failures(session) == {}


def test_model_is_recorded_once(any_catalog: SampleCatalog) -> None:
    given = {"kind": "embedder", "name": "e", "sha256": "1" * 64}
    config, metrics = {"size": 3, "names": ["é"]}, {"r1": 23.5}
    with any_catalog.database.write() as session:
        key = register_model(session, **given, config=config, metrics=metrics)
        assert register_model(session, **given, config={}, metrics={}) == key
        assert model_registry.model_id(session, name="e", sha256="1" * 64) == key
        assert model_registry.model_id(session, name="e", sha256="2" * 64) is None
    with any_catalog.database.read() as session:
        row = session.get_one(Model, key)
        assert (row.kind, row.config, row.metrics) == ("embedder", config, metrics)


def test_times_come_back_in_utc_whatever_zone_they_had(any_catalog: SampleCatalog) -> None:
    tokyo = timezone(timedelta(hours=9))
    with any_catalog.database.write() as session:
        session.execute(update(Root).values(last_seen_online=TAKEN.astimezone(tokyo)))
    with any_catalog.database.read() as session:
        found = list_roots(session)[0].last_seen_online
    assert (found, found.tzinfo) == (TAKEN, UTC)


def test_time_without_a_zone_is_refused(any_catalog: SampleCatalog) -> None:
    with (
        pytest.raises(StatementError, match="has no time zone"),
        any_catalog.database.write() as session,
    ):
        session.execute(update(Root).values(last_seen_online=TAKEN.replace(tzinfo=None)))


def test_every_change_to_vectors_makes_the_counter_grow(any_catalog: SampleCatalog) -> None:
    seen = [change(any_catalog)]
    [key] = any_catalog.add(new_photos([1]))
    seen.append(change(any_catalog))
    any_catalog.add(new_photos([1]))
    seen.append(change(any_catalog))
    with any_catalog.database.write() as session:
        photos.copy_photo(session, key, any_catalog.root, FileStamp(b"copy", 1, 1))
    seen.append(change(any_catalog))
    with any_catalog.database.write() as session:
        photos.remove_photos(session, [key])
    seen.append(change(any_catalog))
    assert [each.settled for each in seen] == sorted({each.settled for each in seen})


def test_nothing_to_do_does_nothing(any_catalog: SampleCatalog) -> None:
    before = change(any_catalog)
    with any_catalog.database.write() as session:
        photos.remove_photos(session, [])
        assert view_photos(session, []) == {}
        assert load_states(session, [], any_catalog.model) == {}
    assert change(any_catalog) == before
    assert any_catalog.add([]) == []


def test_vectors_of_two_lengths_are_refused(any_catalog: SampleCatalog) -> None:
    short = new_photo(b"short", 2)
    any_catalog.add([new_photo(b"long", 1)])
    any_catalog.add([NewPhoto(**{**vars(short), "vectors": {"caption": np.ones(3)}})])
    with pytest.raises(DimensionMismatch, match="differ in length"):
        vectors(any_catalog)


def test_foreign_keys_cascade_in_every_table(any_catalog: SampleCatalog) -> None:
    actions = {
        key.ondelete for table in Base.metadata.tables.values() for key in table.foreign_keys
    }
    assert actions == {"CASCADE"}
    any_catalog.add(new_photos([1]))
    with any_catalog.database.write() as session:
        session.delete(session.get_one(Model, any_catalog.model))
    with any_catalog.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Caption)) == 0


def test_photos_are_listed_in_order_of_id(catalog: SampleCatalog) -> None:
    ids = catalog.add(new_photos([3, 1, 2]))
    with catalog.database.read() as session:
        assert [view.photo_id for view in list_photos(session)] == sorted(ids)


def test_newest_model_is_listed_last(catalog: SampleCatalog) -> None:
    other = catalog.other_model()
    with catalog.database.read() as session:
        listed = list_models(session)
    assert [(view.model_id, view.name) for view in listed] == [
        (catalog.model, "first"),
        (other, "another"),
    ]
