"""How probable it is that a photo fits a sentence, and where results stop being convincing.

Knows nothing of the engine. Logistic regression (Platt 1999) on what the model says of photos
that training never saw: a sentence's own photo against another one at even odds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from captioner.captioner import FitWeights


@dataclass(frozen=True)
class Signs:
    """What the model says of N photos: nats, cosines; `words` is the query's number of them."""

    evidence: NDArray[np.float32]  # [N]
    visual: NDArray[np.float32]  # [N]
    caption: NDArray[np.float32]  # [N]
    words: NDArray[np.int64]  # [N]

    def features(self) -> NDArray[np.float32]:
        """Columns of the regression [N,3]; a sentence's evidence grows with the root of length."""
        normal = self.evidence / np.sqrt(np.maximum(self.words, 1))
        return np.stack([normal, self.visual, self.caption], axis=1).astype(np.float32)


def fit_probability(weights: FitWeights, signs: Signs) -> NDArray[np.float32]:
    """Probability that each photo fits the sentence, 0 to 1: [N]."""
    slopes = np.array([weights.evidence, weights.visual, weights.caption], np.float32)
    logits = signs.features() @ slopes + weights.offset
    probability: NDArray[np.float32] = 1 / (1 + np.exp(-logits))
    return probability


def percentage(probability: float) -> str:
    """A probability in whole percent, as the page and the terminal show it: "<1%" to ">99%"."""
    percent = round(100 * probability)
    if percent < 1:
        return "<1%"
    return ">99%" if percent > 99 else f"{percent}%"
