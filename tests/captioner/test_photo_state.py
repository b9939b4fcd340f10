"""Photo states keep numbers in four bits or in eight, as their captioner says."""

from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from captioner.captioner import PhotoState
from captioner.checkpoint import Checkpoint, read_checkpoint
from captioner.config import STATE_LEVELS, CaptionerConfig
from captioner.image_file import decode_photo, to_pixels
from captioner.network import Network
from captioner.onnx_captioner import OnnxCaptioner
from captioner.torch_captioner import TorchCaptioner

FOUR, EIGHT = (CaptionerConfig(state_bits=bits) for bits in (4, 8))
# Without classes: numbers of 49 places, then seed and vector in 16 bits.
SIZES = {4: 49 * 160 // 2 + 2 * (512 + 384), 8: 49 * 160 + 2 * (512 + 384)}


def _state(memory: NDArray[np.float32], bits: int) -> PhotoState:
    random = np.random.default_rng(1)
    seed, visual = (
        random.standard_normal((len(memory), width)).astype(np.float32) for width in (512, 384)
    )
    return PhotoState.quantised(memory, seed, visual, bits=bits)


@pytest.fixture(scope="module")
def memory() -> NDArray[np.float32]:
    """Three photos, the ends of a tanh among their numbers [3,P,M]."""
    random = np.random.default_rng(0)
    numbers = np.tanh(random.standard_normal((3, 49, 160))).astype(np.float32)
    numbers[0, 0, :3] = -1, 0, 1
    numbers[2, -1, -3:] = 1, 0, -1
    return numbers


@pytest.fixture(scope="module")
def shipped() -> Checkpoint:
    return read_checkpoint()


@pytest.fixture(scope="module")
def pixels(sample_photos: Path) -> NDArray[np.uint8]:
    files = [sample_photos / name for name in ("cat.png", "coffee.png", "rocket.jpg")]
    return np.stack([to_pixels(decode_photo(file.read_bytes())) for file in files])


@pytest.mark.parametrize("config", [FOUR, EIGHT])
def test_a_state_is_read_as_it_was_packed(
    config: CaptionerConfig, memory: NDArray[np.float32]
) -> None:
    state = _state(memory, config.state_bits)
    blobs = state.pack(config)
    again = PhotoState.unpack(blobs, config)
    assert {len(blob) for blob in blobs} == {SIZES[config.state_bits]}
    for name in ("memory", "seed", "visual"):
        assert np.array_equal(getattr(again, name), getattr(state, name)), name


def test_each_number_is_kept_as_the_nearest_that_its_bits_tell(memory: NDArray[np.float32]) -> None:
    for bits, level in STATE_LEVELS.items():
        kept = _state(memory, bits).memory
        assert not (kept % level).any()
        assert abs(kept - memory * 127).max() <= level / 2 + 1e-3
        assert kept[0, 0, :3].tolist() == [-(127 // level * level), 0, 127 // level * level]
    assert len(np.unique(_state(memory, 4).memory)) == 15


def test_a_state_of_other_bits_or_another_length_is_refused(memory: NDArray[np.float32]) -> None:
    for own, other in ((FOUR, EIGHT), (EIGHT, FOUR)):
        [blob] = _state(memory[:1], own.state_bits).pack(own)
        for wrong in (blob[:-1], blob[:-160], blob + bytes(160), b""):
            with pytest.raises(ValueError, match="another captioner"):
                PhotoState.unpack([wrong], own)
        with pytest.raises(ValueError, match="another captioner"):
            PhotoState.unpack([blob], other)


def test_captioners_that_say_nothing_keep_eight_bits_and_new_ones_four() -> None:
    said = CaptionerConfig().to_dict()
    assert said.pop("state_bits") == 4
    assert CaptionerConfig.from_dict(said).state_bits == 8  # type: ignore[arg-type]
    for config in (FOUR, EIGHT):
        assert CaptionerConfig.from_dict(config.to_dict()) == config  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="in 4 or 8 bits, not in 5"):
        CaptionerConfig(state_bits=5)


def test_both_runtimes_keep_the_bits_of_their_captioner(
    shipped: Checkpoint,
    network: Network,
    pixels: NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TELLSHOW_PRECISION", "float32")
    for bits, level in STATE_LEVELS.items():
        config = replace(shipped.config, state_bits=bits)
        by_onnx = OnnxCaptioner(replace(shipped, config=config))
        in_torch = copy(network)
        in_torch.config = config
        by_torch = TorchCaptioner(in_torch)
        mine, theirs = (each.look(pixels) for each in (by_onnx, by_torch))
        apart = abs(mine.memory.astype(int) - theirs.memory)
        assert apart.max() <= level
        assert (apart > 0).mean() < 0.01  # those that lie between two levels
        words = ["a", "cat"]
        scores = [each.score_words(words, mine).log_likelihood for each in (by_onnx, by_torch)]
        assert np.allclose(*scores, atol=1e-3)


def test_four_bits_change_likelihoods_by_less_than_photos_differ(
    shipped: Checkpoint, pixels: NDArray[np.uint8]
) -> None:
    scores = []
    for bits in (4, 8):
        config = replace(shipped.config, state_bits=bits)
        captioner = OnnxCaptioner(replace(shipped, config=config))
        state = captioner.look(pixels)
        stored = PhotoState.unpack(state.pack(config), config)
        scores.append(captioner.score_words(["a", "cup", "of", "coffee"], stored).log_likelihood)
    assert np.allclose(*scores, atol=0.3)
    assert np.ptp(scores[1]) > 3
