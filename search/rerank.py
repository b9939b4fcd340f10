"""The second stage: photos re-ranked by log p(query | photo), and what each word adds to it.

A score is a weighted sum of the log-likelihood, the photo's hub bias and the first stage's
similarities; the weights are the captioner's own, fitted in search.evaluation.fit_weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, FitWeights, PhotoState, Ranking
from captioner.scores import SentenceScore
from search.calibration import Background, Signs, fit_probability
from search.lexical import NO_HITS, WordHits, lifted
from search.limits import LIKELIHOOD, RETRIEVE
from search.retrieval import Candidates


@dataclass(frozen=True)
class WordGain:
    """How much likelier the photo makes a word, in nats; END counts with the last word."""

    word: str
    gain: float


@dataclass(frozen=True)
class Likelihoods:
    """A query's words on N photos beside the same words without a photo.

    `detected`: what the word detector says of them, in nats; None without one.
    """

    with_photo: SentenceScore
    without_photo: SentenceScore
    detected: NDArray[np.float32] | None = None  # [N]

    @property
    def log_likelihood(self) -> NDArray[np.float32]:
        """log p(query | photo) [N] in nats."""
        return self.with_photo.log_likelihood

    @property
    def evidence(self) -> NDArray[np.float32]:
        """log p(query | photo) - log p(query | no photo) [N] in nats."""
        return self.log_likelihood - self.without_photo.log_likelihood

    @cached_property
    def word_gains(self) -> NDArray[np.float32]:
        """Each word's share of the evidence [N,T]; END is counted with the last word."""
        return word_gains(
            self.with_photo.word_log_likelihood, self.without_photo.word_log_likelihood
        )

    def gains(self, row: int) -> tuple[WordGain, ...]:
        """Each word's share of one photo's evidence."""
        pairs = zip(self.with_photo.words, self.word_gains[row].tolist(), strict=True)
        return tuple(WordGain(*pair) for pair in pairs)

    def take(self, rows: NDArray[np.int64]) -> Likelihoods:
        """Some of the photos, in the order given."""
        detected = None if self.detected is None else self.detected[rows]
        return Likelihoods(self.with_photo.take(rows.tolist()), self.without_photo, detected)

    @classmethod
    def joined(cls, parts: Sequence[Likelihoods]) -> Likelihoods:
        """The same query on the photos of all parts, at least one."""
        scores = SentenceScore.joined([part.with_photo for part in parts])
        detected = [part.detected for part in parts if part.detected is not None]
        return cls(scores, parts[0].without_photo, np.concatenate(detected) if detected else None)


