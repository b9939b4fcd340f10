"""The FAISS index: the same answers as SQL would give, whatever happened to its file."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from catalog import photos
from catalog.home import Home, open_home
from catalog.models import VectorGeneration
from catalog.records import FileStamp
from catalog.vectors import snapshots
from catalog.vectors.faiss_index import FaissIndex, FaissMissing
from catalog.vectors.interface import DimensionMismatch
from catalog.vectors.store import StoredVectors
from tests.catalog.brute_force import QUERIES, assert_exact, opened
from tests.catalog.factories import (
    DIMENSION,
    SampleCatalog,
    new_photo,
    new_photos,
    photo_ids,
    unit_vector,
)

KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from catalog.home import open_home
from catalog.database import open_database
from catalog.vectors.faiss_index import FaissIndex
from tests.catalog.factories import DIMENSION, SampleCatalog, new_photos, photo_ids

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

home = open_home(Path(sys.argv[1]))
database = open_database(home)
catalog = SampleCatalog(home, database)
index = FaissIndex(home, database, catalog.model, "caption", DIMENSION)
index.open()
when = sys.argv[2]
if when == "before SQL commits":
    event.listen(database.engine, "commit", die)
index.add(catalog.add(new_photos(range(50, 60))), [[0] * DIMENSION] * 10)
if when == "before FAISS is saved":
    die()
if when == "before the generation is committed":
    event.listen(database.engine, "commit", die)
index.save()
"""


def index_of(
    catalog: SampleCatalog, kind: str = "caption", dimension: int = DIMENSION
) -> FaissIndex:
    return FaissIndex(catalog.home, catalog.database, catalog.model, kind, dimension)


def saved_file(home: Home) -> Path:
    [path] = home.vectors.rglob("gen-*.faiss")
    return path


def with_own_home(catalog: SampleCatalog, path: Path) -> SampleCatalog:
    """The same catalog, as another machine sees it."""
    return SampleCatalog(open_home(path), catalog.database, catalog.folder)


@pytest.fixture
def filled(any_catalog: SampleCatalog) -> SampleCatalog:
    """Forty photos, their index saved, in each kind of database."""
    any_catalog.add(new_photos(range(40)))
    opened(any_catalog).save()
    return any_catalog


def test_answers_are_exact(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos(range(40)))
    index = opened(any_catalog)
    assert index.count == 40
    assert_exact(any_catalog, index)


