"""Fits the weights of a Ranking: what likelihood, hub bias and similarities count.

Scores are fitted by a softmax regression over photos (McFadden 1974): the right photo's share of
exp(score) among all is made as large as can be, which is convex in the weights. Probabilities are
fitted by logistic regression, see search.calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from captioner.captioner import FitWeights, Ranking
from search.calibration import Signs, fit_probability
from search.evaluation.measurements import Measurements

# One right photo in ten is called weak: below its probability results are not convincing.
RIGHT_CALLED_WEAK = 0.1


def fit_ranking(measured: Measurements, ranking: Ranking) -> Ranking:
    """Weights for all three stages from measurements on photos that training never saw."""
    bias = np.broadcast_to(measured.bias, measured.visual.shape)
    together = _fit(
        [measured.log_likelihood, bias, measured.visual, measured.caption], measured.owners
    )
    alone = _fit([measured.log_likelihood, bias], measured.owners)
    first = _fit([measured.visual, measured.caption, bias], measured.owners)
    similarity = first[0] + first[1]
    ranking = replace(
        ranking,
        log_likelihood=together[0],
        bias=together[1],
        visual=together[2],
        caption=together[3],
        # Weights of 0 come from a captioner to which all photos are alike: nothing to divide.
        bias_in_likelihood=alone[1] / alone[0] if alone[0] else 0.0,
        visual_in_retrieval=first[0] / similarity if similarity else 0.5,
        caption_in_retrieval=first[1] / similarity if similarity else 0.5,
        bias_in_retrieval=first[2] / similarity if similarity else 0.0,
    )
    return replace(ranking, fit=fit_weights(*tell_apart(measured)))


def tell_apart(measured: Measurements, seed: int = 0) -> tuple[Signs, Signs]:
    """Signs of each query's right photo, and of another drawn at random: [Q].

    Not of the best of the others: that one was chosen for its signs, and often fits as well.
    """
    count = len(measured.bias)
    steps = np.random.default_rng(seed).integers(1, max(count, 2), len(measured.owners))
    others = (measured.owners + steps) % count
    return signs_of(measured, measured.owners), signs_of(measured, others)


def signs_of(measured: Measurements, photos: NDArray[np.int64]) -> Signs:
    """Signs of one photo [Q] for each query."""
    rows = np.arange(len(photos))
    return Signs(
        measured.evidence[rows, photos],
        measured.visual[rows, photos],
        measured.caption[rows, photos],
        measured.words,
    )


def _fit(features: Sequence[NDArray[np.float32]], owners: NDArray[np.int64]) -> list[float]:
    """One weight for each feature [Q,N], standardised while fitting."""
    stacked = torch.from_numpy(np.stack(features)).float()  # [F,Q,N]
    scale = stacked.std(dim=(1, 2), keepdim=True).clamp(min=1e-6)  # a bias may be 0 everywhere
    truth = torch.from_numpy(owners)

    def loss(weights: Tensor) -> Tensor:
        scores = torch.einsum("f,fqn->qn", weights, stacked / scale)
        return torch.nn.functional.cross_entropy(scores, truth)

    fitted: list[float] = (minimise(loss, len(features)) / scale.flatten()).tolist()
    return fitted


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
