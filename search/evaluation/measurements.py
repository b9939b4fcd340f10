"""Measurements on a test set: likelihoods and similarities of its captions on all its photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Ranking
from captioner.dataset import CaptionedPhoto
from search.calibration import Background
from search.photo_scores import Measured
from search.rerank import combined_scores, likelihood_scores
from search.retrieval import Candidates


@dataclass(frozen=True)
class Query:
    """A caption and the row of the photo that it belongs to."""

    text: str
    owner: int


@dataclass(frozen=True)
class Measurements:
    """What the model says of Q queries on N photos; each [Q,N] but `bias` [N].

    Nats, cosines and what `image` is, as in `Measured`.
    """

    log_likelihood: NDArray[np.float32]
    evidence: NDArray[np.float32]
    visual: NDArray[np.float32]
    caption: NDArray[np.float32]
    bias: NDArray[np.float32]
    owners: NDArray[np.int64]  # [Q]
    backgrounds: tuple[Background, ...]  # Q
    image: NDArray[np.float32] | None = None
    detected: NDArray[np.float32] | None = None

    def rows(self) -> Iterator[Measured]:
        """What was measured of each query."""
        for row, background in enumerate(self.backgrounds):
            yield Measured(
                log_likelihood=self.log_likelihood[row],
                evidence=self.evidence[row],
                visual=self.visual[row],
                caption=self.caption[row],
                bias=self.bias,
                background=background,
                image=_row(self.image, row),
                detected=_row(self.detected, row),
            )

    def take(self, rows: NDArray[np.int64]) -> Measurements:
        """Some of the queries, on all photos."""
        return Measurements(
            self.log_likelihood[rows],
            self.evidence[rows],
            self.visual[rows],
            self.caption[rows],
            self.bias,
            self.owners[rows],
            tuple(self.backgrounds[row] for row in rows.tolist()),
            None if self.image is None else self.image[rows],
            None if self.detected is None else self.detected[rows],
        )

    def candidates(self, row: int) -> Candidates:
        """All photos as candidates of one query; their rows stand for ids."""
        ids, image = np.arange(len(self.bias)), _row(self.image, row)
        return Candidates(ids, self.visual[row], self.caption[row], image)


def _row(of_all: NDArray[np.float32] | None, row: int) -> NDArray[np.float32] | None:
    return None if of_all is None else of_all[row]


def sample_queries(
    photos: Sequence[CaptionedPhoto], count: int | None = None, seed: int = 0
) -> list[Query]:
    """All captions, or `count` of them drawn without replacement."""
    queries = [Query(text, row) for row, photo in enumerate(photos) for text in photo.captions]
    if count is None or count >= len(queries):
        return queries
    rows = np.random.default_rng(seed).choice(len(queries), count, replace=False)
    return [queries[row] for row in np.sort(rows)]


def put_together(queries: Sequence[Query], rows: Sequence[Measured]) -> Measurements:
    """What was measured of each query, at least one, on the same photos."""
    apart = ("bias", "background", "image", "detected")
    names = [field.name for field in fields(Measured) if field.name not in apart]
    images = [row.image for row in rows if row.image is not None]
    detected = [row.detected for row in rows if row.detected is not None]
    return Measurements(
        **{name: np.stack([getattr(row, name) for row in rows]) for name in names},
        bias=rows[0].bias,
        owners=np.array([query.owner for query in queries]),
        backgrounds=tuple(row.background for row in rows),
        image=np.stack(images) if images else None,
        detected=np.stack(detected) if detected else None,
    )


def all_likelihood_scores(ranking: Ranking, measured: Measurements) -> NDArray[np.float32]:
    """Likelihood alone, hubs corrected: [Q,N]."""
    return likelihood_scores(ranking, measured.log_likelihood, measured.bias)


def all_combined_scores(ranking: Ranking, measured: Measurements) -> NDArray[np.float32]:
    """Both stages together, every photo a candidate: [Q,N]."""
    return np.stack(
        [
            combined_scores(
                ranking.for_words(measured.backgrounds[row].words),
                measured.candidates(row),
                likelihood,
                measured.bias,
                _row(measured.detected, row),
            )
            for row, likelihood in enumerate(measured.log_likelihood)
        ]
    )
