"""The doctor finds what is wrong in a home, mends it, and says what is left."""

import os
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import delete, text, update

from catalog import photos
from catalog.database import WriterBusy, writer_lock
from catalog.doctor import Diagnosis, Doctor, Problem
from catalog.failures import record_failure
from catalog.fulltext import Lookup
from catalog.models import Caption, PhotoText, State, Vector
from catalog.vectors.factory import make_vector_index
from tests.catalog.factories import DIMENSION, SampleCatalog, find, new_photos


def _thumbnail() -> bytes:
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG")
    return file.getvalue()


THUMBNAIL = _thumbnail()


def examine(catalog: SampleCatalog, *, mend: bool = True) -> Diagnosis:
    return Doctor(catalog.home, catalog.database, mend=mend).examine()


def found(diagnosis: Diagnosis) -> dict[Problem, tuple[int, bool]]:
    return {each.problem: (each.count, each.mended) for each in diagnosis.findings}


def assert_mended(catalog: SampleCatalog, problem: Problem, count: int) -> None:
    """Seen and left as it is by a dry run, seen and mended by another, and gone for a third."""
    assert found(examine(catalog, mend=False)) == {problem: (count, False)}
    told = examine(catalog)
    assert found(told) == {problem: (count, True)}
    assert told.is_well
    assert found(examine(catalog)) == {}


def put(path: Path, content: bytes = THUMBNAIL) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def well(any_catalog: SampleCatalog) -> SampleCatalog:
    """Twenty photos with all that belongs to them."""
    any_catalog.add(new_photos(range(20)))
    for kind in ("caption", "visual"):
        index = make_vector_index(
            any_catalog.home, any_catalog.database, any_catalog.model, kind, DIMENSION
        )
        index.open()
    for photo in new_photos(range(20)):
        put(any_catalog.home.thumbnail(photo.content_hash))
    return any_catalog


def test_home_that_is_well_stays_as_it_is(well: SampleCatalog) -> None:
    files = {path: path.read_bytes() for path in well.home.vectors.rglob("gen-*")}
    assert examine(well) == Diagnosis((), 0)
    assert {path: path.read_bytes() for path in well.home.vectors.rglob("gen-*")} == files


def test_empty_home_is_well(any_catalog: SampleCatalog) -> None:
    assert examine(any_catalog).is_well


@pytest.mark.parametrize("harm", ["missing", "flipped", "empty", "behind"])
def test_vector_file_that_is_not_what_sql_holds_is_rebuilt(well: SampleCatalog, harm: str) -> None:
    path = sorted(well.home.vectors.rglob("gen-*.faiss"))[0]
    content = path.read_bytes()
    if harm == "missing":
        path.unlink()
    elif harm == "flipped":
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    elif harm == "empty":
        path.write_bytes(b"")
    else:
        [new] = new_photos([20])
        well.add([new])
        put(well.home.thumbnail(new.content_hash))
    assert_mended(well, Problem.VECTORS, 2 if harm == "behind" else 1)


@pytest.mark.parametrize("table", [State, Caption, Vector])
def test_photo_without_a_part_is_left_to_be_indexed_anew(
    well: SampleCatalog, table: type[State] | type[Caption] | type[Vector]
) -> None:
    with well.database.write() as session:
        session.execute(delete(table).where(table.photo_id == 3))
    dry = examine(well, mend=False)
    assert found(dry)[Problem.HALF_DESCRIBED] == (1, False)
    told = examine(well)
    assert not told.is_well
    [half] = [each for each in told.findings if each.problem is Problem.HALF_DESCRIBED]
    assert [Path(name).name for name in half.examples] == ["2.jpg"]
    assert found(examine(well)) == {Problem.NOT_DESCRIBED: (1, False)}
    with well.database.read() as session:
        known = photos.known_files(session, well.root, well.model)
    assert [path for path, file in known.items() if not file.has_state] == [b"2.jpg"]


def test_vector_of_another_length_counts_as_missing(well: SampleCatalog) -> None:
    with well.database.write() as session:
        changed = update(Vector).where(Vector.photo_id == 3, Vector.kind == "visual")
        session.execute(changed.values(blob=b"1234"))
    assert found(examine(well))[Problem.HALF_DESCRIBED] == (1, False)
    assert found(examine(well)) == {Problem.NOT_DESCRIBED: (1, False)}


def test_what_another_model_has_not_made_yet_is_nothing_wrong(well: SampleCatalog) -> None:
    well.add(new_photos(range(3)), well.other_model())
    assert_mended(well, Problem.VECTORS, 2)


