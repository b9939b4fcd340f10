"""Calibration: the probability that a photo fits a sentence, and that its own caption is right.

Both are logistic regression (Platt 1999) of what the model says. That of a sentence is fitted by
search.evaluation.fit_weights on photos that training never saw, as they come up first in searches
of whole collections; that of a caption by search.evaluation.caption_fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import Captioner, CaptionFit, FitWeights
from captioner.vocabulary import tokenise
from search.parsed_query import ParsedQuery

Captions = Sequence[tuple[str, float]]  # texts and their log-likelihoods in nats, best first


@dataclass(frozen=True)
class Background:
    """What a query says before any photo is looked at.

    `words`: how many of its words are known, `unknown`: the share of those that are not;
    `rarity`: log of its rarest word's place by frequency. `visual`, `caption`: mean and standard
    deviation of the similarities of photos that were drawn at random.
    """

    words: int
    rarity: float = 0.0
    unknown: float = 0.0
    visual: tuple[float, float] = (0.0, 1.0)
    caption: tuple[float, float] = (0.0, 1.0)


def backgrounds(
    captioner: Captioner, parsed: Sequence[ParsedQuery], vectors: NDArray[np.float32]
) -> list[Background]:
    """Backgrounds of queries with their unit vectors [Q,E]."""
    chance = captioner.by_chance(vectors).tolist()
    return [_background(captioner, *pair) for pair in zip(parsed, chance, strict=True)]


def _background(captioner: Captioner, parsed: ParsedQuery, chance: Sequence[float]) -> Background:
    known = captioner.vocabulary.encode(parsed.words)
    count = len(known) - len(parsed.nearest)
    return Background(
        words=len(known),
        rarity=math.log(max(known, default=len(captioner.vocabulary))),
        unknown=len(parsed.unknown) / max(count + len(parsed.unknown), 1),
        visual=(chance[0], chance[1]),
        caption=(chance[2], chance[3]),
    )


@dataclass(frozen=True)
class Signs:
    """What the model says of N photos, each for one query: nats and cosines.

    `image`: an image embedder's standardised similarity, None where there is none; `detected`: what
    the word detector says, the same. `weight`: how much each counts where weights are fitted, None:
    all the same.
    """

    evidence: NDArray[np.float32]  # [N]
    visual: NDArray[np.float32]  # [N]
    caption: NDArray[np.float32]  # [N]
    background: Sequence[Background]  # N
    image: NDArray[np.float32] | None = None  # [N]
    weight: NDArray[np.float32] | None = None  # [N]
    detected: NDArray[np.float32] | None = None  # [N]

    @property
    def weights(self) -> NDArray[np.float32]:
        """How much each counts [N]."""
        return np.ones(len(self.evidence), np.float32) if self.weight is None else self.weight

    def features(self) -> NDArray[np.float32]:
        """Columns of the regression [N,9]; a sentence's evidence grows with the root of length."""
        rows = [
            (each.words, *each.visual, *each.caption, each.rarity, each.unknown)
            for each in self.background
        ]
        words, v_mean, v_width, c_mean, c_width, rarity, unknown = np.array(rows).reshape(-1, 7).T
        root, silent = np.sqrt(np.maximum(words, 1)), np.zeros(len(self.evidence))
        columns = [
            self.evidence / root,
            self.visual,
            self.caption,
            (self.visual - v_mean) / v_width,
            (self.caption - c_mean) / c_width,
            rarity,
            unknown,
            silent if self.image is None else self.image,
            silent if self.detected is None else self.detected / root,
        ]
        return np.stack(columns, axis=1).astype(np.float32)


def slopes(weights: FitWeights) -> NDArray[np.float32]:
    """The weights of the regression's columns [9]."""
    return np.array(
        [
            weights.evidence,
            weights.visual,
            weights.caption,
            weights.visual_lift,
            weights.caption_lift,
            weights.rarity,
            weights.unknown,
            weights.image,
            weights.detected,
        ],
        np.float32,
    )


def fit_probability(weights: FitWeights, signs: Signs) -> NDArray[np.float32]:
    """Probability that each photo fits its sentence, 0 to 1: [N]."""
    own = slopes(weights)
    # What is not weighed does not count, not even the -inf of a photo without that vector.
    logits = signs.features()[:, own != 0] @ own[own != 0] + weights.offset
    probability: NDArray[np.float32] = np.exp(-np.logaddexp(0, -logits))
    return probability


def caption_probability(fit: CaptionFit, captions: Captions) -> float:
    """The probability that all that a photo's best caption names is there; 0 without a caption."""
    if not captions or not captions[0][0]:
        return 0.0
    each_word, words = caption_signs(*captions[0])
    logit = fit.log_likelihood * each_word + fit.words * words + fit.offset
    return 1 / (1 + math.exp(-min(max(logit, -50.0), 50.0)))


def caption_signs(text: str, log_likelihood: float) -> tuple[float, int]:
    """A caption's log-likelihood for each of its words and END, and how many these are."""
    words = len(tokenise(text)) + 1
    return log_likelihood / words, words


def percentage(probability: float) -> str:
    """A probability in whole percent, as the page and the terminal show it: "<1%" to ">99%"."""
    percent = round(100 * probability)
    if percent < 1:
        return "<1%"
    return ">99%" if percent > 99 else f"{percent}%"
