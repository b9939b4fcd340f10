"""Calibration fits weights on few captions without losing its head, and measures them honestly."""

from dataclasses import replace

import numpy as np
import pytest

from captioner.captioner import SHORT_WORDS, FitWeights, Ranking, SumWeights
from search.calibration import Background
from search.evaluation.calibrate import calibrate, measure, measure_fit, without_image
from search.evaluation.fit_weights import fit_worlds
from search.evaluation.measurements import Measurements
from search.evaluation.worlds import World, own_photos

PHOTOS = 50
FIT = FitWeights(visual=2.0, offset=-4.0, weak_below=0.3)
RANKING = Ranking(log_likelihood=0.3, visual=1.0, fit=FIT)


def world(telling: dict[str, float], *, words: int = 9, seed: int = 1, captions: int = 2) -> World:
    """Captions of as many photos whose own photo some parts of the score raise by so much."""
    generator = np.random.default_rng(seed)
    owners = np.repeat(np.arange(PHOTOS), captions)
    shape = (len(owners), PHOTOS)
    names = ("log_likelihood", "evidence", "visual", "caption", "image")
    parts = {name: generator.normal(size=shape).astype(np.float32) for name in names}
    for name, by in telling.items():
        parts[name][np.arange(len(owners)), owners] += by
    backgrounds = (Background(words),) * len(owners)
    bias = np.zeros(PHOTOS, np.float32)
    return own_photos(Measurements(**parts, bias=bias, owners=owners, backgrounds=backgrounds))


def test_image_embedder_that_tells_gets_a_weight_and_raises_recall() -> None:
    told = world({"image": 2.5, "visual": 0.5})
    fitted = calibrate([told], RANKING)
    assert fitted.image > 2 * RANKING.image
    assert fitted.image_in_retrieval > RANKING.image_in_retrieval
    assert fitted.fit.image > 0.5
    alone, before = measure(without_image(told), RANKING), measure(told, RANKING)
    after = measure_fit(told, [], RANKING)
    assert alone.recall.r10 < before.recall.r10 < after.recall.r10
    assert after.expected_error < 0.1


def test_image_embedder_that_says_nothing_loses_its_weight() -> None:
    fitted = calibrate([world({"visual": 3.0})], RANKING)
    assert abs(fitted.image) < 0.3 < fitted.visual


def test_home_without_an_image_embedder_keeps_its_weights_for_one() -> None:
    fitted = calibrate([without_image(world({"visual": 3.0}))], replace(RANKING, image=0.7))
    assert fitted.image == 0.7
    assert fitted.fit.image == 0.0
    assert fitted.visual > RANKING.visual


def test_queries_that_are_told_apart_without_a_mistake_make_no_endless_weights() -> None:
    told = world({"image": 30.0, "visual": 30.0})
    fitted = calibrate([told], RANKING)
    assert 0 < fitted.image < 20
    assert 0 < fitted.fit.image + fitted.fit.visual < 20


def test_the_fewer_the_captions_the_nearer_the_weights_stay_to_the_captioners_own() -> None:
    held = []
    for captions in (1, 20):
        told = world({"caption": 2.0}, captions=captions)
        free = fit_worlds([told], RANKING).caption - RANKING.caption
        held.append((calibrate([told], RANKING).caption - RANKING.caption) / free)
    assert held[0] < held[1] < 1


def test_weights_are_measured_on_captions_that_they_were_not_fitted_on() -> None:
    """Where nothing tells anything, no fitting makes a caption find its photo."""
    nothing = world({}, captions=4)
    figures = measure_fit(nothing, [], RANKING)
    assert figures.recall.r10 == pytest.approx(100 * 10 / PHOTOS, abs=8)
    assert figures.claimed == pytest.approx(figures.true, abs=0.05)


def test_long_captions_leave_the_weights_for_short_queries_alone() -> None:
    short = SumWeights(0.1, 0.0, 7.0, 0.0, FIT)
    fitted = calibrate([world({"image": 2.0})], replace(RANKING, short=short))
    assert fitted.short == short
    assert fitted.image > RANKING.image


def test_short_captions_leave_the_weights_for_long_queries_alone() -> None:
    told = world({"image": 2.0}, words=SHORT_WORDS)
    fitted = calibrate([told], RANKING)
    assert fitted.for_words(SHORT_WORDS).image > RANKING.image
    long = fitted.for_words(SHORT_WORDS + 1)
    assert (long.image, long.visual, long.fit) == (RANKING.image, RANKING.visual, FIT)


def test_without_a_ridge_weights_are_fitted_as_those_of_a_checkpoint() -> None:
    told = without_image(world({"visual": 2.0, "log_likelihood": 1.0}))
    assert fit_worlds([told], RANKING) == fit_worlds([told], RANKING, ridge=0.0)
    assert fit_worlds([told], RANKING) == fit_worlds([told], replace(RANKING, visual=100.0))
