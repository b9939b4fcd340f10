"""The head: projects photos and sentences into one space, as unit vectors (dual encoder).

The space is the frozen sentence embedder's, moved by small residual layers towards what can be
seen in photos. Trained with InfoNCE (captioner/training/losses.py).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captioner.classifier import mean_and_max
from captioner.config import MEAN_MAX, WORD_SCALE, HeadConfig
from captioner.vocabulary import UNKNOWN


class Head(nn.Module):
    """Projection of photos and sentences to unit vectors [.,E] whose product is their similarity.

    Photos: the grid is pooled, and layers follow. Sentences: the embedder's vector, and a sum of
    word vectors that is learned with the photos.
    """

    references: Tensor

    def __init__(self, config: HeadConfig, channels: int, words: int) -> None:
        super().__init__()
        self.config = config
        self.dropout = nn.Dropout(config.dropout)
        if config.pooling == MEAN_MAX:
            self.first = nn.Linear(config.pooled(channels), config.hidden)
            self.second = nn.Linear(config.hidden, config.hidden)
        else:
            self.attention = nn.Linear(channels, config.queries)
            self.norm = nn.LayerNorm(channels)
            self.reduce = nn.Linear(channels, config.hidden)
            self.merge = nn.Linear(config.hidden * 2, config.hidden)
            if config.whole:  # shut at first, so that training goes on from what is known
                self.gate = nn.Parameter(torch.zeros(config.hidden))
        self.project = nn.Linear(config.hidden, config.dimension)
        self.widen = nn.Linear(config.dimension, config.dimension * 2)
        self.narrow = nn.Linear(config.dimension * 2, config.dimension)
        self.sentence_dropout = nn.Dropout(config.sentence_dropout)
        self.embedding = nn.Embedding(words, config.word)
        self.word_dropout = nn.Dropout(config.word_dropout)
        self.from_words = nn.Linear(config.word, config.dimension)
        # Vectors of sentences that were trained with, to tell hubs by.
        self.register_buffer("references", torch.zeros(config.references, config.dimension))
        nn.init.normal_(self.embedding.weight, std=config.word**-0.5)
        for layer in (self.narrow, self.from_words):
            nn.init.zeros_(layer.weight)  # training starts from the embedder's own space
            nn.init.zeros_(layer.bias)

    def forward(self, grid: Tensor, whole: Tensor | None = None) -> Tensor:
        """Grid [B,P,C], and the classifier's pooled features [B,C] -> unit vectors [B,E].

        These are left alone where the configuration says so.
        """
        if self.config.pooling == MEAN_MAX:
            return self.project_pooled(self.pool(grid, whole))
        return self._attend(grid, whole if self.config.whole else None)

    def pool(self, grid: Tensor, whole: Tensor | None = None) -> Tensor:
        """What MEAN_MAX makes of a grid [B,P,C], and of the classifier's features [B,C]: [B,F]."""
        pooled = mean_and_max(grid)
        if whole is None or not self.config.whole:
            return pooled
        return torch.cat([pooled, whole], dim=-1)

    def project_pooled(self, pooled: Tensor) -> Tensor:
        """Pooled features [B,F] -> unit vectors [B,E]."""
        hidden = F.gelu(self.first(self.dropout(pooled)))
        hidden = hidden + F.gelu(self.second(self.dropout(hidden)))
        return F.normalize(self.project(self.dropout(hidden)).float(), dim=-1)

    def _attend(self, grid: Tensor, whole: Tensor | None) -> Tensor:
        """The same by attention: learned queries over the grid, beside its mean."""
        weights = self.attention(grid).softmax(dim=1)  # [B,P,Q]
        attended = torch.einsum("bpq,bpc->bqc", weights, grid)  # [B,Q,C]
        parts = torch.cat([grid.mean(dim=1, keepdim=True), attended], dim=1)  # [B,1+Q,C]
        pooled = self.reduce(self.dropout(self.norm(parts)))  # [B,1+Q,H]
        best = pooled[:, 1:].amax(dim=1)
        if whole is not None:
            best = best + self.gate * self.reduce(self.dropout(self.norm(whole)))
        both = torch.cat([pooled[:, 0], best], dim=-1)  # [B,2H]
        hidden = F.gelu(self.merge(F.gelu(both)))
        return F.normalize(self.project(self.dropout(hidden)).float(), dim=-1)

    def read(self, sentences: Tensor, words: Tensor) -> Tensor:
        """The sentences' side: the embedder's vectors [...,E], word ids [...,T] -> unit vectors.

        They are [...,E], in the space of `forward`. Two residual terms are learned with the
        photos (as VSE++ learns its sentence side, Faghri et al. 2018): the embedder also minds
        much that no photo shows, and minds colours and clothes less than photos do.
        """
        change = self.narrow(self.sentence_dropout(F.gelu(self.widen(sentences))))
        return F.normalize((sentences + change + self.add_words(words)).float(), dim=-1)

    def add_words(self, words: Tensor) -> Tensor:
        """Sum of the known words' vectors [...,E], tempered by the root of their number."""
        known = (words > UNKNOWN)[..., None]  # [...,T,1]
        vectors = self.word_dropout(self.embedding(words)) * known
        total = vectors.sum(dim=-2) / known.sum(dim=-2).clamp(min=1).sqrt()  # [...,W]
        change: Tensor = self.from_words(total * WORD_SCALE)
        return change
