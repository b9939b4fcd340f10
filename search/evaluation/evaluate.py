"""Evaluation on a test set: recall both ways, with every caption a query, and caption scores.

What probabilities claim of the first results is held against whether these photos show all that
the query names, as their own captions tell.

The engine's own ranker is asked, but spared what was measured before: a query is read once, and
its likelihoods on all photos are also those of its candidates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Ranking
from captioner.dataset import CaptionedPhoto
from captioner.metrics import CaptionScores, Recall, recall_at_k, recall_of_ranks, score_captions
from captioner.vocabulary import tokenise
from catalog.views import PhotoView
from search.engine import SearchEngine, UnknownPhoto
from search.evaluation.measurements import (
    Measurements,
    Query,
    all_combined_scores,
    all_likelihood_scores,
    put_together,
    sample_queries,
)
from search.evaluation.noun_queries import shows_all_things
from search.evaluation.reliability import Reliability, claims_of_first, reliability
from search.evaluation.worlds import World, own_photos
from search.limits import COMBINED, LIKELIHOOD, MAX_QUERY_LENGTH, RETRIEVE
from search.photo_scores import Measured
from search.pipeline import Question, Ranker
from search.request import SearchRequest
from search.rerank import Ranked

if TYPE_CHECKING:
    from search.evaluation.short_report import ShortReport

__all__ = ["Evaluation", "collect", "evaluate", "sample_queries"]

Ids = NDArray[np.int64]
Advance = Callable[[int], None]

# The stages whose candidates the first stage proposes.
_TWO_STAGE = (RETRIEVE, COMBINED)
# Captions that are read together: the vectors of their words are 10 MB.
_READ_TOGETHER = 256


@dataclass(frozen=True)
class Evaluation:
    """The `evaluate --json` object."""

    photos: int
    queries: int
    text_to_image: dict[str, Recall]
    image_to_text: Recall
    captions: CaptionScores
    reliability: Reliability | None  # None: captions tell of no query's things
    seconds: float
    short: ShortReport | None = None  # None: not asked for
    image_embedder: str | None = None  # the name of one that took part

    def to_json(self) -> dict[str, object]:
        """That object; see Recall and CaptionScores for what is in it."""
        short = {"short": self.short.to_json()} if self.short else {}
        beside = {"image_embedder": self.image_embedder} if self.image_embedder else {}
        return {
            "photos": self.photos,
            "queries": self.queries,
            "text_to_image": {
                name: recall.to_json() for name, recall in self.text_to_image.items()
            },
            "image_to_text": self.image_to_text.to_json(),
            "captions": self.captions.to_json(),
            "reliability": asdict(self.reliability) if self.reliability else None,
            "seconds": round(self.seconds, 1),
            **beside,
            **short,
        }


def collect(
    engine: SearchEngine, ids: Ids, queries: Sequence[Query], advance: Advance
) -> Measurements:
    """Measure every query on the photos `ids` [N], whose rows the queries' owners name.

    `advance` is told of each query. Raises UnknownPhoto, and InvalidQuery for a caption without
    words.
    """
    questions = _questions(engine, queries)
    return put_together(queries, list(_measure(engine, ids, questions, advance)))


def evaluate(
    engine: SearchEngine,
    photos: Sequence[CaptionedPhoto],
    views: Sequence[PhotoView],
    queries: Sequence[Query],
    advance: Advance,
    measured: Measurements | None = None,
) -> Evaluation:
    """Recall both ways and caption scores; views[i] is the indexed photos[i].

    `measured` spares the slowest part where the same queries were measured already. `advance` is
    told of each query that is measured, and once more when it is ranked. Raises as `collect`.
    """
    started = time.perf_counter()
    ids = np.array([view.photo_id for view in views])
    questions = _questions(engine, queries)
    known = measured.rows() if measured else _measure(engine, ids, questions, advance)
    owners = ids[[query.owner for query in queries]].tolist()
    placing = Placing(_ranker(engine, ids), ids)
    rows, places = zip(*_place_each(placing, questions, known, owners, advance), strict=True)
    measured = measured or put_together(queries, rows)
    ranking = engine.captioner.provenance.ranking
    return Evaluation(
        photos=len(photos),
        queries=len(queries),
        text_to_image=_text_to_image(ranking, measured, np.array(places)),
        image_to_text=image_to_text(ranking, measured),
        captions=caption_scores(photos, views),
        reliability=_reliability(ranking, as_world(measured, queries, photos)),
        seconds=time.perf_counter() - started,
        image_embedder=engine.image_embedder.name if engine.image_embedder else None,
    )


def _questions(engine: SearchEngine, queries: Sequence[Query]) -> list[Question]:
    """Each caption as a question, cut where a query may be no longer."""
    requests = [SearchRequest(query.text[:MAX_QUERY_LENGTH]) for query in queries]
    parts = (
        requests[start : start + _READ_TOGETHER]
        for start in range(0, len(requests), _READ_TOGETHER)
    )
    return [question for part in parts for question in engine.read_plain(part)]


def _measure(
    engine: SearchEngine, ids: Ids, questions: Sequence[Question], advance: Advance
) -> Iterator[Measured]:
    """Each question on the photos [N], whose states are looked up once."""
    survey = engine.survey(ids)
    for question in questions:
        measured = survey.measure(question.parsed, question.vector, question.image)
        advance(1)
        yield measured


def _place_each(
    placing: Placing,
    questions: Sequence[Question],
    known: Iterable[Measured],
    owners: Sequence[int],
    advance: Advance,
) -> Iterator[tuple[Measured, tuple[int, ...]]]:
    """What was measured of each question, and where each stage puts the photo that owns it."""
    for question, measured, owner in zip(questions, known, owners, strict=True):
        asked = (question.in_stage(stage) for stage in _TWO_STAGE)
        yield measured, tuple(placing.place(each, measured, owner) for each in asked)
        advance(1)


@dataclass(frozen=True)
class Placing:
    """Where the engine's ranker puts a photo, for sentences measured on N photos before."""

    ranker: Ranker
    ids: NDArray[np.int64]  # [N]

    def place(self, question: Question, measured: Measured, photo_id: int) -> int:
        """A photo's place among the candidates, from 1; N where it is none of them."""
        place = self._rank(question, measured).place(photo_id)
        return len(self.ids) if place is None else place

    def _rank(self, question: Question, measured: Measured) -> Ranked:
        found, hits = self.ranker.propose(question)
        rows = self._rows(found.ids)
        if rows is None:  # photos that nothing was measured on are in the collection, too
            return self.ranker.rank(question)
        said = measured.log_likelihood[rows] if measured.background.words else None
        detected = None if measured.detected is None else measured.detected[rows]
        scored = self.ranker.score(question, found, measured.bias[rows], said, detected)
        return self.ranker.put_in_order(question, scored, hits)

    def _rows(self, ids: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Where among the N photos the given ones are; None where one of them is not."""
        order = np.argsort(self.ids)
        places = np.searchsorted(self.ids, ids, sorter=order).clip(max=len(order) - 1)
        rows: NDArray[np.int64] = order[places]
        return rows if np.array_equal(self.ids[rows], ids) else None


def _ranker(engine: SearchEngine, ids: Ids) -> Ranker:
    ranker = engine.ranker()
    if ranker is None:
        raise UnknownPhoto(int(ids[0]))
    return ranker


def as_world(
    measured: Measurements, queries: Sequence[Query], photos: Sequence[CaptionedPhoto]
) -> World:
    """Captions as queries; certainty is of whether a photo shows all that they name."""
    return own_photos(measured, shows_all_things([query.text for query in queries], photos))


def _reliability(ranking: Ranking, world: World) -> Reliability | None:
    """How true the probabilities of the first results are; None where captions tell of no query."""
    if world.shows is None:
        return None
    scores = all_combined_scores(ranking, world.measured)
    return reliability(*claims_of_first(world, scores, ranking))


def _text_to_image(
    ranking: Ranking, measured: Measurements, places: NDArray[np.int64]
) -> dict[str, Recall]:
    """Recall of each stage, from the places [Q,S] that the first two gave and from all scores."""
    recalls = {stage: recall_of_ranks(own) for stage, own in zip(_TWO_STAGE, places.T, strict=True)}
    recalls[LIKELIHOOD] = recall_at_k(all_likelihood_scores(ranking, measured), measured.owners)
    return recalls


def image_to_text(ranking: Ranking, measured: Measurements) -> Recall:
    """Each photo ranks all query sentences; the best of its own counts.

    The likelihood is replaced by the evidence, which takes off how common a sentence is.
    """
    scores = (
        ranking.log_likelihood * measured.evidence
        + ranking.visual * measured.visual
        + ranking.caption * measured.caption
    )  # [Q,N]
    if measured.detected is not None:
        scores = scores + ranking.detected * measured.detected
    ranks = []
    for photo in np.unique(measured.owners):
        own = scores[measured.owners == photo, photo].max()
        ranks.append(int((scores[:, photo] >= own).sum()))
    return recall_of_ranks(np.array(ranks))


def caption_scores(photos: Sequence[CaptionedPhoto], views: Sequence[PhotoView]) -> CaptionScores:
    """Each photo's best generated caption against its own captions."""
    return score_captions(
        [tokenise(view.captions[0][0]) for view in views],
        [[tokenise(text) for text in photo.captions] for photo in photos],
    )
