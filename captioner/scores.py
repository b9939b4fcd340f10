"""What a captioner answers: captions, likelihoods of sentences, and where words are seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_CAPTION_WORDS = 20

# Words of many sentences whose logits are computed together: 2,048 x 3,000 logits are 25 MB.
MOST_TOKENS = 2048

# What is said before a word whose place is sought: after it a noun may come, and nothing is told of
# the photo yet.
OCCLUSION_FRAME = ("there", "is", "a")
# Photos that are occluded together: 4 x 50 grids of 49 x 160 numbers are 6 MB.
OCCLUSION_CHUNK = 4


@dataclass(frozen=True)
class Caption:
    """A generated caption and log p(caption | photo), END included, in nats."""

    text: str
    log_likelihood: float


@dataclass(frozen=True)
class SentenceScore:
    """One sentence on B photos: log-likelihood of each word, END last, in nats."""

    words: tuple[str, ...]  # T words, without END
    word_log_likelihood: NDArray[np.float32]  # [B,T+1], the last column is END

    @property
    def log_likelihood(self) -> NDArray[np.float32]:
        """Sum over words and END: [B]."""
        total: NDArray[np.float32] = self.word_log_likelihood.sum(axis=1)
        return total

    def take(self, rows: Sequence[int] | slice) -> SentenceScore:
        """The scores of some of the photos, in the order given."""
        return SentenceScore(self.words, self.word_log_likelihood[rows])

    @classmethod
    def joined(cls, parts: Sequence[SentenceScore]) -> SentenceScore:
        """The same sentence on the photos of all parts, at least one."""
        return cls(parts[0].words, np.concatenate([part.word_log_likelihood for part in parts]))


@dataclass(frozen=True)
class Occlusion:
    """What T words, each after "there is a", owe to B photos and to the places in them: nats."""

    drops: NDArray[np.float32]  # [B,T,P], what a word loses where a place is hidden
    gain: NDArray[np.float32]  # [B,T], how much likelier the photo makes a word than no photo does

    def __getitem__(self, rows: list[int]) -> Occlusion:
        return Occlusion(self.drops[rows], self.gain[rows])


def neighbours(side: int) -> NDArray[np.bool_]:
    """Which positions of a square grid touch each other, diagonally too: [P,P]."""
    places = np.stack(np.divmod(np.arange(side * side), side), axis=1)  # [P,2]
    touching: NDArray[np.bool_] = abs(places[:, None] - places[None]).max(axis=-1) <= 1
    return touching


def like_lengths(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows in groups of like length, each of at most MOST_TOKENS words when padded (or one row)."""
    group: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (len(group) + 1) * (lengths[row] + 1) > MOST_TOKENS:
            yield group
            group = []
        group.append(row)
    if group:
        yield group
