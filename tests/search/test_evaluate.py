"""Evaluation asks the engine every caption, and fitting prefers what tells photos apart."""

from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from captioner.captioner import Ranking
from captioner.dataset import CaptionedPhoto
from search.calibration import Background
from search.engine import SearchEngine
from search.evaluation.evaluate import Placing, collect, evaluate, sample_queries
from search.evaluation.fit_weights import fit_ranking
from search.evaluation.measurements import Measurements, Query, all_combined_scores
from search.pipeline import plain_questions
from search.request import SearchRequest

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
    words = (Background(words=9),) * len(owners)
    return Measurements(likelihood, noise[1], noise[2], noise[3], bias, owners, words)


def test_recall_is_perfect_on_photos_that_are_easily_told_apart(engine: SearchEngine) -> None:
    ids = {Path(result.path).name: result.photo_id for result in _all(engine)}
    photos = [CaptionedPhoto(Path(name), texts) for name, texts in _CAPTIONS.items()]
    views = [engine.photo(ids[name]) for name in _CAPTIONS]
    asked = []
    result = evaluate(engine, photos, views, sample_queries(photos), asked.append)
    assert result.queries == 5
    assert result.text_to_image["combined"].r5 == 100
    assert result.image_to_text.r5 == 100
    assert set(result.to_json()) == {
        "photos", "queries", "text_to_image", "image_to_text", "captions", "reliability",
        "seconds",
    }  # fmt: skip
    assert len(asked) == 10


def _all(engine: SearchEngine):  # type: ignore[no-untyped-def]
    return engine.search(SearchRequest("a photo", k=50)).results


# Known words, an unknown one that is close to a known one, one that is not, and one of a path.
_SENTENCES = (
    "a cat", "a man takes a picture in a field", "two doggies on a bicycle", "qzxv",
    "an astronaut png", "a cup of coffee in Lisbon", "a person in an orange suit smiles",
)  # fmt: skip


@pytest.mark.parametrize("stage", ["retrieve", "combined"])
@pytest.mark.parametrize("candidates", [4, 200])
@pytest.mark.parametrize("measured_on", [12, 3])
def test_photos_that_were_measured_have_the_places_that_a_search_gives_them(
    engine: SearchEngine, stage: str, candidates: int, measured_on: int
) -> None:
    ids = np.array(sorted((result.photo_id for result in _all(engine)), reverse=True))
    ranker, survey = engine.ranker(), engine.survey(ids[:measured_on])
    assert ranker is not None
    requests = [SearchRequest(text, k=1, candidates=candidates, stage=stage) for text in _SENTENCES]
    placing = Placing(ranker, ids[:measured_on])
    for question in plain_questions(requests, engine.captioner, engine.embedder):
        measured = survey.measure(question.parsed, question.vector)
        asked = engine.rank(engine.read(question.request)).found.ids.tolist()
        for photo_id in ids[::3].tolist():
            expected = asked.index(photo_id) + 1 if photo_id in asked else measured_on
            assert placing.place(question, measured, photo_id) == expected


def test_measuring_many_sentences_together_agrees_with_measuring_each(
    engine: SearchEngine,
) -> None:
    ids = np.array([result.photo_id for result in _all(engine)])
    together = collect(engine, ids, [Query(text, 0) for text in _SENTENCES], lambda _: None)
    for text, measured in zip(_SENTENCES, together.rows(), strict=True):
        alone = engine.measure(text, ids)
        found, expected = (np.hstack(astuple(each.background)) for each in (measured, alone))
        assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
        for name in ("log_likelihood", "evidence", "visual", "caption", "bias"):
            found, expected = getattr(measured, name), getattr(alone, name)
            assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-5), name


def test_what_was_measured_before_leads_to_the_same_evaluation(engine: SearchEngine) -> None:
    ids = {Path(result.path).name: result.photo_id for result in _all(engine)}
    photos = [CaptionedPhoto(Path(name), texts) for name, texts in _CAPTIONS.items()]
    views, queries = [engine.photo(ids[name]) for name in _CAPTIONS], sample_queries(photos)
    measured = collect(engine, np.array([view.photo_id for view in views]), queries, lambda _: None)
    again = evaluate(engine, photos, views, queries, lambda _: None, measured)
    whole = evaluate(engine, photos, views, queries, lambda _: None)
    assert replace(again, seconds=0) == replace(whole, seconds=0)


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
