"""The order of one search: all photos that it may find, best first, whatever page is asked for.

It begins with the candidates, re-ranked. All other photos follow as the first stage puts them, cut
into blocks of which each is re-ranked by itself. So the captioner has its say in every page, a
page costs no more than the blocks that it touches, and the place of a photo follows from the
request's sentence, stage, filters and number of candidates alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from search.cascade import Cascade
from search.limits import DEFAULT_CANDIDATES
from search.rerank import Ranked

Ids = NDArray[np.int64]

# Photos after the candidates that are re-ranked together.
BLOCK = DEFAULT_CANDIDATES


class SearchOrder:
    """The photos that one question finds, by place from 0; ranked as far as it is looked at.

    `candidates`: the best, scored as far as they are looked at. `following`: ids of all others, in
    parts. `rank` puts ids [N] of a block in order, with likelihoods. Made for one search, in one
    thread.
    """

    def __init__(
        self, candidates: Cascade, following: Iterator[Ids], rank: Callable[[Ids], Ranked]
    ) -> None:
        self.candidates = candidates
        self._parts, self._rank = following, rank
        self._following: Ids = np.empty(0, np.int64)  # as far as known
        self._blocks: dict[int, Ranked] = {}

    @classmethod
    def empty(cls) -> SearchOrder:
        """Of no photo."""
        return cls(Cascade.of(Ranked.empty()), iter(()), lambda ids: Ranked.empty())

    def page(self, start: int, stop: int) -> Ranked:
        """The photos at places from `start` to before `stop`, with likelihoods.

        Fewer where the order ends, and where some of them were removed since it was made.
        """
        first = len(self.candidates)
        shown = [self.candidates.page(start, stop)]
        known = self._known(stop - first)
        for begin in range(max(start - first, 0) // BLOCK * BLOCK, known, BLOCK):
            block = self._block(begin)
            rows = np.arange(len(block))
            shown.append(block.take(rows[max(start - first - begin, 0) : stop - first - begin]))
        return Ranked.joined(shown)

    def pages(self, stop: int) -> Iterator[Ranked]:
        """All photos before a place: the candidates, then block by block."""
        first = len(self.candidates)
        yield self.page(0, min(first, stop))
        for begin in range(first, stop, BLOCK):
            if not self.reaches(begin):
                return
            yield self.page(begin, min(begin + BLOCK, stop))

    def reaches(self, place: int) -> bool:
        """Whether there is a photo at a place."""
        after = place - len(self.candidates)
        return after < 0 or self._known(after + 1) > after

    def _known(self, count: int) -> int:
        """How many are known of those after the candidates, at most `count`.

        All those of their blocks are then known, too.
        """
        whole = -(-count // BLOCK) * BLOCK
        while len(self._following) < whole:
            part = next(self._parts, None)
            if part is None:
                break
            self._following = np.concatenate([self._following, part])
        return min(max(count, 0), len(self._following))

    def _block(self, begin: int) -> Ranked:
        if begin not in self._blocks:
            self._blocks[begin] = self._rank(self._following[begin : begin + BLOCK])
        return self._blocks[begin]
