"""The ImageNet classifier that a backbone comes with, kept beside what is fine-tuned.

Its evidence names what captions never did (ConSE, Norouzi et al. 2014). It shares the frozen
trunk with the encoder, so that a photo passes only its last stages a second time.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from captioner.captioner import ClassEvidence
from captioner.config import CLASS_TEMPERATURE, KEPT_CLASSES


class Classifier(nn.Module):
    """The trunk's output -> pooled features and logits, as ImageNet left them; never trained."""

    def __init__(self, tail: nn.Module, channels: int, classes: int) -> None:
        super().__init__()
        self.tail = tail
        self.output = nn.Linear(channels, classes)
        self.requires_grad_(False)

    def pool(self, stem: Tensor) -> Tensor:
        """The trunk's output [B,c,h,w] -> the mean of the last feature map [B,C]."""
        features: Tensor = self.tail(stem.contiguous(memory_format=torch.channels_last))
        return features.float().mean(dim=(2, 3))

    def classify(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features [B,C] -> ids int16 and probabilities float16 of the likeliest [B,K]."""
        probability = (self.output(pooled) / CLASS_TEMPERATURE).softmax(dim=-1)
        best = probability.topk(min(KEPT_CLASSES, probability.shape[1]), dim=-1)
        return best.indices.to(torch.int16), best.values.half()


def classifier_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The last linear layer among a backbone's weights; None where there is none."""
    for name in ("_fc", "classifier.1", "classifier", "fc", "head"):
        if f"{name}.weight" in weights and weights[f"{name}.weight"].ndim == 2:
            return {part: weights[f"{name}.{part}"] for part in ("weight", "bias")}
    return None


def class_evidence(ids: Tensor, probability: Tensor) -> ClassEvidence:
    """What `classify` returns, on the CPU."""
    return ClassEvidence(ids.cpu().numpy(), probability.cpu().numpy())
