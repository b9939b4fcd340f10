"""Queries of one set of photos and which photos fit them: what weights are fitted on and held to.

Needs no torch, so that what is measured can be measured wherever searches run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import SHORT_WORDS, Ranking
from search.calibration import Signs
from search.evaluation.measurements import Measurements, all_combined_scores

# Queries with which a world weighs as much as any other; fewer of them tell less.
ENOUGH_QUERIES = 50


@dataclass(frozen=True)
class World:
    """Queries of one set of photos, measured, and which photos fit each.

    `fits` [Q,N]: 1, 0, or -1 for photos of which nobody can tell, which then do not count. `shows`:
    the same for probabilities, where a photo may fit a query that ranking shall tell it from; None:
    as `fits`.
    """

    measured: Measurements
    fits: NDArray[np.int8]
    shows: NDArray[np.int8] | None = None

    def take(self, rows: NDArray[np.int64]) -> World:
        """Some of the queries."""
        shows = None if self.shows is None else self.shows[rows]
        return World(self.measured.take(rows), self.fits[rows], shows)

    @property
    def truth(self) -> NDArray[np.int8]:
        """What probabilities are held to [Q,N]: 1, 0, or -1."""
        return self.fits if self.shows is None else self.shows

    @property
    def weight(self) -> float:
        """How much it counts where weights are fitted on several worlds."""
        return min(len(self.fits) / ENOUGH_QUERIES, 1.0)

    @property
    def is_short(self) -> NDArray[np.bool_]:
        """Whether each query is ranked by the weights for short ones [Q]."""
        words = [each.words for each in self.measured.backgrounds]
        short: NDArray[np.bool_] = np.array(words) <= SHORT_WORDS
        return short


def own_photos(measured: Measurements, shows: NDArray[np.int8] | None = None) -> World:
    """Captions as queries: only a caption's own photo fits it, and it shows all that is named.

    `shows`: see World; where it tells of no caption at all, certainty is of the own photos, too.
    """
    fits = np.zeros(measured.visual.shape, np.int8)
    fits[np.arange(len(fits)), measured.owners] = 1
    if shows is None or (shows < 0).all():
        return World(measured, fits)
    tells = (shows >= 0).any(axis=1, keepdims=True)
    return World(measured, fits, np.where(tells & (fits > 0), np.int8(1), shows))


def shown(worlds: Sequence[World], ranking: Ranking, count: int) -> tuple[Signs, Signs, Signs]:
    """Signs of the `count` photos that searches show first: those that fit, and the others.

    The third are those of the right ones that come first of all. Worlds count by their weight.
    """
    right, wrong, best = [], [], []
    for world in worlds:
        scores = all_combined_scores(ranking, world.measured).copy()
        scores[world.truth < 0] = -np.inf
        rows, photos = first_photos(scores, count)
        fitting, share = world.truth[rows, photos] > 0, world.weight / max(len(rows), 1)
        right.append(signs_of(world.measured, rows[fitting], photos[fitting], share))
        wrong.append(signs_of(world.measured, rows[~fitting], photos[~fitting], share))
        rows, photos = first_photos(scores, 1)
        fitting = world.truth[rows, photos] > 0
        best.append(signs_of(world.measured, rows[fitting], photos[fitting]))
    return joined(right), joined(wrong), joined(best)


def first_photos(
    scores: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of queries and of the photos that come first for them, scores [Q,N]; -inf: none."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    rows = np.repeat(np.arange(len(scores)), best.shape[1])
    there = np.isfinite(scores[rows, best.ravel()])
    return rows[there], best.ravel()[there]


def signs_of(
    measured: Measurements,
    rows: NDArray[np.int64],
    photos: NDArray[np.int64],
    weight: float = 1.0,
) -> Signs:
    """Signs of pairs of a query's row and a photo, K of each, which weigh the same in a fit."""
    return Signs(
        measured.evidence[rows, photos],
        measured.visual[rows, photos],
        measured.caption[rows, photos],
        [measured.backgrounds[row] for row in rows.tolist()],
        None if measured.image is None else measured.image[rows, photos],
        np.full(len(rows), weight, np.float32),
        None if measured.detected is None else measured.detected[rows, photos],
    )


def joined(parts: Sequence[Signs]) -> Signs:
    """Several as one; all have similarities by an image embedder, or none has; words the same."""
    images = [part.image for part in parts if part.image is not None]
    detected = [part.detected for part in parts if part.detected is not None]
    return Signs(
        np.concatenate([part.evidence for part in parts]),
        np.concatenate([part.visual for part in parts]),
        np.concatenate([part.caption for part in parts]),
        [each for part in parts for each in part.background],
        np.concatenate(images) if images else None,
        np.concatenate([part.weights for part in parts]),
        np.concatenate(detected) if detected else None,
    )
