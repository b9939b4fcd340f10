"""The eye: a torchvision CNN that turns pixels into a grid of vectors.

Knows nothing of words. The network is cut in two: a trunk that training leaves as it
was (so that its output can be computed once), and a tail that is fine-tuned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torchvision  # type: ignore[import-untyped]
from torch import Tensor, nn

# ImageNet statistics that every torchvision backbone was trained with, for pixels in 0..255.
_MEAN = (123.675, 116.28, 103.53)
_DEVIATION = (58.395, 57.12, 57.375)


class UnknownBackbone(ValueError):
    """The name is not a torchvision CNN whose last feature map is a grid."""


@dataclass(frozen=True)
class EncoderConfig:
    """Which CNN looks at photos, and how many of its leading stages stay as they were."""

    backbone: str = "mobilenet_v2"
    frozen_stages: int = 11
    image_size: int = 224


class Encoder(nn.Module):
    """Pixels to a grid of feature vectors; batch norms never change their statistics."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        stages = _stages(config.backbone)
        if not 0 <= config.frozen_stages < len(stages):
            raise ValueError(
                f"{config.backbone} has {len(stages)} stages; "
                f"frozen_stages must be from 0 to {len(stages) - 1}"
            )
        self.config = config
        self.trunk = nn.Sequential(*stages[: config.frozen_stages])
        self.tail = nn.Sequential(*stages[config.frozen_stages :])
        self.trunk.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.positions, self.channels = self._grid_shape()
        self.to(memory_format=torch.channels_last)

    def load_backbone(self, weights: Mapping[str, Tensor]) -> None:
        """Take weights under torchvision's names (a classifier among them is left out).

        Raises ValueError when a tensor of the network is missing or has another shape.
        """
        model = torchvision.models.get_model(self.config.backbone, weights=None)
        missing = model.load_state_dict(dict(weights), strict=False).missing_keys
        wanted = [key for key in missing if not key.startswith(("classifier.", "fc.", "head."))]
        if wanted:
            raise ValueError(f"the backbone weights lack {wanted[0]} and {len(wanted) - 1} more")
        trained = nn.Sequential(*_cut(model)).state_dict()
        own = nn.Sequential(*self.trunk, *self.tail)
        own.load_state_dict(trained)

    def train(self, mode: bool = True) -> Encoder:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def stem(self, pixels: Tensor) -> Tensor:
        """uint8 [B,3,H,W] -> the frozen trunk's output [B,c,h,w]."""
        x = (pixels.to(self.mean.dtype) - self.mean) / self.std
        features: Tensor = self.trunk(x.contiguous(memory_format=torch.channels_last))
        return features

    def grid(self, stem: Tensor) -> Tensor:
        """The trunk's output -> grid of feature vectors [B,P,C]."""
        features: Tensor = self.tail(stem.contiguous(memory_format=torch.channels_last))
        return features.flatten(2).transpose(1, 2)  # [B,P,C]

    def forward(self, pixels: Tensor) -> Tensor:
        return self.grid(self.stem(pixels))

    def _grid_shape(self) -> tuple[int, int]:
        size = self.config.image_size
        with torch.no_grad():
            was_training = self.training
            grid = self.eval()(torch.zeros(1, 3, size, size, dtype=torch.uint8))
            self.train(was_training)
        return grid.shape[1], grid.shape[2]


def _stages(backbone: str) -> list[nn.Module]:
    try:
        model = torchvision.models.get_model(backbone, weights=None)
    except ValueError as error:
        raise UnknownBackbone(f"torchvision has no model named {backbone!r}") from error
    return _cut(model)


def _cut(model: nn.Module) -> list[nn.Module]:
    """The stages of a CNN before its pooling: `features` (MobileNet...) or `layer1-4` (ResNet)."""
    if isinstance(features := getattr(model, "features", None), nn.Sequential):
        return list(features)
    if hasattr(model, "layer4"):
        return [child for name, child in model.named_children() if name not in ("avgpool", "fc")]
    raise UnknownBackbone(
        f"{type(model).__name__} keeps no grid of features that tellshow knows how to take; "
        "use a MobileNet, EfficientNet, ConvNeXt, DenseNet, VGG or ResNet"
    )
