"""Photos and sentences meet here: a grid and a sentence's embedding become unit vectors.

Knows nothing of the decoder. The space is the frozen sentence embedder's, bent a little
towards what can be seen in photos.
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
    dropout: float = 0.5
    sentence_dropout: float = 0.2


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
        self.widen = nn.Linear(config.dimension, config.dimension * 2)
        self.narrow = nn.Linear(config.dimension * 2, config.dimension)
        self.sentence_dropout = nn.Dropout(config.sentence_dropout)
        nn.init.zeros_(self.narrow.weight)  # training starts from the embedder's own space
        nn.init.zeros_(self.narrow.bias)

    def forward(self, grid: Tensor) -> Tensor:
        """Grid [B,P,C] -> unit vectors [B,E]."""
        weights = self.attention(grid).softmax(dim=1)  # [B,P,Q]
        attended = torch.einsum("bpq,bpc->bqc", weights, grid)  # [B,Q,C]
        mean = grid.mean(dim=1, keepdim=True)  # [B,1,C]
        pooled = self.reduce(self.dropout(self.norm(torch.cat([mean, attended], dim=1))))
        parts = torch.cat([pooled[:, 0], pooled[:, 1:].amax(dim=1)], dim=-1)  # [B,2H]
        hidden = F.gelu(self.merge(F.gelu(parts)))
        return F.normalize(self.project(self.dropout(hidden)).float(), dim=-1)

    def read(self, sentences: Tensor) -> Tensor:
        """The embedder's vectors [...,E] -> unit vectors [...,E] in the space of `forward`.

        A residual layer learned with the photos (as VSE++ learns its sentence side, Faghri
        et al. 2018), since the embedder also minds much that no photo shows.
        """
        change = self.narrow(self.sentence_dropout(F.gelu(self.widen(sentences))))
        return F.normalize((sentences + change).float(), dim=-1)
