"""ONNX Runtime and torch make the same of the shipped checkpoint; torch in float32 is the measure.

Where either rounds, ids and orders may differ between near equals; likelihoods may not.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from captioner import onnx_decoder
from captioner.captioner import Captioner, PhotoState
from captioner.checkpoint import CheckpointError, read_checkpoint
from captioner.config import (
    ATTENTION,
    MEAN_MAX,
    STATE_LEVELS,
    CaptionerConfig,
    EncoderConfig,
)
from captioner.image_file import decode_photo, to_tensor
from captioner.machine import ONNX, TORCH, RuntimeUnavailable, UnknownPrecision, runtime_for
from captioner.network import Network
from captioner.onnx_captioner import OnnxCaptioner
from captioner.onnx_encoder import features_model, states_model
from captioner.onnx_estimate import estimate_model, places_model
from captioner.torch_captioner import TorchCaptioner
from captioner.vocabulary import SPECIAL_WORDS, Vocabulary
from captioner.weights import expected_shapes

SENTENCES = [["a", "cat"], ["a", "man", "takes", "a", "picture", "in", "a", "field"], ["dogs"]]
Pixels = NDArray[np.uint8]
PHOTOS = ("cat.png", "photographer.png", "rocket.jpg")


@pytest.fixture(scope="module")
def by_onnx() -> OnnxCaptioner:
    return OnnxCaptioner(read_checkpoint())


@pytest.fixture(scope="module")
def by_torch(network: Network) -> TorchCaptioner:
    return TorchCaptioner(network)


@pytest.fixture(autouse=True)
def _float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLSHOW_PRECISION", "float32")


@pytest.fixture(scope="module")
def pixels(sample_photos: Path) -> Pixels:
    files = [sample_photos / name for name in PHOTOS]
    return np.stack([to_tensor(decode_photo(file.read_bytes())) for file in files])


@pytest.fixture(scope="module")
def state(by_onnx: Captioner, pixels: Pixels) -> PhotoState:
    return by_onnx.look(pixels)


def test_both_runtimes_make_the_same_states(
    by_torch: Captioner, state: PhotoState, pixels: Pixels
) -> None:
    other = by_torch.look(pixels)
    level = STATE_LEVELS[by_torch.config.state_bits]
    assert abs(state.memory.astype(int) - other.memory).max() <= level
    assert np.allclose(state.seed, other.seed, atol=0.01)
    assert np.allclose(state.visual, other.visual, atol=1e-3)
    assert state.classes is not None
    assert other.classes is not None
    assert (state.classes.ids[:, 0] == other.classes.ids[:, 0]).all()
    assert np.allclose(state.classes.probability, other.classes.probability, atol=1e-3)


@pytest.mark.parametrize("pooling", [ATTENTION, MEAN_MAX])
@pytest.mark.parametrize(("tail", "whole"), [(False, False), (True, False), (True, True)])
def test_both_runtimes_see_photos_alike_by_heads_and_classifiers_of_every_kind(
    network: Network, pixels: Pixels, pooling: str, tail: bool, whole: bool
) -> None:
    torch.manual_seed(0)
    head = replace(network.config.head, pooling=pooling, whole=whole, hidden=64)
    encoder = replace(network.config.encoder, class_tail=tail)
    config = replace(network.config, encoder=encoder, head=head)
    other = Network(config, network.vocabulary, network.provenance)
    learned = network.state_dict().items()
    made = ("head.", "encoder.classifier.")
    seen = {name: each for name, each in learned if not name.startswith(made)}
    seen |= {
        name.replace("encoder.tail.", "encoder.classifier.tail."): each
        for name, each in learned
        if tail and name.startswith("encoder.tail.")
    }
    other.load_state_dict(seen, strict=False)
    if whole and pooling == ATTENTION:
        torch.nn.init.normal_(other.head.gate)
    arrays = {name: each.numpy() for name, each in other.state_dict().items()}
    checkpoint = replace(read_checkpoint(), config=other.config, arrays=arrays)
    by_torch, by_onnx = TorchCaptioner(other), OnnxCaptioner(checkpoint)
    mine, theirs = (each.look(pixels) for each in (by_torch, by_onnx))
    assert np.allclose(mine.visual, theirs.visual, atol=2e-3)
    assert not np.allclose(mine.visual[0], mine.visual[1], atol=2e-3)
    assert mine.classes is not None
    assert theirs.classes is not None
    assert np.allclose(mine.classes.probability, theirs.classes.probability, atol=1e-3)
    assert (mine.classes.ids[:, 0] == theirs.classes.ids[:, 0]).all()


def test_photos_seen_side_by_side_keep_their_order(
    by_onnx: Captioner, state: PhotoState, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    order = np.array([2, 0, 1, 1, 0, 2, 2, 1, 0])
    together = by_onnx.look(pixels[order])
    level = STATE_LEVELS[by_onnx.config.state_bits]
    assert abs(together.memory.astype(int) - state.memory[order]).max() <= level
    assert np.allclose(together.visual, state.visual[order], atol=1e-3)
    apart = [found[0].text for found in by_onnx.generate_captions(state)]
    found = by_onnx.generate_captions(together)
    assert [each[0].text for each in found] == [apart[place] for place in order]


def test_both_runtimes_find_the_same_captions(
    by_onnx: Captioner, by_torch: Captioner, state: PhotoState
) -> None:
    for width in (1, 3):
        own, others = (each.generate_captions(state, width) for each in (by_onnx, by_torch))
        for mine, theirs in zip(own, others, strict=True):
            assert [each.text for each in mine] == [each.text for each in theirs]
            assert [each.log_likelihood for each in mine] == pytest.approx(
                [each.log_likelihood for each in theirs], abs=1e-3
            )


def test_both_runtimes_find_words_equally_likely(
    by_onnx: Captioner, by_torch: Captioner, state: PhotoState
) -> None:
    for words in SENTENCES:
        for mine, theirs in zip(
            by_onnx.score_both(words, state), by_torch.score_both(words, state), strict=True
        ):
            assert np.allclose(mine.word_log_likelihood, theirs.word_log_likelihood, atol=1e-3)
        alone = by_onnx.score_words(words, state).word_log_likelihood
        assert np.allclose(
            by_onnx.score_both(words, state)[0].word_log_likelihood, alone, atol=1e-4
        )
        for mine, theirs in zip(
            by_onnx.read_prefix(words, state), by_torch.read_prefix(words, state), strict=True
        ):
            assert np.allclose(mine, theirs, atol=1e-3)
    for photo in (state[:1], None):
        mine, theirs = (each.score_sentences(SENTENCES, photo) for each in (by_onnx, by_torch))
        assert np.allclose(mine, theirs, atol=1e-3)


def test_both_runtimes_see_words_in_the_same_places(
    by_onnx: Captioner, by_torch: Captioner, state: PhotoState
) -> None:
    mine, theirs = (each.occlude(["cat", "man"], state) for each in (by_onnx, by_torch))
    assert np.allclose(mine.drops, theirs.drops, atol=1e-3)
    assert np.allclose(mine.gain, theirs.gain, atol=1e-3)


def test_both_runtimes_read_sentences_alike(by_onnx: Captioner, by_torch: Captioner) -> None:
    sentences = ["a cat", "two zzyzx qwrt", "", "a man in a red shirt sits on a bench"]
    embeddings = np.random.default_rng(0).standard_normal((4, 384)).astype(np.float32)
    mine, theirs = (each.read(sentences, embeddings) for each in (by_onnx, by_torch))
    assert np.allclose(mine, theirs, atol=1e-5)


def test_graphs_are_what_onnx_allows() -> None:
    checkpoint = read_checkpoint()
    config, arrays = checkpoint.config, checkpoint.arrays
    for model in (
        features_model(config, arrays),
        states_model(config, arrays),
        onnx_decoder.step_model(config, arrays),
        onnx_decoder.photo_model(config, arrays),
        onnx_decoder.sentence_run_model(config, arrays),
        onnx_decoder.scoring_model(config, arrays),
        onnx_decoder.reading_model(config, arrays, all_words=False),
        onnx_decoder.reading_model(config, arrays, all_words=True),
        onnx_decoder.beam_model(config, arrays, 3),
        onnx_decoder.sentence_model(config, arrays),
        places_model(config, arrays),
        estimate_model(config, arrays),
    ):
        onnx.checker.check_model(onnx.load_from_string(model.whole()), full_check=True)


@pytest.mark.parametrize("tail", [False, True])
@pytest.mark.parametrize("backbone", [f"efficientnet_lite{number}" for number in range(5)])
def test_the_weights_that_are_expected_are_those_of_the_network(backbone: str, tail: bool) -> None:
    encoder = EncoderConfig(backbone, classes=3, class_tail=tail)
    config = CaptionerConfig(encoder, reference_photos=2)
    with torch.device("meta"):
        network = Network(config, Vocabulary((*SPECIAL_WORDS, "a")))
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert expected_shapes(config, 5) == own


def test_a_runtime_is_taken_by_device_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELLSHOW_RUNTIME", raising=False)
    assert runtime_for("cpu") == ONNX
    assert runtime_for("cuda") == TORCH
    monkeypatch.setenv("TELLSHOW_PRECISION", "bfloat16")
    assert runtime_for("cpu") == TORCH
    monkeypatch.setenv("TELLSHOW_RUNTIME", "onnx")
    with pytest.raises(UnknownPrecision, match="computes in float32"):
        runtime_for("cpu")
    monkeypatch.setenv("TELLSHOW_RUNTIME", "abacus")
    with pytest.raises(RuntimeUnavailable, match="auto, onnx or torch"):
        runtime_for("cpu")


def test_a_cnn_that_is_written_in_torch_alone_is_refused() -> None:
    shipped = read_checkpoint()
    encoder = replace(shipped.config.encoder, backbone="mobilenet_v2")
    other = replace(shipped, config=replace(shipped.config, encoder=encoder))
    with pytest.raises(CheckpointError, match="needs torch"):
        OnnxCaptioner(other)
