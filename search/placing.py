"""Where the product's own path puts a photo, for sentences that were measured before.

Each stage proposes, scores and orders as it does in a search; only what the captioner says of the
candidates is taken from what it said of all photos. Knows nothing of test sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.question import Question
from search.ranked import Ranked
from search.ranker import Ranker
from search.survey import Measured


@dataclass(frozen=True)
class Placing:
    """What ranks, and the N photos that sentences are measured on."""

    ranker: Ranker
    ids: NDArray[np.int64]  # [N]

    def place(self, question: Question, measured: Measured, photo_id: int) -> int:
        """A photo's place among the candidates, from 1; N where it is none of them."""
        ranked = self._rank(question, measured)
        place = ranked.place(photo_id) if ranked else None
        return len(self.ids) if place is None else place

    def _rank(self, question: Question, measured: Measured) -> Ranked | None:
        hits = self.ranker.look_up(question)
        found = self.ranker.propose(question, hits)
        rows = self._rows(found.ids)
        if rows is None:  # photos that nothing was measured on are in the collection, too
            return self.ranker.rank(question)
        said = measured.log_likelihood[rows] if measured.words else None
        return self.ranker.score(question, found, measured.bias[rows], said).in_order(hits)

    def _rows(self, ids: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Where among the N photos the given ones are; None where one of them is not."""
        order = np.argsort(self.ids)
        places = np.searchsorted(self.ids, ids, sorter=order).clip(max=len(order) - 1)
        rows: NDArray[np.int64] = order[places]
        return rows if np.array_equal(self.ids[rows], ids) else None
