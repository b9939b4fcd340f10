"""A checkpoint carries everything, loads strictly, and says what is wrong with it."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from captioner.captioner import Captioner
from captioner.checkpoint import (
    DEFAULT_CHECKPOINT,
    CheckpointError,
    DeviceUnavailable,
    choose_device,
    load_checkpoint,
    save_checkpoint,
)


def _copy_with(target: Path, change: dict[str, str], drop: str = "") -> Path:
    """The shipped checkpoint with other metadata, and perhaps without one tensor."""
    with safe_open(DEFAULT_CHECKPOINT, "pt") as file:
        metadata = dict(file.metadata() or {}) | change
        weights = {name: file.get_tensor(name) for name in file.keys() if name != drop}  # noqa: SIM118
    save_file(weights, target, metadata)
    return target


def test_saving_and_loading_changes_no_weight(captioner: Captioner, tmp_path: Path) -> None:
    save_checkpoint(captioner, tmp_path / "again.safetensors")
    again = load_checkpoint(tmp_path / "again.safetensors", "cpu")
    for name, tensor in captioner.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert again.vocabulary == captioner.vocabulary
    assert again.provenance.ranking == captioner.provenance.ranking


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