def word_gains(
    with_photo: NDArray[np.float32], without_photo: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Log-likelihoods of words and END [N,T+1] and the same without a photo -> gains [N,T]."""
    shares = with_photo - without_photo
    gains: NDArray[np.float32] = shares[:, :-1].copy()
    gains[:, -1] += shares[:, -1]
    return gains


def score_photos(captioner: Captioner, words: tuple[str, ...], state: PhotoState) -> Likelihoods:
    """Likelihoods of at least one known word on at least one photo."""
    return Likelihoods(*captioner.score_both(words, state), captioner.detect(words, state))


class Reader:
    """Reads one query on photos, some at a time; what it is without a photo is read once."""

    def __init__(self, captioner: Captioner, words: tuple[str, ...]) -> None:
        self._captioner, self._words = captioner, words
        self._without_photo: SentenceScore | None = None

    def read(self, state: PhotoState) -> Likelihoods:
        """Likelihoods of at least one known word on at least one photo."""
        if self._without_photo is not None:
            scored = self._captioner.score_words(self._words, state)
            detected = self._captioner.detect(self._words, state)
            return Likelihoods(scored, self._without_photo, detected)
        both = score_photos(self._captioner, self._words, state)
        self._without_photo = both.without_photo
        return both


def stage_scores(
    stage: str,
    ranking: Ranking,
    found: Candidates,
    bias: NDArray[np.float32],
    similarity: NDArray[np.float32],
    log_likelihood: NDArray[np.float32] | None,
    detected: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """What N photos score in one of search.limits' stages [N].

    `log_likelihood` None: no word is known, so that the similarity is all there is to rank by.
    `detected`: see Likelihoods.
    """
    if stage == RETRIEVE:
        return retrieval_scores(ranking, similarity, bias)
    if log_likelihood is None:
        return similarity
    if stage == LIKELIHOOD:
        return likelihood_scores(ranking, log_likelihood, bias)
    return combined_scores(ranking, found, log_likelihood, bias, detected)


def combined_scores(
    ranking: Ranking,
    found: Candidates,
    log_likelihood: NDArray[np.float32],
    bias: NDArray[np.float32],
    detected: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Weighted sum of likelihood, hub bias, all similarities, and what words are detected [N]."""
    total: NDArray[np.float32] = (
        ranking.log_likelihood * log_likelihood
        + ranking.bias * bias
        + ranking.visual * found.visual
        + ranking.caption * found.caption
    )
    if found.image is not None:
        total = total + np.float32(ranking.image) * found.image
    if detected is not None:
        total = total + np.float32(ranking.detected) * detected
    return total


def retrieval_scores(
    ranking: Ranking, similarity: NDArray[np.float32], bias: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The first stage's similarity alone [...,N], hubs corrected."""
    corrected: NDArray[np.float32] = similarity + ranking.bias_in_retrieval * bias
    return corrected


def likelihood_scores(
    ranking: Ranking, log_likelihood: NDArray[np.float32], bias: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Likelihood alone, hubs corrected [N]."""
    corrected: NDArray[np.float32] = log_likelihood + ranking.bias_in_likelihood * bias
    return corrected


def logit_in_score(stage: str, ranking: Ranking, *, words_known: bool) -> float:
    """What one logit of evidence is in the scores of a stage, by the fitted weights.

    The combined score is one in itself: its weights are those of a choice among photos.
    """
    if stage == RETRIEVE or not words_known:
        return 1 / max(ranking.visual + ranking.caption, 1.0)
    if stage == LIKELIHOOD:
        return 1 / max(ranking.log_likelihood, 0.1)
    return 1.0


@dataclass(frozen=True)
class Ranked:
    """N photos with their scores; best first once they are in order.

    `hits`: what they were lifted by when they were put in order.
    """

    found: Candidates
    score: NDArray[np.float32]  # [N]
    similarity: NDArray[np.float32]  # [N], the first stage's
    likelihoods: Likelihoods | None  # None: not asked for, or no word of the query is known
    hits: WordHits = NO_HITS

    @classmethod
    def empty(cls) -> Ranked:
        """No photo."""
        nothing = np.empty(0, np.float32)
        return cls(Candidates.empty(), nothing, nothing, None)

    def __len__(self) -> int:
        return len(self.score)

    def take(self, rows: NDArray[np.int64]) -> Ranked:
        """Some of the photos, in the order given."""
        likelihoods = self.likelihoods.take(rows) if self.likelihoods else None
        return Ranked(
            self.found.take(rows), self.score[rows], self.similarity[rows], likelihoods, self.hits
        )

    @classmethod
    def joined(cls, parts: Sequence[Ranked]) -> Ranked:
        """Photos of the same sentence, one part after another."""
        parts = [part for part in parts if len(part)]
        if len(parts) < 2:
            return parts[0] if parts else cls.empty()
        likelihoods = [part.likelihoods for part in parts if part.likelihoods]
        return cls(
            Candidates.joined([part.found for part in parts]),
            np.concatenate([part.score for part in parts]),
            np.concatenate([part.similarity for part in parts]),
            Likelihoods.joined(likelihoods) if likelihoods else None,
            parts[0].hits,
        )

    def place(self, photo_id: int) -> int | None:
        """A photo's place, from 1; None where it is not among them."""
        rows = np.flatnonzero(self.found.ids == photo_id).tolist()
        return rows[0] + 1 if rows else None

    def in_order(self, hits: WordHits, logit: float) -> Ranked:
        """Best first; photos come further up by what of the query stands in their names.

        `logit`: what one is in these scores.
        """
        ranked, places = self.with_bonus(hits, logit), hits.places(self.found.ids)
        best_first = np.argsort(-ranked.score, kind="stable")
        ranked = ranked.take(best_first)
        if not places.any():
            return ranked
        score = lifted(ranked.score, places[best_first])
        return replace(ranked, score=score).take(np.argsort(-score, kind="stable"))

    def with_bonus(self, hits: WordHits, logit: float) -> Ranked:
        """As they are, with what rare names and tags add to their scores."""
        score = self.score + np.float32(logit) * hits.bonus(self.found.ids)
        return replace(self, score=score, hits=hits)

    @property
    def is_named(self) -> NDArray[np.bool_]:
        """Whether a word of its names speaks for each photo [N]."""
        return self.hits.are_named(self.found.ids)

    def probability(self, weights: FitWeights, background: Background) -> NDArray[np.float32]:
        """The probability that each photo fits a sentence with that background, 0 to 1: [N]."""
        silent = np.zeros(len(self), np.float32)
        evidence = self.likelihoods.evidence if self.likelihoods else silent
        same = [background] * len(self)
        found = self.found
        detected = self.likelihoods.detected if self.likelihoods else None
        signs = Signs(evidence, found.visual, found.caption, same, found.image, detected=detected)
        return fit_probability(weights, signs)
