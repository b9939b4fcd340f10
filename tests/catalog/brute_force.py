"""Answers found by comparing every vector in SQL, and whether an index gives the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.vectors.faiss_index import FaissIndex
from catalog.vectors.interface import VectorIndex
from catalog.vectors.store import StoredVectors
from tests.catalog.factories import DIMENSION, SampleCatalog, skewed_vector, unit_vector

QUERIES = np.stack([unit_vector(seed) for seed in range(500, 505)])
SKEWED_QUERIES = np.stack([skewed_vector(seed) for seed in range(50_000, 50_010)])


def opened(catalog: SampleCatalog) -> FaissIndex:
    """The caption vectors in FAISS, as the home keeps them."""
    index = FaissIndex(catalog.home, catalog.database, catalog.model, "caption", DIMENSION)
    index.open()
    return index


@dataclass(frozen=True)
class Truth:
    """All photos [N] with a vector, and their similarities [Q, N] to the queries."""

    ids: NDArray[np.int64]
    similarity: NDArray[np.float32]

    def best(self, k: int, allowed: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """The k nearest ids [Q, k] of those allowed, or all of them where they are fewer."""
        chosen = np.arange(len(self.ids)) if allowed is None else np.isin(self.ids, allowed)
        order = np.argsort(-self.similarity[:, chosen], axis=1)[:, :k]
        return self.ids[chosen][order]


def truth(catalog: SampleCatalog, queries: NDArray[np.float32]) -> Truth:
    """What the caption vectors in SQL say of queries [Q, D]."""
    with catalog.database.read() as session:
        parts = list(StoredVectors(catalog.model, "caption", DIMENSION).since(session))
    vectors = np.concatenate([values for _, values in parts])
    return Truth(np.concatenate([ids for ids, _ in parts]), queries @ vectors.T)


def assert_exact(catalog: SampleCatalog, index: VectorIndex, k: int = 5) -> None:
    """The index finds exactly the nearest photos, best first."""
    true = truth(catalog, QUERIES)
    ids, similarity = index.search(QUERIES, k)
    np.testing.assert_allclose(similarity, -np.sort(-true.similarity, axis=1)[:, :k], atol=1e-5)
    assert_similarities_are_true(true, ids, similarity)
    assert index.count == len(true.ids)


def assert_nearly_exact(catalog: SampleCatalog, index: VectorIndex, k: int = 50) -> None:
    """Most of the nearest photos are found, best first, each with its own exact similarity."""
    true = truth(catalog, SKEWED_QUERIES)
    ids, similarity = index.search(SKEWED_QUERIES, k)
    assert recall(ids, true.best(k)) >= 0.95
    assert_similarities_are_true(true, ids, similarity)
    assert index.count == len(true.ids)


def assert_similarities_are_true(
    true: Truth, ids: NDArray[np.int64], similarity: NDArray[np.float32]
) -> None:
    """Each row [Q, k] has k different photos, best first, each with its own similarity."""
    for found, row, known in zip(ids, similarity, true.similarity, strict=True):
        places = {int(key): place for place, key in enumerate(true.ids)}
        np.testing.assert_allclose(known[[places[int(key)] for key in found]], row, atol=1e-5)
        assert (np.diff(row) <= 0).all()
        assert len(set(found)) == len(found)


def recall(found: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    """The share of the true ids [Q, K] that is among those found [Q, M]."""
    return float(np.mean([np.isin(row, ids).mean() for row, ids in zip(true, found, strict=True)]))