def test_saved_index_is_opened_without_reading_vectors_again(
    filled: SampleCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(StoredVectors, "since")
    index = opened(filled)
    monkeypatch.undo()
    assert_exact(filled, index)


def test_file_of_a_home_stays_good_when_other_homes_save(
    filled: SampleCatalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As where several servers and a machine that indexes share one PostgreSQL."""
    monkeypatch.setattr(snapshots, "REMEMBERED", 3)
    others = [with_own_home(filled, tmp_path / name) for name in ("one", "two")]
    for other in others * 2:
        opened(other)
        opened(other).save()
    filled.add(new_photos([50]))
    monkeypatch.setattr(StoredVectors, "ids", None)  # what building anew begins with
    for each in (filled, *others):
        assert_exact(each, opened(each))
    monkeypatch.undo()
    with filled.database.read() as session:
        saved = session.scalars(select(VectorGeneration.generation)).all()
    assert len(saved) == len(set(saved)) == 3


def test_no_more_files_are_remembered_than_homes_may_be(
    filled: SampleCatalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(snapshots, "REMEMBERED", 2)
    for number in range(4):  # homes on disks that are thrown away
        opened(with_own_home(filled, tmp_path / str(number)))
    with filled.database.read() as session:
        assert session.scalar(select(func.count()).select_from(VectorGeneration)) == 2
    assert_exact(filled, opened(filled))


def test_deleted_file_is_rebuilt(filled: SampleCatalog) -> None:
    saved_file(filled.home).unlink()
    assert_exact(filled, opened(filled))
    assert saved_file(filled.home).is_file()


@pytest.mark.parametrize("place", [0, 40, -1])
def test_flipped_bit_is_noticed_and_the_index_rebuilt(filled: SampleCatalog, place: int) -> None:
    path = saved_file(filled.home)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert_exact(filled, opened(filled))
    assert saved_file(filled.home).read_bytes() != bytes(content)


def test_file_of_another_dimension_is_rebuilt(filled: SampleCatalog) -> None:
    with filled.database.write() as session:
        photos.remove_photos(session, photo_ids(session, filled.model))
    index = index_of(filled, dimension=8)
    index.open()
    assert (index.count, index.dimension) == (0, 8)
    assert opened(filled).count == 0


def test_stale_file_catches_up_with_every_kind_of_change(filled: SampleCatalog) -> None:
    with filled.database.write() as session:
        ids = photo_ids(session, filled.model)
        photos.remove_photos(session, ids[:3])
        photos.copy_photo(session, ids[5], filled.root, FileStamp(b"copy", 1, 1))
    filled.add([new_photo(b"10.jpg", 700), new_photo(b"new", 701)])
    index = opened(filled)
    assert index.count == 39
    assert_exact(filled, index)


def test_photo_added_and_another_removed_are_both_followed(filled: SampleCatalog) -> None:
    index = opened(filled)
    with filled.database.write() as session:
        photos.remove_photos(session, photo_ids(session, filled.model)[:1])
    filled.add([new_photo(b"new", 701)])
    index.follow()
    assert_exact(filled, index)


@pytest.mark.parametrize(
    ("when", "photos_there"),
    [
        ("before SQL commits", 40),
        ("before FAISS is saved", 50),
        ("before the generation is committed", 50),
    ],
)
def test_killed_indexer_leaves_a_home_that_opens_right(
    filled: SampleCatalog,
    start_python: Callable[..., subprocess.Popen[str]],
    when: str,
    photos_there: int,
) -> None:
    process = start_python(KILLED, filled.home.path, when)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    index = opened(filled)
    assert index.count == photos_there
    assert_exact(filled, index)
    index.save()
    assert_exact(filled, opened(filled))


def test_reader_follows_what_another_committed_and_saved(filled: SampleCatalog) -> None:
    reader, writer = opened(filled), opened(filled)
    ids = filled.add(new_photos(range(40, 80)))
    writer.add(ids, np.stack([unit_vector(seed) for seed in range(40, 80)]))
    writer.save()
    reader.follow()
    assert reader.count == 80
    assert_exact(filled, reader)


def test_reader_follows_what_is_committed_but_not_saved(any_catalog: SampleCatalog) -> None:
    any_catalog.add(new_photos(range(10)))
    reader = opened(any_catalog)
    ids = any_catalog.add(new_photos(range(10, 20)))
    with any_catalog.database.write() as session:
        photos.remove_photos(session, ids[:2])
    reader.follow()
    assert reader.count == 18
    assert_exact(any_catalog, reader)


def test_reader_follows_a_file_that_is_gone_before_it_is_read(filled: SampleCatalog) -> None:
    reader = opened(filled)
    filled.add(new_photos([90]))
    opened(filled).save()
    saved_file(filled.home).unlink()
    reader.follow()
    assert_exact(filled, reader)


def test_one_generation_is_kept(filled: SampleCatalog) -> None:
    first = saved_file(filled.home)
    opened(filled).save()
    assert saved_file(filled.home) != first
    assert {path.name for path in first.parent.iterdir()} == {saved_file(filled.home).name, "lock"}


def test_home_where_nothing_can_be_saved_still_answers(
    filled: SampleCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    folder = saved_file(filled.home).parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    assert_exact(filled, opened(filled))
    assert "were not saved" in caplog.text


def test_added_vector_replaces_and_removed_vector_is_gone(any_catalog: SampleCatalog) -> None:
    index = opened(any_catalog)
    index.add([1, 2], np.stack([unit_vector(1), unit_vector(2)]))
    index.add([2], unit_vector(3)[None])
    assert index.count == 2
    np.testing.assert_allclose(index.similarities(unit_vector(3), [2]), [1], atol=1e-3)
    index.remove([2, 77])
    ids, similarity = index.search(unit_vector(3)[None], 3)
    assert ids.tolist() == [[1, -1, -1]]
    assert similarity[0, 1:].tolist() == [-np.inf, -np.inf]


def test_vectors_of_another_embedder_are_one_clear_sentence(filled: SampleCatalog) -> None:
    with pytest.raises(DimensionMismatch, match="have 16 values, this index is for 8"):
        index_of(filled, dimension=8).open()
    with pytest.raises(DimensionMismatch, match="Queries"):
        opened(filled).search(np.ones((1, 8)), 1)


def test_search_in_the_middle_of_a_rebuild_still_finds_everything(
    filled: SampleCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = opened(filled)
    before, _ = index.search(QUERIES, 5)
    meanwhile = []
    since = StoredVectors.since

    def read_and_asked(*given: Any, **options: Any) -> Iterator[Any]:
        for part in since(*given, **options):
            meanwhile.append(index.search(QUERIES, 5)[0])
            yield part

    monkeypatch.setattr(StoredVectors, "since", read_and_asked)
    index.rebuild()
    assert len(meanwhile) == 1
    np.testing.assert_array_equal(meanwhile[0], before)


def test_missing_faiss_is_named_with_its_remedy(
    catalog: SampleCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(FaissMissing, match=r"pip install tellshow\[cpu\]"):
        index_of(catalog)
