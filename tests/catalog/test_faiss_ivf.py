"""Approximate indexes: nearly the same photos as the exact one, and the same similarities."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog import photos
from catalog.database import open_database
from catalog.home import Home, IndexKind, UnknownIndexKind, open_home
from catalog.records import NewPhoto
from catalog.vectors import factory, kinds, store
from catalog.vectors.index import VectorIndex
from catalog.vectors.kinds import choose_kind, is_outgrown, list_count
from tests.catalog.factories import DIMENSION, SampleCatalog, new_photo, photo_ids, unit_vector

COUNT = 1100
LISTED, CODED = IndexKind.LISTED, IndexKind.CODED


def vector(seed: int) -> NDArray[np.float32]:
    """A unit vector of which, as in real ones, a part of the values says most."""
    values = unit_vector(seed) * np.float32(0.7) ** np.arange(DIMENSION, dtype=np.float32)
    return values / np.linalg.norm(values)


def made(seeds: Iterable[int]) -> list[NewPhoto]:
    """A photo a seed, each with such a vector."""
    return [
        replace(new_photo(b"%d" % seed, seed), vectors={"caption": vector(seed)}) for seed in seeds
    ]


QUERIES = np.stack([vector(seed) for seed in range(50_000, 50_010)])


def index_of(catalog: SampleCatalog, kind: IndexKind | None) -> VectorIndex:
    home = replace(catalog.home, index_kind=kind)
    index = VectorIndex(home, catalog.database, catalog.model, "caption", DIMENSION)
    index.open()
    return index


def truth(catalog: SampleCatalog) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """All ids [N] and the similarities [Q, N] of the queries, straight from SQL."""
    with catalog.database.read() as session:
        parts = list(store.iter_vectors(session, "caption", catalog.model))
    stored = np.concatenate([part[1] for part in parts]).astype(np.float32)
    return np.concatenate([part[0] for part in parts]), QUERIES @ stored.T


def assert_nearly_right(catalog: SampleCatalog, index: VectorIndex, k: int = 50) -> None:
    """Most of the true photos are found, best first, each with its own exact similarity."""
    there, true = truth(catalog)
    ids, similarity = index.search(QUERIES, k)
    assert index.count == len(there)
    best = there[np.argsort(-true, axis=1)[:, :k]]
    hits = [np.isin(row, found).mean() for row, found in zip(best, ids, strict=True)]
    assert np.mean(hits) >= 0.95
    for found, told, row in zip(ids, similarity, true, strict=True):
        known = dict(zip(there, row, strict=True))
        np.testing.assert_allclose([known[key] for key in found], told, atol=1e-5)
        assert (np.diff(told) <= 0).all()
        assert len(set(found)) == k


@pytest.fixture(scope="module", params=[LISTED, CODED])
def indexed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with an index of each approximate kind. Training takes a while: copy the folder."""
    home = open_home(tmp_path_factory.mktemp("indexed") / "home")
    database = open_database(home)
    catalog = SampleCatalog(home, database)
    catalog.add(made(range(COUNT)))
    index_of(catalog, request.param)
    database.close()
    return replace(home, index_kind=request.param)


@pytest.fixture
def full(indexed: Home, tmp_path: Path) -> Iterator[SampleCatalog]:
    """Photos in a copy of that home."""
    home = open_home(shutil.copytree(indexed.path, tmp_path / "home"))
    database = open_database(home)
    catalog = SampleCatalog(home, database)
    catalog.root = 1  # the one of the folder that was copied
    yield catalog
    database.close()


@pytest.fixture
def index(indexed: Home, full: SampleCatalog) -> VectorIndex:
    """The index over `full`."""
    return index_of(full, indexed.index_kind)


