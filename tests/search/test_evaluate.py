"""Evaluation asks the engine every caption, and fitting prefers what tells photos apart."""

from pathlib import Path

import numpy as np

from captioner.captioner import Ranking
from captioner.dataset import CaptionedPhoto
from search.engine import SearchEngine
from search.evaluate import Measurements, all_combined_scores, evaluate, sample_queries
from search.fusion import fit_ranking

_CAPTIONS = {
    "cat.png": ("a cat",),
    "photographer.png": ("a man with a camera", "a man takes a picture in a field"),
    "astronaut.png": ("a person in an orange suit", "an astronaut with a helmet"),
}


def _measurements(owners: np.ndarray, photos: int) -> Measurements:
    """Log-likelihoods that tell the right photo apart, similarities that are noise."""
    generator = np.random.default_rng(3)
    shape = (len(owners), photos)
    noise = [generator.normal(size=shape).astype(np.float32) for _ in range(4)]
    bias = generator.normal(size=photos).astype(np.float32)
    likelihood = noise[0] + 3 * bias
    likelihood[np.arange(len(owners)), owners] += 2
    words = np.full(len(owners), 9)
    return Measurements(likelihood, noise[1], noise[2], noise[3], bias, owners, words)


def test_recall_is_perfect_on_photos_that_are_easily_told_apart(engine: SearchEngine) -> None:
    ids = {Path(result.path).name: result.photo_id for result in _all(engine)}
    photos = [CaptionedPhoto(Path(name), texts) for name, texts in _CAPTIONS.items()]
    views = [engine.photo(ids[name]) for name in _CAPTIONS]
    asked = []
    result = evaluate(engine, photos, views, sample_queries(photos), asked.append)
    assert result.queries == 5
    assert result.text_to_image["combined"].r5 == 100
    assert result.image_to_text.r1 == 100
    assert set(result.to_json()) == {
        "photos", "queries", "text_to_image", "image_to_text", "captions", "seconds",
    }  # fmt: skip
    assert len(asked) == 10


def _all(engine: SearchEngine):  # type: ignore[no-untyped-def]
    from search.query import SearchRequest

    return engine.search(SearchRequest("a photo", k=50)).results


def test_sampled_queries_repeat_themselves() -> None:
    photos = [CaptionedPhoto(Path(name), texts) for name, texts in _CAPTIONS.items()]
    assert sample_queries(photos, 3) == sample_queries(photos, 3)
    assert len(sample_queries(photos, 99)) == 5


def test_fitting_takes_hubs_off_and_leaves_noise_out() -> None:
    owners = np.random.default_rng(1).integers(20, size=400)
    measured = _measurements(owners, photos=20)
    ranking = fit_ranking(measured, Ranking())
    assert ranking.log_likelihood > 0.5
    assert -3.6 < ranking.bias / ranking.log_likelihood < -2.4
    assert abs(ranking.visual) < 0.2 * ranking.log_likelihood
    raw = (measured.log_likelihood.argmax(axis=1) == owners).mean()
    fitted = (all_combined_scores(ranking, measured).argmax(axis=1) == owners).mean()
    assert fitted > raw + 0.2
