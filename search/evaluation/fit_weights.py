"""Fits the weights of a Ranking: what likelihood, hub bias and similarities count.

Scores are fitted by a softmax regression over photos (McFadden 1974): the share of exp(score) that
a photo that fits has beside those that do not is made as large as can be, which is convex in the
weights.
Probabilities are fitted by logistic regression, see search.calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from captioner.captioner import SHORT_WORDS, FitWeights, Ranking, SumWeights
from search.calibration import Signs, fit_probability
from search.evaluation.measurements import Measurements
from search.evaluation.worlds import World, own_photos, shown

Part = Callable[[Measurements], NDArray[np.float32]]


def fit_ranking(measured: Measurements, ranking: Ranking) -> Ranking:
    """Weights for all three stages from captions of photos that training never saw."""
    return fit_worlds([own_photos(measured)], ranking)


def fit_worlds(worlds: Sequence[World], ranking: Ranking, ridge: float = 0.0) -> Ranking:
    """The same from queries of several worlds and lengths, each world and length as heavy.

    But for those of few queries: a handful would outweigh all others, see World.weight. Short
    queries get a sum and a probability of their own where there are any beside long ones; worlds
    of few of them count only where all are so. An image embedder's weights stay as they are where
    the worlds were measured without one. `ridge` weighs the squared distance of the standardised
    weights from those of `ranking`, and from 0 for the probability: few queries then move them
    little.
    """
    long = _not_empty(each.take(np.flatnonzero(~each.is_short)) for each in worlds)
    few = _not_empty(each.take(np.flatnonzero(each.is_short)) for each in worlds)
    # Captions of three words beside noun queries: of a few of them it is told too little what fits.
    short = [world for world in few if world.weight == 1] or few
    image = [_image] if all(world.measured.image is not None for world in worlds) else []
    held = _Held(ranking, ridge)
    together = _fit_sum(long or short, ranking, ridge)
    alone = _fit((_log_likelihood, _bias), long or short, held.alone)
    first = _fit((_visual, _caption, _bias, *image), [*long, *short], held.first)
    similarity = first[0] + first[1]
    ranking = replace(
        ranking.with_sum(together),
        image_in_retrieval=_share(first[3], similarity) if image else ranking.image_in_retrieval,
        # Weights of 0 come from a captioner to which all photos are alike: nothing to divide.
        bias_in_likelihood=alone[1] / alone[0] if alone[0] else 0.0,
        visual_in_retrieval=first[0] / similarity if similarity > 0 else 0.5,
        caption_in_retrieval=first[1] / similarity if similarity > 0 else 0.5,
        bias_in_retrieval=first[2] / similarity if similarity > 0 else 0.0,
        short=_fit_sum(short, ranking.for_words(SHORT_WORDS), ridge) if long and short else None,
    )
    fit = fit_weights(*shown(long or short, ranking, _FIRST), ridge=ridge)
    ranking = replace(ranking, fit=fit)
    if ranking.short is None:
        return ranking
    seen = shown(short, ranking, _FIRST_OF_SHORT)
    fit = fit_weights(*seen, ridge=ridge, called_weak=RIGHT_SHORT_CALLED_WEAK)
    return replace(ranking, short=replace(ranking.short, fit=fit))


@dataclass(frozen=True)
class _Near:
    """Weights that fitted ones shall stay near, and how much; `ridge` 0: not at all."""

    weights: tuple[float, ...]
    ridge: float


@dataclass(frozen=True)
class _Held:
    """A ranking's own weights in the order of the parts of each score that is fitted."""

    ranking: Ranking
    ridge: float

    @property
    def alone(self) -> _Near:
        """Those of likelihood alone."""
        own = self.ranking
        bias = own.log_likelihood * own.bias_in_likelihood
        return _Near((own.log_likelihood, bias), self.ridge)

    @property
    def first(self) -> _Near:
        """Those of the first stage, as large as in the combined score."""
        own = self.ranking
        weights = np.array(
            [
                own.visual_in_retrieval,
                own.caption_in_retrieval,
                own.bias_in_retrieval,
                own.image_in_retrieval,
            ]
        )
        return _Near(tuple((max(own.visual + own.caption, 1.0) * weights).tolist()), self.ridge)


def _fit_sum(worlds: Sequence[World], ranking: Ranking, ridge: float) -> SumWeights:
    """The combined score's weights; those of parts that not every world has stay as they are."""
    parts = [
        (name, part)
        for name, part in _SUM.items()
        if all(getattr(world.measured, name) is not None for world in worlds)
    ]
    own = SumWeights.of(ranking)
    near = _Near(tuple(float(getattr(own, name)) for name, _ in parts), ridge)
    fitted = _fit([part for _, part in parts], worlds, near)
    changed: dict[str, Any] = dict(zip((name for name, _ in parts), fitted, strict=True))
    return replace(own, **changed)


def _share(weight: float, whole: float) -> float:
    """A weight where those of the similarities are divided to come to 1, if they speak at all."""
    return weight / whole if whole > 0 else weight


def _not_empty(worlds: Iterable[World]) -> list[World]:
    return [world for world in worlds if len(world.fits)]


def _log_likelihood(measured: Measurements) -> NDArray[np.float32]:
    return measured.log_likelihood


