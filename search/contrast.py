"""More of this, less of that: weighted words, `not` and `rather than`, as likelihood ratios.

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
little it fits x. R leaves the end of the sentence out, since "snow" is a thing to leave out
and no sentence; for the same reason "no photo" is no measure here: it makes a lone word
likelier than any photo does. C+ = max(C, 0) does the same for similarities, whose zero is
"unrelated". A weighted text's similarity is that of the text, plus (weight - 1) K / T of that
of each weighted word or phrase alone, which has K of the text's T words.

A text of which the captioner knows no word takes part by its similarities alone. Knows
nothing of SQL, HTTP or terminals; how one text is read and scored stands in search.term, how
much each sign counts in search.scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, PhotoState
from captioner.embedder import SentenceEmbedder
from search.query import SearchRequest
from search.reading import Reading, read_query
from search.rerank import Likelihoods
from search.retrieve import Candidates, Retriever
from search.scale import Scale, Support, scale_of
from search.term import Term, read_term
from search.weights import read_weights

# The first stage proposes this many times the candidates, so that those it then drops for
# what they show are replaced and do not merely shorten the list.
WIDER = 5


@dataclass(frozen=True)
class Contrast:
    """What a request asks beyond its plain query."""

    query: Term
    rather_than: Term | None
    excluded: tuple[Term, ...]

    @property
    def readings(self) -> tuple[Reading, ...]:
        """How the texts beside the query were read."""
        texts = (*self.excluded, *((self.rather_than,) if self.rather_than else ()))
        return tuple(text.reading for text in texts)

    def choose(self, retriever: Retriever, found: Candidates, count: int) -> Candidates:
        """The `count` best of wider candidates by the first stage, contrast included."""
        score = retriever.score(found) + self.of_similarities(retriever, found)
        return found.take(np.argsort(-score, kind="stable")[:count])

    def of_similarities(self, retriever: Retriever, found: Candidates) -> NDArray[np.float32]:
        """What the contrast changes in the first stage's score of N candidates [N]."""
        scale = scale_of("retrieve", retriever.provenance.ranking)
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


def read_contrast(
    request: SearchRequest, reading: Reading, captioner: Captioner, embedder: SentenceEmbedder
) -> Contrast | None:
    """What a request asks beyond its plain query, None where that is nothing."""
    query = read_weights(request.query)
    if not (request.excluded or request.rather_than or query.boosts):
        return None

    def term(text: str) -> Term:
        weighted = read_weights(text)
        own = read_query(weighted.plain, captioner, embedder)
        return read_term(weighted, own, captioner, embedder)

    return Contrast(
        read_term(query, reading, captioner, embedder),
        term(request.rather_than) if request.rather_than else None,
        tuple(term(text) for text in request.excluded),
    )
