"""Photos in the shape of an answer, and which of them are too weak to convince.

Knows nothing of how they were found, nor of SQL or FAISS.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import FitWeights
from catalog.paths import show_path
from catalog.views import PhotoView
from search.calibration import Background
from search.explain import word_maps
from search.parsed_query import Reading
from search.rerank import Likelihoods, Ranked, WordGain


@dataclass(frozen=True)
class Judge:
    """Says how probable it is that photos fit a query, and which of them are weak."""

    fit: FitWeights
    reading: Reading
    background: Background

    def chances(self, ranked: Ranked) -> NDArray[np.float32]:
        """The probability that each photo fits: [N]."""
        return ranked.probability(self.fit, self.background)

    def is_weak(self, chance: float, matched: Sequence[str] = ()) -> bool:
        """Whether a photo of this probability, with these of the query's words, is weak.

        An unknown word in the path speaks for a photo that the captioner cannot judge.
        """
        named = not set(self.reading.unknown).isdisjoint(matched)
        return chance < self.fit.weak_below and not named

    def nothing_fits(self, ranked: Ranked, results: Sequence[SearchResult]) -> bool:
        """Whether all ranked photos are weak; of vectors alone only the results are known."""
        if not results or not all(result.weak for result in results):
            return False
        if ranked.likelihoods is None:
            return True
        return not (self.chances(ranked) >= self.fit.weak_below).any()


def make_results(
    page: Ranked,
    judge: Judge,
    views: Mapping[int, PhotoView],
    matched: Mapping[int, tuple[str, ...]],
    explain: bool,
) -> Iterator[SearchResult]:
    """A page's photos as results; those that have no view any more are left out.

    `matched`: by photo id, see SearchResult. With `explain` words say where they were looked for.
    """
    chances = judge.chances(page).tolist()
    for row, key in enumerate(page.found.ids.tolist()):
        if key not in views:
            continue
        path, caption = _shown(views[key])
        log_likelihood, evidence, words = _said(page.likelihoods, row, explain)
        yield SearchResult(
            photo_id=key,
            path=path,
            caption=caption,
            score=float(page.score[row]),
            log_likelihood=log_likelihood,
            evidence=evidence,
            similarity=float(page.similarity[row]),
            words=words,
            matched=matched.get(key, ()),
            probability=chances[row],
            weak=judge.is_weak(chances[row], matched.get(key, ())),
        )


def make_similar(
    ids: Sequence[int], similarities: Sequence[float], views: Mapping[int, PhotoView]
) -> tuple[SimilarPhoto, ...]:
    """Photos near another one, in the order given; those that have no view are left out."""
    return tuple(
        SimilarPhoto(key, *_shown(views[key]), similarity)
        for key, similarity in zip(ids, similarities, strict=True)
        if key in views
    )


def _said(
    likelihoods: Likelihoods | None, row: int, explain: bool
) -> tuple[float, float, tuple[WordGain, ...]]:
    """Log-likelihood, evidence and words of one photo; nothing where no word is known."""
    if likelihoods is None:
        return 0.0, 0.0, ()
    words = word_maps(likelihoods, row) if explain else likelihoods.gains(row)
    return float(likelihoods.log_likelihood[row]), float(likelihoods.evidence[row]), words


def _shown(view: PhotoView) -> tuple[str, str]:
    """A photo's path and best caption, as text."""
    return show_path(os.fsencode(view.full_path)), view.captions[0][0] if view.captions else ""


@dataclass(frozen=True)
class SearchResult:
    """One photo of an answer; log-likelihood and evidence in nats, similarity in -1..1.

    `matched`: the query's words that stand in the photo's path or captions. `probability`: that
    the photo fits the plain query, 0 to 1, see search.calibration. `weak`: too improbable to
    convince.
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
    probability: float
    weak: bool


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
        """The `search --json` object."""
        return asdict(self)
