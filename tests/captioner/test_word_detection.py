"""Words are detected in photos: those that captions taught, on both runtimes, and stored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from captioner.captioner import Captioner, PhotoState
from captioner.checkpoint import read_checkpoint, save_checkpoint
from captioner.config import CaptionerConfig, DecoderConfig, EncoderConfig, HeadConfig
from captioner.image_file import decode_photo, to_pixels
from captioner.network import Network, load_network
from captioner.onnx_captioner import OnnxCaptioner
from captioner.torch_captioner import TorchCaptioner
from captioner.training.word_detection import WordLabels, with_word_detector, word_labels
from captioner.vocabulary import SPECIAL_WORDS, Vocabulary

_CONFIG = CaptionerConfig(
    EncoderConfig("efficientnet_lite0", zoom=1.0, classes=3, class_tail=False),
    DecoderConfig(hidden=32, embedding=16, memory=16),
    HeadConfig(hidden=32, word=16, references=8),
)
_WORDS, _CHANNELS = ("cat", "dog", "sofa"), 1280
_CAPTIONS = (("two cats on a sofa", "a cat"), ("a dog",), ("the dogs of men", "a man with a dog"))


@pytest.fixture(scope="module")
def small() -> Network:
    torch.manual_seed(0)
    return Network(_CONFIG, Vocabulary((*SPECIAL_WORDS, "a", *_WORDS))).eval()


def _taught(network: Network) -> tuple[Network, torch.Tensor, torch.Tensor]:
    """A detector that learned three words, each told by a direction of the features."""
    generator = torch.Generator().manual_seed(0)
    shares = (torch.rand(1024, 3, generator=generator) < 0.3).float()
    directions = torch.randn(3, 2 * _CHANNELS, generator=generator)
    noise = torch.randn(2, 1024, 2 * _CHANNELS, generator=generator)
    pooled = 5 + 2 * noise + shares @ directions
    made = with_word_detector(network, pooled, WordLabels(_WORDS, shares), np.ones(1024), 0)
    return made, pooled[0], shares


def test_labels_count_captions_and_take_plurals_for_the_same_thing() -> None:
    labels = word_labels(_CAPTIONS, ("cat", "dog", "man"), least=1)
    shares = dict(zip(labels.words, labels.shares.T.tolist(), strict=True))
    assert shares["cat"] == [1, 0, 0]
    assert shares["sofa"] == [0.5, 0, 0]
    assert shares["dog"] == [0, 1, 1]
    assert shares["man"] == [0, 0, 1]
    assert "cats" not in shares
    assert word_labels(_CAPTIONS, ("dog",), least=2).words == ("a", "dog")


def test_a_detector_tells_what_it_was_taught(small: Network) -> None:
    made, pooled, shares = _taught(small)
    assert made.detector is not None
    assert made.provenance.detected_words == _WORDS
    with torch.inference_mode():
        told = made.detector(pooled).sigmoid()
    assert told[shares > 0].mean() > told[shares == 0].mean() + 0.4
    assert made.detector.rates.tolist() == pytest.approx(shares.mean(dim=0).tolist())
    assert small.detector is None


def test_without_words_there_is_no_detector(small: Network) -> None:
    labels = WordLabels((), torch.zeros(4, 0))
    assert with_word_detector(small, torch.zeros(1, 4, 8), labels, np.ones(4), 0) is small


def test_both_runtimes_detect_the_same_and_states_keep_it(small: Network, tmp_path: Path) -> None:
    file = tmp_path / "taught.safetensors"
    save_checkpoint(_taught(small)[0], file)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 224, 224), np.uint8)
    by_onnx = OnnxCaptioner(read_checkpoint(file))
    by_torch = TorchCaptioner(load_network(file, "cpu"))
    states = [each.look(pixels) for each in (by_onnx, by_torch)]
    for word in _WORDS:
        mine, theirs = (
            each.detect([word], state)
            for each, state in zip((by_onnx, by_torch), states, strict=True)
        )
        assert mine is not None
        assert mine == pytest.approx(theirs, abs=2e-2)
    config = by_onnx.config
    again = PhotoState.unpack(states[0].pack(config), config)
    assert again.words is not None
    assert again.words.tobytes() == states[0].words.tobytes()  # type: ignore[union-attr]
    assert by_onnx.detect(["cats"], again) == pytest.approx(by_onnx.detect(["cat"], again))


@pytest.fixture(scope="module")
def seen(captioner: Captioner, sample_photos: Path) -> PhotoState:
    """A cat and a cup of coffee."""
    files = [sample_photos / name for name in ("cat.png", "coffee.png")]
    return captioner.look(np.stack([to_pixels(decode_photo(file.read_bytes())) for file in files]))


def test_the_shipped_captioner_detects_things(captioner: Captioner, seen: PhotoState) -> None:
    cat, coffee = (captioner.detect([word], seen) for word in ("cat", "coffee"))
    assert cat is not None
    assert coffee is not None
    assert cat[0] > cat[1] + 2
    assert coffee[1] > coffee[0] + 2


def test_words_say_more_together_and_unknown_ones_nothing(
    captioner: Captioner, seen: PhotoState
) -> None:
    def said(*words: str) -> np.ndarray:
        detected = captioner.detect(words, seen)
        assert detected is not None
        return detected

    assert said("cat", "table") == pytest.approx(said("cat") + said("table"))
    assert said("cat", "cat", "xylograph") == pytest.approx(said("cat"))
    assert said("xylograph").tolist() == [0, 0]


def test_photos_of_captioners_without_a_detector_say_nothing(
    captioner: Captioner, seen: PhotoState
) -> None:
    assert captioner.detect(["cat"], replace(seen, words=None)) is None
