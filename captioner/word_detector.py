"""The word detector: which words people would use of a photo, each with a probability of its own.

As Fang et al. (2015, "From captions to visual concepts and back", section 3) detect words, but by
the pooled grid: a query of one word asks just that, which the head, whose vectors tell whole
sentences apart, answers less well (docs/lab.md). Trained by captioner/training/word_detection.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from captioner.config import DetectorConfig


class WordDetector(nn.Module):
    """Mean and maximum of the grid [B,F] -> one logit for each word [B,W], of limited rank R.

    `reduce` makes what is kept of a photo [B,R], `output` the logits of that. `rates` [W]: in which
    share of the captions that were trained with each word stands.
    """

    rates: Tensor

    def __init__(self, config: DetectorConfig, features: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(features, config.rank, bias=False)
        self.output = nn.Linear(config.rank, config.words)
        self.register_buffer("rates", torch.ones(config.words))
        self.requires_grad_(False)

    def forward(self, pooled: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.output(self.reduce(pooled))
        return logits
