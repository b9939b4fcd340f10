"""Search answers: ranked photos with their paths, captions and words, and whether they convince."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import FitWeights
from catalog.database import Database
from catalog.paths import show_path
from catalog.views import PhotoView, view_photos
from search.calibration import Background
from search.explain import word_maps
from search.lexical import matched_words
from search.pipeline import Question
from search.rerank import Likelihoods, Ranked, WordGain


@dataclass(frozen=True)
class SearchResult:
    """One photo of an answer; log-likelihood and evidence in nats, similarity in -1..1.

    `matched`: the query's words that stand in the photo's path or captions. `named`: those of its
    path that lift it, see search.lexical. `probability`: that the photo fits the plain query, 0 to
    1, see search.calibration. `weak`: too improbable to convince, and not named.
    """

    photo_id: int
    path: str
    caption: str
    score: float
    log_likelihood: float
    evidence: float
    similarity: float
    words: tuple[WordGain, ...]
    matched: tuple[str, ...]
    named: tuple[str, ...]
    probability: float
    weak: bool


@dataclass(frozen=True)
class SearchAnswer:
    """Results, best first. `nearest_words` says which known word stood in for an unknown one.

    `nothing_fits`: every photo that was ranked is weak.
    """

    query: str
    unknown_words: tuple[str, ...]
    nearest_words: dict[str, str]
    took_ms: float
    candidates: int
    nothing_fits: bool
    results: tuple[SearchResult, ...]

    def to_json(self) -> dict[str, object]:
        """The `search --json` object; `named` is for people, as a part of `matched`."""
        told = asdict(self)
        for result in told["results"]:
            del result["named"]
        return told


@dataclass(frozen=True)
class SimilarPhoto:
    """A photo near another one; similarity is a cosine."""

    photo_id: int
    path: str
    caption: str
    similarity: float

    def to_json(self) -> dict[str, object]:
        """As the JSON API answers."""
        return asdict(self)


@dataclass(frozen=True)
class Judge:
    """Says how probable it is that photos fit a query, and which of them are weak."""

    fit: FitWeights
    background: Background

    def chances(self, ranked: Ranked) -> NDArray[np.float32]:
        """The probability that each photo fits: [N]."""
        return ranked.probability(self.fit, self.background)

    def weak(self, ranked: Ranked) -> NDArray[np.bool_]:
        """Whether each photo is weak [N]: improbable, and nothing in its names speaks for it."""
        weak: NDArray[np.bool_] = (self.chances(ranked) < self.fit.weak_below) & ~ranked.is_named
        return weak

    def nothing_fits(self, ranked: Ranked, results: Sequence[SearchResult]) -> bool:
        """Whether all ranked photos are weak; of vectors alone only the results are known."""
        if not results or not all(result.weak for result in results):
            return False
        if ranked.likelihoods is None:
            return True
        return bool(self.weak(ranked).all())


def make_answer(
    database: Database,
    fit: FitWeights,
    question: Question,
    ranked: Ranked,
    page: Ranked,
    started: float,
) -> SearchAnswer:
    """The answer to a question that was asked at `started`, by time.perf_counter.

    `page`: those of the ranked photos that are shown. Raises DatabaseUnavailable.
    """
    judge = Judge(fit, question.background)
    results = tuple(_results(database, question, page, judge))
    others = question.modifiers.other_texts if question.modifiers else ()
    parsed = (question.parsed, *others)
    return SearchAnswer(
        query=question.request.query,
        unknown_words=tuple(dict.fromkeys(word for each in parsed for word in each.unknown)),
        nearest_words={word: near for each in parsed for word, near in each.nearest.items()},
        took_ms=round(1000 * (time.perf_counter() - started), 1),
        candidates=len(ranked),
        nothing_fits=judge.nothing_fits(ranked, results),
        results=results,
    )


def _results(
    database: Database, question: Question, page: Ranked, judge: Judge
) -> Iterator[SearchResult]:
    """The photos of a page; those that were removed or damaged meanwhile are left out."""
    ids, tokens = page.found.ids.tolist(), dict.fromkeys(question.parsed.tokens)
    with database.read() as session:
        views = view_photos(session, ids)
        matched = matched_words(session, question.parsed, list(views))
    chances, weak = judge.chances(page).tolist(), judge.weak(page).tolist()
    said = _said(page.likelihoods, len(ids), question.request.explain)
    for row, (key, (log_likelihood, evidence, words)) in enumerate(zip(ids, said, strict=True)):
        if key not in views or not views[key].captions:
            continue
        path, caption = _shown(views[key])
        named = page.hits.names(key)
        yield SearchResult(
            photo_id=key,
            path=path,
            caption=caption,
            score=float(page.score[row]),
            log_likelihood=log_likelihood,
            evidence=evidence,
            similarity=float(page.similarity[row]),
            words=words,
            matched=tuple(word for word in tokens if word in {*matched.get(key, ()), *named}),
            named=named,
            probability=chances[row],
            weak=weak[row],
        )


def _said(
    likelihoods: Likelihoods | None, count: int, explain: bool
) -> list[tuple[float, float, tuple[WordGain, ...]]]:
    """Log-likelihood, evidence and words of each photo; nothing where no word is known."""
    if likelihoods is None:
        return [(0.0, 0.0, ())] * count
    of_row = (lambda row: word_maps(likelihoods, row)) if explain else likelihoods.gains
    words = [of_row(row) for row in range(count)]
    scores = likelihoods.log_likelihood.tolist(), likelihoods.evidence.tolist()
    return list(zip(*scores, words, strict=True))


def similar_photos(
    database: Database, ids: NDArray[np.int64], similarities: NDArray[np.float32]
) -> tuple[SimilarPhoto, ...]:
    """Photos [N] near another one, in the order given; those that were removed are left out.

    Raises DatabaseUnavailable.
    """
    with database.read() as session:
        views = view_photos(session, [key for key in ids.tolist() if key >= 0])
    return tuple(
        SimilarPhoto(key, *_shown(views[key]), similarity)
        for key, similarity in zip(ids.tolist(), similarities.tolist(), strict=True)
        if key in views and views[key].captions
    )


def _shown(view: PhotoView) -> tuple[str, str]:
    """A photo's path and best caption, as text."""
    return show_path(os.fsencode(view.full_path)), view.captions[0][0] if view.captions else ""
