"""The collection that a captioner indexed: its vector indexes, and a cache of photo states."""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from captioner.captioner import Captioner, PhotoState
from captioner.config import CaptionerConfig
from captioner.embedder import SentenceEmbedder
from catalog import cache, model_registry
from catalog.cache import CatalogCache
from catalog.change_feed import START, position
from catalog.checksums import Description, check_descriptions, name_damaged
from catalog.database import Database
from catalog.descriptions import description_changes, sample_photo_ids
from catalog.fulltext import name_words
from catalog.home import Home
from catalog.image_vectors import KIND, chosen_image_embedder
from catalog.model_registry import model_name
from catalog.tags import KnownTags
from catalog.vectors.factory import make_vector_index
from catalog.vectors.interface import VectorIndex
from catalog.views import sound_descriptions
from search.image_similarity import ImageVectorIndex
from search.limits import MAX_RESULTS
from search.retrieval import Candidates, Retriever, widening

log = logging.getLogger(__name__)

# Photo states that are cached, as they are packed: 20,000 of some 6 KB each are some 120 MB;
# those of captioners that keep eight bits a number are of 10 KB.
_CAPACITY = 20_000


class UnknownPhoto(LookupError):
    """No photo has this id."""

    def __init__(self, photo_id: int) -> None:
        super().__init__(f"there is no photo {photo_id}")


@dataclass(frozen=True)
class LoadedCandidates:
    """N candidates that have a state, with their states and hub biases."""

    found: Candidates
    state: PhotoState | None  # None: no candidates
    bias: NDArray[np.float32]  # [N]

    def take(self, rows: NDArray[np.int64]) -> LoadedCandidates:
        """Some of them, in the order given."""
        state = None if self.state is None else self.state[rows]
        return LoadedCandidates(self.found.take(rows), state, self.bias[rows])


