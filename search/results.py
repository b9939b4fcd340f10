"""Search answers: ranked photos with their paths, captions and words."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import CaptionFit, Ranking
from captioner.scores import Occlusion
from catalog.paths import show_path
from catalog.views import PhotoSource, PhotoView
from search.calibration import caption_probability
from search.explain import word_maps
from search.lexical import matched_words
from search.limits import MAX_CANDIDATES
from search.order import SearchOrder
from search.pipeline import Question
from search.reasons import reasons_of
from search.rerank import Likelihoods, Ranked, WordGain
from search.weak_results import Judge, Verdict

# Of a field that no JSON has.
_UNSAID = {"json": False}


@dataclass(frozen=True)
class SearchResult:
    """One photo of an answer; log-likelihood and evidence in nats, similarity in -1..1.

    `caption_probability`: that the caption is right. `matched`: the query's words that stand in the
    photo's path or captions, or in what people wrote. `named`: those of them that lift it, see
    search.lexical. `reasons`: what lifts it, see search.reasons. `probability`: that the photo fits
    the plain query, 0 to 1, see search.calibration. `weak`: too improbable to convince, and not
    named. `image_similarity`: by the home's image embedder, standardised over the collection; None
    where it has none.
    """

    photo_id: int
    path: str
    caption: str
    caption_probability: float
    score: float
    log_likelihood: float
    evidence: float
    similarity: float
    words: tuple[WordGain, ...]
    matched: tuple[str, ...]
    named: tuple[str, ...] = field(metadata=_UNSAID)
    reasons: Mapping[str, tuple[str, ...]] = field(metadata=_UNSAID)
    probability: float
    weak: bool
    image_similarity: float | None = None

    def to_json(self) -> dict[str, object]:
        """As it stands in the `search --json` object; `named` and `reasons` are for people.

        `image_similarity` is said only where there is one.
        """
        told = _fields_of(self)
        told["words"] = tuple({**vars(word)} for word in self.words)
        if self.image_similarity is None:
            del told["image_similarity"]
        return told


@dataclass(frozen=True)
class SearchAnswer:
    """Results, best first. `nearest_words` says which known word stood in for an unknown one.

    `did_you_mean`: the query in another spelling, None where nothing in it seems misspelled.
    `not_english`: it seems to be in another language, and no photo is named by a word of it.
    `candidates`: how many photos the captioner chose among. `nothing_fits`: all of these are weak.
    `above`: how many of the results come before the line where the order stops being convincing,
    which is the same whatever page is asked for. `more`: a next page can be asked for.
    """

    query: str
    unknown_words: tuple[str, ...]
    nearest_words: dict[str, str]
    did_you_mean: str | None
    not_english: bool
    took_ms: float
    candidates: int
    nothing_fits: bool
    results: tuple[SearchResult, ...]
    above: int = field(metadata=_UNSAID)
    more: bool = field(metadata=_UNSAID)

    def to_json(self) -> dict[str, object]:
        """The `search --json` object."""
        told = _fields_of(self)
        told["nearest_words"] = dict(self.nearest_words)
        told["results"] = tuple(each.to_json() for each in self.results)
        return told


@dataclass(frozen=True)
class SimilarPhoto:
    """A photo near another one; similarity is a cosine."""

    photo_id: int
    path: str
    caption: str
    caption_probability: float
    similarity: float

    def to_json(self) -> dict[str, object]:
        """As the JSON API answers."""
        return asdict(self)


def _fields_of(told: SearchAnswer | SearchResult) -> dict[str, object]:
    """The fields that JSON has, as they are: dataclasses.asdict would copy all that is in them."""
    said = (each.name for each in fields(told) if each.metadata != _UNSAID)
    return {name: getattr(told, name) for name in said}


def make_answer(
    source: PhotoSource,
    ranking: Ranking,
    question: Question,
    order: SearchOrder,
    page: Ranked,
    hidden: Mapping[int, Occlusion] | None,
    meant: str | None,
    started: float,
) -> SearchAnswer:
    """The answer to a question that was asked at `started`, by time.perf_counter.

    `page`: the photos of the order that are shown; `hidden`: where their words are seen, None
    where that was not asked; `meant`: the query with other spelling. Raises DatabaseUnavailable.
    """
    start, stop = question.request.offset, question.request.offset + question.request.k
    verdict = Judge(ranking.fit, question.background).page(order, page, stop)
    results = tuple(_results(source, ranking.caption_fit, question, page, verdict, hidden))
    others = question.modifiers.other_texts if question.modifiers else ()
    parsed = (question.parsed, *others)
    return SearchAnswer(
        query=question.request.query,
        unknown_words=tuple(dict.fromkeys(word for each in parsed for word in each.unknown)),
        nearest_words={word: near for each in parsed for word, near in each.nearest.items()},
        did_you_mean=meant,
        not_english=question.parsed.not_english and order.candidates.hits.are_lost,
        took_ms=round(1000 * (time.perf_counter() - started), 1),
        candidates=len(order.candidates),
        nothing_fits=bool(results) and verdict.all_weak,
        results=results,
        above=min(max(verdict.line - start, 0), len(results)),
        more=stop <= MAX_CANDIDATES and verdict.more,
    )


def _results(
    source: PhotoSource,
    caption_fit: CaptionFit,
    question: Question,
    page: Ranked,
    verdict: Verdict,
    hidden: Mapping[int, Occlusion] | None,
) -> Iterator[SearchResult]:
    """The photos of a page; those that were removed or damaged meanwhile are left out."""
    ids, tokens = page.found.ids.tolist(), dict.fromkeys(question.parsed.tokens)
    names = {key: page.hits.names(key) for key in ids}
    with source.database.read() as session:
        views = source.view(session, ids)
        matched = matched_words(session, question.parsed, list(views))
    chances, weak = verdict.probability.tolist(), verdict.weak.tolist()
    said, images = _said(page.likelihoods, ids, hidden), page.found.image
    for row, (key, (log_likelihood, evidence, words)) in enumerate(zip(ids, said, strict=True)):
        if key not in views or not views[key].captions:
            continue
        path, caption = _shown(views[key])
        named = names[key]
        yield SearchResult(
            photo_id=key,
            path=path,
            caption=caption,
            caption_probability=caption_probability(caption_fit, views[key].captions),
            score=float(page.score[row]),
            log_likelihood=log_likelihood,
            evidence=evidence,
            similarity=float(page.similarity[row]),
            words=words,
            matched=_matched(tokens, {*matched.get(key, ())}, named),
            named=named,
            reasons=reasons_of(named, page.hits.tags(key), views[key]),
            probability=chances[row],
            weak=weak[row],
            image_similarity=None if images is None else float(images[row]),
        )


def _matched(tokens: Iterable[str], held: Set[str], named: Sequence[str]) -> tuple[str, ...]:
    """The query's words that a photo holds or is named by; names within one come after them."""
    words = [word for word in tokens if word in held or word in named]
    return tuple(dict.fromkeys([*words, *named]))


