"""Photos in the order of a ranking, and the shape they take in an answer.

Knows nothing of how the order came about, nor of SQL or FAISS.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import FitWeights
from catalog.paths import show_path
from catalog.views import PhotoView
from search.explain import word_maps
from search.fit import Signs, fit_probability
from search.lexical import WordHits, lifted
from search.query import Reading, SearchResult
from search.rerank import Likelihoods
from search.retrieve import Candidates


@dataclass(frozen=True)
class Ranked:
    """N photos, best first, with what was found out about them."""

    found: Candidates
    score: NDArray[np.float32]  # [N]
    similarity: NDArray[np.float32]  # [N], the first stage's
    likelihoods: Likelihoods | None  # None: not asked for, or no word of the query is known

    def take(self, rows: NDArray[np.int64]) -> Ranked:
        """Some of the photos, in the order given."""
        likelihoods = self.likelihoods.take(rows) if self.likelihoods else None
        return Ranked(self.found.take(rows), self.score[rows], self.similarity[rows], likelihoods)

    def lift(self, hits: WordHits) -> Ranked:
        """Photos with words that the captioner does not know come before those without."""
        unknown_words = hits.unknown_words(self.found.ids)
        if not unknown_words.any():
            return self
        score = lifted(self.score, unknown_words)
        return replace(self, score=score).take(np.argsort(-score, kind="stable"))

    def probability(self, weights: FitWeights, words: int) -> NDArray[np.float32]:
        """How probable it is that each photo fits a sentence of so many known words: [N]."""
        silent = np.zeros(len(self.found), np.float32)
        evidence = self.likelihoods.evidence if self.likelihoods else silent
        counts = np.full(len(self.found), words)
        signs = Signs(evidence, self.found.visual, self.found.caption, counts)
        return fit_probability(weights, signs)


def make_result(
    page: Ranked, row: int, view: PhotoView, *, matched: tuple[str, ...], explain: bool
) -> SearchResult:
    """One row as a result, not judged yet; with `explain` words say where they were looked for."""
    likelihoods = page.likelihoods
    words = word_maps if explain else Likelihoods.gains
    path, caption = shown(view)
    return SearchResult(
        photo_id=view.photo_id,
        path=path,
        caption=caption,
        score=float(page.score[row]),
        log_likelihood=float(likelihoods.log_likelihood[row]) if likelihoods else 0.0,
        evidence=float(likelihoods.evidence[row]) if likelihoods else 0.0,
        similarity=float(page.similarity[row]),
        words=words(likelihoods, row) if likelihoods else (),
        matched=matched,
        probability=0.0,
        weak=False,
    )


def judge(
    result: SearchResult, probability: float, weights: FitWeights, reading: Reading
) -> SearchResult:
    """The result with its probability, and whether it is weak.

    An unknown word in the path speaks for a photo that the captioner cannot judge.
    """
    named = not set(reading.unknown).isdisjoint(result.matched)
    weak = probability < weights.weak_below and not named
    return replace(result, probability=probability, weak=weak)


def shown(view: PhotoView) -> tuple[str, str]:
    """A photo's path and best caption, as text."""
    return show_path(os.fsencode(view.full_path)), view.captions[0][0] if view.captions else ""
