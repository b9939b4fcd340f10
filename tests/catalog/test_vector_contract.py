"""What every vector index does, whichever implementation it is and whichever database it follows.

Another implementation is one more entry in IMPLEMENTATIONS.
"""

import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog import photos
from catalog.database import open_database
from catalog.filters import Condition, PhotoFilter
from catalog.home import Home, open_home
from catalog.records import FileStamp, NewPhoto
from catalog.vectors import kinds, milvus_index, pgvector_index
from catalog.vectors.chosen_store import StoreName, VectorStore
from catalog.vectors.factory import make_vector_index
from catalog.vectors.interface import DimensionMismatch, VectorIndex
from catalog.vectors.kinds import IndexKind
from tests.catalog.brute_force import (
    SKEWED_QUERIES,
    assert_nearly_exact,
    assert_similarities_are_true,
    recall,
    truth,
)
from tests.catalog.factories import (
    DIMENSION,
    TAKEN,
    SampleCatalog,
    new_photo,
    photo_ids,
    skewed_vector,
)
from tests.postgresql import Server

COUNT = 300
PGVECTOR = VectorStore(StoreName.PGVECTOR)
FEWEST_TRAINED = 256  # the least that FAISS can learn codes of a byte from


@dataclass(frozen=True)
class Case:
    """An implementation, by what a home says of it, on a database.

    `compared`: up to how many photos pgvector and Milvus compare each.
    """

    database: str
    home: dict[str, Any]
    compared: int = 50_000
    needs: str | None = None  # a package


IMPLEMENTATIONS: dict[str, dict[str, Any]] = {
    "faiss-exact": {"index_kind": IndexKind.FLAT},
    "faiss-ivf": {"index_kind": IndexKind.IVF},
    "faiss-pq": {"index_kind": IndexKind.PQ},
}
CASES = [
    *(
        pytest.param(Case("sqlite", home), id=f"{name}-sqlite")
        for name, home in IMPLEMENTATIONS.items()
    ),
    *(
        pytest.param(Case("postgresql", home), id=f"{name}-postgresql", marks=pytest.mark.slow)
        for name, home in IMPLEMENTATIONS.items()
    ),
    *(
        pytest.param(
            Case("postgresql", {"vector_store": PGVECTOR}, compared),
            id=f"pgvector-{name}",
            marks=marks,
        )
        for name, compared, marks in (
            ("compared", 50_000, (pytest.mark.slow, pytest.mark.scale)),
            ("graph", 0, (pytest.mark.slow,)),
        )
    ),
    pytest.param(
        Case("sqlite", {}, compared=0, needs="milvus_lite"), id="milvus", marks=pytest.mark.scale
    ),
]


@dataclass(frozen=True)
class Filled:
    """A home with COUNT photos whose index is saved; photos and index are copied for each test."""

    home: Home
    database: str  # "sqlite", or the name of the database on the PostgreSQL server


def photo(seed: int) -> NewPhoto:
    """A photo a day; every third by a Canon, every hundredth is upright."""
    plain = new_photo(b"%d.jpg" % seed, seed)
    metadata = replace(
        plain.metadata,
        taken_at=TAKEN + timedelta(days=seed),
        camera="Canon" if seed % 3 == 0 else None,
        width=100 if seed % 100 == 0 else 640,
    )
    vectors = {"caption": skewed_vector(seed), "visual": skewed_vector(1_000_000 + seed)}
    return replace(plain, metadata=metadata, vectors=vectors)


def index_of(
    catalog: SampleCatalog, kind: str = "caption", dimension: int = DIMENSION
) -> VectorIndex:
    return make_vector_index(catalog.home, catalog.database, catalog.model, kind, dimension)


def opened(catalog: SampleCatalog) -> VectorIndex:
    index = index_of(catalog)
    index.open()
    return index


@pytest.fixture(scope="module", autouse=True)
def _train_on_few() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "FEWEST_TRAINED", FEWEST_TRAINED)
        yield


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """An implementation and a database."""
    case: Case = request.param
    if case.needs:
        pytest.importorskip(case.needs, reason=f"{case.needs} is not installed")
    with pytest.MonkeyPatch.context() as patch:
        for store in (pgvector_index, milvus_index):
            patch.setattr(store, "MOST_COMPARED", case.compared)
        yield case


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, case: Case) -> Server | None:
    """The PostgreSQL server, None for SQLite."""
    if case.database == "sqlite":
        return None
    running: Server = request.getfixturevalue("postgresql")
    return running


