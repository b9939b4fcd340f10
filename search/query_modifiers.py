"""Query modifiers: weighted words, `not` and `rather than`, as log-likelihood ratios.

Every text x supports a photo by S(x), on the scale of the stage that ranks:

    likelihood   E(x) = sum over words of weight * gain          the evidence, in nats
    retrieve     C(x) = the first stage's similarity
    combined     a * E(x) + v * visual C(x) + c * caption C(x)   with the fitted weights

E takes the prior log p(x | no photo) off, so S is a log-likelihood ratio, and what a photo
gives to every sentence cancels in a difference of two. A request scores a photo by

    score(query) + [S(weighted query) - S(query)]
                 + [S(weighted query) - S(rather than)]     log p(query | photo) / p(other | photo)
                 - sum over excluded x of a * softplus R(x) + v * C+(x) + c * C+(x)

R(x) = log p(x | photo) / p(x), where p(x) is the mean of p(x | photo) over the photos that are
ranked: by Bayes' rule it says how much likelier x makes this photo than one drawn at random.
-softplus R = log 1 / (1 + exp R) is the log-probability that x speaks of the random one: a
photo that shows x loses about R(x), and one that does not loses next to nothing, however
little it fits x. R leaves the end of the sentence out, since an excluded text such as "snow" is
rarely a whole sentence; for the same reason R does not compare with "no photo", which makes a
lone word likelier than any photo does. C+ = max(C, 0) does the same for similarities, whose zero is
"unrelated". A weighted text's similarity is that of the text, plus (weight - 1) K / T of that
of each weighted word or phrase alone, which has K of the text's T words.

A text of which the captioner knows no word takes part by its similarities alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, PhotoState, Ranking
from captioner.embedder import SentenceEmbedder
from captioner.vocabulary import tokenise_query
from search.limits import COMBINED, LIKELIHOOD, RETRIEVE
from search.parsed_query import ParsedQuery, parse_query
from search.request import SearchRequest, WeightedText
from search.rerank import Likelihoods, score_photos
from search.retrieval import Candidates, Retriever

# The first stage proposes this many times the candidates, so that those it then drops for
# what they show are replaced and do not merely shorten the list.
WIDER = 5


@dataclass(frozen=True)
class Support:
    """How well a text fits N photos: log-ratios (None: no known word), similarities.

    The log-ratio is E where texts are compared and R where one is excluded, in nats.
    """

    ratio: NDArray[np.float32] | None
    similar: Candidates


@dataclass(frozen=True)
class Scale:
    """How much evidence and similarities count in the stage that ranks."""

    likelihood: float
    visual: float
    caption: float

    def difference(self, text: Support, other: Support) -> NDArray[np.float32]:
        """S(text) - S(other) [N]; without likelihood where it speaks of one of them only."""
        visual = text.similar.visual - other.similar.visual
        caption = text.similar.caption - other.similar.caption
        total: NDArray[np.float32] = self.visual * visual + self.caption * caption
        if text.ratio is not None and other.ratio is not None:
            total = total + self.likelihood * (text.ratio - other.ratio)
        return total

    def penalty(self, text: Support) -> NDArray[np.float32]:
        """What photos lose for showing an excluded text [N], never below 0.

        A weight below 0 takes back what the other signs overrate: alone it would be a reward.
        """
        visual: NDArray[np.float32] = text.similar.visual.clip(min=0)
        caption: NDArray[np.float32] = text.similar.caption.clip(min=0)
        total: NDArray[np.float32] = max(self.visual, 0) * visual + max(self.caption, 0) * caption
        if text.ratio is not None:
            softplus = np.logaddexp(0, text.ratio).astype(np.float32)
            total = total + self.likelihood * softplus
        return total


def scale_of(stage: str, ranking: Ranking) -> Scale:
    """The scale of a stage's scores."""
    if stage == LIKELIHOOD:
        return Scale(1.0, 0.0, 0.0)
    if stage == COMBINED:
        return Scale(ranking.log_likelihood, ranking.visual, ranking.caption)
    both = ranking.visual_in_retrieval + ranking.caption_in_retrieval
    return Scale(0.0, ranking.visual_in_retrieval / both, ranking.caption_in_retrieval / both)


