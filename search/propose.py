"""The candidates that all of the first stage's sources propose: vectors and words.

Knows nothing of likelihoods, nor where filters come from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.lexical import Ids, WordHits
from search.retrieve import Candidates, Retriever

# Known words may take one place in so many from what the whole sentence means.
_KNOWN_SHARE = 4


def propose(
    retriever: Retriever,
    query: NDArray[np.float32],
    count: int,
    allowed: Ids | None,
    hits: WordHits,
) -> Candidates:
    """At most `count` photos for what the query [E] means and for its words, most similar first.

    Words cost no time: they take places of the photos that mean the query least. Only photos of
    `allowed` are proposed; None allows all.
    """
    near = retriever.nearest(query, count, allowed).ids
    taken = np.empty(0, np.int64)
    for ids, until in _sources(hits, near, count):
        passing = ids if allowed is None else np.intersect1d(ids, allowed)
        free = np.setdiff1d(passing, taken)
        if len(free) and len(taken) < until:
            best = retriever.nearest(query, until - len(taken), free)
            taken = np.union1d(taken, best.ids)
    return retriever.compare(query, taken, count)


def _sources(hits: WordHits, near: Ids, count: int) -> list[tuple[Ids, int]]:
    """Who proposes, in turn, and up to how many candidates in all.

    Photos with unknown words will come first, so nothing goes before them.
    """
    unknown = [(tier, count) for tier in hits.tiers]
    meant = (near, count - count // _KNOWN_SHARE)
    known = [(having, count) for having in hits.known]
    return [*unknown, meant, *known, (near, count)]
