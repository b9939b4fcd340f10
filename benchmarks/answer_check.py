"""Checks search answers given under load against those of the idle server.

Photos are only added while the load runs. So the photos that were there before must have the scores
that they had before, with these exceptions, which a right server makes too:

- Photos whose scores are nearer than TOLERANCE may change places: the last digits of a score hang
  on the photos that it was computed together with.
- What a name or a tag adds to a score hangs on the share of all photos that have it, which goes up
  and down as photos are added: a score that moved at all may be DRIFT away from where it was before
  and where it is after the load.
- A photo that new ones pushed out of the 200 candidates is missing. It must be missing from the
  answer after the load as well, since candidates that were pushed out do not come back.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.clients import Asked

# In scores. Measured among 200 to 300 candidates: the same photo's score moves by up to 0.000003;
# the first twenty of an answer are 0.06 apart (median).
TOLERANCE = 0.001
# A tag adds at most 0.3 times the log of photos to those that have it. Measured while 300 photos
# came to 1,000: scores moved by up to 0.011, and once 0.001 past where they began and ended.
DRIFT = 0.02
_LAST_DIGITS = 0.00001


@dataclass(frozen=True)
class Truth:
    """All candidates of a query with their scores, before the load and after it.

    `known`: every photo that was there before.
    """

    known: Collection[int]
    before: Mapping[int, float]
    after: Mapping[int, float]


def fault(asked: Asked) -> str | None:
    """What is wrong with an answer in itself; None for nothing."""
    if asked.echoed != asked.query:
        return f"the answer to {asked.query!r} is one to {asked.echoed!r}"
    if not asked.ids:
        return f"the answer to {asked.query!r} is empty"
    if len(set(asked.ids)) < len(asked.ids):
        return f"the answer to {asked.query!r} shows a photo twice"
    if any(worse > better for better, worse in pairwise(asked.scores)):
        return f"the answer to {asked.query!r} is not in the order of scores"
    return None


def difference(asked: Asked, truth: Truth) -> str | None:
    """How an answer differs from what it should be; None where it does not."""
    shown = {
        key: score for key, score in zip(asked.ids, asked.scores, strict=True) if key in truth.known
    }
    return _strange(asked, shown, truth) or _missing(asked, shown, truth)


def _strange(asked: Asked, shown: Mapping[int, float], truth: Truth) -> str | None:
    """A photo that has no place there, or another score than it should have."""
    for key, score in shown.items():
        right = [each[key] for each in (truth.before, truth.after) if key in each]
        if not right:
            return f"the answer to {asked.query!r} shows photo {key}, which is no candidate"
        if not min(right) - _leeway(right) <= score <= max(right) + _leeway(right):
            return f"photo {key} has {score:.3f} for {asked.query!r} and should have {right}"
    return None


def _missing(asked: Asked, shown: Mapping[int, float], truth: Truth) -> str | None:
    """A photo that was and stayed a candidate, is better than the last one shown, yet missing."""
    last = asked.scores[-1]
    for key, score in truth.before.items():
        right = [score, truth.after.get(key, -math.inf)]
        if min(right) - _leeway(right) > last and key not in shown:
            return f"the answer to {asked.query!r} lacks photo {key} ({score:.3f})"
    return None


def _leeway(scores: Sequence[float]) -> float:
    """How far beyond a photo's scores before and after the load one under it may be."""
    return DRIFT if max(scores) - min(scores) > _LAST_DIGITS else TOLERANCE
