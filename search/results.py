"""Search answers: ranked photos with their paths, captions and words, and whether they convince."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from captioner.captioner import FitWeights
from catalog.database import Database
from catalog.paths import show_path
from catalog.views import PhotoView, view_photos
from search.calibration import Background
from search.explain import word_maps
from search.lexical import matched_words
from search.limits import MAX_CANDIDATES
from search.order import SearchOrder
from search.parsed_query import ParsedQuery
from search.pipeline import Question
from search.rerank import Likelihoods, Ranked, WordGain

# So many weak photos in a row are where an order stops being convincing.
_RUN = 3
# Among so many photos that place is looked for.
_JUDGED = 1000
# Of a field that no JSON has.
_UNSAID = {"json": False}


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
class SearchAnswer:
    """Results, best first. `nearest_words` says which known word stood in for an unknown one.

    `candidates`: how many photos the captioner chose among. `nothing_fits`: all of these are weak.
    `above`: how many of the results come before the line where the order stops being convincing,
    which is the same whatever page is asked for. `more`: a next page can be asked for.
    """

    query: str
    unknown_words: tuple[str, ...]
    nearest_words: dict[str, str]
    took_ms: float
    candidates: int
    nothing_fits: bool
    results: tuple[SearchResult, ...]
    above: int = field(metadata=_UNSAID)
    more: bool = field(metadata=_UNSAID)

    def to_json(self) -> dict[str, object]:
        """The `search --json` object."""
        said = {each.name for each in fields(self) if each.metadata != _UNSAID}
        return {name: value for name, value in asdict(self).items() if name in said}


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
    parsed: ParsedQuery
    background: Background

    def chances(self, ranked: Ranked) -> NDArray[np.float32]:
        """The probability that each photo fits: [N]."""
        return ranked.probability(self.fit, self.background)

    def is_weak(self, chance: float, matched: Sequence[str] = ()) -> bool:
        """Whether a photo of this probability, with these of the query's words, is weak.

        An unknown word in the path speaks for a photo that the captioner cannot judge.
        """
        named = not set(self.parsed.unknown).isdisjoint(matched)
        return chance < self.fit.weak_below and not named

    def weak(self, session: Session, ranked: Ranked) -> list[bool]:
        """Which of N photos are weak."""
        ids = ranked.found.ids.tolist()
        # What is read of each photo for this is a good part of a search's time.
        matched = matched_words(session, self.parsed, ids) if self.parsed.unknown else {}
        chances = self.chances(ranked).tolist()
        pairs = zip(ids, chances, strict=True)
        return [self.is_weak(chance, matched.get(key, ())) for key, chance in pairs]


def make_answer(
    database: Database, fit: FitWeights, question: Question, order: SearchOrder, started: float
) -> SearchAnswer:
    """The answer to a question that was asked at `started`, by time.perf_counter.

    Raises DatabaseUnavailable.
    """
    judge, start = Judge(fit, question.parsed, question.background), question.request.offset
    stop = start + question.request.k
    results = tuple(_results(database, question, order.page(start, stop), judge))
    others = question.modifiers.other_texts if question.modifiers else ()
    parsed = (question.parsed, *others)
    with database.read() as session:
        line = find_line(order, stop, partial(judge.weak, session))
        nothing_fits = bool(results) and all(judge.weak(session, order.candidates))
    return SearchAnswer(
        query=question.request.query,
        unknown_words=tuple(dict.fromkeys(word for each in parsed for word in each.unknown)),
        nearest_words={word: near for each in parsed for word, near in each.nearest.items()},
        took_ms=round(1000 * (time.perf_counter() - started), 1),
        candidates=len(order.candidates),
        nothing_fits=nothing_fits,
        results=results,
        above=min(max(line - start, 0), len(results)),
        more=stop <= MAX_CANDIDATES and order.reaches(stop),
    )


def find_line(order: SearchOrder, stop: int, judge: Callable[[Ranked], Sequence[bool]]) -> int:
    """The place where photos stop being convincing, as far as places before `stop` are concerned.

    It is that of the first weak photo of the first _RUN in a row, which may be cut short by the
    end of all. `judge` says which photos are weak. Beyond the first _JUDGED photos it is looked
    for no more, so that a page far down does not cost all those before it.
    """
    weak: list[bool] = []
    for page in order.pages(min(stop + _RUN - 1, _JUDGED)):
        weak += judge(page)
        line = first_run(weak)
        if line <= len(weak) - _RUN:
            return line
    return stop if order.reaches(len(weak)) else first_run(weak)


def first_run(weak: Sequence[bool]) -> int:
    """Where the first run of weak results begins; one that the end cuts short counts as one."""
    for start in range(len(weak)):
        if all(weak[start : start + _RUN]):
            return start
    return len(weak)


def _results(
    database: Database, question: Question, page: Ranked, judge: Judge
) -> Iterator[SearchResult]:
    """The photos of a page; those that were removed or damaged meanwhile are left out."""
    ids = page.found.ids.tolist()
    with database.read() as session:
        views = view_photos(session, ids)
        matched = matched_words(session, question.parsed, list(views))
        weak = judge.weak(session, page)
    chances = judge.chances(page).tolist()
    said = _said(page.likelihoods, len(ids), question.request.explain)
    for row, (key, (log_likelihood, evidence, words)) in enumerate(zip(ids, said, strict=True)):
        if key not in views or not views[key].captions:
            continue
        path, caption = _shown(views[key])
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
