"""Weights are fitted on several sets and lengths of queries, short ones apart."""

from dataclasses import replace

import numpy as np
import pytest

from captioner.captioner import SHORT_WORDS, Ranking
from search.calibration import Background, fit_probability
from search.evaluation.fit_weights import fit_worlds
from search.evaluation.measurements import Measurements
from search.evaluation.worlds import World, first_photos, own_photos, signs_of

_PHOTOS = 40


def _world(words: int, telling: str, seed: int, queries: int = 120, by: float = 3) -> World:
    """Queries of so many words whose photos only one part of the score tells."""
    generator = np.random.default_rng(seed)
    owners = np.arange(queries) % _PHOTOS
    parts = {
        name: generator.normal(size=(queries, _PHOTOS)).astype(np.float32)
        for name in ("log_likelihood", "evidence", "visual", "caption")
    }
    parts[telling][np.arange(queries), owners] += by
    bias = np.zeros(_PHOTOS, np.float32)
    backgrounds = (Background(words),) * queries
    return own_photos(Measurements(**parts, bias=bias, owners=owners, backgrounds=backgrounds))


def test_short_queries_get_weights_of_their_own() -> None:
    ranking = fit_worlds([_world(9, "log_likelihood", 1), _world(1, "caption", 2)], Ranking())
    long, short = ranking.for_words(SHORT_WORDS + 1), ranking.for_words(SHORT_WORDS)
    assert long.log_likelihood > 3 * abs(long.caption)
    assert short.caption > 3 * abs(short.log_likelihood)


def test_queries_of_one_length_share_one_sum() -> None:
    ranking = fit_worlds([_world(9, "visual", 1), _world(12, "visual", 2)], Ranking())
    assert ranking.short is None
    assert ranking.for_words(1) == ranking


def test_photos_of_which_nobody_can_tell_teach_nothing() -> None:
    world = _world(9, "visual", 1)
    unsure = world.fits.copy()
    unsure[:, -1] = np.where(unsure[:, -1] == 1, 1, -1)
    spoiled = world.measured.visual.copy()
    spoiled[:, -1] += 100  # would come first for every query
    measured = Measurements(
        world.measured.log_likelihood,
        world.measured.evidence,
        spoiled,
        world.measured.caption,
        world.measured.bias,
        world.measured.owners,
        world.measured.backgrounds,
    )
    rows = np.flatnonzero(world.measured.owners != _PHOTOS - 1)
    ranking = fit_worlds([World(measured, unsure).take(rows)], Ranking())
    assert ranking.visual > 0


def test_probabilities_are_of_what_is_shown_and_not_of_whose_caption_it_is() -> None:
    world = _world(9, "visual", 1, 400)
    often = (np.random.default_rng(3).random(world.fits.shape) < 0.8).astype(np.int8)
    shown = own_photos(world.measured, often)
    strict, kind = fit_worlds([world], Ranking()), fit_worlds([shown], Ranking())
    assert kind.visual == strict.visual
    first = signs_of(world.measured, *first_photos(world.measured.visual, 10))
    claimed = [fit_probability(ranking.fit, first).mean() for ranking in (strict, kind)]
    assert claimed == pytest.approx([0.1, 0.8], abs=0.05)


def test_probabilities_of_first_results_are_true_where_nothing_fits_too() -> None:
    ranking = fit_worlds([_world(1, "caption", 1, 400, 5)], Ranking())
    asked = _world(1, "caption", 2, 400, 5).measured
    scores = asked.caption.copy()
    scores[np.arange(400), asked.owners] = -np.inf  # what fits was taken away
    first = fit_probability(ranking.fit, signs_of(asked, *first_photos(scores, 1)))
    there = fit_probability(ranking.fit, signs_of(asked, *first_photos(asked.caption, 1)))
    assert (first < ranking.fit.weak_below).mean() > 0.5
    assert (there < ranking.fit.weak_below).mean() == pytest.approx(0.1, abs=0.1)


def test_a_handful_of_queries_does_not_outweigh_a_world() -> None:
    many, few = _world(1, "caption", 1), _world(1, "visual", 2, queries=3)
    alone, both = fit_worlds([many], Ranking()), fit_worlds([many, few], Ranking())
    assert both.caption > 5 * abs(both.visual)
    assert both.fit.caption == pytest.approx(alone.fit.caption, rel=0.2)
    even = fit_worlds([many, _world(1, "visual", 2)], Ranking())
    assert even.visual > both.caption / 5


def test_photos_that_fit_are_no_rivals() -> None:
    world = _world(1, "visual", 0, 200)
    seen, fits = world.measured.visual.copy(), np.zeros_like(world.fits)
    fits[:, :2] = 1
    seen[:, 0], seen[:, 1], seen[:, 2:] = 6, 3, seen[:, 2:] * 0.5
    ranking = fit_worlds([World(replace(world.measured, visual=seen), fits)], Ranking())
    assert ranking.visual > 2  # as a rival the better one would hold it below 1


def test_a_handful_of_short_captions_changes_nothing_beside_many() -> None:
    worlds = [_world(9, "visual", 1), _world(1, "visual", 2)]
    handful = _world(2, "caption", 5, 3)
    alone, beside = (fit_worlds(each, Ranking()) for each in (worlds, [*worlds, handful]))
    assert alone.short is not None
    assert beside.short == alone.short
    only = fit_worlds([worlds[0], handful], Ranking())
    assert only.short is not None
    assert only.short.caption > alone.short.caption


def test_what_the_word_detector_says_gets_a_weight() -> None:
    worlds = []
    for seed, words in enumerate((9, 1)):
        world = _world(words, "visual", 0, 200)
        said = np.random.default_rng(seed).normal(size=world.fits.shape).astype(np.float32)
        said[world.fits > 0] += 3
        worlds.append(World(replace(world.measured, detected=said), world.fits))
    ranking = fit_worlds(worlds, Ranking())
    assert ranking.short is not None
    for each in (ranking, ranking.short):
        assert each.detected > 1
        assert each.fit.detected > 0
    without = [World(replace(each.measured, detected=None), each.fits) for each in worlds]
    assert fit_worlds(without, Ranking()).detected == 0
