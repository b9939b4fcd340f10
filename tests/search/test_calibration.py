"""Probabilities that a photo fits are calibrated, and weak results are marked."""

import numpy as np
import pytest

from captioner.captioner import FitWeights
from search.calibration import Background, Signs, fit_probability
from search.evaluation.fit_weights import fit_weights


def _signs(count: int, shift: float, seed: int, words: int = 9) -> Signs:
    generator = np.random.default_rng(seed)
    evidence, visual, caption = (
        (scale * generator.normal(shift, 1, count)).astype(np.float32) for scale in (6, 0.1, 0.1)
    )
    return Signs(evidence, visual, caption, [Background(words)] * count)


def test_probabilities_are_the_shares_of_right_photos() -> None:
    weights = fit_weights(_signs(4000, 0.5, 1), _signs(4000, -0.5, 2))
    right, wrong = (
        fit_probability(weights, _signs(4000, shift, seed)) for shift, seed in ((0.5, 3), (-0.5, 4))
    )
    for low, high in ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8)):
        hits, misses = (((part >= low) & (part < high)).sum() for part in (right, wrong))
        assert hits / (hits + misses) == pytest.approx((low + high) / 2, abs=0.08)


def test_one_right_photo_in_ten_is_called_weak() -> None:
    weights = fit_weights(_signs(4000, 1, 1), _signs(4000, -1, 2))
    right, wrong = (
        fit_probability(weights, _signs(4000, shift, seed)) for shift, seed in ((1, 3), (-1, 4))
    )
    assert (right < weights.weak_below).mean() == pytest.approx(0.1, abs=0.03)
    assert (wrong < weights.weak_below).mean() > 0.5


def test_long_sentences_need_more_evidence() -> None:
    weights = FitWeights(evidence=1.0)
    short, long = (
        fit_probability(weights, Signs(*(np.ones(1, "f4") for _ in range(3)), [Background(words)]))
        for words in (1, 16)
    )
    assert short > long


def test_a_captioner_without_weights_calls_nothing_weak() -> None:
    probability = fit_probability(FitWeights(), _signs(10, 0, 1))
    assert (probability >= FitWeights().weak_below).all()
