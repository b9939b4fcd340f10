"""Fits how probable it is that a generated caption is right, of its log-likelihood.

A caption is right where every thing that it names is named by a person who described the photo.
Platt's logistic regression (1999) on the caption's mean log-likelihood a word, and its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from captioner.captioner import CaptionFit
from captioner.dataset import CaptionedPhoto
from catalog.views import PhotoView
from search.calibration import caption_signs
from search.evaluation.fit_weights import regress
from search.evaluation.noun_queries import things_in

# How much slopes are held to 0, so that a few photos do not make a certainty.
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
    signs, right = [], []
    for photo, view in photos:
        text, log_likelihood = view.captions[0] if view.captions else ("", 0.0)
        if text:
            signs.append(caption_signs(text, log_likelihood))
            right.append(float(is_right(text, photo.captions)))
    if len(right) < _LEAST_CAPTIONS or len(set(right)) < 2:
        return CaptionFit()
    return CaptionFit(*regress(torch.tensor(signs), torch.tensor(right), _RIDGE))