@pytest.fixture(scope="module")
def filled(
    case: Case,
    server: Server | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Filled:
    home = open_home(tmp_path_factory.mktemp("filled") / "home")
    if server is not None:
        home = replace(home, database_url=server.new_database("filled"))
    home = replace(home, **case.home)
    if case.needs:
        file = home.path.with_name("milvus.db")
        home = replace(home, vector_store=VectorStore(StoreName.MILVUS, str(file)))
    database = open_database(home)
    catalog = SampleCatalog(home, database)
    catalog.add([photo(seed) for seed in range(COUNT)])
    opened(catalog).save()
    database.close()
    return Filled(home, "filled" if server is not None else "sqlite")


@pytest.fixture
def catalog(
    filled: Filled, server: Server | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SampleCatalog]:
    """A copy of those photos and their saved index, which a test may change."""
    path = shutil.copytree(filled.home.path, tmp_path_factory.mktemp("copy") / "home")
    home = replace(filled.home, path=path, database_url=open_home(path).database_url)
    if server is not None:
        home = replace(home, database_url=server.new_database("copy", filled.database))
    database = open_database(home)
    yield SampleCatalog(home, database, filled.home.path)
    database.close()


@pytest.fixture
def index(catalog: SampleCatalog) -> VectorIndex:
    return opened(catalog)


def ids_of(seeds: Sequence[int]) -> NDArray[np.int64]:
    """Photo ids [N]: the photos were stored in this order, and ids begin at 1."""
    return np.array(seeds, dtype=np.int64) + 1


def assert_finds_all_of(
    catalog: SampleCatalog,
    found: tuple[NDArray[np.int64], NDArray[np.float32]],
    allowed: NDArray[np.int64],
) -> None:
    """Exactly the allowed photos are found, best first, and the rest of the places is empty."""
    true, (ids, similarity) = truth(catalog, SKEWED_QUERIES), found
    number = len(allowed)
    np.testing.assert_array_equal(ids[:, :number], true.best(number, allowed))
    assert_similarities_are_true(true, ids[:, :number], similarity[:, :number])
    assert (ids[:, number:] == -1).all()
    assert np.isneginf(similarity[:, number:]).all()


# Search


def test_most_of_the_nearest_photos_are_found(catalog: SampleCatalog, index: VectorIndex) -> None:
    assert_nearly_exact(catalog, index)


def test_every_photo_is_found_where_all_are_asked_for(
    catalog: SampleCatalog, index: VectorIndex
) -> None:
    found = index.search(SKEWED_QUERIES, COUNT + 5)
    assert_finds_all_of(catalog, found, ids_of(range(COUNT)))


def test_search_with_a_filter_finds_photos_that_pass_alone(
    catalog: SampleCatalog, index: VectorIndex
) -> None:
    canons = ids_of(range(0, COUNT, 3))
    ids, similarity = index.search(SKEWED_QUERIES, 20, Condition(PhotoFilter(camera="canon")))
    assert np.isin(ids, canons).all()
    true = truth(catalog, SKEWED_QUERIES)
    assert recall(ids, true.best(20, canons)) >= 0.95
    assert_similarities_are_true(true, ids, similarity)


@pytest.mark.parametrize(
    ("wanted", "seeds"),
    [
        (PhotoFilter(orientation="portrait"), [0, 100, 200]),
        (PhotoFilter(camera="canon", before=TAKEN + timedelta(days=9)), [0, 3, 6]),
        (PhotoFilter(camera="Leica"), []),
    ],
)
def test_every_photo_that_passes_is_found_where_they_are_few(
    catalog: SampleCatalog, index: VectorIndex, wanted: PhotoFilter, seeds: list[int]
) -> None:
    found = index.search(SKEWED_QUERIES, 20, Condition(wanted))
    assert_finds_all_of(catalog, found, ids_of(seeds))


@pytest.mark.parametrize("step", [1, 3, 11])
def test_search_among_some_photos_finds_them_alone(
    catalog: SampleCatalog, index: VectorIndex, step: int
) -> None:
    allowed = ids_of(range(0, COUNT, step))
    found = index.search(SKEWED_QUERIES, COUNT, Condition(ids=np.append(allowed, 10**6)))
    assert_finds_all_of(catalog, found, allowed)


def test_search_among_no_photos_finds_none(catalog: SampleCatalog, index: VectorIndex) -> None:
    none = np.empty(0, dtype=np.int64)
    found = index.search(SKEWED_QUERIES, 3, Condition(ids=none))
    assert_finds_all_of(catalog, found, none)


def test_given_photos_have_to_pass_the_filter_too(
    catalog: SampleCatalog, index: VectorIndex
) -> None:
    condition = Condition(PhotoFilter(camera="canon")).among(ids_of([3, 4, 5, 6, 9]))
    found = index.search(SKEWED_QUERIES, 10, condition)
    assert_finds_all_of(catalog, found, ids_of([3, 6, 9]))


def test_condition_that_asks_nothing_changes_nothing(index: VectorIndex) -> None:
    plain, asked = index.search(SKEWED_QUERIES, 30), index.search(SKEWED_QUERIES, 30, Condition())
    np.testing.assert_array_equal(plain[0], asked[0])
    np.testing.assert_array_equal(plain[1], asked[1])


def test_filters_go_by_photos_as_they_are_now(catalog: SampleCatalog, index: VectorIndex) -> None:
    below = PhotoFilter(folder=bytes(catalog.folder.resolve() / "trip"))
    assert (index.search(SKEWED_QUERIES, 5, Condition(below))[0] == -1).all()
    with catalog.database.write() as session:
        photos.move_photo(session, 7, catalog.root, FileStamp(b"trip/7.jpg", 1, 1))
    index.follow()
    found = index.search(SKEWED_QUERIES, 5, Condition(below))
    assert_finds_all_of(catalog, found, np.array([7]))


def test_vectors_of_another_length_are_one_clear_sentence(
    catalog: SampleCatalog, index: VectorIndex
) -> None:
    with pytest.raises(DimensionMismatch, match="Queries"):
        index.search(np.ones((1, 8)), 1)
    with pytest.raises(DimensionMismatch, match="have 8 values, this index is for 16"):
        index.add([1], np.ones((1, 8)))


# Single photos


def test_similarities_of_given_photos_are_exact(catalog: SampleCatalog, index: VectorIndex) -> None:
    true = truth(catalog, SKEWED_QUERIES[:1]).similarity[0]
    told = index.similarities(SKEWED_QUERIES[0], [8, 10**7, 4, 8])
    np.testing.assert_allclose(told[[0, 2, 3]], true[[7, 3, 7]], atol=1e-5)
    assert told[1] == -np.inf
    assert len(index.similarities(SKEWED_QUERIES[0], [])) == 0


def test_vector_of_a_photo_is_told(index: VectorIndex) -> None:
    stored = index.stored(8)
    assert stored is not None
    np.testing.assert_allclose(stored, skewed_vector(7), atol=1e-3)
    assert index.stored(10**7) is None


def test_kinds_and_models_do_not_mix(catalog: SampleCatalog, index: VectorIndex) -> None:
    other = catalog.other_model()
    catalog.add([photo(9_000)], other)
    index.follow()
    visual = index_of(catalog, "visual")
    visual.open()
    assert (index.count, visual.count) == (COUNT, COUNT)
    told = visual.similarities(skewed_vector(1_000_001), ids_of([1]))
    np.testing.assert_allclose(told, [1], atol=1e-3)


# Changes


def test_photos_that_others_added_changed_copied_and_removed_are_followed(
    catalog: SampleCatalog, index: VectorIndex
) -> None:
    with catalog.database.write() as session:
        gone = photo_ids(session, catalog.model)[5:25]
        photos.remove_photos(session, gone)
        photos.copy_photo(session, 1, catalog.root, FileStamp(b"copy", 1, 1))
    changed = replace(photo(9_000), file=photo(70).file)
    catalog.add([*(photo(seed) for seed in range(8_000, 8_010)), changed])
    index.follow()
    assert index.count == COUNT - 20 + 1 + 10
    assert not np.isin(index.search(SKEWED_QUERIES, COUNT)[0], gone).any()
    assert_nearly_exact(catalog, index)


def test_added_vector_replaces_and_removed_vector_is_gone(
    catalog: SampleCatalog, index: VectorIndex
) -> None:
    changed = replace(photo(9_000), file=photo(70).file)
    ids = catalog.add([changed, photo(9_001)])
    index.add(ids, np.stack([skewed_vector(9_000), skewed_vector(9_001)]))
    assert index.count == COUNT + 1
    np.testing.assert_allclose(index.similarities(skewed_vector(9_000), ids[:1]), [1], atol=1e-3)
    with catalog.database.write() as session:
        photos.remove_photos(session, ids)
    index.remove([*ids, 10**7])
    assert index.count == COUNT - 1
    assert not np.isin(index.search(SKEWED_QUERIES, COUNT)[0], ids).any()


def test_adding_and_removing_nothing_changes_nothing(index: VectorIndex) -> None:
    index.add([], np.empty((0, DIMENSION)))
    index.remove([])
    assert index.count == COUNT


def test_saved_index_is_opened_as_it_is(catalog: SampleCatalog, index: VectorIndex) -> None:
    catalog.add([photo(9_000)])
    index.save()
    assert index.verify()
    again = opened(catalog)
    for told, expected in zip(
        again.search(SKEWED_QUERIES, 30), index.search(SKEWED_QUERIES, 30), strict=True
    ):
        np.testing.assert_array_equal(told, expected)


def test_rebuilt_index_holds_what_sql_does(catalog: SampleCatalog, index: VectorIndex) -> None:
    index.remove([1, 2, 3])
    index.rebuild()
    assert_nearly_exact(catalog, index)


def test_index_without_vectors_finds_nothing(catalog: SampleCatalog, index: VectorIndex) -> None:
    with catalog.database.write() as session:
        photos.remove_photos(session, photo_ids(session, catalog.model))
    index.follow()
    for each in (index, opened(catalog)):
        assert each.count == 0
        assert (each.search(SKEWED_QUERIES, 2)[0] == -1).all()
        assert each.stored(1) is None


def test_searches_beside_changes_answer_whole(catalog: SampleCatalog, index: VectorIndex) -> None:
    stop = threading.Event()
    wrong = []

    def ask() -> None:
        while not stop.is_set():
            ids, similarity = index.search(SKEWED_QUERIES, 5)
            if (ids < 0).any() or not np.isfinite(similarity).all():
                wrong.append(ids)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for seed in range(9_000, 9_005):
        catalog.add([photo(seed)])
        index.follow()
    index.rebuild()
    stop.set()
    for asker in askers:
        asker.join()
    assert wrong == []
    assert_nearly_exact(catalog, index)
