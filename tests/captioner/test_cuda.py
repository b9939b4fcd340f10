"""The captioner on a GPU: the same answers where there is one, and no mixed devices anywhere.

Tensors of PyTorch's fake mode have a device and no numbers, so that a machine without a GPU sees
too where the network and what it is given would not be on the same one.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from captioner.captioner import Captioner, PhotoState
from captioner.decoder import PhotoFeatures
from captioner.device import exact
from captioner.image_file import decode_photo, to_tensor
from captioner.network import Network, features_of
from captioner.torch_captioner import TorchCaptioner, load_torch_captioner

WORDS = ["a", "dog", "runs"]
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture
def elsewhere(network: Network, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """The network on a GPU that need not be there: its numbers are not."""
    moved = copy.deepcopy(network)
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)  # asks the driver
    monkeypatch.setattr(Tensor, "numpy", _without_numbers)
    with FakeTensorMode(allow_non_fake_inputs=True), exact():  # autocast asks the driver
        for module in moved.modules():
            for name, tensor in list(module.named_parameters(recurse=False)):
                setattr(module, name, nn.Parameter(_there(tensor), requires_grad=False))
            for name, tensor in list(module.named_buffers(recurse=False)):
                setattr(module, name, _there(tensor))
        yield moved


def test_no_step_of_looking_and_scoring_mixes_devices(elsewhere: Network) -> None:
    pixels = torch.empty(4, 3, 224, 224, dtype=torch.uint8)
    state, captioner = elsewhere.look(pixels), TorchCaptioner(elsewhere)
    assert captioner.device.startswith("cuda")
    assert {part.device.type for part in _parts(elsewhere.see(pixels))} == {"cuda"}
    features = features_of(state, elsewhere.device)
    assert {part.device.type for part in _parts(features)} == {"cuda"}
    assert captioner.hub_bias(state).shape == (4,)
    for scored in captioner.score_both(WORDS, state):
        assert scored.word_log_likelihood.shape[1] == len(WORDS) + 1
    assert captioner.occlude(WORDS, state).drops.shape == (4, 3, 49)
    assert captioner.score_sentences([WORDS, WORDS[:1]], state[:1]).shape == (2, 4)
    assert captioner.read_prefix(WORDS, state)[0].shape == (4, 3)
    assert captioner.read(["a dog"], np.zeros((1, 384), np.float32)).shape == (1, 384)


def _without_numbers(tensor: Tensor) -> NDArray[Any]:
    """What numpy() makes of a tensor without numbers; fails on a GPU's, as numpy() does."""
    assert tensor.device.type == "cpu"
    return np.zeros(tensor.shape, str(tensor.dtype).removeprefix("torch."))


def _there(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")


def _parts(features: PhotoFeatures) -> list[Tensor]:
    return [features.memory, features.seed, features.visual]


@pytest.fixture(scope="module")
def pixels(sample_photos: Path) -> NDArray[np.uint8]:
    """Three photos, [3,3,S,S]."""
    files = [sample_photos / name for name in ("cat.png", "coffee.png", "rocket.jpg")]
    return np.stack([to_tensor(decode_photo(file.read_bytes())) for file in files])


@pytest.fixture(scope="module")
def on_gpu() -> TorchCaptioner:
    return load_torch_captioner(device="cuda")


@needs_cuda
def test_a_gpu_makes_the_states_that_the_cpu_does(
    captioner: Captioner, on_gpu: Captioner, pixels: NDArray[np.uint8]
) -> None:
    here, rounded = captioner.look(pixels), on_gpu.look(pixels)
    with exact():
        there = on_gpu.look(pixels)
    assert _cosines(here, there).min() > 0.999
    difference = here.memory.astype(np.float32) - there.memory.astype(np.float32)
    assert abs(difference).mean() < 2.0  # of 127
    # What bfloat16 costs a CPU, too: 0.9995 in the middle of 48 photos, and 0.989 at worst.
    assert _cosines(here, rounded).min() > 0.98


def _cosines(here: PhotoState, there: PhotoState) -> NDArray[np.float32]:
    vectors = (state.visual.astype(np.float32) for state in (here, there))
    cosines: NDArray[np.float32] = np.einsum("be,be->b", *vectors)
    return cosines


@needs_cuda
def test_a_gpu_scores_sentences_as_the_cpu_does(
    captioner: Captioner, on_gpu: Captioner, pixels: NDArray[np.uint8]
) -> None:
    state = captioner.look(pixels)
    here, there = (each.score_words(WORDS, state) for each in (captioner, on_gpu))
    assert np.allclose(here.log_likelihood, there.log_likelihood, atol=0.1)


@needs_cuda
def test_a_gpu_writes_captions_as_likely_as_the_cpus(
    captioner: Captioner, on_gpu: Captioner, pixels: NDArray[np.uint8]
) -> None:
    state = captioner.look(pixels)
    for here, there in zip(
        captioner.generate_captions(state), on_gpu.generate_captions(state), strict=True
    ):
        assert there[0].log_likelihood == pytest.approx(here[0].log_likelihood, abs=0.1)
