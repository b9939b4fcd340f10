"""The first stage, retrieval: candidates by nearest vectors, and by the query's own words.

Photos have two kinds of vectors: `visual`, the head's projection of the photo into sentence
space, and `caption`, the embedding of the caption that the captioner wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Provenance
from catalog.filters import Condition
from catalog.vectors.interface import VectorIndex
from search.image_similarity import ImageQuery, ImageVectorIndex
from search.lexical import Ids, WordHits

T = TypeVar("T")

# So many given photos are all compared with the query: that is faster than a search among them.
_COMPARED = 2000

# Known words may take one place in so many from what the whole sentence means.
_KNOWN_SHARE = 4


@dataclass(frozen=True)
class Candidates:
    """N photos and their cosine similarities to the query, best first.

    `image`: those by the home's image embedder, standardised; None where it has none.
    """

    ids: NDArray[np.int64]  # [N]
    visual: NDArray[np.float32]  # [N]
    caption: NDArray[np.float32]  # [N]
    image: NDArray[np.float32] | None = None  # [N]

    @classmethod
    def empty(cls) -> Candidates:
        """No photo."""
        nothing = np.empty(0, np.float32)
        return cls(np.empty(0, np.int64), nothing, nothing)

    @classmethod
    def joined(cls, parts: Sequence[Candidates]) -> Candidates:
        """The photos of all parts of one search, in their order."""
        images = [part.image for part in parts if part.image is not None]
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.visual for part in parts]),
            np.concatenate([part.caption for part in parts]),
            np.concatenate(images) if images else None,
        )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.int64] | slice) -> Candidates:
        """Some of the photos, in the order given."""
        image = None if self.image is None else self.image[rows]
        return Candidates(self.ids[rows], self.visual[rows], self.caption[rows], image)


@dataclass(frozen=True)
class Retriever:
    """Two vector indexes and how much each counts.

    `images`: the vectors of the home's image embedder, None where it has none; `image`: what one
    query says of them, which then takes part.
    """

    visual: VectorIndex
    caption: VectorIndex
    provenance: Provenance  # asked at each search: weights may be fitted meanwhile
    images: ImageVectorIndex | None = None
    image: ImageQuery | None = None

    def with_image(self, vector: NDArray[np.float32] | None) -> Retriever:
        """The same for one query, with its vector [D] by the image embedder; None: as it is."""
        if vector is None or self.images is None:
            return self
        return replace(self, image=self.images.read(vector))

    @property
    def indexes(self) -> tuple[VectorIndex, VectorIndex]:
        """The visual one, then that of captions."""
        return self.visual, self.caption

    @property
    def most(self) -> int:
        """No search finds more photos than this."""
        return max(index.count for index in self.indexes)

    def nearest(
        self, query: NDArray[np.float32], count: int, where: Condition | None = None
    ) -> Candidates:
        """The `count` best of the photos that any index proposes; query [E], unit.

        Only photos that meet `where` are proposed, any where it is None.
        """
        given = None if where is None else where.only_ids
        if given is not None and len(given) <= max(count, _COMPARED):
            return self.compare(query, given, count)
        proposed = [
            index.search(query[None], max(min(count, index.count), 1), where)[0][0]
            for index in self.indexes
        ]
        if self.image is not None:
            proposed.append(self.image.nearest(count, where))
        ids = np.unique(np.concatenate(proposed))
        return self.compare(query, ids[ids >= 0], count)

    def compare(self, query: NDArray[np.float32], ids: NDArray[np.int64], count: int) -> Candidates:
        """Given photos in order of similarity, at most `count` of them; query [E], unit."""
        found = self.similarities(query, ids)
        similarity = self.score(found)
        order = np.argsort(-similarity, kind="stable")[:count]
        # A photo that was removed since FAISS proposed it has no similarity any more.
        return found.take(order[np.isfinite(similarity[order])])

    def similarities(self, query: NDArray[np.float32], ids: NDArray[np.int64]) -> Candidates:
        """Given photos [N] in their own order; -inf for what has no vector. `query` [E]."""
        visual, caption = (index.similarities(query, ids) for index in self.indexes)
        image = None if self.image is None else self.image.similarities(ids)
        return Candidates(ids, visual, caption, image)

    def score(self, found: Candidates) -> NDArray[np.float32]:
        """The first stage's similarity: a weighted mean of the two kinds', in -1..1.

        An image embedder's, where there is one, is added by its weight.
        """
        ranking = self.provenance.ranking
        similarity: NDArray[np.float32] = np.average(
            [found.visual, found.caption],
            axis=0,
            weights=[ranking.visual_in_retrieval, ranking.caption_in_retrieval],
        ).astype(np.float32)
        if found.image is not None:
            similarity = similarity + np.float32(ranking.image_in_retrieval) * found.image
        return similarity


def propose(
    retriever: Retriever,
    query: NDArray[np.float32],
    count: int,
    where: Condition,
    hits: WordHits,
) -> Candidates:
    """At most `count` photos, most similar first, by the query's vector [E] and by its words.

    Photos that words propose take the places of the least similar ones, so that there are never
    more candidates to score. Only photos that meet `where` are proposed.
    """
    near = retriever.nearest(query, count, where).ids
    taken = np.empty(0, np.int64)
    for ids, until in _sources(hits, near, count):
        best, room = ids[~np.isin(ids, taken)], until - len(taken)
        if not len(best) or room <= 0:
            continue
        if ids is not near:  # that is in order already
            best = retriever.nearest(query, room, where.among(np.unique(best))).ids
        taken = np.union1d(taken, best[:room])
    return retriever.compare(query, taken, count)


def widening(search: Callable[[int], T], first: int, most: int) -> Iterator[T]:
    """What a search finds when it is asked for `first` photos, for twice as many, and so on to all.

    To go on from one answer to the next is not to ask once for more: a photo that is middling by
    both kinds of vectors comes up only where many are asked for, and an inverted file looks
    through more lists then. So the numbers asked for must not depend on how far one goes.
    """
    count = first
    while True:
        yield search(count)
        if count >= most:
            return
        count *= 2


def _sources(hits: WordHits, near: Ids, count: int) -> list[tuple[Ids, int]]:
    """Photos to propose, in turn, and up to how many candidates in all.

    Photos that will be ranked first for their names go first.
    """
    placed = [(tier, count) for tier in hits.tiers]
    meant = (near, count - count // _KNOWN_SHARE)
    known = [(having, count) for having in (*hits.known, *hits.named)]
    return [*placed, meant, *known, (near, count)]
