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
from captioner.training.short_queries import ShortQueries
from captioner.training.view_cache import Views, mirror
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
    whole: Tensor | None  # [B,C], the classifier's pooled features
    short: Short | None = None
    drawn: Drawn | None = None

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(
            send(self.stem, device),
            send(self.tokens, device),
            send(self.words, device),
            send(self.sentences, device),
            None if self.whole is None else send(self.whole, device),
            None if self.short is None else self.short.to(device),
            self.drawn,
        )


@dataclass
class Short:
    """M short queries for a batch of B photos."""

    sentences: Tensor  # [M,E] unit vectors
    words: Tensor  # [M,T] ids
    fits: Tensor  # [B,M]: 1, 0, or -1 where nobody can tell

    def to(self, device: torch.device) -> Short:
        """The queries on a device."""
        return Short(*(send(part, device) for part in (self.sentences, self.words, self.fits)))


@dataclass(frozen=True)
class Drawn:
    """Which of all photos, captions and short queries a batch holds: their numbers."""

    photos: np.ndarray  # [B]
    captions: np.ndarray  # [B*K], photo by photo
    short: np.ndarray  # [M]

    def on(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """The numbers as tensors on a device."""
        photos, captions, short = (
            torch.from_numpy(numbers).to(device)
            for numbers in (self.photos, self.captions, self.short)
        )
        return photos, captions, short


@dataclass(frozen=True)
class Texts:
    """What N photos are learned with: captions and short queries, and the embedder's vectors."""

    captions: Sequence[Sequence[str]]
    embeddings: np.ndarray  # [all captions,E]
    short: ShortQueries
    short_embeddings: np.ndarray  # [all short queries,E]


@dataclass(frozen=True)
class Shares:
    """How many of a batch's captions are cut to a phrase, or give way to a short query."""

    phrases: float = 0.0
    short: float = 0.0


class TrainingSet:
    """Captioned photos, ready to be drawn.

    `weights` [N]: how often an epoch draws each photo, 1 where it is left out. `whole` [N,C]: the
    classifier's pooled features.
    """

    def __init__(
        self,
        views: Views,
        texts: Texts,
        vocabulary: Vocabulary,
        whole: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        self.views, self.whole, self.texts = views, whole, texts
        self.weights = np.ones(len(views)) if weights is None else weights
        counts = [len(own) for own in texts.captions]
        self.width = max(counts)
        # Photos with fewer captions than others have them several times.
        repeated = [[own[k % len(own)] for k in range(self.width)] for own in texts.captions]
        self.plain = pad(repeated, vocabulary, self.width, mirrored=False)
        self.mirrored = pad(repeated, vocabulary, self.width, mirrored=True)
        starts = np.cumsum([0, *counts[:-1]])
        rows = starts[:, None] + np.arange(self.width) % np.array(counts)[:, None]
        self.captions = rows  # [N,K]
        self.embeddings = texts.embeddings[rows]  # [N,K,E]
        self.short, self.short_embeddings = texts.short, texts.short_embeddings
        self.short_words = pad([[text] for text in texts.short.texts], vocabulary, 1)[:, 0]

    def __len__(self) -> int:
        return len(self.views)

    def epoch(self, generator: np.random.Generator) -> np.ndarray:
        """Rows of photos in random order, each as often as its weight says, on average."""
        whole, rest = np.divmod(self.weights, 1)
        times = whole.astype(int) + (generator.random(len(self)) < rest)
        return generator.permutation(np.repeat(np.arange(len(self)), times))

    @property
    def drawn(self) -> int:
        """About how many photos an epoch draws."""
        return int(self.weights.sum())

    def draw(
        self, photos: np.ndarray, generator: np.random.Generator, shares: Shares, queries: int = 0
    ) -> Batch:
        """A random view of each photo, its captions in random order, and short queries.

        Half the views are mirrored: their captions have left and right exchanged.
        """
        views = generator.integers(self.views.count, size=len(photos))
        flipped = generator.random(len(photos)) < 0.5
        words, embeddings, captions = self._captions(photos, flipped, generator)
        tokens = cut_phrases(words, shares.phrases, generator)
        self._put_short(tokens, photos, shares.short, generator)
        stem = mirror(self.views.take(views, photos), flipped)
        batch = _batch(stem, tokens, words, embeddings)
        batch.whole = self.whole_of(photos)
        asked = np.zeros(0, np.int64)
        if queries:
            batch.short, asked = self.draw_short(photos, queries, generator)
        batch.drawn = Drawn(photos, captions.reshape(-1), asked)
        return batch

    def draw_texts(
        self, photos: np.ndarray, mirrored: np.ndarray, generator: np.random.Generator, count: int
    ) -> tuple[Tensor, Tensor, np.ndarray]:
        """Captions of B photos: ids of words [B,K,T], embeddings [B,K,E] and numbers [B,K].

        At most `count` of each photo; those of `mirrored` ones have left and right exchanged.
        """
        words, embeddings, captions = self._captions(photos, mirrored, generator)
        kept = words[:, :count]
        used = int((kept != PAD).any(axis=(0, 1)).sum())
        vectors = torch.from_numpy(embeddings[:, :count]).float()
        return torch.from_numpy(kept[..., :used]), vectors, captions[:, :count]

    def _captions(
        self, photos: np.ndarray, mirrored: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Word ids [B,K,T], embeddings [B,K,E] and numbers [B,K] of captions, in random order."""
        tokens = np.where(mirrored[:, None, None], self.mirrored[photos], self.plain[photos])
        order = generator.permuted(np.tile(np.arange(tokens.shape[1]), (len(photos), 1)), axis=1)
        rows = np.arange(len(photos))[:, None]
        numbers = self.captions[photos][rows, order]
        return tokens[rows, order], self.embeddings[photos][rows, order], numbers

    def in_order(self, size: int) -> Iterator[Batch]:
        """All photos' unaugmented views with whole captions, `size` photos a batch."""
        for start in range(0, len(self), size):
            rows = np.arange(start, min(start + size, len(self)))
            stem, words = self.views.take(np.zeros_like(rows), rows), self.plain[rows]
            batch = _batch(stem, words, words, self.embeddings[rows])
            batch.whole = self.whole_of(rows)
            yield batch

    def owners(self) -> np.ndarray:
        """Row of the photo that each caption belongs to, in order: [N*K]."""
        return np.repeat(np.arange(len(self)), self.width)

    def whole_of(self, photos: np.ndarray) -> Tensor | None:
        """The classifier's pooled features of photos [B,C]; None without a classifier."""
        return None if self.whole is None else torch.from_numpy(self.whole[photos]).float()

    def draw_short(
        self, photos: np.ndarray, most: int, generator: np.random.Generator
    ) -> tuple[Short, np.ndarray]:
        """At most so many short queries, which of the photos fit them, and their numbers [M]."""
        drawn = self.short.draw(photos, most, generator)
        short = Short(
            torch.from_numpy(self.short_embeddings[drawn]).float(),
            torch.from_numpy(self.short_words[drawn][:, :4]),
            torch.from_numpy(self.short.fits(photos, drawn)),
        )
        return short, drawn

    def _put_short(
        self, tokens: np.ndarray, photos: np.ndarray, share: float, generator: np.random.Generator
    ) -> None:
        """Put short queries in the place of some captions [B,K,T]; no END follows them.

        The first caption stays, by which photos are contrasted: many photos fit a short query.
        """
        replaced = generator.random(tokens.shape[:2]) < share
        replaced[:, 0] = False
        for row, number in np.argwhere(replaced):
            own = self.short.of_photo[photos[row]]
            if own:
                words = self.short_words[own[generator.integers(len(own))]]
                tokens[row, number] = np.where(words == END, PAD, words)


def in_steps(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Rows of photos [N] for each step, `size` of them or all there are; the rest is left out."""
    size = min(size, len(rows))
    return np.split(rows[: len(rows) // size * size], len(rows) // size)


def pad(
    captions: Sequence[Sequence[str]], vocabulary: Vocabulary, width: int, *, mirrored: bool = False
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
        None,
    )