def test_files_that_nothing_names_are_removed_and_all_others_kept(well: SampleCatalog) -> None:
    folder = next(well.home.vectors.iterdir())
    orphans = [
        put(folder / "next.tmp"),
        put(folder / "gen-77.faiss"),
        put(well.home.vectors / "99-caption" / "gen-1.faiss"),
        put(well.home.thumbnail("f" * 64)),
        put(well.home.thumbnails / "tmphalf_one.tmp"),
        put(well.home.models / f"{'a' * 64}.tmp"),
    ]
    kept = put(well.home.models / f"{sha256(b'weights').hexdigest()}.safetensors", b"weights")
    assert_mended(well, Problem.ORPHANS, len(orphans))
    assert not any(path.exists() for path in orphans)
    assert not (well.home.vectors / "99-caption").exists()
    assert kept.exists()


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8 no thumbnail"])
def test_photo_without_a_sound_thumbnail_is_named_and_keeps_its_time(
    well: SampleCatalog, content: bytes | None
) -> None:
    thumbnail = well.home.thumbnail(new_photos([4])[0].content_hash)
    thumbnail.unlink() if content is None else thumbnail.write_bytes(content)
    assert found(examine(well, mend=False)) == {Problem.THUMBNAILS: (1, False)}
    told = examine(well)
    assert found(told) == {Problem.THUMBNAILS: (1, False)}
    assert not told.is_well
    assert not thumbnail.exists()
    with well.database.read() as session:
        known = photos.known_files(session, well.root, well.model)
    assert known[b"4.jpg"].mtime_ns == 5_000_000_000_004  # by which it is seen to have decayed


def test_words_that_are_not_noted_are_noted(well: SampleCatalog) -> None:
    with well.database.write() as session:
        session.execute(delete(PhotoText).where(PhotoText.photo_id < 6))
    assert_mended(well, Problem.WORDS, 5)
    with well.database.read() as session:
        assert len(find(session, Lookup.word, "best")) == 20


@pytest.mark.parametrize("words", ["best sentance 2", "", "b\x00st"])
def test_words_that_are_not_those_of_the_photo_are_noted_anew(
    well: SampleCatalog, words: str
) -> None:
    with well.database.write() as session:
        before = session.get_one(PhotoText, 3).captions
        session.execute(update(PhotoText).where(PhotoText.photo_id == 3).values(captions=words))
    told = examine(well, mend=False)
    [finding] = [each for each in told.findings if each.problem is Problem.WORDS]
    assert [Path(name).name for name in finding.examples] == ["2.jpg"]
    assert_mended(well, Problem.WORDS, 1)
    with well.database.read() as session:
        assert session.get_one(PhotoText, 3).captions == before
        assert len(find(session, Lookup.word, "best")) == 20


def test_words_that_are_no_text_are_noted_anew(catalog: SampleCatalog) -> None:
    catalog.add(new_photos(range(3)))
    examine(catalog)
    with catalog.database.write() as session:
        session.execute(text("UPDATE photo_text SET captions = CAST(x'62ff73' AS TEXT)"))
    assert found(examine(catalog))[Problem.WORDS] == (3, True)
    with catalog.database.read() as session:
        assert len(find(session, Lookup.word, "best")) == 3


def test_failure_of_a_file_that_is_gone_is_forgotten_unless_its_disk_is(
    well: SampleCatalog,
) -> None:
    root = os.fsencode(well.home.path.resolve())
    there = put(well.home.path / "broken.jpg")
    with well.database.write() as session:
        for path in (root + b"/gone.jpg", os.fsencode(there), b"/unplugged/a.jpg"):
            record_failure(session, path, 1, 1, "It is no photo.")
    assert_mended(well, Problem.OLD_FAILURES, 1)
    assert examine(well).failures == 2


def test_row_that_refers_to_nothing_is_removed(catalog: SampleCatalog) -> None:
    with catalog.database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("INSERT INTO state VALUES (5, 1, x'00', 0.5, '')")
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    assert_mended(catalog, Problem.REFERENCES, 1)


def test_full_text_index_that_differs_is_made_anew(catalog: SampleCatalog) -> None:
    catalog.add(new_photos(range(3)))
    examine(catalog)
    with catalog.database.write() as session:
        session.execute(text("INSERT INTO photo_text_fts (photo_text_fts) VALUES ('delete-all')"))
    assert found(examine(catalog))[Problem.WORDS] == (1, True)
    assert Problem.WORDS not in found(examine(catalog))
    with catalog.database.read() as session:
        assert len(find(session, Lookup.word, "best")) == 3


def test_damaged_database_is_all_that_is_told(catalog: SampleCatalog) -> None:
    catalog.add(new_photos(range(300)))
    with catalog.database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    catalog.database.close()
    path = catalog.home.path / "catalog.db"
    content = bytearray(path.read_bytes())
    content[-8 * 4096 :] = b"\x55" * (8 * 4096)
    path.write_bytes(content)
    told = examine(catalog)
    assert [each.problem for each in told.findings] == [Problem.DATABASE]
    assert not told.is_well


def test_doctor_keeps_out_of_a_running_indexing(catalog: SampleCatalog) -> None:
    with writer_lock(catalog.home), pytest.raises(WriterBusy):
        examine(catalog)