def _said(
    likelihoods: Likelihoods | None, ids: Sequence[int], hidden: Mapping[int, Occlusion] | None
) -> list[tuple[float, float, tuple[WordGain, ...]]]:
    """Log-likelihood, evidence and words of each photo; nothing where no word is known."""
    if likelihoods is None:
        return [(0.0, 0.0, ())] * len(ids)
    words = [likelihoods.gains(row) for row in range(len(ids))]
    if hidden is not None:
        words = [
            word_maps(gains, hidden[key], 0) if key in hidden else gains
            for key, gains in zip(ids, words, strict=True)
        ]
    scores = likelihoods.log_likelihood.tolist(), likelihoods.evidence.tolist()
    return list(zip(*scores, words, strict=True))


def similar_photos(
    source: PhotoSource,
    caption_fit: CaptionFit,
    ids: NDArray[np.int64],
    similarities: NDArray[np.float32],
) -> tuple[SimilarPhoto, ...]:
    """Photos [N] near another one, in the order given; those that were removed are left out.

    Raises DatabaseUnavailable.
    """
    with source.database.read() as session:
        views = source.view(session, [key for key in ids.tolist() if key >= 0])
    return tuple(
        SimilarPhoto(
            key,
            *_shown(views[key]),
            caption_probability(caption_fit, views[key].captions),
            similarity,
        )
        for key, similarity in zip(ids.tolist(), similarities.tolist(), strict=True)
        if key in views and views[key].captions
    )


def _shown(view: PhotoView) -> tuple[str, str]:
    """A photo's path and best caption, as text."""
    return show_path(os.fsencode(view.full_path)), view.captions[0][0] if view.captions else ""
