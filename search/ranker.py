"""Ranks photos for a question: the first stage proposes them, the captioner scores them.

Knows nothing of answers and pages, nor where the collection comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner
from catalog.filters import passing_photos
from catalog.session import Database
from search.collection import Collection, Seen
from search.contrast import WIDER
from search.lexical import WordHits, find_words
from search.propose import propose
from search.query import MAX_CANDIDATES
from search.question import Question
from search.ranked import Ranked
from search.rerank import Likelihoods, score_photos, stage_scores
from search.retrieve import Candidates
from search.scale import scale_of


@dataclass(frozen=True)
class Ranker:
    """A captioner and the collection it made."""

    captioner: Captioner
    database: Database
    collection: Collection

    def rank(self, question: Question) -> Ranked | None:
        """All candidates in order; None where there are none."""
        hits = self.look_up(question)
        found = self.propose(question, hits)
        if not len(found):
            return None
        seen = self.collection.load(found)
        asked = question.request.stage != "retrieve"
        likelihoods = self._read_on(seen, question) if asked else None
        log_likelihood = likelihoods.log_likelihood if likelihoods else None
        ranked = self.score(question, seen.found, seen.bias, log_likelihood)
        score = ranked.score + self._contrast(question, seen, likelihoods)
        return replace(ranked, score=score, likelihoods=likelihoods).in_order(hits)

    def look_up(self, question: Question) -> WordHits:
        """Photos with the question's own words in their paths or captions."""
        request = question.request
        # Likelihood ranks every photo, and vectors alone have no use for more: none is proposed.
        few = request.considered if request.stage == "combined" else 0
        return find_words(self.database, request.text, question.reading, few)

    def propose(self, question: Question, hits: WordHits) -> Candidates:
        """The candidates of the first stage; all photos that may be found where likelihood ranks.

        Raises DatabaseUnavailable.
        """
        request, retriever = question.request, self.collection.retriever
        with self.database.read() as session:
            allowed = passing_photos(session, request.filters)
        if request.stage == "likelihood":
            return retriever.nearest(question.vector, retriever.visual.count, allowed)
        count = request.considered
        if question.contrast is None:
            return propose(retriever, question.vector, count, allowed, hits)
        wider = max(count, min(WIDER * count, MAX_CANDIDATES))
        found = propose(retriever, question.vector, wider, allowed, hits)
        return question.contrast.choose(retriever, found, count)

    def score(
        self,
        question: Question,
        found: Candidates,
        bias: NDArray[np.float32],
        log_likelihood: NDArray[np.float32] | None,
    ) -> Ranked:
        """N candidates with what the plain query scores on them, not in order yet.

        `bias` and `log_likelihood` [N] are what the captioner says of them; None: nothing.
        """
        ranking = self.captioner.provenance.ranking
        similarity = self.collection.retriever.score(found)
        stage = question.request.stage
        score = stage_scores(stage, ranking, found, bias, similarity, log_likelihood)
        return Ranked(found, score, similarity, None)

    def explain(self, page: Ranked, question: Question) -> Ranked:
        """Photos with their likelihoods; what was removed since they were ranked is left out."""
        if page.likelihoods is not None or not len(page.found):
            return page
        seen = self.collection.load(page.found)
        page = page.take(np.flatnonzero(np.isin(page.found.ids, seen.found.ids)))
        return replace(page, likelihoods=self._read_on(seen, question))

    def _read_on(self, seen: Seen, question: Question) -> Likelihoods | None:
        """What the captioner says of the query on N candidates, None where it can say nothing."""
        if seen.state is None or not question.reading.words:
            return None
        return score_photos(self.captioner, question.reading.words, seen.state)

    def _contrast(
        self, question: Question, seen: Seen, likelihoods: Likelihoods | None
    ) -> NDArray[np.float32] | float:
        """What weights, `not` and `rather than` change in scores [N]."""
        contrast, retriever = question.contrast, self.collection.retriever
        if contrast is None:
            return 0.0
        if seen.state is None or likelihoods is None:
            return contrast.of_similarities(retriever, seen.found)
        scale = scale_of(question.request.stage, self.captioner.provenance.ranking)
        return contrast.of_scores(
            scale, retriever, self.captioner, seen.found, seen.state, likelihoods
        )
