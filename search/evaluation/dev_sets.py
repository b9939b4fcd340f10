"""A captioned set that weights are fitted on, measured once and then evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from captioner.dataset import CaptionedPhoto
from catalog.views import PhotoView
from search.engine import SearchEngine
from search.evaluation.evaluate import Evaluation, as_world, collect, evaluate, sample_queries
from search.evaluation.measurements import Measurements, Query
from search.evaluation.short_report import Nouns, measure_nouns, report_nouns
from search.evaluation.worlds import World


@dataclass(frozen=True)
class DevSet:
    """Captioned photos, the engine that indexed them, and what it says of their queries."""

    engine: SearchEngine
    photos: Sequence[CaptionedPhoto]
    views: Sequence[PhotoView]
    queries: Sequence[Query]
    measured: Measurements
    nouns: Nouns | None

    @property
    def worlds(self) -> list[World]:
        """Its captions and its short queries, to fit weights on."""
        short = [self.nouns.present] if self.nouns else []
        return [self.captions, *short]

    @property
    def captions(self) -> World:
        """Its captions as queries; certainty is of whether a photo shows all that they name."""
        return as_world(self.measured, self.queries, self.photos)

    @property
    def described(self) -> list[tuple[CaptionedPhoto, PhotoView]]:
        """Its photos with what was generated for them, to fit the probability of captions on."""
        return list(zip(self.photos, self.views, strict=True))

    def evaluate(self, advance: Callable[[int], None]) -> Evaluation:
        """Recall, captions and short queries by the weights that the captioner has now."""
        found = evaluate(self.engine, self.photos, self.views, self.queries, advance, self.measured)
        if self.nouns is None:
            return found
        ranking = self.engine.captioner.provenance.ranking
        return replace(found, short=report_nouns(self.nouns, ranking))


def measure_dev_set(
    engine: SearchEngine,
    photos: Sequence[CaptionedPhoto],
    views: Sequence[PhotoView],
    count: int,
    advance: Callable[[int], None],
) -> DevSet:
    """Measure `count` captions and the short queries of a set; views[i] is photos[i], indexed."""
    ids = np.array([view.photo_id for view in views])
    queries = sample_queries(photos, count)
    measured = collect(engine, ids, queries, advance)
    nouns = measure_nouns(engine, photos, ids, advance)
    return DevSet(engine, photos, views, queries, measured, nouns)
