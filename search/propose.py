"""The candidates that all of the first stage's sources propose: vectors and words.

Knows nothing of likelihoods, nor where filters come from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.lexical import Ids, WordHits
from search.retrieve import Candidates, Retriever


def propose(
    retriever: Retriever,
    query: NDArray[np.float32],
    count: int,
    allowed: Ids | None,
    hits: WordHits,
) -> Candidates:
    """`count` photos for what the query [E] means, and up to as many more for its words.

    Only photos of `allowed` are proposed; None allows all.
    """
    near = retriever.nearest(query, count, allowed)
    ids = np.union1d(near.ids, _by_words(retriever, query, count, allowed, hits))
    return retriever.compare(query, ids, len(ids))


def _by_words(
    retriever: Retriever,
    query: NDArray[np.float32],
    count: int,
    allowed: Ids | None,
    hits: WordHits,
) -> Ids:
    """At most `count` photos: tier by tier, of a tier that is too large the nearest."""
    proposed = np.empty(0, np.int64)
    for having in hits.tiers:
        among = having if allowed is None else np.intersect1d(having, allowed)
        among = np.setdiff1d(among, proposed)
        room = count - len(proposed)
        if room and len(among):
            proposed = np.union1d(proposed, retriever.nearest(query, room, among).ids)
    return proposed
