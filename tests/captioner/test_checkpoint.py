"""A checkpoint carries everything, loads strictly, and says what is wrong with it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from captioner import checkpoint
from captioner.captioner import Captioner
from captioner.checkpoint import (
    DEFAULT_CHECKPOINT,
    DEFAULT_SHA256,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from captioner.config import EncoderConfig
from captioner.device import choose_device
from captioner.machine import DeviceUnavailable
from captioner.network import Network, load_network


def _copy_with(
    target: Path,
    change: dict[str, str],
    drop: str = "",
    more: dict[str, torch.Tensor] | None = None,
) -> Path:
    """The shipped checkpoint with other metadata, perhaps without one tensor or with others."""
    with safe_open(DEFAULT_CHECKPOINT, "pt") as file:
        metadata = dict(file.metadata() or {}) | change
        weights = {name: file.get_tensor(name) for name in file.keys() if name != drop}  # noqa: SIM118
    save_file(weights | (more or {}), target, metadata)
    return target


def test_saving_and_loading_changes_no_weight(network: Network, tmp_path: Path) -> None:
    save_checkpoint(network, tmp_path / "again.safetensors")
    again = load_network(tmp_path / "again.safetensors", "cpu")
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert again.vocabulary == network.vocabulary
    assert again.provenance.ranking == network.provenance.ranking


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "mobilenet_v3_small"])
def test_a_loaded_network_is_the_one_that_was_saved(
    backbone: str, captioner: Captioner, tmp_path: Path
) -> None:
    """Nothing is left of the network that waited for its weights, whatever the CNN."""
    encoder = EncoderConfig(backbone=backbone, image_size=64)
    head = replace(captioner.config.head, whole=False)
    config = replace(captioner.config, encoder=encoder, head=head)
    made = Network(config, captioner.vocabulary).eval()
    halves = {name: tensor.half() for name, tensor in made.state_dict().items()}
    made.load_state_dict(halves)  # as they are in the file
    save_checkpoint(made, tmp_path / "made.safetensors")
    loaded = load_network(tmp_path / "made.safetensors", "cpu")
    ours, theirs = _tensors(loaded), _tensors(made)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
        assert (ours[name].dtype, ours[name].stride()) == (tensor.dtype, tensor.stride()), name
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not any(module.training for module in loaded.modules())
    seed = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (1, 3, 64, 64), generator=seed, dtype=torch.uint8)
    packed = [each.look(pixels).pack(each.config) for each in (loaded, made)]
    assert packed[0] == packed[1]


def _tensors(network: Network) -> dict[str, torch.Tensor]:
    """All of them, those that no checkpoint holds included."""
    return dict([*network.named_parameters(), *network.named_buffers()])


def test_the_shipped_checkpoint_is_known_by_the_hash_of_its_file(captioner: Captioner) -> None:
    shipped = hashlib.sha256(DEFAULT_CHECKPOINT.read_bytes()).hexdigest()
    assert captioner.sha256 == DEFAULT_SHA256 == shipped


def test_the_shipped_checkpoint_is_refused_where_it_is_not_as_it_was_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(DEFAULT_CHECKPOINT.read_bytes())
    content[len(content) // 2] ^= 1
    file = tmp_path / "shipped.safetensors"
    file.write_bytes(content)
    assert load_checkpoint(file, "cpu").name  # a person's own may be anything
    monkeypatch.setattr(checkpoint, "DEFAULT_CHECKPOINT", file)
    for path in (None, file):
        with pytest.raises(CheckpointError, match=r"is damaged: .* install tellshow again"):
            load_checkpoint(path, "cpu")


def test_the_shipped_checkpoint_says_what_was_measured_with_it(captioner: Captioner) -> None:
    metrics = captioner.metrics
    assert metrics["photos"] == 1000
    assert metrics["text_to_image"]["combined"]["r10"] > 50  # type: ignore[index]


def test_another_format_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    file = _copy_with(tmp_path / "old.safetensors", {"format": "tellshow-captioner-0"})
    with pytest.raises(CheckpointError, match=r"tellshow-captioner-0.*train it again"):
        load_checkpoint(file)


def test_a_missing_tensor_is_refused(tmp_path: Path) -> None:
    file = _copy_with(tmp_path / "less.safetensors", {}, drop="decoder.word_bias")
    with pytest.raises(CheckpointError, match="do not fit"):
        load_checkpoint(file)


def test_a_tensor_too_many_or_of_another_shape_is_refused(
    captioner: Captioner, tmp_path: Path
) -> None:
    shape = len(captioner.vocabulary) + 1
    for name in ("decoder.another", "decoder.word_bias"):
        file = _copy_with(tmp_path / f"{name}.safetensors", {}, more={name: torch.zeros(shape)})
        with pytest.raises(CheckpointError, match="do not fit"):
            load_checkpoint(file)


def test_a_damaged_description_is_refused(tmp_path: Path) -> None:
    file = _copy_with(tmp_path / "odd.safetensors", {"config": '{"encoder": {}}'})
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(file)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.safetensors"
    file.write_text("nothing of the kind")
    with pytest.raises(CheckpointError, match="no safetensors file"):
        load_checkpoint(file)
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "absent.safetensors")


def test_a_device_that_is_not_there_is_refused() -> None:
    for name in ("cuda:99", "abacus"):
        with pytest.raises(DeviceUnavailable, match="--device cpu"):
            choose_device(name)