@dataclass(frozen=True)
class Term:
    """A text's K known words with their weights, and its vector [E]."""

    parsed: ParsedQuery
    weights: NDArray[np.float32]  # [K]
    vector: NDArray[np.float32]  # [E], of unit length only where no word is weighted

    def support(
        self, retriever: Retriever, found: Candidates, ratio: NDArray[np.float32] | None = None
    ) -> Support:
        """Of N candidates, with log-ratios [N] where there are any.

        A photo that was removed meanwhile has no similarities: 0.
        """
        similar = retriever.similarities(self.vector, found.ids)
        visual, caption = (
            np.nan_to_num(each, posinf=0.0, neginf=0.0)
            for each in (similar.visual, similar.caption)
        )
        return Support(ratio, Candidates(found.ids, visual, caption))

    def evidence(self, captioner: Captioner, state: PhotoState) -> NDArray[np.float32] | None:
        """E on N photos [N] in nats; None where no word is known."""
        if not self.parsed.words:
            return None
        gains = score_photos(captioner, self.parsed.words, state).word_gains  # [N,K]
        evidence: NDArray[np.float32] = gains @ self.weights
        return evidence

    def against_chance(self, captioner: Captioner, state: PhotoState) -> NDArray[np.float32] | None:
        """R on N photos [N] in nats; None where no word is known."""
        if not self.parsed.words:
            return None
        scored = captioner.score_words(self.parsed.words, state)
        words = scored.word_log_likelihood[:, :-1] @ self.weights  # [N], without END
        chance = np.logaddexp.reduce(words) - np.log(len(words))
        ratio: NDArray[np.float32] = (words - chance).astype(np.float32)
        return ratio


def read_term(
    text: WeightedText, parsed: ParsedQuery, captioner: Captioner, embedder: SentenceEmbedder
) -> Term:
    """A text of T words, which was parsed already; its boosts' vectors count as far as they do."""
    texts = [text.plain, *(boost.text for boost in text.boosts)]
    shares = np.ones(len(texts), np.float32)
    for row, boost in enumerate(text.boosts, start=1):
        shares[row] = (boost.weight - 1) * len(tokenise_query(boost.text)) / len(text.words)
    vectors = captioner.read(texts, embedder.encode(texts))  # [1+W,E]
    weights = np.array(parsed.weights(text.weights), np.float32)
    return Term(parsed, weights, (shares @ vectors).astype(np.float32))


@dataclass(frozen=True)
class QueryModifiers:
    """What a request asks beyond its plain query: its own weights, and other texts."""

    query: Term
    rather_than: Term | None
    excluded: tuple[Term, ...]

    @property
    def other_texts(self) -> tuple[ParsedQuery, ...]:
        """How the texts beside the query were read: those excluded, then `rather than`."""
        texts = (*self.excluded, *((self.rather_than,) if self.rather_than else ()))
        return tuple(text.parsed for text in texts)

    def order(self, retriever: Retriever, found: Candidates) -> NDArray[np.int64]:
        """Rows [N] of candidates, best first by the first stage, modifiers included."""
        score = retriever.score(found) + self.of_similarities(retriever, found)
        return np.argsort(-score, kind="stable")

    def of_similarities(self, retriever: Retriever, found: Candidates) -> NDArray[np.float32]:
        """What the modifiers change in the first stage's score of N candidates [N]."""
        scale = scale_of(RETRIEVE, retriever.provenance.ranking)
        return self._change(
            scale,
            Support(None, found),
            self.query.support(retriever, found),
            self.rather_than.support(retriever, found) if self.rather_than else None,
            [text.support(retriever, found) for text in self.excluded],
        )

    def of_scores(
        self,
        scale: Scale,
        retriever: Retriever,
        captioner: Captioner,
        found: Candidates,
        state: PhotoState,
        likelihoods: Likelihoods,
    ) -> NDArray[np.float32]:
        """The same in the score of a stage that reads the query's likelihoods on N photos."""
        other = self.rather_than
        return self._change(
            scale,
            Support(likelihoods.evidence, found),
            self.query.support(retriever, found, likelihoods.word_gains @ self.query.weights),
            other.support(retriever, found, other.evidence(captioner, state)) if other else None,
            [
                text.support(retriever, found, text.against_chance(captioner, state))
                for text in self.excluded
            ],
        )

    @staticmethod
    def _change(
        scale: Scale,
        plain: Support,
        query: Support,
        rather_than: Support | None,
        excluded: Sequence[Support],
    ) -> NDArray[np.float32]:
        change = scale.difference(query, plain)
        if rather_than is not None:
            change = change + scale.difference(query, rather_than)
        for text in excluded:
            change = change - scale.penalty(text)
        return change.astype(np.float32)


def read_modifiers(
    request: SearchRequest, parsed: ParsedQuery, captioner: Captioner, embedder: SentenceEmbedder
) -> QueryModifiers:
    """What a request asks beyond its plain query, which was parsed already."""
    other = request.weighted_rather_than

    def term(text: WeightedText) -> Term:
        return read_term(text, parse_query(text.plain, captioner, embedder), captioner, embedder)

    return QueryModifiers(
        read_term(request.weighted, parsed, captioner, embedder),
        term(other) if other else None,
        tuple(term(text) for text in request.weighted_excluded),
    )
