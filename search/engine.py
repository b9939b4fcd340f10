"""The search engine: what web pages, commands and benchmarks ask of a collection.

A search is read, ranked (search.pipeline) and answered (search.results).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from captioner.captioner import Captioner, CaptionFit, PhotoState
from captioner.embedder import SentenceEmbedder
from captioner.tags import Tag, tags_of
from catalog.cache import CatalogCache
from catalog.database import Database
from catalog.home import Home
from catalog.keywords import keywords_beginning
from catalog.tags import tags_beginning
from catalog.views import PhotoSource, PhotoView, sound_descriptions, view_photos
from search.collection import Collection, CollectionOpener, UnknownPhoto
from search.guess import Guess, is_probable, make_guess
from search.limits import DEFAULT_RESULTS
from search.order import SearchOrder
from search.parsed_query import parse_query, read_vectors
from search.photo_scores import Measured, Survey, survey
from search.pipeline import Question, Ranker, plain_questions, read_and_look_up, read_question
from search.request import SearchRequest
from search.rerank import Ranked
from search.results import SearchAnswer, SimilarPhoto, make_answer, similar_photos
from search.retrieval import Candidates
from search.thread_pool import Workers

# What a search has no use for is imported where it is needed: `tellshow search` waits for imports.
if TYPE_CHECKING:
    from captioner.image_embedder import ImageEmbedder
    from catalog.facets import Facets
    from catalog.folders import FolderView
    from catalog.thumbnails import Thumbnails
    from search.status import Status

__all__ = ["SearchEngine", "UnknownPhoto"]


class SearchEngine:
    """One captioner, one embedder and a catalog; safe to use from several threads.

    `image_embedder`: the home's, None where it has none or that is not here. What reads the
    catalog raises DatabaseUnavailable.
    """

    def __init__(
        self,
        home: Home,
        database: Database,
        captioner: Captioner,
        embedder: SentenceEmbedder,
        image_embedder: ImageEmbedder | None = None,
    ) -> None:
        self._home, self._database = home, database
        self.captioner, self.embedder = captioner, embedder
        self.image_embedder = image_embedder
        self._opener = CollectionOpener(home, database, captioner, embedder)
        self._facets = CatalogCache(_read_facets)
        self._subfolders: CatalogCache[dict[bytes, tuple[FolderView, ...]]]
        self._subfolders = CatalogCache(lambda session: {})
        self.workers = Workers(captioner.limit_threads)  # for who has many threads that ask at once

    @property
    def home(self) -> Home:
        """Where everything it answers from lies."""
        return self._home

    @property
    def database(self) -> Database:
        """The database of the home."""
        return self._database

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Rank photos for a sentence."""
        started = time.perf_counter()
        ranker = self.ranker()
        if ranker is None:
            question, order = self.read(request), SearchOrder.empty()
        else:
            models = self.embedder, self.image_embedder
            question, hits = read_and_look_up(request, ranker, *models)
            order = ranker.order(question, hits)
        page = order.page(request.offset, request.offset + request.k)
        ranking = self.captioner.provenance.ranking.for_words(len(question.parsed.words))
        hidden = ranker.occlude(page, question) if ranker and request.explain else None
        meant = ranker.spelled(question, order.candidates.hits, self.embedder) if ranker else None
        source = self._source(ranker.collection if ranker else None)
        return make_answer(source, ranking, question, order, page, hidden, meant, started)

    def order(self, question: Question) -> SearchOrder:
        """The order of all that a question finds; empty where nothing is indexed yet."""
        ranker = self.ranker()
        return ranker.order(question) if ranker else SearchOrder.empty()

    def read(self, request: SearchRequest) -> Question:
        """A request as the captioner reads it."""
        return read_question(request, self.captioner, self.embedder, self.image_embedder)

    def read_plain(self, requests: Sequence[SearchRequest]) -> list[Question]:
        """Many requests, of which their plain queries alone are read."""
        return plain_questions(requests, self.captioner, self.embedder, self.image_embedder)

    def rank(self, question: Question) -> Ranked:
        """All candidates, best first; none where this captioner has indexed nothing yet."""
        ranker = self.ranker()
        return ranker.rank(question) if ranker else Ranked.empty()

    def ranker(self) -> Ranker | None:
        """What ranks the collection as it is now, None where there is none yet."""
        collection = self._opener.open()
        return Ranker(self.captioner, self._database, collection) if collection else None

    def measure(self, sentence: str, ids: NDArray[np.int64]) -> Measured:
        """What the model says of a sentence on given photos [N], in their order.

        Raises UnknownPhoto where one of them is not indexed by this captioner.
        """
        looked = self.survey(ids)
        parsed = parse_query(sentence, self.captioner, self.embedder)
        [vector] = read_vectors([sentence], [parsed], self.captioner, self.embedder)
        images = self.image_embedder.encode_texts([sentence]) if self.image_embedder else [None]
        return looked.measure(parsed, vector, images[0])

    def survey(self, ids: NDArray[np.int64]) -> Survey:
        """Given photos [N], to measure many sentences on them; raises UnknownPhoto as `measure`."""
        collection = self._opener.open()
        if collection is None:
            raise UnknownPhoto(int(ids[0]))
        return survey(self.captioner, collection, ids)

    def similar(self, state: PhotoState, k: int = DEFAULT_RESULTS) -> tuple[SimilarPhoto, ...]:
        """Photos whose visual vectors are nearest to one photo's state, best first."""
        collection = self._opener.open()
        if collection is None:
            return ()
        vector = state.visual[0].astype(np.float32)
        found = collection.similar(vector, k)
        return similar_photos(self._source(collection), self._caption_fit, *found)

    def similar_to(
        self, photo_id: int, k: int = DEFAULT_RESULTS, offset: int = 0
    ) -> tuple[SimilarPhoto, ...]:
        """Other photos like a stored one, best first, without the first `offset`.

        Raises UnknownPhoto.
        """
        photo, collection = self.photo(photo_id), self._opener.open()
        vector = collection.retriever.visual.stored(photo.photo_id) if collection else None
        if collection is None or vector is None:  # no photo of this captioner's
            return ()
        if not collection.states.present([photo_id]):  # its vector may be damaged
            return ()
        ids, similarities = collection.similar(vector, offset + k, without=photo_id)
        found = ids[offset:], similarities[offset:]
        return similar_photos(self._source(collection), self._caption_fit, *found)

    def nearest(self, query: NDArray[np.float32], count: int) -> Candidates:
        """Photos whose vectors are nearest to a unit vector [E] of sentence space, best first."""
        collection = self._opener.open()
        if collection is None:
            return Candidates.empty()
        return collection.retriever.nearest(query, count)

    def states(self, ids: Sequence[int]) -> PhotoState | None:
        """The stored states of photos; those that have none are left out, None for none."""
        collection = self._opener.open()
        return collection.states.load(ids)[1] if collection else None

    def sample(self, count: int) -> list[int]:
        """Ids of photos from all over the collection, at most `count`."""
        collection = self._opener.open()
        return collection.states.sample(count) if collection else []

    def state(self, photo_id: int) -> PhotoState:
        """One photo's stored state; raises UnknownPhoto where this captioner made none."""
        state = self.states([photo_id])
        if state is None:
            raise UnknownPhoto(photo_id)
        return state

    def tags(self, photo_id: int) -> tuple[Tag, ...]:
        """What the classifier sees in a photo, likeliest first; none where there is no state."""
        state = self.states([photo_id])
        return tags_of(self.captioner, state)[0] if state else ()

    def label_names(self, start: str, most: int) -> list[tuple[str, float]]:
        """Keywords and tags with a word that begins so, and the share of photos that have each.

        Keywords come first; of either what most photos have. Raises DatabaseUnavailable.
        """
        with self._database.read() as session:
            keywords = keywords_beginning(session, start, most)
            return [*keywords, *tags_beginning(session, start, most)]

    def guesses(self, photos: Iterable[PhotoView]) -> dict[int, Guess]:
        """What may be said of photos, by their ids: probable captions, and tags in their place."""
        fit = self.captioner.provenance.ranking.caption_fit
        views = list(photos)
        doubted = [view.photo_id for view in views if not is_probable(fit, view.captions)]
        tags = self.tags_of(doubted)
        return {
            view.photo_id: make_guess(fit, view.captions, tags.get(view.photo_id, ()))
            for view in views
        }

    def tags_of(self, ids: Sequence[int]) -> dict[int, tuple[Tag, ...]]:
        """What the classifier sees in each of several photos; those without a state left out."""
        collection = self._opener.open()
        if collection is None or not ids or not self.captioner.config.encoder.classes:
            return {}
        present, state, _ = collection.states.load(ids)
        found = tags_of(self.captioner, state) if state else []
        return dict(zip(present.tolist(), found, strict=True))

    def facets(self) -> Facets:
        """What the photos can be narrowed by, and how many have each."""
        with self._database.read() as session:
            return self._facets.get(session)

    def subfolders(self, folder: bytes) -> tuple[FolderView, ...]:
        """The folders in a folder, by name, with how many photos each holds."""
        from catalog.folders import open_folder

        with self._database.read() as session:
            known = self._subfolders.get(session)
            if folder not in known:
                known[folder] = open_folder(session, folder).subfolders
            return known[folder]

    def rebuild(self) -> int:
        """Make the vector files anew from the database; returns how many vectors they hold.

        Raises OSError where they cannot be saved.
        """
        collection = self._opener.open()
        return collection.rebuild() if collection else 0

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

    @property
    def thumbnails(self) -> Thumbnails:
        """The thumbnails of the home. Raises StoreUnavailable where they are not to be had."""
        from catalog.thumbnails import thumbnails_of

        return thumbnails_of(self._home)

    def status(self) -> Status:
        """Counts of the catalog."""
        from search.status import read_status

        return read_status(self._database, self.captioner, self.embedder)

    def _source(self, collection: Collection | None) -> PhotoSource:
        """Where answers read photos: of descriptions that are kept only what is shown."""
        describe = collection.states.described if collection else sound_descriptions
        return PhotoSource(self._database, describe)

    @property
    def _caption_fit(self) -> CaptionFit:
        return self.captioner.provenance.ranking.caption_fit


def _read_facets(session: Session) -> Facets:
    from catalog.facets import read_facets

    return read_facets(session)
