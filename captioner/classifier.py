"""The ImageNet classifier that a backbone comes with, kept beside what is fine-tuned.

Its evidence names what captions never did (ConSE, Norouzi et al. 2014). It shares the frozen
trunk with the encoder, so that a photo passes only its last stages a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# How many of a photo's classes are kept, and how much their probabilities are flattened.
KEPT = 16
_TEMPERATURE = 1.3

# ImageNet's classes (by number, both ends included) whose names leave their kind unsaid.
_KINDS = {
    "fish": ((0, 6), (389, 397)),
    "bird": ((7, 24), (80, 100), (127, 146)),
    "frog": ((30, 32),),
    "turtle": ((33, 37),),
    "lizard": ((38, 48),),
    "snake": ((52, 68),),
    "spider": ((72, 77),),
    "crab": ((118, 121),),
    "dog": ((151, 268), (273, 275)),
    "wolf": ((269, 272),),
    "fox": ((277, 280),),
    "cat": ((281, 285),),
    "big cat": ((286, 293),),
    "bear": ((294, 297),),
    "insect": ((300, 320),),
    "butterfly": ((321, 326),),
    "cow": ((345, 347),),
    "sheep": ((348, 349),),
    "monkey": ((365, 384),),
    "elephant": ((101, 101), (385, 386)),
}


@dataclass(frozen=True)
class ClassEvidence:
    """The likeliest classes of B photos, best first."""

    ids: Tensor  # int16 [B,K]
    probability: Tensor  # float16 [B,K], of all classes together 1

    def cpu(self) -> ClassEvidence:
        """The same on the CPU."""
        return ClassEvidence(self.ids.cpu(), self.probability.cpu())

    def __getitem__(self, rows: slice) -> ClassEvidence:
        return ClassEvidence(self.ids[rows], self.probability[rows])


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

    def classify(self, pooled: Tensor) -> ClassEvidence:
        """Pooled features [B,C] -> each photo's likeliest classes."""
        probability = (self.output(pooled) / _TEMPERATURE).softmax(dim=-1)
        best = probability.topk(min(KEPT, probability.shape[1]), dim=-1)
        return ClassEvidence(best.indices.to(torch.int16), best.values.half())


def classifier_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The last linear layer among a backbone's weights; None where there is none."""
    for name in ("_fc", "classifier.1", "classifier", "fc", "head"):
        if f"{name}.weight" in weights and weights[f"{name}.weight"].ndim == 2:
            return {part: weights[f"{name}.{part}"] for part in ("weight", "bias")}
    return None


def class_names() -> tuple[str, ...]:
    """ImageNet's thousand classes, as torchvision names them."""
    # torchvision takes a second to load, and only training asks for the names.
    from torchvision.models import EfficientNet_B0_Weights  # type: ignore[import-untyped]

    return tuple(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])


def class_sentences(names: tuple[str, ...]) -> list[str]:
    """What the sentence side reads for each class: "golden retriever dog"."""
    kinds = {
        number: kind
        for kind, ranges in _KINDS.items()
        for first, last in ranges
        for number in range(first, last + 1)
    }
    return [
        f"{name} {kinds[number]}" if number in kinds and kinds[number] not in name.lower() else name
        for number, name in enumerate(names)
    ]
