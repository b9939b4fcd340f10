"""The kinds of FAISS index, and which of them suits how many vectors."""

from __future__ import annotations

import math
from enum import StrEnum

# At 384 values a vector takes 768 bytes in a flat index, about 400 as bytes, about 104 as a code.
MOST_FLAT = 500_000
MOST_IVF = 2_000_000

# With fewer there is not enough to train on, whatever kind was asked for.
FEWEST_TRAINED = 1024


class UnknownIndexKind(ValueError):
    """The environment names a kind of index that there is not."""


class IndexKind(StrEnum):
    """How vectors are kept, the smaller and the less exact the later.

    FLAT: float16, each compared. IVF: an inverted file of one byte a value; the lists nearest to
    the query are searched. PQ: the same with product quantisation, four values a byte after a
    rotation (OPQ). Sivic and Zisserman 2003; Jegou, Douze and Schmid 2011; Ge et al. 2013.
    """

    FLAT = "exact"
    IVF = "ivf"
    PQ = "pq"


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
        return IndexKind.FLAT
    if wanted is not None:
        return wanted
    if count <= MOST_FLAT:
        return IndexKind.FLAT
    return IndexKind.IVF if count <= MOST_IVF else IndexKind.PQ


def list_count(count: int) -> int:
    """The number of inverted lists for so many vectors: about as many as each list is long."""
    return max(1, round(math.sqrt(count)))


def is_outgrown(lists: int, count: int) -> bool:
    """Whether there are more than twice the vectors that the lists were made for, or under half.

    What was learnt from the old ones then says little about the new.
    """
    return not lists**2 / 2 <= count <= 2 * lists**2
