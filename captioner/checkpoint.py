"""Checkpoint files: one safetensors file with weights, configuration, vocabulary and metrics.

Loading is strict: every tensor and every field must fit.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from captioner.captioner import Captioner, CaptionerConfig, Provenance, Ranking
from captioner.device import choose_device, without_weights
from captioner.filehash import sha256_of
from captioner.vocabulary import Vocabulary

FORMAT = "tellshow-captioner-2"
DEFAULT_CHECKPOINT = (
    Path(__file__).parent / "models" / "flickr8k-coco-efficientnet_lite2.safetensors"
)
# Of that file's bytes: whoever ships another one notes its own here.
DEFAULT_SHA256 = "699e4e4f3c32274e04ce0e9a75ad405e2820a8bd35e36decf45755cbec463fdf"


class CheckpointError(ValueError):
    """The checkpoint file is missing, damaged, or of another format."""


def save_checkpoint(captioner: Captioner, path: Path) -> None:
    """Write the captioner to `path`, weights as float16; the file appears whole or not at all.

    Raises OSError.
    """
    provenance = captioner.provenance
    metadata = {
        "format": FORMAT,
        "name": provenance.name,
        "embedder": provenance.embedder_name,
        "config": json.dumps(captioner.config.to_dict()),
        "vocabulary": json.dumps(captioner.vocabulary.words),
        "metrics": json.dumps(provenance.metrics),
        "ranking": json.dumps(asdict(provenance.ranking)),
        "classes": json.dumps(provenance.class_names),
    }
    weights = {
        name: tensor.detach().cpu().half().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in captioner.state_dict().items()
    }
    partial = path.with_suffix(".tmp")
    partial.write_bytes(save(weights, metadata))
    partial.replace(path)


def load_checkpoint(path: Path | None = None, device: str | None = None) -> Captioner:
    """The captioner in a file (None: the shipped one), in eval mode, float32, on a device.

    Raises CheckpointError where the file does not hold one, or is the shipped one and not as it was
    shipped, DeviceUnavailable and
    UnknownPrecision as choose_device.
    """
    path = path or DEFAULT_CHECKPOINT
    target = choose_device(device)
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    sha256 = sha256_of(path)
    if path == DEFAULT_CHECKPOINT and sha256 != DEFAULT_SHA256:
        raise CheckpointError(
            f"the captioner that came with tellshow is damaged: {path} is not as it was shipped; "
            "install tellshow again, or name a sound file with --model FILE"
        )
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(f"{path} is no safetensors file, or a damaged one") from error
    with without_weights():
        captioner = _build(path, sha256, metadata)
    try:
        captioner.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        raise CheckpointError(f"the weights in {path} do not fit its configuration") from error
    captioner.encoder.to(memory_format=torch.channels_last)
    return captioner.float().eval().requires_grad_(False).to(target)


def _build(path: Path, sha256: str, metadata: dict[str, str]) -> Captioner:
    if metadata.get("format") != FORMAT:
        found = metadata.get("format", "no tellshow format")
        raise CheckpointError(
            f"{path} has {found}, this tellshow reads {FORMAT}; train it again or "
            "install the tellshow that made it"
        )
    try:
        config = CaptionerConfig.from_dict(json.loads(metadata["config"]))
        vocabulary = Vocabulary(tuple(json.loads(metadata["vocabulary"])))
        provenance = Provenance(
            metadata["name"],
            sha256,
            metadata["embedder"],
            json.loads(metadata["metrics"]),
            Ranking.from_dict(json.loads(metadata["ranking"])),
            tuple(json.loads(metadata.get("classes", "[]"))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the description inside {path} is damaged: {error!r}") from error
    return Captioner(config, vocabulary, provenance)
