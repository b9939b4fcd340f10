"""Calibration on captions of one's own: weights fitted, and measured by cross-validation.

Each fold's captions are ranked by weights that were fitted on the captions of other photos, so that
the figures are of captions that the weights have not seen. The captioner's own weights are the
prior (MAP with a normal one): the fewer the captions, the nearer the fitted weights stay to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import SHORT_WORDS, Ranking, SumWeights
from captioner.metrics import Recall, recall_at_k
from search.evaluation.dev_sets import DevSet
from search.evaluation.fit_weights import fit_worlds
from search.evaluation.measurements import all_combined_scores
from search.evaluation.reliability import claims_of_first, reliability
from search.evaluation.worlds import World

FOLDS = 5
LEAST_PHOTOS = 50
# Short queries made from the captions are learned from where there are so many.
LEAST_SHORT = 20
# The first results of each query, whose probabilities are compared with what is true
# Of the prior: how far a standardised weight is expected from the captioner's own
_SPREAD = 1.0


@dataclass(frozen=True)
class Figures:
    """How captions find their photos among all, and how true the first results' probabilities are.

    `claimed` and `true`: their mean, and the share that was right; `expected_error`: see
    short_report.Reliability. A caption finds its own photo alone; another is right to be claimed
    where its own captions name all the things that this one names.
    """

    recall: Recall
    claimed: float
    true: float
    expected_error: float

    def to_json(self) -> dict[str, float]:
        """All of them in one object."""
        own = {name: value for name, value in asdict(self).items() if name != "recall"}
        return {**self.recall.to_json(), **own}


@dataclass(frozen=True)
class CalibrationReport:
    """What `calibrate --json` says: figures by the captioner's weights, and by fitted ones.

    `captioner_alone`: by the captioner's weights without the image embedder, None where the home
    has none.
    """

    photos: int
    captions: int
    short_queries: int
    image_embedder: str | None
    before: Figures
    after: Figures
    captioner_alone: Figures | None

    def to_json(self) -> dict[str, object]:
        """That object."""
        alone = self.captioner_alone
        return {
            "photos": self.photos,
            "captions": self.captions,
            "short_queries": self.short_queries,
            "image_embedder": self.image_embedder,
            "captioner_alone": alone.to_json() if alone else None,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
        }

    @property
    def is_worse(self) -> bool:
        """Whether the fitted weights find fewer photos among the first ten than the former ones."""
        return self.after.recall.r10 < self.before.recall.r10


def calibrate_on(dev_set: DevSet) -> tuple[CalibrationReport, Ranking]:
    """Fit weights on a set that was measured, and say what they are worth."""
    captions = dev_set.captions
    nouns = dev_set.nouns.present if dev_set.nouns else None
    others = [nouns] if nouns is not None and len(nouns.fits) >= LEAST_SHORT else []
    image = dev_set.engine.image_embedder
    ranking = dev_set.engine.captioner.provenance.ranking
    report = CalibrationReport(
        photos=len(dev_set.photos),
        captions=len(captions.fits),
        short_queries=sum(len(world.fits) for world in others),
        image_embedder=image.name if image else None,
        before=measure(captions, ranking),
        after=measure_fit(captions, others, ranking),
        captioner_alone=measure(without_image(captions), ranking) if image else None,
    )
    return report, calibrate([captions, *others], ranking)


def calibrate(worlds: Sequence[World], ranking: Ranking) -> Ranking:
    """A ranking's weights, fitted on queries of one's own; what they say nothing of stays.

    Those for long queries stay where all are short, and the reverse.
    """
    ridge = 0.5 / _SPREAD**2 / sum(len(world.fits) for world in worlds)
    if any((~world.is_short).any() for world in worlds):
        fitted = fit_worlds(worlds, ranking, ridge)
        return fitted if fitted.short else replace(fitted, short=ranking.short)
    fitted = fit_worlds(worlds, ranking.for_words(SHORT_WORDS), ridge)
    return replace(
        ranking,
        visual_in_retrieval=fitted.visual_in_retrieval,
        caption_in_retrieval=fitted.caption_in_retrieval,
        bias_in_retrieval=fitted.bias_in_retrieval,
        image_in_retrieval=fitted.image_in_retrieval,
        short=SumWeights.of(fitted),
    )


def measure_fit(captions: World, others: Sequence[World], ranking: Ranking) -> Figures:
    """The captions' figures by weights that were fitted without them, in FOLDS folds.

    Captions of one photo are in one fold; queries of other worlds are cut as they come.
    """
    folds = captions.measured.owners % FOLDS
    parts = []
    for fold in np.unique(folds):
        rest = [captions.take(np.flatnonzero(folds != fold))]
        for world in others:
            rows = np.arange(len(world.fits))
            rest.append(world.take(rows[rows % FOLDS != fold]))
        own = captions.take(np.flatnonzero(folds == fold))
        parts.append(_ranked(own, calibrate(rest, ranking)))
    return _figures(parts)


def measure(captions: World, ranking: Ranking) -> Figures:
    """The captions' figures by given weights."""
    return _figures([_ranked(captions, ranking)])


def without_image(world: World) -> World:
    """The same as if there were no image embedder."""
    return replace(world, measured=replace(world.measured, image=None))


@dataclass(frozen=True)
class _Ranked:
    """Scores [Q,N] with the right photos [Q]; probabilities of first results, and their truth."""

    scores: NDArray[np.float32]
    owners: NDArray[np.int64]
    claimed: NDArray[np.float32]
    true: NDArray[np.bool_]


def _ranked(world: World, ranking: Ranking) -> _Ranked:
    measured = world.measured
    scores = all_combined_scores(ranking, measured)
    claimed, true = claims_of_first(world, scores, ranking)
    return _Ranked(scores, measured.owners, claimed, true)


def _figures(parts: Sequence[_Ranked]) -> Figures:
    true = reliability(
        np.concatenate([part.claimed for part in parts]),
        np.concatenate([part.true for part in parts]),
    )
    recall = recall_at_k(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.owners for part in parts]),
    )
    return Figures(recall, true.claimed, true.true, true.expected_error)