@pytest.fixture
def plenty(catalog: SampleCatalog) -> SampleCatalog:
    """Photos without an index."""
    catalog.add(made(range(COUNT)))
    return catalog


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every index that is read stays in its file."""
    monkeypatch.setattr(factory, "MAPPED_FROM", 0)


def test_kind_follows_the_number_of_vectors() -> None:
    assert choose_kind(0) == choose_kind(500_000) == IndexKind.EXACT
    assert choose_kind(500_001) == choose_kind(2_000_000) == LISTED
    assert choose_kind(2_000_001) == CODED


def test_kind_is_the_wanted_one_where_there_is_enough_to_train_on() -> None:
    assert choose_kind(10_000_000, IndexKind.EXACT) == IndexKind.EXACT
    assert choose_kind(1024, CODED) == CODED
    assert choose_kind(1023, CODED) == IndexKind.EXACT


@pytest.mark.parametrize("count", [1024, 5_000, 1_000_003])
def test_training_is_outgrown_beyond_twice_and_under_half(count: int) -> None:
    lists = list_count(count)
    assert not any(is_outgrown(lists, other) for other in (count, count * 9 // 5, count * 5 // 9))
    assert is_outgrown(lists, count * 11 // 5)
    assert is_outgrown(lists, count * 5 // 11)


def test_environment_names_the_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLSHOW_INDEX", "pq")
    assert open_home(tmp_path).index_kind is CODED
    monkeypatch.setenv("TELLSHOW_INDEX", "")
    assert open_home(tmp_path).index_kind is None
    monkeypatch.setenv("TELLSHOW_INDEX", "hnsw")
    with pytest.raises(UnknownIndexKind, match="one of exact, ivf, pq"):
        open_home(tmp_path)


def test_most_of_the_true_photos_are_found(
    indexed: Home, full: SampleCatalog, index: VectorIndex
) -> None:
    assert index.index_kind is indexed.index_kind
    assert index.is_suitable
    assert_nearly_right(full, index)


def test_every_photo_is_found_where_all_are_asked_for(
    full: SampleCatalog, index: VectorIndex
) -> None:
    ids, similarity = index.search(QUERIES, COUNT + 5)
    there, true = truth(full)
    assert (np.sort(ids[:, :COUNT], axis=1) == np.sort(there)).all()
    np.testing.assert_allclose(similarity[:, :COUNT], -np.sort(-true, axis=1), atol=1e-5)
    assert (ids[:, COUNT:] == -1).all()
    assert np.isneginf(similarity[:, COUNT:]).all()


def test_the_best_of_a_few_allowed_photos_are_found(
    full: SampleCatalog, index: VectorIndex
) -> None:
    there, true = truth(full)
    allowed = np.arange(0, COUNT, 100)
    ids, _ = index.search(QUERIES, 20, np.append(there[allowed], 10**7))
    order = there[allowed][np.argsort(-true[:, allowed], axis=1)]
    np.testing.assert_array_equal(ids[:, : len(allowed)], order)
    assert (ids[:, len(allowed) :] == -1).all()
    many = np.arange(0, COUNT, 2)
    ids, _ = index.search(QUERIES, 20, there[many])
    order = there[many][np.argsort(-true[:, many], axis=1)][:, :20]
    hits = [np.isin(row, found).mean() for row, found in zip(order, ids, strict=True)]
    assert np.mean(hits) >= 0.95
    assert np.isin(ids, there[many]).all()
    assert (index.search(QUERIES, 3, np.empty(0, np.int64))[0] == -1).all()


def test_similarities_and_vectors_are_exact(full: SampleCatalog, index: VectorIndex) -> None:
    there, true = truth(full)
    given = np.array([there[7], 10**7, there[3], there[7]])
    found = index.similarities(QUERIES[0], given)
    np.testing.assert_allclose(found[[0, 2, 3]], true[0, [7, 3, 7]], atol=1e-5)
    assert found[1] == -np.inf
    stored = index.stored(int(there[7]))
    assert stored is not None
    np.testing.assert_allclose(stored, vector(7), atol=1e-3)
    assert index.stored(10**7) is None


def test_photos_added_changed_and_removed_are_followed(
    full: SampleCatalog, index: VectorIndex, mapped: None
) -> None:
    reader = index_of(full, index.index_kind)
    with full.database.write() as session:
        gone = photo_ids(session, full.model)[5:60]
        photos.remove_photos(session, gone)
    changed = replace(made([9_000])[0], file=new_photo(b"70", 1).file)
    full.add([*made(range(8_000, 8_020)), changed])
    for each in (index, reader):
        each.refresh()
        assert not np.isin(each.search(QUERIES, COUNT)[0], gone).any()
        assert_nearly_right(full, each)


def test_index_in_its_file_answers_like_the_one_in_memory(
    full: SampleCatalog, index: VectorIndex, mapped: None
) -> None:
    other = index_of(full, index.index_kind)
    for found, expected in zip(other.search(QUERIES, 30), index.search(QUERIES, 30), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_index_whose_file_was_replaced_is_changed_all_the_same(
    full: SampleCatalog, index: VectorIndex, mapped: None
) -> None:
    reader = index_of(full, index.index_kind)
    [path] = full.home.vectors.rglob("gen-*.faiss")
    path.unlink()
    full.add(made(range(8_000, 8_010)))
    reader.refresh()
    assert_nearly_right(full, reader)
    reader.save()
    assert_nearly_right(full, index_of(full, index.index_kind))


def test_saving_what_was_only_read_keeps_the_file(
    full: SampleCatalog, index: VectorIndex, mapped: None
) -> None:
    [before] = full.home.vectors.rglob("gen-*.faiss")
    index_of(full, index.index_kind).save()
    assert [before] == list(full.home.vectors.rglob("gen-*.faiss"))


def test_kind_changes_when_a_saved_index_outgrows_it(
    plenty: SampleCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "MOST_EXACT", COUNT)
    index = index_of(plenty, None)
    assert index.index_kind is IndexKind.EXACT
    plenty.add(made(range(COUNT, COUNT + 50)))
    index.save()
    assert index.index_kind is LISTED
    assert_nearly_right(plenty, index_of(plenty, None))


def test_lists_are_trained_anew_when_there_are_twice_as_many_photos(plenty: SampleCatalog) -> None:
    index = index_of(plenty, LISTED)
    plenty.add(made(range(COUNT, 2 * COUNT + 200)))
    index.refresh()
    assert not index.is_suitable
    index.save()
    assert index.is_suitable
    assert_nearly_right(plenty, index)


def test_rebuilding_goes_back_to_exact_where_no_kind_is_wanted(plenty: SampleCatalog) -> None:
    index_of(plenty, LISTED)
    index = index_of(plenty, None)
    assert index.index_kind is LISTED
    index.rebuild()
    assert index.index_kind is index_of(plenty, None).index_kind is IndexKind.EXACT


def test_the_same_photos_make_the_same_index(plenty: SampleCatalog) -> None:
    first = index_of(plenty, LISTED).search(QUERIES, 50)[0]
    index_of(plenty, LISTED).rebuild()
    np.testing.assert_array_equal(index_of(plenty, LISTED).search(QUERIES, 50)[0], first)
