"""Diagnosis of one photo for a sentence: its rank, and what would bring it to the front."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from catalog.views import PhotoView
from search.calibration import Signs, fit_probability
from search.engine import SearchEngine
from search.explain import Explanation, explain
from search.limits import DEFAULT_CANDIDATES, MAX_CANDIDATES, RETRIEVE
from search.pipeline import Question
from search.request import SearchRequest, check_text
from search.rerank import Ranked, combined_scores
from search.retrieval import Candidates
from search.weak_results import Judge


@dataclass(frozen=True)
class Standing:
    """A photo's place among the photos that a plain search for a sentence considers.

    `rank`: from 1; None where the first stage did not propose it. Then `proposed` is its rank in
    the first stage, None beyond MAX_CANDIDATES, and `deserved` the rank that its score would have
    had, None where the captioner knows no word. `weak`: shown among the photos that fit badly.
    """

    sentence: str
    considered: int
    rank: int | None
    weak: bool = False
    proposed: int | None = None
    deserved: int | None = None


@dataclass(frozen=True)
class Missing:
    """Why a sentence does not find a photo, or how well it does.

    `costliest`: the standing without the costliest word, None where that word speaks for the
    photo or nothing would be left. `caption`: the standing for that of the photo's captions
    which is nearest in meaning, None where it has none.
    """

    explanation: Explanation
    standing: Standing
    costliest: Standing | None
    caption: Standing | None


def photo_beside(
    engine: SearchEngine, request: SearchRequest, photo_id: int, step: int
) -> tuple[int, int] | None:
    """The photo so many places behind a photo in a search's order, and its place from 0.

    None past either end, and where the photo is neither on the page asked for nor a candidate.
    Raises DatabaseUnavailable.
    """
    order = engine.order(engine.read(request))
    start = max(request.offset - 1, 0)
    page = order.page(start, request.offset + request.k + 1)
    places = dict(enumerate(page.found.ids.tolist(), start))
    if photo_id not in places.values():
        places.update(enumerate(order.candidates.whole.found.ids.tolist()))
    own = next((place for place, other in places.items() if other == photo_id), None)
    if own is None or own + step not in places:
        return None
    return places[own + step], own + step


def missing(
    engine: SearchEngine, sentence: str, photo: PhotoView, candidates: int = DEFAULT_CANDIDATES
) -> Missing:
    """Why a photo is not found by a sentence; weights are ignored.

    Raises InvalidQuery, DatabaseUnavailable, and UnknownPhoto where this captioner has not seen
    the photo.
    """
    state = engine.state(photo.photo_id)
    told = explain(engine.captioner, engine.embedder, sentence, state)
    costliest = told.costliest
    caption = _nearest_caption(engine, sentence, photo)
    return Missing(
        told,
        stand(engine, sentence, photo.photo_id, candidates),
        stand(engine, costliest.without, photo.photo_id, candidates)
        if costliest and costliest.gain < 0
        else None,
        stand(engine, caption, photo.photo_id, candidates) if caption else None,
    )


def probability(engine: SearchEngine, sentence: str, photo_id: int) -> float:
    """How probable it is that a photo fits a sentence without its weights, 0 to 1.

    The same as in a SearchResult. Raises UnknownPhoto where this captioner has not seen the photo.
    """
    found = engine.measure(sentence, np.array([photo_id]))
    signs = Signs(
        found.evidence,
        found.visual,
        found.caption,
        [found.background],
        found.image,
        detected=found.detected,
    )
    ranking = engine.captioner.provenance.ranking.for_words(found.background.words)
    return float(fit_probability(ranking.fit, signs)[0])


def stand(
    engine: SearchEngine, sentence: str, photo_id: int, candidates: int = DEFAULT_CANDIDATES
) -> Standing:
    """A photo's place for a sentence without its weights, among the first stage's candidates.

    Raises InvalidQuery, DatabaseUnavailable, and UnknownPhoto where this captioner has not seen
    the photo.
    """
    request = SearchRequest(check_text("q", sentence), k=1, candidates=candidates)
    [question] = engine.read_plain([request])
    ranked = engine.rank(question)
    place = ranked.place(photo_id)
    if place is not None:
        weak = _is_weak(engine, ranked, question, place)
        return Standing(sentence, len(ranked), place, weak=weak)
    return Standing(
        sentence,
        len(ranked),
        None,
        proposed=_proposed(engine, question, photo_id),
        deserved=_deserved(engine, ranked, question, photo_id),
    )


def _is_weak(engine: SearchEngine, ranked: Ranked, question: Question, place: int) -> bool:
    fit = engine.captioner.provenance.ranking.for_words(len(question.parsed.words)).fit
    judge = Judge(fit, question.background)
    return bool(judge.weak(ranked.take(np.array([place - 1])))[0])


def _proposed(engine: SearchEngine, question: Question, photo_id: int) -> int | None:
    """The photo's rank in the first stage, None where it is too far down to be looked for."""
    wide = replace(question.request, stage=RETRIEVE, candidates=MAX_CANDIDATES)
    return engine.rank(replace(question, request=wide)).place(photo_id)


def _deserved(
    engine: SearchEngine, ranked: Ranked, question: Question, photo_id: int
) -> int | None:
    """The rank that the photo's score would have among photos that were ranked without it."""
    if not len(ranked) or not question.parsed.words:
        return None
    ids = np.array([photo_id])
    found = engine.survey(ids).measure(question.parsed, question.vector, question.image)
    score = combined_scores(
        engine.captioner.provenance.ranking.for_words(len(question.parsed.words)),
        Candidates(ids, found.visual, found.caption, found.image),
        found.log_likelihood,
        found.bias,
        found.detected,
    )
    return int((ranked.score > score[0]).sum()) + 1


def _nearest_caption(engine: SearchEngine, sentence: str, photo: PhotoView) -> str | None:
    """That of a photo's captions which means most nearly what a sentence means."""
    texts = [text for text, _ in photo.captions if text.strip()]
    if not texts:
        return None
    meanings = engine.embedder.encode([sentence, *texts])
    return texts[int((meanings[1:] @ meanings[0]).argmax())]
