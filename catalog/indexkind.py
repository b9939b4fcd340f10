"""Which kind of index suits how many vectors, and when one has been outgrown.

Knows nothing of FAISS: numbers in, a kind out.
"""

from __future__ import annotations

import math
from enum import StrEnum

# At 384 values a vector takes 768 bytes exactly, about 400 in lists of bytes, about 104 as a code.
MOST_EXACT = 500_000
MOST_LISTED = 2_000_000

# With fewer there is not enough to train on, whatever kind was asked for.
FEWEST_TRAINED = 1024


class UnknownIndexKind(ValueError):
    """The environment names a kind of index that there is not."""


class IndexKind(StrEnum):
    """How vectors are kept, the smaller and the less exact the later.

    EXACT: float16, each compared. LISTED: one byte a value, in lists of which the likely ones are
    looked through. CODED: the same lists, four values a byte after a rotation.
    """

    EXACT = "exact"
    LISTED = "ivf"
    CODED = "pq"


def read_kind(name: str | None) -> IndexKind | None:
    """The kind of a name that a person gave; None for no name. Raises UnknownIndexKind."""
    if not name:
        return None
    try:
        return IndexKind(name)
    except ValueError as error:
        known = ", ".join(IndexKind)
        raise UnknownIndexKind(
            f"$TELLSHOW_INDEX is {name!r}, and must be one of {known}, or not set."
        ) from error


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
