"""The interface of a vector index: all that the rest of tellshow asks of nearest-neighbour search.

Whatever implements it passes tests/catalog/test_vector_contract.py and is made by factory.py.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catalog.database import DatabaseUnavailable
from catalog.filters import Condition

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


class DimensionMismatch(ValueError):
    """Vectors are of another length than they should be."""


class VectorsUnavailable(DatabaseUnavailable):
    """The vector store that was chosen is not installed, too old, or cannot be reached."""


class VectorIndex(Protocol):
    """The vectors of one kind and model: unit vectors [D] by photo id, compared by inner product.

    SQL holds the same vectors, and is the truth that an index follows. Which photos a search finds
    may be approximate; the similarities it returns are exact to float16. Safe to share among
    threads. Whatever reads SQL raises DatabaseUnavailable.
    """

    @property
    def count(self) -> int:
        """Number of vectors."""

    def open(self) -> None:
        """Make it ready to search, as SQL is now. Raises DimensionMismatch."""

    def follow(self) -> None:
        """Take in what others committed since; cheap where nothing changed."""

    def add(self, ids: ArrayLike, vectors: ArrayLike) -> None:
        """Add unit vectors [N, D] for photo ids [N], replacing those that are there.

        Only what is committed in SQL should be added: following removes everything else. Raises
        DimensionMismatch.
        """

    def remove(self, ids: ArrayLike) -> None:
        """Remove photo ids [N]; those that are not there do not matter."""

    def search(
        self, queries: ArrayLike, k: int, where: Condition | None = None
    ) -> tuple[Ids, Vectors]:
        """Return photo ids [Q, k], best first, and similarities [Q, k] for queries [Q, D].

        Only photos that meet `where` are found; None: any. Where that is fewer than k, all of
        them are, and the rest is id -1, similarity -inf. Raises DimensionMismatch.
        """

    def similarities(self, query: ArrayLike, ids: ArrayLike) -> Vectors:
        """Return the similarity [N] of one query [D] to given photos; -inf for those not there."""

    def stored(self, photo_id: int) -> Vectors | None:
        """Return the vector [D] of a photo, None where it has none."""

    def save(self) -> None:
        """Follow SQL and keep the index for the next opening. Raises OSError."""

    def rebuild(self) -> None:
        """Make the index anew from SQL; searches are answered by the old one meanwhile."""

    def verify(self) -> bool:
        """Whether what is kept for the next opening is whole and holds what SQL does."""
