"""Checkpoint files: one safetensors file with weights, configuration, vocabulary and metrics.

Loading is strict: every tensor and every field must fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from captioner.captioner import Captioner, Provenance, Ranking
from captioner.config import CaptionerConfig
from captioner.lite_layout import VARIANTS
from captioner.machine import ONNX, TORCH, chosen_runtime, has_torch, runtime_for
from captioner.mapped_weights import split_weights
from captioner.vocabulary import Vocabulary

if TYPE_CHECKING:
    from captioner.network import Network

FORMAT = "tellshow-captioner-2"
DEFAULT_CHECKPOINT = (
    Path(__file__).parent / "models" / "flickr8k-coco-efficientnet_lite2.safetensors"
)
# Of that file's bytes: whoever ships another one notes its own here.
DEFAULT_SHA256 = "c23200d7141487176010659efa544e95c78f0aa634a36909b97f3e2412ae1b4b"


class CheckpointError(ValueError):
    """The checkpoint file is missing, damaged, or of another format."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds; `arrays`: the network's weights by torch's names, float16."""

    path: Path
    config: CaptionerConfig
    vocabulary: Vocabulary
    provenance: Provenance
    arrays: Mapping[str, NDArray[Any]]


def save_checkpoint(network: Network, path: Path) -> None:
    """Write the network to `path`, weights as float16; the file appears whole or not at all.

    Raises OSError.
    """
    arrays = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().numpy()
        for name, tensor in network.state_dict().items()
    }
    _write(Checkpoint(path, network.config, network.vocabulary, network.provenance, arrays))


def save_provenance(provenance: Provenance, path: Path) -> None:
    """Write another description into a checkpoint; raises CheckpointError, and OSError."""
    _write(replace(read_checkpoint(path), provenance=provenance))


def _write(checkpoint: Checkpoint) -> None:
    provenance = checkpoint.provenance
    metadata = {
        "format": FORMAT,
        "name": provenance.name,
        "embedder": provenance.embedder_name,
        "config": json.dumps(checkpoint.config.to_dict()),
        "vocabulary": json.dumps(checkpoint.vocabulary.words),
        "metrics": json.dumps(provenance.metrics),
        "ranking": json.dumps(asdict(provenance.ranking)),
        "classes": json.dumps(provenance.class_names),
        "detected": json.dumps(provenance.detected_words),
    }
    arrays = {name: np.ascontiguousarray(each) for name, each in checkpoint.arrays.items()}
    partial = checkpoint.path.with_suffix(".tmp")
    partial.write_bytes(save(arrays, metadata))
    partial.replace(checkpoint.path)


def load_checkpoint(
    path: Path | None = None,
    device: str | None = None,
    sha256: str | None = None,
) -> Captioner:
    """The captioner in a file (None: the shipped one), on a device, by the runtime that suits.

    `sha256`: that of the file's bytes, where they have just been checked. Raises CheckpointError as
    read_checkpoint, and DeviceUnavailable, UnknownPrecision and RuntimeUnavailable as runtime_for.
    """
    # Each runtime takes a while to import, torch up to seconds.
    if runtime_for(device) == TORCH:
        from captioner.torch_captioner import load_torch_captioner

        return load_torch_captioner(path, device)
    found = read_checkpoint(path, sha256)
    if found.config.encoder.backbone not in VARIANTS:
        return _by_torch(found)
    from captioner.onnx_captioner import OnnxCaptioner

    return OnnxCaptioner(found)


def _by_torch(checkpoint: Checkpoint) -> Captioner:
    """A captioner whose CNN is written in torch alone, on the CPU; raises CheckpointError."""
    if chosen_runtime() == ONNX or not has_torch():
        raise CheckpointError(
            f"{checkpoint.path} sees by {checkpoint.config.encoder.backbone}, which needs torch; "
            "install tellshow[train], and leave TELLSHOW_RUNTIME unset"
        )
    from captioner.torch_captioner import load_torch_captioner

    return load_torch_captioner(checkpoint.path, "cpu")


def read_checkpoint(path: Path | None = None, sha256: str | None = None) -> Checkpoint:
    """What a file holds (None: the shipped one); `sha256` as for load_checkpoint.

    Raises CheckpointError where it holds no captioner, or is the shipped one and not as it was
    shipped.
    """
    path = path or DEFAULT_CHECKPOINT
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    # Read once: what is computed with is what was checked, whatever becomes of the file.
    content = np.fromfile(path, np.uint8)
    sha256 = sha256 or hashlib.sha256(content.data).hexdigest()
    if path == DEFAULT_CHECKPOINT and sha256 != DEFAULT_SHA256:
        raise CheckpointError(
            f"the captioner that came with tellshow is damaged: {path} is not as it was shipped; "
            "install tellshow again, or name a sound file with --model FILE"
        )
    try:
        metadata, arrays = split_weights(content)
    except ValueError as error:
        raise CheckpointError(f"{path} is no safetensors file, or a damaged one") from error
    return Checkpoint(path, *_described(path, sha256, metadata), arrays)


def _described(
    path: Path, sha256: str, metadata: dict[str, str]
) -> tuple[CaptionerConfig, Vocabulary, Provenance]:
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
            tuple(json.loads(metadata.get("detected", "[]"))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the description inside {path} is damaged: {error!r}") from error
    return config, vocabulary, provenance
