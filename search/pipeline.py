"""The search pipeline: a request read once, candidates proposed, scored and put in order.

Two stages, of which the request's `stage` may leave one out: retrieval proposes photos by vectors
and words (search.retrieval), the captioner's likelihood re-ranks them (search.rerank).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, Ranking
from captioner.embedder import SentenceEmbedder
from captioner.parallel import beside
from captioner.scores import Occlusion
from captioner.vocabulary import SPECIAL_WORDS
from catalog.database import Database
from catalog.filters import Condition
from search.calibration import Background, backgrounds
from search.cascade import FEWEST, Cascade
from search.collection import Collection, LoadedCandidates
from search.lexical import WordHits, find_words
from search.limits import COMBINED, LIKELIHOOD, MAX_BY_LIKELIHOOD, MAX_CANDIDATES, RETRIEVE
from search.order import SearchOrder
from search.parsed_query import ParsedQuery, parse_words, read_vectors
from search.query_modifiers import WIDER, QueryModifiers, read_modifiers, scale_of
from search.request import InvalidQuery, SearchRequest
from search.rerank import (
    Likelihoods,
    Ranked,
    Reader,
    logit_in_score,
    score_photos,
    stage_scores,
)
from search.retrieval import Candidates, Retriever, propose, widening
from search.spelling import corrected

if TYPE_CHECKING:
    from captioner.image_embedder import ImageEmbedder


@dataclass(frozen=True)
class Question:
    """A request as the captioner reads it: all that ranking photos needs to know of it.

    `modifiers`: weights, `not` and `rather than`; None where there are none. `image`: the text by
    the home's image embedder, None where it has none.
    """

    request: SearchRequest
    parsed: ParsedQuery
    vector: NDArray[np.float32]  # [E], unit, where the photos' vectors are
    background: Background
    modifiers: QueryModifiers | None = None
    image: NDArray[np.float32] | None = None  # [D], unit

    def in_stage(self, stage: str) -> Question:
        """The same, ranked by another stage; raises InvalidQuery where there is no such stage."""
        return replace(self, request=replace(self.request, stage=stage))


def read_question(
    request: SearchRequest,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    image_embedder: ImageEmbedder | None = None,
) -> Question:
    """A request, read with all that it asks."""
    [parsed] = parse_words([request.weighted.words], captioner, embedder)
    return _read(request, parsed, captioner, embedder, image_embedder)


def read_and_look_up(
    request: SearchRequest,
    ranker: Ranker,
    embedder: SentenceEmbedder,
    image_embedder: ImageEmbedder | None = None,
) -> tuple[Question, WordHits]:
    """A request, read with all that it asks, and the photos that its words name, side by side."""
    captioner = ranker.captioner
    [parsed] = parse_words([request.weighted.words], captioner, embedder)
    return beside(
        lambda: _read(request, parsed, captioner, embedder, image_embedder),
        lambda: ranker.look_up(request, parsed),
    )


def _read(
    request: SearchRequest,
    parsed: ParsedQuery,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    image_embedder: ImageEmbedder | None,
) -> Question:
    """A request whose words were parsed."""
    [plain] = _plain([request], [parsed], captioner, embedder, image_embedder)
    if request.is_plain:
        return plain
    return replace(plain, modifiers=read_modifiers(request, parsed, captioner, embedder))


def plain_questions(
    requests: Sequence[SearchRequest],
    captioner: Captioner,
    embedder: SentenceEmbedder,
    image_embedder: ImageEmbedder | None = None,
) -> list[Question]:
    """Many requests, read together; what they ask beyond their plain queries is left out."""
    parsed = parse_words([request.weighted.words for request in requests], captioner, embedder)
    return _plain(requests, parsed, captioner, embedder, image_embedder)


def _plain(
    requests: Sequence[SearchRequest],
    parsed: Sequence[ParsedQuery],
    captioner: Captioner,
    embedder: SentenceEmbedder,
    image_embedder: ImageEmbedder | None,
) -> list[Question]:
    """The plain queries of requests whose words were parsed."""
    texts = [request.text for request in requests]
    vectors = read_vectors(texts, parsed, captioner, embedder)
    known = backgrounds(captioner, parsed, vectors)
    plain = [Question(*each) for each in zip(requests, parsed, vectors, known, strict=True)]
    if image_embedder is None:
        return plain
    images = image_embedder.encode_texts(texts)
    return [replace(each, image=image) for each, image in zip(plain, images, strict=True)]


@dataclass(frozen=True)
class Ranker:
    """A captioner and the collection it made; what reads that raises DatabaseUnavailable."""

    captioner: Captioner
    database: Database
    collection: Collection

    def order(self, question: Question, hits: WordHits | None = None) -> SearchOrder:
        """The order of all photos that a question finds, with likelihoods.

        `hits`: what `look_up` finds for it, where that was done already.
        """
        where, retriever = Condition(question.request.filters), self._retriever(question)
        found, hits = self.propose(question, where, hits)
        candidates = self._candidates(question, found, hits)

        def rank(ids: NDArray[np.int64]) -> Ranked:
            block = retriever.compare(question.vector, ids, len(ids))
            return self.with_likelihoods(self.rank_found(question, block, hits), question)

        following = self.follow(question, where, hits, found)
        return SearchOrder(candidates, following, rank)

    def rank(self, question: Question) -> Ranked:
        """All candidates, best first."""
        return self.rank_found(question, *self.propose(question))

    def rank_found(self, question: Question, found: Candidates, hits: WordHits) -> Ranked:
        """Those of N photos that have a state, best first."""
        if not len(found):
            return Ranked.empty()
        return self._rank_loaded(question, self.collection.load(found), hits)

    def _candidates(self, question: Question, found: Candidates, hits: WordHits) -> Cascade:
        """Those of the candidates that have a state, scored as far as they are looked at.

        All are scored at once where what one scores hangs on the others.
        """
        if not self._may_estimate(question, found, hits):
            ranked = self.rank_found(question, found, hits)
            return Cascade.of(self.with_likelihoods(ranked, question))
        loaded = self.collection.load(found)
        logit, words = self._logit(question), question.parsed.words
        reader = Reader(self.captioner, words)

        detected = self.captioner.detect(words, loaded.state) if loaded.state else None

        def scored(
            part: LoadedCandidates,
            log_likelihood: NDArray[np.float32],
            detected: NDArray[np.float32] | None,
        ) -> Ranked:
            ranked = self.score(question, part.found, part.bias, log_likelihood, detected)
            return ranked.with_bonus(hits, logit)

        def estimate(rows: NDArray[np.int64]) -> NDArray[np.float32]:
            part = loaded.take(rows)
            assert part.state is not None
            said = self.captioner.estimate(words, part.state)
            return scored(part, said, None if detected is None else detected[rows]).score

        def score(rows: NDArray[np.int64]) -> Ranked:
            part = loaded.take(rows)
            assert part.state is not None
            said = reader.read(part.state)
            return replace(scored(part, said.log_likelihood, said.detected), likelihoods=said)

        known = scored(loaded, np.zeros(len(loaded.found), np.float32), detected).score
        return Cascade(known, estimate, score, hits)

    def _may_estimate(self, question: Question, found: Candidates, hits: WordHits) -> bool:
        """Whether not all candidates are to be scored."""
        if len(found) < FEWEST or not self.captioner.can_estimate or not question.parsed.words:
            return False
        is_plain = question.request.stage == COMBINED and question.modifiers is None
        return is_plain and not hits.places(found.ids).any()

    def _rank_loaded(self, question: Question, loaded: LoadedCandidates, hits: WordHits) -> Ranked:
        asked = question.request.stage != RETRIEVE
        likelihoods = self._likelihoods(loaded, question) if asked else None
        log_likelihood = likelihoods.log_likelihood if likelihoods else None
        detected = likelihoods.detected if likelihoods else None
        ranked = self.score(question, loaded.found, loaded.bias, log_likelihood, detected)
        score = ranked.score + self._modify(question, loaded, likelihoods)
        scored = replace(ranked, score=score, likelihoods=likelihoods)
        return self.put_in_order(question, scored, hits)

    def look_up(self, request: SearchRequest, parsed: ParsedQuery) -> WordHits:
        """The photos that a request's words name."""
        # Likelihood ranks every photo, and vectors alone have no use for more: no word proposes.
        few = request.candidates if request.stage == COMBINED else 0
        photos = self.collection.retriever.visual.count
        with self.database.read() as session:
            known = self.collection.names.get, self.collection.tags.get
            return find_words(session, parsed, few, photos, *known)

    def propose(
        self, question: Question, where: Condition | None = None, hits: WordHits | None = None
    ) -> tuple[Candidates, WordHits]:
        """The first stage's candidates, and the photos that the question's own words name.

        Where likelihood alone ranks, all photos that may be found are candidates. `where` stands
        for the request's filters, `hits` for what `look_up` finds. Raises InvalidQuery where the
        candidates are more than it may rank.
        """
        request, retriever = question.request, self._retriever(question)
        where = where or Condition(request.filters)
        count = request.candidates
        hits = hits or self.look_up(request, question.parsed)
        if request.stage == LIKELIHOOD:
            self._refuse_many(retriever.most, where)
            return retriever.nearest(question.vector, retriever.most, where), hits
        found = propose(retriever, question.vector, _width(question), where, hits)
        return self._as_modified(question, found, hits).take(slice(count)), hits

    def follow(
        self, question: Question, where: Condition, hits: WordHits, candidates: Candidates
    ) -> Iterator[NDArray[np.int64]]:
        """Ids of all other photos in the first stage's order, in parts.

        Photos whose names put them before all others come first.
        """
        retriever, passing = self._retriever(question), where.passing(self.database)
        most = retriever.most if passing is None else min(retriever.most, len(passing))
        if question.request.stage == LIKELIHOOD or len(candidates) >= most:
            return
        seen = candidates.ids
        for only in (*map(where.among, hits.tiers), where):
            size = most if only.ids is None else min(most, len(only.ids))
            nearest = partial(retriever.nearest, question.vector, where=only)
            for part in widening(nearest, _width(question), size):
                fresh = part.take(np.flatnonzero(~np.isin(part.ids, seen)))
                seen = np.union1d(seen, fresh.ids)
                yield self._as_modified(question, fresh, hits).ids

    def score(
        self,
        question: Question,
        found: Candidates,
        bias: NDArray[np.float32],
        log_likelihood: NDArray[np.float32] | None,
        detected: NDArray[np.float32] | None = None,
    ) -> Ranked:
        """N candidates with what the plain query scores on them, not in order yet.

        `bias`, `log_likelihood` and `detected` [N] are what the captioner says of them; None:
        nothing.
        """
        ranking = self._ranking(question)
        similarity = self.collection.retriever.score(found)
        stage = question.request.stage
        score = stage_scores(stage, ranking, found, bias, similarity, log_likelihood, detected)
        return Ranked(found, score, similarity, None)

    def put_in_order(self, question: Question, ranked: Ranked, hits: WordHits) -> Ranked:
        """Photos that were scored, best first, those lifted that the question's words name."""
        return ranked.in_order(hits, self._logit(question))

    def with_likelihoods(self, ranked: Ranked, question: Question) -> Ranked:
        """The same photos with likelihoods.

        What was removed since they were ranked is left out where they are computed only now.
        """
        if ranked.likelihoods is not None or not len(ranked):
            return ranked
        loaded = self.collection.load(ranked.found)
        kept = ranked.take(np.flatnonzero(np.isin(ranked.found.ids, loaded.found.ids)))
        return replace(kept, likelihoods=self._likelihoods(loaded, question))

    def _refuse_many(self, most: int, where: Condition) -> None:
        """Raise InvalidQuery where likelihood would have to rank too many photos."""
        if most <= MAX_BY_LIKELIHOOD:
            return
        passing = where.passing(self.database)
        count = most if passing is None else len(passing)
        if count > MAX_BY_LIKELIHOOD:
            raise InvalidQuery(
                "stage",
                f"stage {LIKELIHOOD} reads the state of every photo, here of {count:,}, and may of "
                f"{MAX_BY_LIKELIHOOD:,}: take stage {COMBINED}, or narrow it down by filters",
            )

    def _as_modified(self, question: Question, found: Candidates, hits: WordHits) -> Candidates:
        """Photos in the order of the first stage, with what the question's modifiers change."""
        if question.modifiers is None or not len(found):
            return found
        order = question.modifiers.order(self.collection.retriever, found)
        # A text to exclude must not bring a photo behind those that lack the query's own word.
        unknown_words = hits.unknown_words(found.ids[order])
        return found.take(order[np.argsort(-unknown_words, kind="stable")])

    def spelled(self, question: Question, hits: WordHits, embedder: SentenceEmbedder) -> str | None:
        """The query as it was probably meant, None where nothing in it seems to be misspelled.

        What no photo is named, the captioner never learned, and the embedder does not know either.
        """
        parsed = question.parsed
        lost = [word.word for word in hits.words if word.is_lost and word.word in parsed.unknown]
        words = [word for word in lost if word not in embedder.english_words]
        if not words or parsed.not_english:
            return None
        with self.database.read() as session:
            names = self.collection.names.get(session)
        known = self.captioner.vocabulary.words[len(SPECIAL_WORDS) :]
        return corrected(question.request.query, words, known, names)

    def occlude(self, page: Ranked, question: Question) -> dict[int, Occlusion]:
        """What the query's words owe to the places of a page's photos, by the photo's number.

        Photos that were removed since they were ranked are left out.
        """
        loaded = self.collection.load(page.found)
        if loaded.state is None or not question.parsed.words:
            return {}
        hidden = self.captioner.occlude(question.parsed.words, loaded.state)
        return {key: hidden[[row]] for row, key in enumerate(loaded.found.ids.tolist())}

    def _retriever(self, question: Question) -> Retriever:
        """The collection's, by whatever embedders have read the question."""
        retriever = self.collection.retriever
        return retriever if question.image is None else retriever.with_image(question.image)

    def _logit(self, question: Question) -> float:
        """What one logit of evidence is in the scores of the question's stage."""
        stage, is_known = question.request.stage, bool(question.parsed.words)
        return logit_in_score(stage, self._ranking(question), words_known=is_known)

    def _ranking(self, question: Question) -> Ranking:
        return self.captioner.provenance.ranking.for_words(len(question.parsed.words))

    def _likelihoods(self, loaded: LoadedCandidates, question: Question) -> Likelihoods | None:
        """What the captioner says of the query on N candidates, None where it can say nothing."""
        if loaded.state is None or not question.parsed.words:
            return None
        return score_photos(self.captioner, question.parsed.words, loaded.state)

    def _modify(
        self, question: Question, loaded: LoadedCandidates, likelihoods: Likelihoods | None
    ) -> NDArray[np.float32] | float:
        """What weights, `not` and `rather than` change in scores [N]."""
        modifiers, retriever = question.modifiers, self.collection.retriever
        if modifiers is None:
            return 0.0
        if loaded.state is None or likelihoods is None:
            return modifiers.of_similarities(retriever, loaded.found)
        scale = scale_of(question.request.stage, self._ranking(question))
        return modifiers.of_scores(
            scale, retriever, self.captioner, loaded.found, loaded.state, likelihoods
        )


def _width(question: Question) -> int:
    """How many photos the first stage looks at to choose the candidates."""
    count = question.request.candidates
    if question.modifiers is None:
        return count
    return max(count, min(WIDER * count, MAX_CANDIDATES))
