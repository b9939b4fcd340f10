"""The encoder: a CNN that turns pixels into a grid of feature vectors.

The network is cut in two: a trunk that training leaves as it was (so that its output can be
computed once), and a tail that is fine-tuned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captioner.backbone import Color, make_backbone
from captioner.classifier import Classifier, classifier_weights, mean_and_max
from captioner.config import EncoderConfig


class Encoder(nn.Module):
    """CNN from pixels to a grid of feature vectors; batch norms keep their statistics.

    Raises ValueError where the frozen stages leave none to train.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        backbone = make_backbone(config.backbone)
        cut = config.cut(len(backbone.stages))
        self.config = config
        self.trunk = nn.Sequential(*backbone.stages[:cut])
        self.tail = nn.Sequential(*backbone.stages[cut:])
        self.trunk.requires_grad_(False)
        self.register_buffer("mean", _per_channel(backbone.mean), persistent=False)
        self.register_buffer("std", _per_channel(backbone.deviation), persistent=False)
        measure = backbone.grid or self._grid
        self.positions, self.channels = measure(config.image_size)
        self.classifier = self._classifier(cut) if config.classes else None
        self.to(memory_format=torch.channels_last)

    def load_backbone(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of a trained backbone; see `make_backbone` for names.

        Raises UnknownBackbone, and ValueError where weights do not fit or lack the classifier.
        """
        trained = make_backbone(self.config.backbone, weights)
        own = nn.Sequential(*self.trunk, *self.tail)
        own.load_state_dict(nn.Sequential(*trained.stages).state_dict())
        if self.classifier is not None:
            if self.classifier.tail is None:
                raise ValueError("a classifier is loaded with a tail of its own: set class_tail")
            self.classifier.tail.load_state_dict(
                nn.Sequential(*trained.stages[len(self.trunk) :]).state_dict()
            )
            output = classifier_weights(weights)
            if output is None or output["bias"].shape != self.classifier.output.bias.shape:
                raise ValueError(
                    f"the backbone weights have no classifier of {self.config.classes} classes"
                )
            self.classifier.output.load_state_dict(output)

    def train(self, mode: bool = True) -> Encoder:
        """As nn.Module's, but that batch norms stay in eval mode."""
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

    def whole(self, stem: Tensor, grid: Tensor) -> Tensor | None:
        """The trunk's output and the grid [B,P,C] -> what classes are read off [B,F].

        None where there is no classifier.
        """
        if self.classifier is None:
            return None
        return mean_and_max(grid) if self.classifier.tail is None else self.classifier.pool(stem)

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 [B,3,H,W] -> grid [B,P,C]."""
        return self.grid(self.stem(pixels))

    def enlarge(self, pixels: Tensor) -> Tensor:
        """uint8 [B,3,S,S] -> float [B,3,Z,Z], see EncoderConfig.enlarged."""
        size = self.config.enlarged(math.isqrt(self.positions))
        return F.interpolate(pixels.float(), size, mode="bilinear", align_corners=False)

    def shrink(self, grid: Tensor) -> Tensor:
        """Grid of an enlarged photo [B,Q,C] -> one of as many positions as in training [B,P,C]."""
        large, side = math.isqrt(grid.shape[1]), math.isqrt(self.positions)
        cells = grid.transpose(1, 2).reshape(len(grid), -1, large, large)  # [B,C,q,q]
        cells = F.interpolate(cells, side, mode="bilinear", align_corners=False, antialias=True)
        return cells.flatten(2).transpose(1, 2)

    def _classifier(self, cut: int) -> Classifier:
        tail = None
        if self.config.class_tail:
            tail = nn.Sequential(*make_backbone(self.config.backbone).stages[cut:])
        features = self.config.class_features(self.channels)
        return Classifier(tail, features, self.config.classes)

    def _grid(self, size: int) -> tuple[int, int]:
        """Positions and channels for a photo of `size` pixels a side, by looking at a black one."""
        device = next(self.parameters()).device
        with torch.no_grad():
            was_training = self.training
            self.eval()
            features = self.tail(self.trunk(torch.zeros(1, 3, size, size, device=device)))
            self.train(was_training)
        return features[0, 0].numel(), features.shape[1]


def _per_channel(values: Color) -> Tensor:
    # No checkpoint holds these, so they are numbers even in a network that waits for its weights.
    return torch.tensor(values, device="cpu").view(1, 3, 1, 1)
