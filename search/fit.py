"""How probable it is that a photo fits a sentence, and where results stop being convincing.

Knows nothing of the engine. Logistic regression (Platt 1999) on what the model says of photos
that training never saw: a sentence's own photo against another one at even odds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from captioner.captioner import FitWeights

# One right photo in ten is called weak: below its probability results are not convincing.
RIGHT_CALLED_WEAK = 0.1


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


def fit_weights(right: Signs, wrong: Signs) -> FitWeights:
    """Weights that tell right photos from wrong ones, and the probability where weak begins."""
    features = np.concatenate([right.features(), wrong.features()])
    truth = np.repeat([1.0, 0.0], [len(right.evidence), len(wrong.evidence)])
    slopes = _regress(torch.from_numpy(features), torch.from_numpy(truth).float())
    weights = FitWeights(*slopes)
    threshold = np.quantile(fit_probability(weights, right), RIGHT_CALLED_WEAK)
    return replace(weights, weak_below=float(threshold))


def minimise(loss: Callable[[Tensor], Tensor], count: int) -> Tensor:
    """The numbers [count] at which a convex loss is least, looked for from 0 on."""
    found = torch.zeros(count, requires_grad=True)
    optimizer = torch.optim.LBFGS([found], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        cost = loss(found)
        cost.backward()  # type: ignore[no-untyped-call]
        return cost

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return found.detach()


def _regress(features: Tensor, truth: Tensor) -> list[float]:
    """Slopes of the features [N,F], then the offset; standardised while fitting."""
    mean, scale = features.mean(dim=0), features.std(dim=0).clamp(min=1e-6)

    def loss(slopes: Tensor) -> Tensor:
        logits = ((features - mean) / scale) @ slopes[:-1] + slopes[-1]
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)

    found = minimise(loss, features.shape[1] + 1)
    plain = found[:-1] / scale
    return [*plain.tolist(), float(found[-1] - (plain * mean).sum())]
