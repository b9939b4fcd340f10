"""The photo -> sentence-space head: a grid becomes a unit vector that meets its sentences.

Knows nothing of the decoder. Its space is the frozen sentence embedder's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class HeadConfig:
    """Sizes of the head; `dimension` is the sentence embedder's."""

    dimension: int = 384
    hidden: int = 1024
    queries: int = 4
    dropout: float = 0.3


class Head(nn.Module):
    """Attention pooling (learned queries over the grid) beside the mean, then two layers."""

    def __init__(self, config: HeadConfig, channels: int) -> None:
        super().__init__()
        self.config = config
        self.attention = nn.Linear(channels, config.queries)
        self.norm = nn.LayerNorm(channels)
        self.reduce = nn.Linear(channels, config.hidden)
        self.merge = nn.Linear(config.hidden * 2, config.hidden)
        self.project = nn.Linear(config.hidden, config.dimension)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, grid: Tensor) -> Tensor:
        """Grid [B,P,C] -> unit vectors [B,E]."""
        weights = self.attention(grid).softmax(dim=1)  # [B,P,Q]
        attended = torch.einsum("bpq,bpc->bqc", weights, grid)  # [B,Q,C]
        mean = grid.mean(dim=1, keepdim=True)  # [B,1,C]
        pooled = self.reduce(self.dropout(self.norm(torch.cat([mean, attended], dim=1))))
        parts = torch.cat([pooled[:, 0], pooled[:, 1:].amax(dim=1)], dim=-1)  # [B,2H]
        hidden = F.gelu(self.merge(self.dropout(F.gelu(parts))))
        return F.normalize(self.project(self.dropout(hidden)).float(), dim=-1)
