"""Photos' shares of the multimodal layer, kept for photos that come up in search after search."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Floats

Halves = NDArray[np.float16]

# Photos whose terms are kept, 4 KB each with what they are known by: 40 MB.
_CAPACITY = 10_000


class PhotoTerms:
    """Terms [H] by the features that they are made of, those used last kept; safe for threads.

    `compute`: seeds [N,H] and visual vectors [N,E] -> terms [N,H]. A photo that is described anew
    has other features, so that nothing kept is ever stale.
    """

    def __init__(
        self, compute: Callable[[Floats, Floats], Floats], capacity: int = _CAPACITY
    ) -> None:
        self._compute, self._capacity = compute, capacity
        self._kept: OrderedDict[bytes, Floats] = OrderedDict()
        self._lock = Lock()

    def of(self, seed: Halves, visual: Halves) -> Floats:
        """Terms [N,H] of N photos, at least one."""
        keys = [row.tobytes() for row in np.concatenate([seed, visual], axis=1)]
        with self._lock:
            known = {key: self._kept[key] for key in keys if key in self._kept}
            for key in known:
                self._kept.move_to_end(key)
        rows = [row for row, key in enumerate(keys) if key not in known]
        if rows:
            made = self._compute(seed[rows].astype(np.float32), visual[rows].astype(np.float32))
            fresh = {keys[row]: term.copy() for row, term in zip(rows, made, strict=True)}
            known.update(fresh)
            self._keep(fresh)
        return np.stack([known[key] for key in keys])

    def _keep(self, fresh: dict[bytes, Floats]) -> None:
        with self._lock:
            self._kept.update(fresh)
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
