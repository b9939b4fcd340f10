"""What one captioner made of the photos: their vectors and states, followed to the newest.

Knows nothing of sentences, nor how photos are ranked.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from captioner.captioner import Captioner, PhotoState
from captioner.embedder import SentenceEmbedder
from catalog import registry
from catalog.answering import model_name
from catalog.home import Home
from catalog.session import Database
from catalog.vectors import VectorIndex
from search.retrieve import Candidates, Retriever
from search.states import StateCache


class UnknownPhoto(LookupError):
    """No photo has this id."""

    def __init__(self, photo_id: int) -> None:
        super().__init__(f"there is no photo {photo_id}")


@dataclass(frozen=True)
class Seen:
    """N candidates that have a state, with their states and hub biases."""

    found: Candidates
    state: PhotoState | None  # None: no candidates
    bias: NDArray[np.float32]  # [N]


@dataclass(frozen=True)
class Collection:
    """The vectors and the states that one captioner made."""

    retriever: Retriever
    states: StateCache

    def follow(self) -> None:
        """Take in what others indexed or saved since the last time."""
        for index in self.retriever.indexes:
            index.refresh()

    def load(self, found: Candidates) -> Seen:
        """Those candidates that have a state, in their order."""
        present, state, bias = self.states.load(found.ids.tolist())
        return Seen(found.take(np.flatnonzero(np.isin(found.ids, present))), state, bias)

    def rebuild(self) -> int:
        """Make the vector files anew from the database; returns how many vectors they hold."""
        for index in self.retriever.indexes:
            index.rebuild()
            index.save()
        return sum(index.count for index in self.retriever.indexes)


def own_model_id(session: Session, captioner: Captioner, embedder: SentenceEmbedder) -> int | None:
    """Under which id the rows of a captioner and embedder are kept, None where there are none."""
    name = model_name(captioner.name, captioner.embedder_name, embedder.name)
    return registry.model_id(session, name=name, sha256=captioner.sha256)


class CollectionOpener:
    """Opens the collection of one captioner and embedder; safe to use from several threads."""

    def __init__(
        self, home: Home, database: Database, captioner: Captioner, embedder: SentenceEmbedder
    ) -> None:
        self._home, self._database = home, database
        self._captioner, self._embedder = captioner, embedder
        self._opened: Collection | None = None
        self._lock = Lock()

    def open(self) -> Collection | None:
        """The collection as it is now, None where this captioner has indexed nothing yet.

        Raises DatabaseUnavailable.
        """
        with self._lock:
            if self._opened is None:
                self._opened = self._find()
            if self._opened is not None:
                self._opened.follow()
            return self._opened

    def _find(self) -> Collection | None:
        with self._database.read() as session:
            model_id = own_model_id(session, self._captioner, self._embedder)
        if model_id is None:
            return None
        visual, caption = self._index(model_id, "visual"), self._index(model_id, "caption")
        return Collection(
            Retriever(visual, caption, self._captioner.provenance),
            StateCache(self._database, model_id, self._captioner.config),
        )

    def _index(self, model_id: int, kind: str) -> VectorIndex:
        dimension = self._captioner.config.head.dimension
        index = VectorIndex(self._home, self._database, model_id, kind, dimension)
        index.open()
        return index
