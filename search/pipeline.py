"""Ranks photos for a question: the first stage proposes them, the captioner scores them.

Knows nothing of answers and pages, nor where the collection comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import Database
from catalog.filters import Condition
from search.collection import Collection, Seen
from search.lexical import WordHits, find_words
from search.parsed_query import Reading, read_queries, read_vectors
from search.query_modifiers import WIDER, Contrast, scale_of
from search.request import MAX_CANDIDATES, SearchRequest
from search.rerank import Likelihoods, Ranked, score_photos, stage_scores
from search.retrieval import Candidates, propose


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
        where = Condition(request.filters)
        if request.stage == "likelihood":
            return retriever.nearest(question.vector, retriever.visual.count, where)
        count = request.considered
        if question.contrast is None:
            return propose(retriever, question.vector, count, where, hits)
        wider = max(count, min(WIDER * count, MAX_CANDIDATES))
        found = propose(retriever, question.vector, wider, where, hits)
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
        words = len(question.reading.words)
        ranking = self.captioner.provenance.ranking.for_words(words)
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
        words = len(question.reading.words)
        ranking = self.captioner.provenance.ranking.for_words(words)
        scale = scale_of(question.request.stage, ranking)
        return contrast.of_scores(
            scale, retriever, self.captioner, seen.found, seen.state, likelihoods
        )


# A request as the captioner reads it: all that ranking photos needs to know of it


@dataclass(frozen=True)
class Question:
    """What is asked, the words and the unit vector it was read as, and what it asks beyond them.

    `contrast`: weights, `not` and `rather than`; None where there are none.
    """

    request: SearchRequest
    reading: Reading
    vector: NDArray[np.float32]  # [E]
    contrast: Contrast | None = None

    def in_stage(self, stage: str) -> Question:
        """The same, ranked by another stage."""
        return replace(self, request=replace(self.request, stage=stage))


def plain_questions(
    requests: Sequence[SearchRequest], captioner: Captioner, embedder: SentenceEmbedder
) -> list[Question]:
    """Many requests, read together; what they ask beyond their plain queries is left out."""
    texts = [request.text for request in requests]
    readings = read_queries(texts, captioner, embedder)
    vectors = read_vectors(texts, readings, captioner, embedder)
    return [Question(*each) for each in zip(requests, readings, vectors, strict=True)]
