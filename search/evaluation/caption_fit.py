"""Fits how probable it is that a generated caption is right, of its log-likelihood.

A caption is right where every thing that it names is named by a person who described the photo.
Platt's logistic regression (1999) on the caption's mean log-likelihood a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from captioner.captioner import CaptionFit
from captioner.dataset import CaptionedPhoto
from captioner.vocabulary import tokenise
from catalog.views import PhotoView
from search.evaluation.fit_weights import minimise
from search.evaluation.noun_queries import things_in

# How much a slope of one is held to 0, so that a few photos do not make a certainty.
_RIDGE = 1e-2
_LEAST_CAPTIONS = 30


def is_right(caption: str, written: Sequence[str]) -> bool:
    """Whether a caption names a thing, and people who described the photo all that it names."""
    named = things_in([caption])
    return bool(named) and named <= things_in(written)


def fit_captions(photos: Iterable[tuple[CaptionedPhoto, PhotoView]]) -> CaptionFit:
    """Weights from photos that training never saw, each with what was generated for it.

    The default where there are too few, or all are right or all wrong.
    """
    likely, right = [], []
    for photo, view in photos:
        text, log_likelihood = view.captions[0] if view.captions else ("", 0.0)
        if text:
            likely.append(log_likelihood / (len(tokenise(text)) + 1))
            right.append(float(is_right(text, photo.captions)))
    if len(right) < _LEAST_CAPTIONS or len(set(right)) < 2:
        return CaptionFit()
    return _regress(torch.tensor(likely), torch.tensor(right))


def _regress(likely: torch.Tensor, right: torch.Tensor) -> CaptionFit:
    mean, scale = likely.mean(), likely.std().clamp(min=1e-6)

    def loss(weights: torch.Tensor) -> torch.Tensor:
        logits = weights[0] * (likely - mean) / scale + weights[1]
        cost = torch.nn.functional.binary_cross_entropy_with_logits(logits, right)
        return cost + _RIDGE * weights[0] ** 2

    slope, offset = (minimise(loss, 2) / torch.stack([scale, torch.ones(())])).tolist()
    return CaptionFit(slope, offset - slope * float(mean))
