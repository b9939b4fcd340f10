"""Which kind of index suits how many vectors, and when one has been outgrown.

Knows nothing of FAISS: numbers in, a kind out.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from catalog.home import IndexKind

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

# At 384 values a vector takes 768 bytes exactly, about 400 in lists of bytes, about 104 as a code.
MOST_EXACT = 500_000
MOST_LISTED = 2_000_000

# With fewer there is not enough to train on, whatever kind was asked for.
FEWEST_TRAINED = 1024


def choose_kind(count: int, wanted: IndexKind | None = None) -> IndexKind:
    """The kind for so many vectors; the one wanted, where there are enough to train it."""
    if count < FEWEST_TRAINED:
        return IndexKind.EXACT
    if wanted is not None:
        return wanted
    if count <= MOST_EXACT:
        return IndexKind.EXACT
    return IndexKind.LISTED if count <= MOST_LISTED else IndexKind.CODED


def list_count(count: int) -> int:
    """The number of lists for so many vectors: about as many as each list is long."""
    return max(1, round(math.sqrt(count)))


def is_outgrown(lists: int, count: int) -> bool:
    """Whether there are more than twice the vectors that the lists were made for, or under half.

    What was learnt from the old ones then says little about the new.
    """
    return not lists**2 / 2 <= count <= 2 * lists**2
