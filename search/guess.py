"""What is shown of a photo as a guess: its caption where that is probable, else its tags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from captioner.captioner import CaptionFit
from captioner.tags import Tag
from captioner.vocabulary import tokenise

# From this probability on a caption is shown.
LEAST_PROBABILITY = 0.3

Captions = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Guess:
    """A probable caption, or tags in its place; both empty where nothing is probable enough."""

    caption: str = ""
    tags: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.caption or ", ".join(self.tags)


def caption_probability(fit: CaptionFit, captions: Captions) -> float:
    """The probability that all that a photo's best caption names is there; 0 without a caption.

    Logistic regression on the caption's signs; search.evaluation.caption_fit fits it.
    """
    if not captions or not captions[0][0]:
        return 0.0
    each_word, words = caption_signs(*captions[0])
    logit = fit.log_likelihood * each_word + fit.words * words + fit.offset
    return 1 / (1 + math.exp(-min(max(logit, -50.0), 50.0)))


def caption_signs(text: str, log_likelihood: float) -> tuple[float, int]:
    """A caption's log-likelihood for each of its words and END, and how many these are."""
    words = len(tokenise(text)) + 1
    return log_likelihood / words, words


def is_probable(fit: CaptionFit, captions: Captions) -> bool:
    """Whether a photo's best caption is shown."""
    return caption_probability(fit, captions) >= LEAST_PROBABILITY


def make_guess(fit: CaptionFit, captions: Captions, tags: Sequence[Tag]) -> Guess:
    """A photo's guess, of its captions and tags, best first."""
    if is_probable(fit, captions):
        return Guess(caption=captions[0][0])
    return Guess(tags=tuple(tag.name for tag in tags))
