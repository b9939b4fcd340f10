"""Similarities by the home's image embedder, standardised so that every model's are alike.

Cosines of pictures and sentences lie in a narrow band, another one for each model and query. They
are compared with those of photos from all over the collection: 0 is the mean, 1 a deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.filters import Condition
from catalog.vectors.interface import VectorIndex

# Photos from all over the collection that a query's cosines are compared with.
_REFERENCE = 256
_LEAST_DEVIATION = 1e-3


@dataclass(frozen=True)
class ImageQuery:
    """A query's vector [D] by the image embedder, and the cosines of photos in general to it."""

    index: VectorIndex
    vector: NDArray[np.float32]
    mean: float
    deviation: float

    def nearest(self, count: int, where: Condition | None) -> NDArray[np.int64]:
        """Ids of the `count` nearest photos that meet `where`, best first; -1 for none."""
        most = max(min(count, self.index.count), 1)
        ids: NDArray[np.int64] = self.index.search(self.vector[None], most, where)[0][0]
        return ids

    def similarities(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Standardised similarities of photos [N]; 0, as of any photo, for one without a vector."""
        cosines = self.index.similarities(self.vector, ids)
        standard = (cosines - np.float32(self.mean)) / np.float32(self.deviation)
        return np.where(np.isfinite(standard), standard, 0).astype(np.float32)


class ImageVectorIndex:
    """The index of the vectors that the home's image embedder made of photos.

    `sample` returns at most so many ids of photos from all over the collection, always the same.
    """

    def __init__(self, index: VectorIndex, sample: Callable[[int], list[int]]) -> None:
        self.index = index
        self._sample = sample
        self._reference: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def read(self, vector: NDArray[np.float32]) -> ImageQuery | None:
        """A query's vector [D] with what it is compared with; None for fewer than two photos.

        Raises DatabaseUnavailable.
        """
        cosines = self.index.similarities(vector, self._reference_ids())
        cosines = cosines[np.isfinite(cosines)]
        if len(cosines) < 2:
            return None
        deviation = max(float(cosines.std()), _LEAST_DEVIATION)
        return ImageQuery(self.index, vector, float(cosines.mean()), deviation)

    def _reference_ids(self) -> NDArray[np.int64]:
        count, ids = self._reference
        if count != self.index.count:
            count, ids = self.index.count, np.array(self._sample(_REFERENCE), np.int64)
            self._reference = count, ids
        return ids
