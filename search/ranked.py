"""Photos with what a ranking found out about them, and how to put them in its order.

Knows nothing of how scores came about, nor of SQL or FAISS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import FitWeights
from search.fit import Signs, fit_probability
from search.lexical import WordHits, lifted
from search.rerank import Likelihoods
from search.retrieve import Candidates


@dataclass(frozen=True)
class Ranked:
    """N photos with what was found out about them; best first once they are in order."""

    found: Candidates
    score: NDArray[np.float32]  # [N]
    similarity: NDArray[np.float32]  # [N], the first stage's
    likelihoods: Likelihoods | None  # None: not asked for, or no word of the query is known

    def take(self, rows: NDArray[np.int64]) -> Ranked:
        """Some of the photos, in the order given."""
        likelihoods = self.likelihoods.take(rows) if self.likelihoods else None
        return Ranked(self.found.take(rows), self.score[rows], self.similarity[rows], likelihoods)

    def page(self, offset: int, k: int) -> Ranked:
        """At most `k` of the photos, those before `offset` passed over."""
        return self.take(np.arange(len(self.found))[offset : offset + k])

    def place(self, photo_id: int) -> int | None:
        """A photo's place, from 1; None where it is not among them."""
        rows = np.flatnonzero(self.found.ids == photo_id).tolist()
        return rows[0] + 1 if rows else None

    def in_order(self, hits: WordHits) -> Ranked:
        """Best first; photos with words that the captioner does not know before those without."""
        ranked = self.take(np.argsort(-self.score, kind="stable"))
        unknown_words = hits.unknown_words(ranked.found.ids)
        if not unknown_words.any():
            return ranked
        score = lifted(ranked.score, unknown_words)
        return replace(ranked, score=score).take(np.argsort(-score, kind="stable"))

    def probability(self, weights: FitWeights, words: int) -> NDArray[np.float32]:
        """How probable it is that each photo fits a sentence of so many known words: [N]."""
        silent = np.zeros(len(self.found), np.float32)
        evidence = self.likelihoods.evidence if self.likelihoods else silent
        counts = np.full(len(self.found), words)
        signs = Signs(evidence, self.found.visual, self.found.caption, counts)
        return fit_probability(weights, signs)
