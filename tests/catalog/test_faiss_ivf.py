"""IVF indexes: which kind suits when, and how they are trained, mapped from a file and changed.

What every vector index does stands in test_vector_contract.py.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from catalog import photos
from catalog.database import open_database
from catalog.home import Home, open_home
from catalog.records import NewPhoto
from catalog.vectors import build, kinds
from catalog.vectors.faiss_index import FaissIndex
from catalog.vectors.kinds import (
    IndexKind,
    UnknownIndexKind,
    choose_kind,
    is_outgrown,
    list_count,
)
from tests.catalog.brute_force import SKEWED_QUERIES, assert_nearly_exact
from tests.catalog.factories import DIMENSION, SampleCatalog, new_photo, photo_ids, skewed_vector

COUNT = 1100
IVF, PQ = IndexKind.IVF, IndexKind.PQ


def captioned(seeds: Iterable[int]) -> list[NewPhoto]:
    """A photo a seed, each with a caption's vector alone."""
    return [
        replace(new_photo(b"%d" % seed, seed), vectors={"caption": skewed_vector(seed)})
        for seed in seeds
    ]


def index_of(catalog: SampleCatalog, kind: IndexKind | None) -> FaissIndex:
    home = replace(catalog.home, index_kind=kind)
    index = FaissIndex(home, catalog.database, catalog.model, "caption", DIMENSION)
    index.open()
    return index


@pytest.fixture(scope="module", params=[IVF, PQ])
def indexed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with an index of each approximate kind. Training takes a while: copy the folder."""
    home = open_home(tmp_path_factory.mktemp("indexed") / "home")
    database = open_database(home)
    catalog = SampleCatalog(home, database)
    catalog.add(captioned(range(COUNT)))
    index_of(catalog, request.param)
    database.close()
    return replace(home, index_kind=request.param)


@pytest.fixture
def full(indexed: Home, tmp_path: Path) -> Iterator[SampleCatalog]:
    """Photos in a copy of that home."""
    home = open_home(shutil.copytree(indexed.path, tmp_path / "home"))
    database = open_database(home)
    yield SampleCatalog(home, database, indexed.path)
    database.close()


@pytest.fixture
def index(indexed: Home, full: SampleCatalog) -> FaissIndex:
    """The index over `full`."""
    return index_of(full, indexed.index_kind)


@pytest.fixture
def plenty(catalog: SampleCatalog) -> SampleCatalog:
    """Photos without an index."""
    catalog.add(captioned(range(COUNT)))
    return catalog


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every index that is read stays in its file."""
    monkeypatch.setattr(build, "MAPPED_FROM", 0)


def test_kind_follows_the_number_of_vectors() -> None:
    assert choose_kind(0) == choose_kind(500_000) == IndexKind.FLAT
    assert choose_kind(500_001) == choose_kind(2_000_000) == IVF
    assert choose_kind(2_000_001) == PQ


def test_kind_is_the_wanted_one_where_there_is_enough_to_train_on() -> None:
    assert choose_kind(10_000_000, IndexKind.FLAT) == IndexKind.FLAT
    assert choose_kind(1024, PQ) == PQ
    assert choose_kind(1023, PQ) == IndexKind.FLAT


@pytest.mark.parametrize("count", [1024, 5_000, 1_000_003])
def test_training_is_outgrown_beyond_twice_and_under_half(count: int) -> None:
    lists = list_count(count)
    assert not any(is_outgrown(lists, other) for other in (count, count * 9 // 5, count * 5 // 9))
    assert is_outgrown(lists, count * 11 // 5)
    assert is_outgrown(lists, count * 5 // 11)


def test_environment_names_the_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLSHOW_INDEX", "pq")
    assert open_home(tmp_path).index_kind is PQ
    monkeypatch.setenv("TELLSHOW_INDEX", "")
    assert open_home(tmp_path).index_kind is None
    monkeypatch.setenv("TELLSHOW_INDEX", "hnsw")
    with pytest.raises(UnknownIndexKind, match="one of exact, ivf, pq"):
        open_home(tmp_path)


def test_most_of_the_true_photos_are_found(
    indexed: Home, full: SampleCatalog, index: FaissIndex
) -> None:
    assert index.index_kind is indexed.index_kind
    assert index.is_suitable
    assert_nearly_exact(full, index)


def test_photos_added_changed_and_removed_are_followed(
    full: SampleCatalog, index: FaissIndex, mapped: None
) -> None:
    reader = index_of(full, index.index_kind)
    with full.database.write() as session:
        gone = photo_ids(session, full.model)[5:60]
        photos.remove_photos(session, gone)
    changed = replace(captioned([9_000])[0], file=new_photo(b"70", 1).file)
    full.add([*captioned(range(8_000, 8_020)), changed])
    for each in (index, reader):
        each.follow()
        assert not np.isin(each.search(SKEWED_QUERIES, COUNT)[0], gone).any()
        assert_nearly_exact(full, each)


def test_index_in_its_file_answers_like_the_one_in_memory(
    full: SampleCatalog, index: FaissIndex, mapped: None
) -> None:
    other = index_of(full, index.index_kind)
    for found, expected in zip(
        other.search(SKEWED_QUERIES, 30), index.search(SKEWED_QUERIES, 30), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_index_whose_file_was_replaced_is_changed_all_the_same(
    full: SampleCatalog, index: FaissIndex, mapped: None
) -> None:
    reader = index_of(full, index.index_kind)
    [path] = full.home.vectors.rglob("gen-*.faiss")
    path.unlink()
    full.add(captioned(range(8_000, 8_010)))
    reader.follow()
    assert_nearly_exact(full, reader)
    reader.save()
    assert_nearly_exact(full, index_of(full, index.index_kind))


def test_saving_what_was_only_read_keeps_the_file(
    full: SampleCatalog, index: FaissIndex, mapped: None
) -> None:
    [before] = full.home.vectors.rglob("gen-*.faiss")
    index_of(full, index.index_kind).save()
    assert [before] == list(full.home.vectors.rglob("gen-*.faiss"))


def test_kind_changes_when_a_saved_index_outgrows_it(
    plenty: SampleCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "MOST_FLAT", COUNT)
    index = index_of(plenty, None)
    assert index.index_kind is IndexKind.FLAT
    plenty.add(captioned(range(COUNT, COUNT + 50)))
    index.save()
    assert index.index_kind is IVF
    assert_nearly_exact(plenty, index_of(plenty, None))


def test_lists_are_trained_anew_when_there_are_twice_as_many_photos(plenty: SampleCatalog) -> None:
    index = index_of(plenty, IVF)
    plenty.add(captioned(range(COUNT, 2 * COUNT + 200)))
    index.follow()
    assert not index.is_suitable
    index.save()
    assert index.is_suitable
    assert_nearly_exact(plenty, index)


def test_rebuilding_goes_back_to_exact_where_no_kind_is_wanted(plenty: SampleCatalog) -> None:
    index_of(plenty, IVF)
    index = index_of(plenty, None)
    assert index.index_kind is IVF
    index.rebuild()
    assert index.index_kind is index_of(plenty, None).index_kind is IndexKind.FLAT


def test_the_same_photos_make_the_same_index(plenty: SampleCatalog) -> None:
    first = index_of(plenty, IVF).search(SKEWED_QUERIES, 50)[0]
    index_of(plenty, IVF).rebuild()
    np.testing.assert_array_equal(index_of(plenty, IVF).search(SKEWED_QUERIES, 50)[0], first)
