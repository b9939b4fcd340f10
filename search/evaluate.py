"""How well the product finds photos: every caption of a test set is a query.

Knows nothing of training; asks the same engine that people ask. `collect` also yields the
numbers that `fusion` fits its weights to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Ranking
from captioner.captionmetrics import CaptionScores, score_captions
from captioner.dataset import CaptionedPhoto
from captioner.metrics import Recall, recall_at_k, recall_of_ranks
from captioner.vocabulary import tokenise
from catalog.photos import PhotoView
from search.engine import SearchEngine
from search.query import MAX_QUERY_LENGTH, SearchRequest
from search.reading import read_query
from search.rerank import combined_scores, likelihood_scores
from search.retrieve import Candidates


@dataclass(frozen=True)
class Evaluation:
    """The `evaluate --json` object."""

    photos: int
    queries: int
    text_to_image: dict[str, Recall]
    image_to_text: Recall
    captions: CaptionScores
    seconds: float

    def to_json(self) -> dict[str, object]:
        return {
            "photos": self.photos,
            "queries": self.queries,
            "text_to_image": {
                name: recall.to_json() for name, recall in self.text_to_image.items()
            },
            "image_to_text": self.image_to_text.to_json(),
            "captions": self.captions.to_json(),
            "seconds": round(self.seconds, 1),
        }


@dataclass(frozen=True)
class Query:
    """A caption and the row of the photo that it belongs to."""

    text: str
    owner: int


@dataclass(frozen=True)
class Measurements:
    """What the model says of Q queries on N photos; each [Q,N] but `bias` [N]."""

    log_likelihood: NDArray[np.float32]
    evidence: NDArray[np.float32]
    visual: NDArray[np.float32]
    caption: NDArray[np.float32]
    bias: NDArray[np.float32]
    owners: NDArray[np.int64]  # [Q]
    words: NDArray[np.int64]  # [Q], words of each query that the captioner knows

    def candidates(self, row: int) -> Candidates:
        return Candidates(np.arange(len(self.bias)), self.visual[row], self.caption[row])


def sample_queries(
    photos: Sequence[CaptionedPhoto], count: int | None = None, seed: int = 0
) -> list[Query]:
    """All captions, or `count` of them drawn without replacement."""
    queries = [Query(text, row) for row, photo in enumerate(photos) for text in photo.captions]
    if count is None or count >= len(queries):
        return queries
    rows = np.random.default_rng(seed).choice(len(queries), count, replace=False)
    return [queries[row] for row in np.sort(rows)]


def collect(
    engine: SearchEngine,
    ids: NDArray[np.int64],
    queries: Sequence[Query],
    advance: Callable[[int], None],
) -> Measurements:
    """Measure every query on the photos `ids` [N], whose rows the queries' owners name."""
    rows = []
    for query in queries:
        rows.append(engine.measure(query.text, ids))
        advance(1)
    names = [field.name for field in fields(rows[0]) if field.name not in ("bias", "words")]
    stacked = {name: np.stack([getattr(row, name) for row in rows]) for name in names}
    owners = np.array([query.owner for query in queries])
    words = np.array([row.words for row in rows])
    return Measurements(**stacked, bias=rows[0].bias, owners=owners, words=words)


def evaluate(
    engine: SearchEngine,
    photos: Sequence[CaptionedPhoto],
    views: Sequence[PhotoView],
    queries: Sequence[Query],
    advance: Callable[[int], None],
    measured: Measurements | None = None,
) -> Evaluation:
    """Recall both ways and caption scores; views[i] is the indexed photos[i].

    `measured` spares the slowest part where the same queries were measured already.
    """
    started = time.perf_counter()
    ids = np.array([view.photo_id for view in views])
    ranks: dict[str, list[int]] = {"retrieve": [], "combined": []}
    for query in queries:
        for stage, found in ranks.items():
            found.append(_rank_in_answer(engine, query, ids, stage))
        advance(1)
    measured = measured or collect(engine, ids, queries, advance)
    ranking = engine.captioner.provenance.ranking
    recalls = {stage: recall_of_ranks(np.array(found)) for stage, found in ranks.items()}
    recalls["likelihood"] = recall_at_k(all_likelihood_scores(ranking, measured), measured.owners)
    return Evaluation(
        photos=len(photos),
        queries=len(queries),
        text_to_image=recalls,
        image_to_text=image_to_text(ranking, measured),
        captions=caption_scores(photos, views),
        seconds=time.perf_counter() - started,
    )


def _rank_in_answer(engine: SearchEngine, query: Query, ids: NDArray[np.int64], stage: str) -> int:
    """Place of the right photo among the candidates; after all photos if it is not there."""
    request = SearchRequest(query.text[:MAX_QUERY_LENGTH], stage=stage)
    ranked = engine.rank(request, read_query(request.query, engine.captioner, engine.embedder))
    places = np.flatnonzero(ranked.found.ids == ids[query.owner]) if ranked else np.array([])
    return int(places[0]) + 1 if len(places) else len(ids)


def all_likelihood_scores(ranking: Ranking, measured: Measurements) -> NDArray[np.float32]:
    """Likelihood alone, hubs corrected: [Q,N]."""
    return likelihood_scores(ranking, measured.log_likelihood, measured.bias)


def all_combined_scores(ranking: Ranking, measured: Measurements) -> NDArray[np.float32]:
    """Both stages together, every photo a candidate: [Q,N]."""
    return np.stack(
        [
            combined_scores(ranking, measured.candidates(row), likelihood, measured.bias)
            for row, likelihood in enumerate(measured.log_likelihood)
        ]
    )


def image_to_text(ranking: Ranking, measured: Measurements) -> Recall:
    """Each photo ranks all query sentences; the best of its own counts.

    The likelihood is replaced by the evidence, which takes off how common a sentence is.
    """
    scores = (
        ranking.log_likelihood * measured.evidence
        + ranking.visual * measured.visual
        + ranking.caption * measured.caption
    )  # [Q,N]
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
