"""Likelihoods are estimated near enough to choose by, and alike however many threads compute."""

import numpy as np
import pytest

from captioner.captioner import PhotoState
from captioner.checkpoint import read_checkpoint
from captioner.onnx_captioner import OnnxCaptioner
from captioner.onnx_estimate import mixes_of, shared_paths

WORDS = ["two", "dogs", "run", "through", "the", "snow"]


@pytest.fixture(scope="module")
def by_onnx() -> OnnxCaptioner:
    return OnnxCaptioner(read_checkpoint())


@pytest.fixture(scope="module")
def state(by_onnx: OnnxCaptioner) -> PhotoState:
    """Forty photos that are noise, a third of them about something else."""
    random = np.random.default_rng(0)
    sizes = by_onnx.config.decoder
    about = random.standard_normal((3, sizes.hidden)).astype(np.float32)
    seed = about[np.arange(40) % 3] + 0.3 * random.standard_normal((40, sizes.hidden))
    visual = random.standard_normal((40, sizes.visual))
    visual /= np.linalg.norm(visual, axis=1, keepdims=True)
    memory = np.tanh(random.standard_normal((40, 49, sizes.memory)))
    parts = [x.astype(np.float32) for x in (memory, seed, visual)]
    return PhotoState.quantised(parts[0], parts[1], parts[2], bits=by_onnx.config.state_bits)


def test_estimates_put_photos_nearly_in_the_order_of_their_likelihoods(
    by_onnx: OnnxCaptioner, state: PhotoState
) -> None:
    estimate = by_onnx.estimate(WORDS, state)
    assert estimate is not None
    exact = by_onnx.score_words(WORDS, state).log_likelihood
    assert np.corrcoef(estimate, exact)[0, 1] > 0.9
    best = set(np.argsort(-exact)[:5].tolist())
    assert best <= set(np.argsort(-estimate)[:15].tolist())


def test_threads_change_neither_estimates_nor_scores(
    by_onnx: OnnxCaptioner, state: PhotoState, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append((by_onnx.estimate(WORDS, state), by_onnx.score_both(WORDS, state)))
    (alone, (scored, without)), (together, (scored_too, without_too)) = found
    assert alone == pytest.approx(together, abs=1e-3)
    assert np.allclose(scored.word_log_likelihood, scored_too.word_log_likelihood, atol=1e-4)
    assert np.allclose(without.word_log_likelihood, without_too.word_log_likelihood, atol=1e-4)


def test_a_sentence_of_rare_words_is_estimated(by_onnx: OnnxCaptioner, state: PhotoState) -> None:
    rare = list(by_onnx.vocabulary.words[-2:])
    exact = by_onnx.score_words(rare, state).log_likelihood
    assert by_onnx.estimate(rare, state) == pytest.approx(exact, abs=4)


def test_seeds_on_few_axes_are_mixed_of_their_paths_exactly() -> None:
    random = np.random.default_rng(0)
    places, axes = random.standard_normal((30, 3)), random.standard_normal((3, 64))
    seeds = (places @ axes + random.standard_normal(64)).astype(np.float32)
    paths, shares = shared_paths(seeds)
    assert np.allclose(shares @ paths, seeds, atol=1e-3)
    assert np.allclose(paths[0], seeds.mean(axis=0), atol=1e-5)


def test_mixes_make_the_mean_and_about_the_variance_of_what_photos_have() -> None:
    values = np.random.default_rng(1).standard_normal((50, 300)).astype(np.float32) * 3 + 5
    mean, *apart = mixes_of(50) @ values
    assert np.allclose(mean, values.mean(axis=0), atol=1e-4)
    assert np.square(apart).mean() == pytest.approx(values.var(axis=0).mean(), rel=0.1)
