"""Photo states from the catalog, kept in memory between searches.

Knows nothing of queries. The cache is dropped when the catalog's vectors change, since a
photo that changed on disk keeps its id.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import CaptionerConfig, PhotoState
from catalog.changes import change_counter
from catalog.session import Database
from catalog.states import load_states, sample_photo_ids

# 20,000 states of under 10 KB each are at most 200 MB.
_CAPACITY = 20_000


class StateCache:
    """The states used last, by photo id; safe to use from several threads."""

    def __init__(
        self, database: Database, model_id: int, config: CaptionerConfig, capacity: int = _CAPACITY
    ) -> None:
        self._database, self._model_id = database, model_id
        self._config, self._capacity = config, capacity
        self._kept: OrderedDict[int, tuple[bytes, float]] = OrderedDict()
        self._change = -1
        self._lock = Lock()

    def load(
        self, ids: Sequence[int]
    ) -> tuple[NDArray[np.int64], PhotoState | None, NDArray[np.float32]]:
        """Ids that have a state, their states (None for no ids), their hub biases."""
        with self._lock:
            self._fetch(ids)
            present = [key for key in ids if key in self._kept]
            blobs = [self._kept[key][0] for key in present]
            bias = np.array([self._kept[key][1] for key in present], np.float32)
            self._shrink(present)
        state = PhotoState.unpack(blobs, self._config) if blobs else None
        return np.array(present, np.int64), state, bias

    def sample(self, count: int) -> list[int]:
        """Ids of photos that have a state, spread over the collection; always the same ones."""
        with self._database.read() as session:
            return sample_photo_ids(session, self._model_id, count)

    def _fetch(self, ids: Sequence[int]) -> None:
        with self._database.read() as session:
            change = change_counter(session)
            if change != self._change:
                self._kept.clear()
                self._change = change
            missing = [key for key in ids if key not in self._kept]
            self._kept.update(load_states(session, missing, self._model_id))

    def _shrink(self, used: Sequence[int]) -> None:
        for key in used:
            self._kept.move_to_end(key)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
