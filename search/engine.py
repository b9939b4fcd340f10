"""The search engine: one captioner, one embedder and a catalog answer sentences.

Knows nothing of HTTP or terminals. Safe to use from several threads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from captioner.captioner import Captioner, PhotoState
from captioner.embedder import SentenceEmbedder
from catalog import registry
from catalog.answering import described, model_name
from catalog.counts import count_rows
from catalog.filters import passing_photos
from catalog.home import Home
from catalog.paths import show_path
from catalog.roots import list_roots
from catalog.session import Database
from catalog.vectors import VectorIndex
from catalog.views import PhotoView, view_photos
from search.contrast import WIDER, Contrast, read_contrast, scale_of
from search.lexical import WordHits, find_words, matched_words
from search.propose import propose
from search.query import (
    MAX_CANDIDATES,
    Reading,
    SearchAnswer,
    SearchRequest,
    SearchResult,
    SimilarPhoto,
    read_query,
)
from search.ranked import Ranked, judge, make_result, shown
from search.rerank import (
    Likelihoods,
    combined_scores,
    likelihood_scores,
    retrieval_scores,
    score_photos,
)
from search.retrieve import Candidates, Retriever
from search.states import StateCache
from search.workers import Workers


class UnknownPhoto(LookupError):
    """No photo has this id."""

    def __init__(self, photo_id: int) -> None:
        super().__init__(f"there is no photo {photo_id}")


@dataclass(frozen=True)
class RootStatus:
    """An indexed folder, how many photos it holds and whether it can be reached."""

    path: str
    photos: int
    online: bool


@dataclass(frozen=True)
class ModelStatus:
    """A captioner, how many photos it has described, and whether it answers searches."""

    name: str
    sha256: str
    photos: int
    answers: bool


@dataclass(frozen=True)
class Status:
    """What is indexed, and by which model; captions and vectors are those of the one that answers.

    `models`: all that were used here, oldest first.
    """

    photos: int
    captions: int
    failures: int
    model: str
    embedder: str
    vectors: int
    models: tuple[ModelStatus, ...]
    roots: tuple[RootStatus, ...]
    sqlite: str | None

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class _Collection:
    """What one captioner made of the photos."""

    retriever: Retriever
    states: StateCache


@dataclass(frozen=True)
class Measured:
    """One sentence on N photos: nats, cosines, and the photos' hub biases; all [N].

    `words` is the number of the sentence's words that the captioner knows.
    """

    log_likelihood: NDArray[np.float32]
    evidence: NDArray[np.float32]
    visual: NDArray[np.float32]
    caption: NDArray[np.float32]
    bias: NDArray[np.float32]
    words: int


class SearchEngine:
    """Answers sentences with photos."""

    def __init__(
        self, home: Home, database: Database, captioner: Captioner, embedder: SentenceEmbedder
    ) -> None:
        self._home, self._database = home, database
        self.captioner, self.embedder = captioner, embedder
        self._collection: _Collection | None = None
        self._lock = Lock()
        self.workers = Workers()  # for who has many threads that ask at once

    @property
    def home(self) -> Home:
        """Where everything it answers from lies."""
        return self._home

    @property
    def database(self) -> Database:
        """The database of the home."""
        return self._database

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Rank photos for a sentence; raises DatabaseUnavailable."""
        started = time.perf_counter()
        reading = read_query(request.text, self.captioner, self.embedder)
        contrast = read_contrast(request, reading, self.captioner, self.embedder)
        ranked = self.rank(request, reading, contrast)
        read = (reading, *(contrast.readings if contrast else ()))
        results = self._results(ranked, request, reading) if ranked else ()
        return SearchAnswer(
            query=request.query,
            unknown_words=tuple(dict.fromkeys(word for each in read for word in each.unknown)),
            nearest_words={word: near for each in read for word, near in each.nearest.items()},
            took_ms=round(1000 * (time.perf_counter() - started), 1),
            candidates=len(ranked.found) if ranked else 0,
            nothing_fits=self._nothing_fits(ranked, results, reading),
            results=results,
        )

    def rank(
        self, request: SearchRequest, reading: Reading, contrast: Contrast | None = None
    ) -> Ranked | None:
        """All candidates in order; None where this captioner has indexed nothing yet."""
        collection = self._open_collection()
        if collection is None:
            return None
        query = self._read(request.text, reading)
        # Likelihood ranks every photo, and vectors alone have no use for more: none is proposed.
        few = _candidate_count(request) if request.stage == "combined" else 0
        hits = find_words(self._database, request.text, reading, few)
        found = self._candidates(collection, request, query, hits, contrast)
        if not len(found):
            return None
        if request.stage == "retrieve":
            return self._rank_by_vectors(collection, found, contrast).lift(hits)
        ranked = self._rank_by_likelihood(collection, request, reading, found, contrast)
        return ranked.lift(hits)

    def measure(self, sentence: str, ids: NDArray[np.int64]) -> Measured:
        """What the model says of a sentence on given photos, in their order.

        Raises UnknownPhoto where one of them is not indexed by this captioner.
        """
        collection = self._open_collection()
        if collection is None:
            raise UnknownPhoto(int(ids[0]))
        reading = read_query(sentence, self.captioner, self.embedder)
        query = self._read(sentence, reading)
        visual, caption = (
            index.similarities(query, ids)
            for index in (collection.retriever.visual, collection.retriever.caption)
        )
        found, likelihoods, bias = self._score(
            collection, reading, Candidates(ids, visual, caption)
        )
        if len(found) < len(ids):
            raise UnknownPhoto(int(np.setdiff1d(ids, found.ids)[0]))
        silent = np.zeros(len(ids), np.float32)
        return Measured(
            log_likelihood=likelihoods.log_likelihood if likelihoods else silent,
            evidence=likelihoods.evidence if likelihoods else silent,
            visual=visual,
            caption=caption,
            bias=bias,
            words=len(reading.words),
        )

    def similar(self, state: PhotoState, k: int = 20) -> tuple[SimilarPhoto, ...]:
        """Photos whose visual vectors are nearest to one photo's state, best first."""
        collection = self._open_collection()
        if collection is None:
            return ()
        return self._nearest(collection, state.visual[0].float().cpu().numpy(), k)

    def similar_to(self, photo_id: int, k: int = 20) -> tuple[SimilarPhoto, ...]:
        """Other photos like a stored one, best first; raises UnknownPhoto."""
        photo, collection = self.photo(photo_id), self._open_collection()
        vector = collection.retriever.visual.stored(photo.photo_id) if collection else None
        if collection is None or vector is None:  # no photo of this captioner's
            return ()
        found = self._nearest(collection, vector, k + 1)
        return tuple(other for other in found if other.photo_id != photo_id)[:k]

    def _nearest(
        self, collection: _Collection, vector: NDArray[np.float32], k: int
    ) -> tuple[SimilarPhoto, ...]:
        """Photos by their visual vectors' cosine with a unit vector [E]."""
        found, similarities = collection.retriever.visual.search(vector[None], k)
        views = self.photos([key for key in found[0].tolist() if key >= 0])
        return tuple(
            SimilarPhoto(key, *shown(views[key]), similarity)
            for key, similarity in zip(found[0].tolist(), similarities[0].tolist(), strict=True)
            if key in views
        )

    def nearest(self, query: NDArray[np.float32], count: int) -> Candidates:
        """Photos whose vectors are nearest to a unit vector [E] of sentence space, best first."""
        collection = self._open_collection()
        if collection is None:
            nothing = np.empty(0, np.float32)
            return Candidates(nothing.astype(np.int64), nothing, nothing)
        return collection.retriever.nearest(query, count)

    def states(self, ids: Sequence[int]) -> PhotoState | None:
        """The stored states of photos; those that have none are left out, None for none."""
        collection = self._open_collection()
        return collection.states.load(ids)[1] if collection else None

    def sample(self, count: int) -> list[int]:
        """Ids of photos from all over the collection, at most `count`."""
        collection = self._open_collection()
        return collection.states.sample(count) if collection else []

    def state(self, photo_id: int) -> PhotoState:
        """One photo's stored state; raises UnknownPhoto where this captioner made none."""
        state = self.states([photo_id])
        if state is None:
            raise UnknownPhoto(photo_id)
        return state

    def rebuild(self) -> int:
        """Make the vector files anew from the database; returns how many vectors they hold."""
        collection = self._open_collection()
        if collection is None:
            return 0
        indexes = (collection.retriever.visual, collection.retriever.caption)
        for index in indexes:
            index.rebuild()
            index.save()
        return sum(index.count for index in indexes)

    def photos(self, ids: Sequence[int]) -> dict[int, PhotoView]:
        """Photos by id; ids that are gone are left out."""
        with self._database.read() as session:
            return view_photos(session, ids)

    def photo(self, photo_id: int) -> PhotoView:
        """One photo; raises UnknownPhoto."""
        views = self.photos([photo_id])
        if photo_id not in views:
            raise UnknownPhoto(photo_id)
        return views[photo_id]

    def thumbnail(self, photo: PhotoView) -> Path:
        """The file of a photo's thumbnail, which may be gone."""
        return self._home.thumbnail(photo.content_hash)

    def status(self) -> Status:
        """Counts of the catalog."""
        with self._database.read() as session:
            own = self._model_id(session)
            counts = count_rows(session, own)
            roots = list_roots(session)
            used = described(session)
        return Status(
            photos=counts.photos,
            captions=counts.captions,
            failures=counts.failures,
            model=self.captioner.name,
            embedder=self.embedder.name,
            vectors=counts.vectors,
            models=tuple(
                ModelStatus(each.name, each.sha256, each.photos, each.model_id == own)
                for each in used
            ),
            roots=tuple(
                RootStatus(show_path(root.path), root.photos, os.path.isdir(root.path))
                for root in roots
            ),
            sqlite=self._database.sqlite_version,
        )

    def _open_collection(self) -> _Collection | None:
        """The indexes of this captioner, followed to their newest state."""
        with self._lock:
            if self._collection is None:
                self._collection = self._find_collection()
            if self._collection is not None:
                self._collection.retriever.visual.refresh()
                self._collection.retriever.caption.refresh()
            return self._collection

    def _find_collection(self) -> _Collection | None:
        with self._database.read() as session:
            model_id = self._model_id(session)
        if model_id is None:
            return None
        dimension = self.captioner.config.head.dimension
        visual, caption = (
            VectorIndex(self._home, self._database, model_id, kind, dimension)
            for kind in ("visual", "caption")
        )
        visual.open()
        caption.open()
        retriever = Retriever(visual, caption, self.captioner.provenance)
        states = StateCache(self._database, model_id, self.captioner.config)
        return _Collection(retriever, states)

    def _model_id(self, session: Session) -> int | None:
        captioner = self.captioner
        name = model_name(captioner.name, captioner.embedder_name, self.embedder.name)
        return registry.model_id(session, name=name, sha256=captioner.sha256)

    def _read(self, sentence: str, reading: Reading) -> NDArray[np.float32]:
        """A sentence's unit vector [E] where the photos' vectors are.

        The embedder knows words that the captioner does not; of the latter's own words those
        count that the sentence was read as.
        """
        embedding = self.embedder.encode([sentence])
        vector: NDArray[np.float32] = self.captioner.read([" ".join(reading.words)], embedding)[0]
        return vector

    def _candidates(
        self,
        collection: _Collection,
        request: SearchRequest,
        query: NDArray[np.float32],
        hits: WordHits,
        contrast: Contrast | None,
    ) -> Candidates:
        retriever = collection.retriever
        with self._database.read() as session:
            allowed = passing_photos(session, request.filters)
        if request.stage == "likelihood":
            return retriever.nearest(query, retriever.visual.count, allowed)
        count = _candidate_count(request)
        if contrast is None:
            return propose(retriever, query, count, allowed, hits)
        wider = max(count, min(WIDER * count, MAX_CANDIDATES))
        return contrast.choose(retriever, propose(retriever, query, wider, allowed, hits), count)

    def _rank_by_vectors(
        self, collection: _Collection, found: Candidates, contrast: Contrast | None
    ) -> Ranked:
        found, _, bias = self._load(collection, found)
        similarity = collection.retriever.score(found)
        score = retrieval_scores(self.captioner.provenance.ranking, similarity, bias)
        if contrast:
            score = score + contrast.of_similarities(collection.retriever, found)
        order = np.argsort(-score, kind="stable")
        return Ranked(found, score, similarity, None).take(order)

    def _rank_by_likelihood(
        self,
        collection: _Collection,
        request: SearchRequest,
        reading: Reading,
        found: Candidates,
        contrast: Contrast | None,
    ) -> Ranked:
        found, state, bias = self._load(collection, found)
        likelihoods = self._read_on(state, reading)
        ranking = self.captioner.provenance.ranking
        similarity = collection.retriever.score(found)
        if likelihoods is None:
            score = similarity
        elif request.stage == "likelihood":
            score = likelihood_scores(ranking, likelihoods.log_likelihood, bias)
        else:
            score = combined_scores(ranking, found, likelihoods.log_likelihood, bias)
        if contrast:
            score = score + self._contrast(collection, request, contrast, found, state, likelihoods)
        order = np.argsort(-score, kind="stable")
        return Ranked(found, score, similarity, likelihoods).take(order)

    def _score(
        self, collection: _Collection, reading: Reading, found: Candidates
    ) -> tuple[Candidates, Likelihoods | None, NDArray[np.float32]]:
        """Candidates that have a state, with their likelihoods and hub biases."""
        found, state, bias = self._load(collection, found)
        return found, self._read_on(state, reading), bias

    def _load(
        self, collection: _Collection, found: Candidates
    ) -> tuple[Candidates, PhotoState | None, NDArray[np.float32]]:
        """Candidates that have a state, with their states (None for none) and hub biases."""
        present, state, bias = collection.states.load(found.ids.tolist())
        return found.take(np.flatnonzero(np.isin(found.ids, present))), state, bias

    def _read_on(self, state: PhotoState | None, reading: Reading) -> Likelihoods | None:
        if state is None or not reading.words:
            return None
        return score_photos(self.captioner, reading.words, state)

    def _contrast(
        self,
        collection: _Collection,
        request: SearchRequest,
        contrast: Contrast,
        found: Candidates,
        state: PhotoState | None,
        likelihoods: Likelihoods | None,
    ) -> NDArray[np.float32]:
        """What `not`, `rather than` and weights change in scores [N]."""
        retriever = collection.retriever
        if state is None or likelihoods is None:
            return contrast.of_similarities(retriever, found)
        scale = scale_of(request.stage, self.captioner.provenance.ranking)
        return contrast.of_scores(scale, retriever, self.captioner, found, state, likelihoods)

    def _results(
        self, ranked: Ranked, request: SearchRequest, reading: Reading
    ) -> tuple[SearchResult, ...]:
        last = min(request.offset + request.k, len(ranked.found))
        page = ranked.take(np.arange(min(request.offset, last), last))
        if page.likelihoods is None and len(page.found):
            page = self._explain(page, reading)
        views = self.photos(page.found.ids.tolist())
        matched = matched_words(self._database, request.text, list(views))
        fit = self.captioner.provenance.ranking.fit
        chances = page.probability(fit, len(reading.words)).tolist()
        return tuple(
            judge(
                make_result(
                    page, row, views[key], matched=matched.get(key, ()), explain=request.explain
                ),
                chances[row],
                fit,
                reading,
            )
            for row, key in enumerate(page.found.ids.tolist())
            if key in views
        )

    def _nothing_fits(
        self, ranked: Ranked | None, results: Sequence[SearchResult], reading: Reading
    ) -> bool:
        """Whether all ranked photos are weak; of vectors alone only those shown are known."""
        if ranked is None or not results or not all(result.weak for result in results):
            return False
        if ranked.likelihoods is None:
            return True
        fit = self.captioner.provenance.ranking.fit
        return not (ranked.probability(fit, len(reading.words)) >= fit.weak_below).any()

    def _explain(self, page: Ranked, reading: Reading) -> Ranked:
        """Likelihoods for photos that the first stage alone ranked."""
        collection = self._open_collection()
        if collection is None:
            return page
        found, likelihoods, _ = self._score(collection, reading, page.found)
        page = page.take(np.flatnonzero(np.isin(page.found.ids, found.ids)))
        return replace(page, likelihoods=likelihoods)


def _candidate_count(request: SearchRequest) -> int:
    return max(request.candidates, request.offset + request.k)
