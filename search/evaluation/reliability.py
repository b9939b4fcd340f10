"""How true the probabilities of results are: what they claimed beside what was so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import SHORT_WORDS, Ranking
from search.calibration import fit_probability
from search.evaluation.worlds import World, first_photos, signs_of

# Of each query's results so many have their probabilities held against what is true.
FIRST = 5
_BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Probabilities that were claimed beside the shares that were true, all 0 to 1.

    `expected_error` is the expected calibration error over ten bins (Guo et al. 2017, eq. 3);
    `bins`: for each that is not empty, results, mean claim and share that was true.
    """

    results: int
    claimed: float
    true: float
    expected_error: float
    brier: float
    bins: tuple[tuple[int, float, float], ...]


def claims_of_first(
    world: World, scores: NDArray[np.float32], ranking: Ranking
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Probabilities [K] of each query's first FIRST photos by scores [Q,N], and what is true.

    Photos of which nobody can tell are passed over.
    """
    told = np.where(world.truth < 0, -np.inf, scores).astype(np.float32)
    rows, photos = first_photos(told, FIRST)
    claimed, short = np.zeros(len(rows), np.float32), world.is_short[rows]
    for own, words in ((short, SHORT_WORDS), (~short, SHORT_WORDS + 1)):
        if own.any():
            signs = signs_of(world.measured, rows[own], photos[own])
            claimed[own] = fit_probability(ranking.for_words(words).fit, signs)
    return claimed, world.truth[rows, photos] > 0


def reliability(claimed: NDArray[np.float32], true: NDArray[np.bool_]) -> Reliability:
    """What was claimed of results [K], at least one, beside what was true [K]."""
    places = np.minimum((claimed * _BINS).astype(int), _BINS - 1)
    bins = [
        (int(own.sum()), float(claimed[own].mean()), float(true[own].mean()))
        for own in (places == number for number in range(_BINS))
        if own.any()
    ]
    error = sum(count * abs(claim - share) for count, claim, share in bins) / len(claimed)
    return Reliability(
        results=len(claimed),
        claimed=float(claimed.mean()),
        true=float(true.mean()),
        expected_error=error,
        brier=float(((claimed - true) ** 2).mean()),
        bins=tuple(bins),
    )
