"""Training batches: cached views, sentence embeddings and padded word ids.

Everything is drawn from a NumPy generator, so that a run repeats itself from its seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from captioner.device import send
from captioner.training.view_cache import ViewCache
from captioner.vocabulary import END, PAD, START, Vocabulary, tokenise

MAX_WORDS = 24
_PHRASE_WORDS = (2, 5)
_MIRRORED = {"left": "right", "right": "left"}


@dataclass
class Batch:
    """B photos with K captions each, as tensors."""

    stem: Tensor  # [B,c,h,w] trunk outputs
    tokens: Tensor  # [B,K,T+1] ids: START, words, END, PAD...; some are phrases
    words: Tensor  # [B,K,T+1] ids of the whole sentences
    sentences: Tensor  # [B,K,E] unit vectors

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        parts = [self.stem, self.tokens, self.words, self.sentences]
        return Batch(*(send(part, device) for part in parts))


class TrainingSet:
    """N captioned photos as cached views, token ids and embeddings; draws random batches."""

    def __init__(
        self,
        views: ViewCache,
        captions: Sequence[Sequence[str]],
        embeddings: np.ndarray,
        vocabulary: Vocabulary,
    ) -> None:
        self.views = views
        self.counts = [len(texts) for texts in captions]
        width = min(self.counts)
        self.plain = pad(captions, vocabulary, width, mirrored=False)
        self.mirrored = pad(captions, vocabulary, width, mirrored=True)
        starts = np.cumsum([0, *self.counts[:-1]])
        rows = starts[:, None] + np.arange(width)
        self.embeddings = embeddings[rows]  # [N,K,E]

    def __len__(self) -> int:
        return len(self.views)

    def draw(
        self, photos: np.ndarray, generator: np.random.Generator, phrase_share: float = 0.0
    ) -> Batch:
        """A random view of each photo, its captions in random order, some cut to a phrase.

        Mirrored views get captions with left and right exchanged.
        """
        views = generator.integers(len(self.views.views), size=len(photos))
        flipped = np.array([self.views.views[view].flip for view in views])
        tokens = np.where(flipped[:, None, None], self.mirrored[photos], self.plain[photos])
        order = generator.permuted(np.tile(np.arange(tokens.shape[1]), (len(photos), 1)), axis=1)
        rows = np.arange(len(photos))[:, None]
        words = tokens[rows, order]
        tokens = cut_phrases(words, phrase_share, generator)
        stem = self.views.take(views, photos)
        return _batch(stem, tokens, words, self.embeddings[photos][rows, order])

    def in_order(self, size: int) -> Iterator[Batch]:
        """All photos' unaugmented views with whole captions, `size` photos a batch."""
        for start in range(0, len(self), size):
            rows = np.arange(start, min(start + size, len(self)))
            stem, words = self.views.take(np.zeros_like(rows), rows), self.plain[rows]
            yield _batch(stem, words, words, self.embeddings[rows])

    def owners(self) -> np.ndarray:
        """Row of the photo that each caption belongs to, in order: [N*K]."""
        return np.repeat(np.arange(len(self)), self.embeddings.shape[1])


def pad(
    captions: Sequence[Sequence[str]], vocabulary: Vocabulary, width: int, *, mirrored: bool
) -> np.ndarray:
    """Word ids of the first `width` captions of each photo: int64 [N,K,MAX_WORDS+2]."""
    ids = np.full((len(captions), width, MAX_WORDS + 2), PAD)
    for photo, texts in enumerate(captions):
        for number, text in enumerate(texts[:width]):
            words = tokenise(text)[:MAX_WORDS]
            if mirrored:
                words = [_MIRRORED.get(word, word) for word in words]
            row = [START, *vocabulary.encode(words), END]
            ids[photo, number, : len(row)] = row
    return ids


def cut_phrases(words: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Sentences [B,K,T], some of them cut to two to five of their words in a row.

    People type three words where captions have twelve. A phrase is not followed by END, so
    that captions do not learn to stop early.
    """
    tokens = words.copy()
    for photo, number in np.argwhere(generator.random(tokens.shape[:2]) < share):
        row = tokens[photo, number]
        inner = row[(row != PAD) & (row != START) & (row != END)]
        length = min(len(inner), int(generator.integers(*_PHRASE_WORDS, endpoint=True)))
        start = int(generator.integers(0, len(inner) - length, endpoint=True))
        row[1:] = PAD
        row[1 : 1 + length] = inner[start : start + length]
    return tokens


def _batch(stem: Tensor, tokens: np.ndarray, words: np.ndarray, sentences: np.ndarray) -> Batch:
    used = int((words != PAD).any(axis=(0, 1)).sum())
    return Batch(
        stem,
        torch.from_numpy(tokens[..., :used]),
        torch.from_numpy(words[..., :used]),
        torch.from_numpy(sentences).float(),
    )
