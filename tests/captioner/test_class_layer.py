"""A classifier loses its tail, and says of photos what it said; so does the head that saw it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision  # type: ignore[import-untyped]

from captioner.config import MEAN_MAX, CaptionerConfig, DecoderConfig, EncoderConfig, HeadConfig
from captioner.network import Network
from captioner.training.class_layer import read_classes_off_grid
from captioner.vocabulary import SPECIAL_WORDS, Vocabulary

_CONFIG = CaptionerConfig(
    EncoderConfig("resnet18", zoom=1.0, classes=1000),
    DecoderConfig(hidden=32, embedding=16, memory=16),
    HeadConfig(hidden=32, word=16, references=8, whole=True, pooling=MEAN_MAX),
)
_CHANNELS = 512


@pytest.fixture(scope="module")
def small() -> Network:
    torch.manual_seed(0)
    return Network(_CONFIG, Vocabulary((*SPECIAL_WORDS, "a"))).eval()


def _pooled(photos: int) -> torch.Tensor:
    """As if the tail's features followed from the grid's mean and maximum."""
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(photos, 2 * _CHANNELS, generator=generator) * 3 + 1
    matrix = torch.randn(2 * _CHANNELS, _CHANNELS, generator=generator) / 32
    return torch.cat([own, own @ matrix + 2], dim=1)


@torch.inference_mode()
def test_what_follows_from_the_grid_is_read_off_the_grid(small: Network) -> None:
    before, pooled = small.state_dict(), _pooled(4096)
    made = read_classes_off_grid(small, pooled)
    assert (made.config.encoder.class_tail, made.config.head.whole) == (False, False)
    assert made.encoder.classifier is not None
    assert small.encoder.classifier is not None
    own, whole = pooled[:16, : 2 * _CHANNELS], pooled[:16, 2 * _CHANNELS :]
    mine, theirs = made.encoder.classifier.output(own), small.encoder.classifier.output(whole)
    assert (mine - theirs).norm() < 0.05 * theirs.norm()
    vectors = made.head.project_pooled(own) * small.head.project_pooled(pooled[:16])
    assert vectors.sum(dim=1).min() > 0.99
    assert all(torch.equal(small.state_dict()[name], each) for name, each in before.items())


@torch.inference_mode()
def test_nothing_else_changes_and_no_tail_is_asked(small: Network) -> None:
    made = read_classes_off_grid(small, _pooled(64))
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (2, 3, 224, 224), generator=generator, dtype=torch.uint8)
    mine, theirs = made.look(pixels), small.look(pixels)
    assert np.array_equal(mine.memory, theirs.memory)
    assert np.array_equal(mine.seed, theirs.seed)
    assert mine.classes is not None
    assert made.encoder.classifier is not None
    with pytest.raises(ValueError, match="no tail"):
        made.encoder.classifier.pool(made.encoder.stem(pixels.float()))


def test_what_has_no_tail_that_its_head_sees_is_refused(small: Network) -> None:
    made = read_classes_off_grid(small, _pooled(64))
    with pytest.raises(ValueError, match="no tail of a classifier"):
        read_classes_off_grid(made, _pooled(64))
    with pytest.raises(ValueError, match="there is none"):
        replace(made.config, head=replace(made.config.head, whole=True))
    with pytest.raises(ValueError, match="set class_tail"):
        made.encoder.load_backbone(_resnet_weights())


def _resnet_weights() -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torchvision.models.get_model("resnet18").state_dict()
    return weights