def _bias(measured: Measurements) -> NDArray[np.float32]:
    return np.broadcast_to(measured.bias, measured.visual.shape)


def _visual(measured: Measurements) -> NDArray[np.float32]:
    return measured.visual


def _caption(measured: Measurements) -> NDArray[np.float32]:
    return measured.caption


def _image(measured: Measurements) -> NDArray[np.float32]:
    return np.asarray(measured.image)


def _detected(measured: Measurements) -> NDArray[np.float32]:
    return np.asarray(measured.detected)


# The parts of the combined score, by the names of measurements and of SumWeights
_SUM: dict[str, Part] = {
    "log_likelihood": _log_likelihood,
    "bias": _bias,
    "visual": _visual,
    "caption": _caption,
    "image": _image,
    "detected": _detected,
}


def _fit(parts: Sequence[Part], worlds: Sequence[World], near: _Near) -> list[float]:
    """One weight for each part of a score, standardised while fitting."""
    stacked = [
        torch.from_numpy(np.stack([part(world.measured) for part in parts])).float()
        for world in worlds
    ]  # [F,Q,N] each
    spread = torch.stack([each.std(dim=(1, 2)) for each in stacked]).mean(dim=0)
    scale = spread.clamp(min=1e-6)[:, None, None]  # a bias may be 0 everywhere
    fits = [torch.from_numpy(world.fits) for world in worlds]
    held = torch.tensor(near.weights[: len(parts)]) * scale.flatten()
    heaviness = torch.tensor([world.weight for world in worlds])

    def loss(weights: Tensor) -> Tensor:
        costs = [
            _cost(torch.einsum("f,fqn->qn", weights, each / scale), own)
            for each, own in zip(stacked, fits, strict=True)
        ]
        cost = (torch.stack(costs) * heaviness).sum() / heaviness.sum()
        return cost + near.ridge * ((weights - held) ** 2).sum() if near.ridge else cost

    fitted: list[float] = (minimise(loss, len(parts)) / scale.flatten()).tolist()
    return fitted


def _cost(scores: Tensor, fits: Tensor) -> Tensor:
    """Mean negative log of the share of exp(score) of each photo that fits, scores [Q,N].

    The share is of what it and all photos that do not fit have together: that others fit as well
    and come before it is no fault.
    """
    wrong = scores.masked_fill(fits != 0, -1e4).logsumexp(dim=1, keepdim=True)
    right = (fits > 0).float()
    costs = torch.nn.functional.softplus(wrong - scores) * right
    cost: Tensor = (costs.sum(dim=1) / right.sum(dim=1).clamp(min=1)).mean()
    return cost


# Of each query's photos so many that come first are learned from. Those of short queries, of which
# many photos fit, are truer the further in front they come: as many as their truth is told of.
_FIRST, _FIRST_OF_SHORT = 10, 5

# Of the probability's weights, which would have no end where a few photos are told apart wholly
_RIDGE = 1e-4

# One right photo in ten is called weak: below its probability results are not convincing. Of short
# queries fewer: worlds differ more in them, and what is absent stays further below (docs/lab.md).
RIGHT_CALLED_WEAK, RIGHT_SHORT_CALLED_WEAK = 0.1, 0.05


def fit_weights(
    right: Signs,
    wrong: Signs,
    best: Signs | None = None,
    ridge: float = 0.0,
    called_weak: float = RIGHT_CALLED_WEAK,
) -> FitWeights:
    """Weights that tell right photos from wrong ones, and the probability where weak begins.

    `best`: the right ones of which a share, `called_weak`, may be called weak; None: all. `ridge`:
    see `regress`.
    """
    features = np.concatenate([right.features(), wrong.features()])
    truth = np.repeat([1.0, 0.0], [len(right.evidence), len(wrong.evidence)])
    weight = torch.from_numpy(np.concatenate([right.weights, wrong.weights]))
    *found, offset = regress(
        torch.from_numpy(features), torch.from_numpy(truth).float(), max(ridge, _RIDGE), weight
    )
    weights = FitWeights(
        evidence=found[0],
        visual=found[1],
        caption=found[2],
        visual_lift=found[3],
        caption_lift=found[4],
        rarity=found[5],
        unknown=found[6],
        image=found[7],
        detected=found[8],
        offset=offset,
    )
    judged = right if best is None or not len(best.evidence) else best
    threshold = np.quantile(fit_probability(weights, judged), called_weak)
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


def regress(
    features: Tensor, truth: Tensor, ridge: float = 0.0, weight: Tensor | None = None
) -> list[float]:
    """Logistic regression: slopes of the features [N,F], then the offset; standardised in fitting.

    `ridge` weighs the squares of the standardised slopes. `weight` [N]: how much each row counts,
    None: all the same.
    """
    mean, scale = features.mean(dim=0), features.std(dim=0).clamp(min=1e-6)
    heaviness = None if weight is None else weight / weight.mean()

    def loss(slopes: Tensor) -> Tensor:
        logits = ((features - mean) / scale) @ slopes[:-1] + slopes[-1]
        cost = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, heaviness)
        return cost + ridge * (slopes[:-1] ** 2).sum()

    found = minimise(loss, features.shape[1] + 1)
    plain = found[:-1] / scale
    return [*plain.tolist(), float(found[-1] - (plain * mean).sum())]
