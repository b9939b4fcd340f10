"""The ImageNet classifier that a backbone comes with, kept beside what is fine-tuned.

Its evidence names what captions never did (ConSE, Norouzi et al. 2014). While the encoder learns it
shares the frozen trunk, so that a photo passes only its last stages a second time; at the end a
layer on the encoder's own grid takes their place (captioner/training/class_layer.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from captioner.captioner import ClassEvidence
from captioner.config import CLASS_TEMPERATURE, KEPT_CLASSES


class Classifier(nn.Module):
    """Pooled features [B,F] -> logits, as ImageNet left them; never trained.

    The features are those of a tail of its own, or, with None, mean and maximum of the grid.
    """

    def __init__(self, tail: nn.Module | None, features: int, classes: int) -> None:
        super().__init__()
        self.tail = tail
        self.output = nn.Linear(features, classes)
        self.requires_grad_(False)

    def pool(self, stem: Tensor) -> Tensor:
        """The trunk's output [B,c,h,w] -> the mean of the tail's last feature map [B,F].

        Raises ValueError where it has no tail.
        """
        if self.tail is None:
            raise ValueError("the classifier has no tail: its classes are read off the grid")
        features: Tensor = self.tail(stem.contiguous(memory_format=torch.channels_last))
        return features.float().mean(dim=(2, 3))

    def classify(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features [B,F] -> ids int16 and probabilities float16 of the likeliest [B,K]."""
        probability = (self.output(pooled) / CLASS_TEMPERATURE).softmax(dim=-1)
        best = probability.topk(min(KEPT_CLASSES, probability.shape[1]), dim=-1)
        return best.indices.to(torch.int16), best.values.half()


def mean_and_max(grid: Tensor) -> Tensor:
    """Grid [B,P,C] -> each channel's mean and maximum [B,2C]."""
    return torch.cat([grid.mean(dim=1), grid.amax(dim=1)], dim=-1)


def classifier_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The last linear layer among a backbone's weights; None where there is none."""
    for name in ("_fc", "classifier.1", "classifier", "fc", "head"):
        if f"{name}.weight" in weights and weights[f"{name}.weight"].ndim == 2:
            return {part: weights[f"{name}.{part}"] for part in ("weight", "bias")}
    return None


def class_evidence(ids: Tensor, probability: Tensor) -> ClassEvidence:
    """What `classify` returns, on the CPU."""
    return ClassEvidence(ids.cpu().numpy(), probability.cpu().numpy())
