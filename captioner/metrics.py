"""Measures of ranking: recall at k and median rank.

Knows nothing of models: scores in, numbers out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Recall:
    """Recall at 1, 5 and 10 in percent, and the median rank (1 is best)."""

    r1: float
    r5: float
    r10: float
    median_rank: float

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def recall_of_ranks(ranks: np.ndarray) -> Recall:
    """Ranks [Q], 1 for the top -> recall; raises ValueError for no ranks."""
    if not len(ranks):
        raise ValueError("recall needs at least one query")
    r1, r5, r10 = (round(100 * float(np.mean(ranks <= k)), 2) for k in (1, 5, 10))
    return Recall(r1, r5, r10, float(np.median(ranks)))


def recall_at_k(scores: np.ndarray, owners: np.ndarray) -> Recall:
    """Scores [Q,N] and the right column of each row [Q] -> recall. Ties count against."""
    right = scores[np.arange(len(scores)), owners][:, None]
    return recall_of_ranks((scores >= right).sum(axis=1))
