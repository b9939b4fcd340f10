"""The captioner on a GPU: the same answers where there is one, and no mixed devices anywhere.

Tensors of PyTorch's fake mode have a device and no numbers, so that a machine without a GPU sees
too where the network and what it is given would not be on the same one.
"""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from captioner.beam_search import generate_captions
from captioner.captioner import Captioner
from captioner.checkpoint import load_checkpoint
from captioner.decoder import PhotoFeatures
from captioner.device import exact
from captioner.image_file import decode_photo, to_tensor
from captioner.likelihood import read_prefix, score_sentences, score_without_photo, score_words
from captioner.occlusion import occlude

WORDS = ["a", "dog", "runs"]
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture
def elsewhere(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Captioner]:
    """The captioner on a GPU that need not be there: its numbers are not."""
    moved = copy.deepcopy(captioner)
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)  # asks the driver
    with FakeTensorMode(), exact():  # autocast asks the driver
        for module in moved.modules():
            for name, tensor in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(_there(tensor), requires_grad=False))
            for name, tensor in list(module.named_buffers(recurse=False)):
                setattr(module, name, _there(tensor))
        yield moved


def test_no_step_of_looking_and_scoring_mixes_devices(elsewhere: Captioner) -> None:
    pixels = torch.empty(4, 3, 224, 224, dtype=torch.uint8)
    state = elsewhere.look(pixels)
    features = state.features(elsewhere.device)
    assert {part.device.type for part in _parts(elsewhere.see(pixels))} == {"cuda"}
    assert {part.device.type for part in _parts(features)} == {"cuda"}
    on_cpu = [
        state.memory,
        elsewhere.hub_bias(state),
        score_words(elsewhere, WORDS, features).word_log_likelihood,
        score_without_photo(elsewhere, WORDS).word_log_likelihood,
        occlude(elsewhere, WORDS, features).drops,
        score_sentences(elsewhere, [WORDS, WORDS[:1]], features[slice(0, 1)]),
        *read_prefix(elsewhere, WORDS, features),
    ]
    assert {tensor.device.type for tensor in on_cpu} == {"cpu"}


def _there(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")


def _parts(features: PhotoFeatures) -> list[Tensor]:
    return [features.memory, features.seed, features.visual]


@pytest.fixture(scope="module")
def pixels(sample_photos: Path) -> Tensor:
    """Three photos, uint8 [3,3,S,S]."""
    files = [sample_photos / name for name in ("cat.png", "coffee.png", "rocket.jpg")]
    return torch.stack([to_tensor(decode_photo(file.read_bytes())) for file in files])


@pytest.fixture(scope="module")
def on_gpu() -> Captioner:
    return load_checkpoint(device="cuda")


@needs_cuda
def test_a_gpu_makes_the_states_that_the_cpu_does(
    captioner: Captioner, on_gpu: Captioner, pixels: Tensor
) -> None:
    here, there = captioner.look(pixels), on_gpu.look(pixels)
    cosine = (here.visual.float() * there.visual.float()).sum(dim=1)
    assert cosine.min() > 0.999
    assert (here.memory.float() - there.memory.float()).abs().mean() < 2.0  # of 127


@needs_cuda
def test_a_gpu_scores_sentences_as_the_cpu_does(
    captioner: Captioner, on_gpu: Captioner, pixels: Tensor
) -> None:
    state = captioner.look(pixels)
    here = score_words(captioner, WORDS, state.features())
    there = score_words(on_gpu, WORDS, state.features(on_gpu.device))
    assert torch.allclose(here.log_likelihood, there.log_likelihood, atol=0.1)


@needs_cuda
def test_a_gpu_writes_captions_as_likely_as_the_cpus(
    captioner: Captioner, on_gpu: Captioner, pixels: Tensor
) -> None:
    state = captioner.look(pixels)
    for here, there in zip(
        generate_captions(captioner, state), generate_captions(on_gpu, state), strict=True
    ):
        assert there[0].log_likelihood == pytest.approx(here[0].log_likelihood, abs=0.1)