@dataclass(frozen=True)
class Collection:
    """Vector indexes and photo states that one captioner made, and the photos' names and tags.

    What reads them raises DatabaseUnavailable.
    """

    retriever: Retriever
    states: StateCache
    names: CatalogCache[frozenset[str]]
    tags: CatalogCache[KnownTags]

    @property
    def indexes(self) -> tuple[VectorIndex, ...]:
        """All vector indexes: the captioner's two, and the image embedder's, if there is one."""
        images = self.retriever.images
        return (*self.retriever.indexes, *((images.index,) if images else ()))

    def follow(self) -> None:
        """Take in what others indexed or saved since the last time."""
        for index in self.indexes:
            index.follow()

    def load(self, found: Candidates) -> LoadedCandidates:
        """Those candidates that have a state, in their order."""
        present, state, bias = self.states.load(found.ids.tolist())
        rows = np.flatnonzero(np.isin(found.ids, present))
        return LoadedCandidates(found.take(rows), state, bias)

    def similar(
        self, vector: NDArray[np.float32], count: int, without: int = -1
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The `count` photos nearest to a visual vector [E]: ids [N] and cosines [N], best first.

        One photo may be left out. Of photos as near as each other the one of the lower id comes
        first; whatever the count, they come in the same order.
        """
        index, kept = self.retriever.visual, dict[int, float]()
        search = partial(index.search, vector[None])
        for [ids], [cosines] in widening(search, MAX_RESULTS, index.count):
            order = np.lexsort((ids, -cosines))
            near = dict(zip(ids[order].tolist(), cosines[order].tolist(), strict=True))
            fresh = [key for key in near if key >= 0 and key != without and key not in kept]
            while fresh and len(kept) < count:
                wanted, fresh = fresh[: count - len(kept)], fresh[count - len(kept) :]
                kept.update({key: near[key] for key in self.states.present(wanted)})
            if len(kept) >= count:
                break
        return np.array(list(kept), np.int64), np.array(list(kept.values()), np.float32)

    def rebuild(self) -> int:
        """Make the vector files anew from the database; returns how many vectors they hold.

        Raises OSError where they cannot be saved.
        """
        for index in self.indexes:
            index.rebuild()
            index.save()
        return sum(index.count for index in self.indexes)


def own_model_id(session: Session, captioner: Captioner, embedder: SentenceEmbedder) -> int | None:
    """Under which id the rows of a captioner and embedder are kept, None where there are none."""
    name = model_name(captioner.name, captioner.embedder_name, embedder.name)
    return model_registry.model_id(session, name=name, sha256=captioner.sha256)


class CollectionOpener:
    """Opens the collection of one captioner and embedder; safe to use from several threads."""

    def __init__(
        self, home: Home, database: Database, captioner: Captioner, embedder: SentenceEmbedder
    ) -> None:
        self._home, self._database = home, database
        self._captioner, self._embedder = captioner, embedder
        self._opened: Collection | None = None
        self._followed_at = -math.inf
        self._lock = Lock()

    def open(self) -> Collection | None:
        """The collection as of the last second; None: nothing is indexed by this captioner yet.

        Raises DatabaseUnavailable.
        """
        with self._lock:
            if self._opened is None:
                self._opened = self._find()
                self._followed_at = time.monotonic()  # opening took in what there is
            elif cache.is_due(self._followed_at):
                self._opened.follow()
                self._followed_at = time.monotonic()
            return self._opened

    def _find(self) -> Collection | None:
        with self._database.read() as session:
            model_id = own_model_id(session, self._captioner, self._embedder)
            chosen = chosen_image_embedder(session)
        if model_id is None:
            return None
        dimension = self._captioner.config.head.dimension
        visual, caption = (self._index(model_id, kind, dimension) for kind in ("visual", "caption"))
        states = StateCache(self._database, model_id, self._captioner.config)
        images = None
        if chosen is not None:
            index = self._index(chosen.model_id, KIND, chosen.dimension)
            images = ImageVectorIndex(index, states.sample)
        retriever = Retriever(visual, caption, self._captioner.provenance, images)
        return Collection(retriever, states, CatalogCache(name_words), CatalogCache(KnownTags))

    def _index(self, model_id: int, kind: str, dimension: int) -> VectorIndex:
        index = make_vector_index(self._home, self._database, model_id, kind, dimension)
        index.open()
        return index


class StateCache:
    """Photo states and captions of a model, those used last kept; safe for several threads.

    Each is checked against its checksum as it is read. One that is damaged is left out, and its
    photo is named in the log once.
    """

    def __init__(
        self, database: Database, model_id: int, config: CaptionerConfig, capacity: int = _CAPACITY
    ) -> None:
        self._database, self._model_id = database, model_id
        self._config, self._capacity = config, capacity
        self._kept: OrderedDict[int, Description] = OrderedDict()
        self._damaged: set[int] = set()
        self._changes: dict[int, int | None] = {}  # of those, as they were when they were read
        self._named: set[int] = set()
        self._position = START
        self._current: set[int] = set()  # those of which no later change is known at the position
        self._lock = Lock()

    def load(
        self, ids: Sequence[int]
    ) -> tuple[NDArray[np.int64], PhotoState | None, NDArray[np.float32]]:
        """Ids [N] that have a state, their states (None for no ids), their hub biases [N].

        Raises DatabaseUnavailable, and ValueError where a state is another captioner's.
        """
        found = self._read(ids)
        blobs = [each.state for _, each in found]
        state = PhotoState.unpack(blobs, self._config) if blobs else None
        bias = np.array([each.bias for _, each in found], np.float32)
        return np.array([key for key, _ in found], np.int64), state, bias

    def present(self, ids: Sequence[int]) -> list[int]:
        """Those of the photos that have a state which is as it was written, in their order.

        Raises DatabaseUnavailable.
        """
        return [key for key, _ in self._read(ids)]

    def described(
        self, session: Session, ids: Sequence[int], model_id: int
    ) -> Mapping[int, Description]:
        """What a model made of photos, as catalog.views asks for it: what is damaged is left out.

        Other models than the cache's own are asked of the session.
        """
        if model_id != self._model_id:
            return sound_descriptions(session, ids, model_id)
        with self._lock:
            return dict(self._found(session, ids))

    def sample(self, count: int) -> list[int]:
        """At most `count` ids of photos that have a state, spread over the collection.

        Always the same ones. Raises DatabaseUnavailable.
        """
        with self._database.read() as session:
            return sample_photo_ids(session, self._model_id, count)

    def _read(self, ids: Sequence[int]) -> list[tuple[int, Description]]:
        with self._database.read() as session, self._lock:
            return self._found(session, ids)

    def _found(self, session: Session, ids: Sequence[int]) -> list[tuple[int, Description]]:
        """Those of the photos that have a sound description, in their order."""
        self._drop_changed(session, ids)
        missing = [key for key in ids if key not in self._kept and key not in self._damaged]
        if missing:
            self._fetch(session, missing)
        found = [(key, self._kept[key]) for key in ids if key in self._kept]
        self._shrink(key for key, _ in found)
        return found

    def _fetch(self, session: Session, ids: Sequence[int]) -> None:
        found = check_descriptions(session, ids, self._model_id)
        self._kept.update(found.sound)
        self._damaged.update(found.damaged)
        self._changes.update({key: each.change for key, each in found.sound.items()})
        if found.damaged:
            changes = description_changes(session, found.damaged, self._model_id)
            self._changes.update({key: changes.get(key) for key in found.damaged})
        fresh = [key for key in found.damaged if key not in self._named]
        self._named.update(fresh)
        for name in name_damaged(session, fresh) if fresh else ():
            log.warning(
                "The description of %r is damaged: no search finds it until tellshow index "
                "has described it again.",
                name,
            )

    def _drop_changed(self, session: Session, ids: Sequence[int]) -> None:
        """Drop those of the photos that were described anew, or forgotten, since they were read."""
        now = position(session)
        if now != self._position:
            self._position = now
            self._current.clear()
        unsure = [key for key in ids if key not in self._current and key in self._changes]
        changes = description_changes(session, unsure, self._model_id) if unsure else {}
        for key in unsure:
            if self._changes[key] != changes.get(key):
                self._kept.pop(key, None)
                self._damaged.discard(key)
                del self._changes[key]
        self._current.update(ids)

    def _shrink(self, used: Iterable[int]) -> None:
        for key in used:
            self._kept.move_to_end(key)
        while len(self._kept) > self._capacity:
            key, _ = self._kept.popitem(last=False)
            self._changes.pop(key, None)
            self._current.discard(key)
