"""How well short queries find photos, and how true the probabilities are that come with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import SHORT_WORDS, Ranking
from captioner.dataset import CaptionedPhoto
from search.calibration import fit_probability
from search.engine import SearchEngine
from search.evaluation.evaluate import collect
from search.evaluation.measurements import Measurements, Query, all_combined_scores
from search.evaluation.noun_queries import absent_nouns, noun_queries
from search.evaluation.reliability import FIRST, Reliability, reliability
from search.evaluation.worlds import World, signs_of

_TEN = 10

Grid = NDArray[np.float32]


@dataclass(frozen=True)
class ShortReport:
    """The `short` part of the `evaluate --json` object; shares are 0 to 1.

    `recall10_most`: what `recall10` would be if all that fit came first, as many that ten hold.
    `marked_right`: of first results that fit, those that are marked as weak. `unmarked_wrong`: of
    the first five that are not marked, those that do not fit. `absent_unmarked`: of the first five
    for nouns that no photo shows, those that are not marked.
    """

    queries: int
    precision5: float
    recall10: float
    recall10_most: float
    marked_right: float
    unmarked_wrong: float
    absent_queries: int
    absent_unmarked: float
    reliability: Reliability

    def to_json(self) -> dict[str, object]:
        """That part."""
        return asdict(self)


@dataclass(frozen=True)
class Nouns:
    """Short queries measured on a test set: those that photos fit, and those that none fits."""

    present: World
    absent: Measurements | None


def measure_nouns(
    engine: SearchEngine,
    photos: Sequence[CaptionedPhoto],
    ids: NDArray[np.int64],
    advance: Callable[[int], None],
) -> Nouns | None:
    """Measure the noun queries of captioned photos, `ids` [N] in the catalog; None for too few."""
    queries, absent = noun_queries(photos), absent_nouns(photos)
    if not queries:
        return None
    # Queries that many photos fit have no owner.
    asked = [Query(query.text, 0) for query in queries]
    present = World(
        collect(engine, ids, asked, advance), np.stack([query.fits for query in queries])
    )
    missing = [Query(text, 0) for text in absent]
    return Nouns(present, collect(engine, ids, missing, advance) if missing else None)


def report_nouns(nouns: Nouns, ranking: Ranking) -> ShortReport:
    """Figures of noun queries, ranked with these weights."""
    scores, chances = _ranked(nouns.present.measured, ranking)
    fits = nouns.present.fits
    scores[fits < 0] = -np.inf
    first, ten = _best(scores, FIRST), _best(scores, _TEN)
    claimed = np.take_along_axis(chances, first, axis=1)
    true = np.take_along_axis(fits, first, axis=1) > 0
    fitting = (fits > 0).sum(axis=1)
    among_ten = (np.take_along_axis(fits, ten, axis=1) > 0).sum(axis=1)
    marked = claimed < ranking.for_words(SHORT_WORDS).fit.weak_below
    return ShortReport(
        queries=len(fits),
        precision5=float(true.mean()),
        recall10=float((among_ten / fitting).mean()),
        recall10_most=float((np.minimum(fitting, _TEN) / fitting).mean()),
        marked_right=_share(marked[:, 0], true[:, 0]),
        unmarked_wrong=_share(~true, ~marked),
        absent_queries=0 if nouns.absent is None else len(nouns.absent.owners),
        absent_unmarked=_unmarked(nouns.absent, ranking),
        reliability=reliability(claimed.ravel(), true.ravel()),
    )


def _ranked(measured: Measurements, ranking: Ranking) -> tuple[Grid, Grid]:
    """Scores and probabilities of each query and photo [Q,N]."""
    scores = all_combined_scores(ranking, measured).copy()
    rows, photos = np.indices(scores.shape).reshape(2, -1)
    fit = ranking.for_words(SHORT_WORDS).fit
    chances = fit_probability(fit, signs_of(measured, rows, photos))
    return scores, chances.reshape(scores.shape)


def _unmarked(absent: Measurements | None, ranking: Ranking) -> float:
    if absent is None:
        return 0.0
    scores, chances = _ranked(absent, ranking)
    first = np.take_along_axis(chances, _best(scores, FIRST), axis=1)
    return float((first >= ranking.for_words(SHORT_WORDS).fit.weak_below).mean())


def _best(scores: Grid, count: int) -> NDArray[np.int64]:
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]


def _share(part: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
    """The share of `part` among `of`, 0 where there is none."""
    return float(part[of].mean()) if of.any() else 0.0
