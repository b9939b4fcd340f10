"""How many of the nearest photos pgvector finds, by a graph and by comparing, under filters."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from benchmarks.scale_vectors import KIND, SHARES, fill, recall_of
from benchmarks.vectors import DIMENSION, mixture, sentences
from catalog.database import open_database
from catalog.home import open_home
from catalog.vectors import pgvector_index
from catalog.vectors.chosen_store import StoreName, VectorStore
from catalog.vectors.factory import make_vector_index
from catalog.vectors.interface import VectorIndex, Vectors
from tests.postgresql import Server

pytestmark = pytest.mark.scale

COUNT = 20_000


@dataclass(frozen=True)
class Indexed:
    """An index with a graph, and the vectors [N, D] of photos 1 to N."""

    index: VectorIndex
    vectors: Vectors


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Iterator[Indexed]:
    home = open_home(tmp_path_factory.mktemp("recall") / "home")
    url = postgresql.new_database("recall")
    home = replace(home, database_url=url, vector_store=VectorStore(StoreName.PGVECTOR))
    database, vectors = open_database(home), mixture(0, COUNT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pgvector_index, "MOST_COMPARED", 100)
        model = fill(database, home.path, vectors)
        index = make_vector_index(home, database, model, KIND, DIMENSION)
        index.open()
        yield Indexed(index, vectors)
    database.close()


@pytest.mark.parametrize("share", [None, *SHARES])
@pytest.mark.parametrize("compared", [100, 5_000])
def test_of_the_200_nearest_95_in_100_are_found_whatever_the_filter(
    indexed: Indexed, share: float | None, compared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgvector_index, "MOST_COMPARED", compared)
    assert recall_of(indexed.index, indexed.vectors, sentences(20), share) >= 0.95


def test_more_results_than_a_graph_gives_are_all_there(indexed: Indexed) -> None:
    [row] = sentences(1)
    ids, similarity = indexed.index.search(row[None], 3_000)
    true = np.argsort(-(indexed.vectors @ row))[:3_000] + 1
    assert np.isin(true, ids[0]).mean() >= 0.999
    assert (np.diff(similarity[0]) <= 0).all()
