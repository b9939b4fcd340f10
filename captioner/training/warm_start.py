"""Training that goes on from another captioner's weights, with other words and a classifier."""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.network import Network
from captioner.vocabulary import SPECIAL_WORDS

# One row a word.
_OF_WORDS = ("head.embedding.weight", "decoder.embedding.weight", "decoder.word_bias")
# Computed anew at the end of training.
_MADE_LATER = (
    "word_vectors",
    "class_vectors",
    "reference_visual",
    "reference_classes",
    "head.references",
)
# Of the head: mean and maximum of the grid, then what a classifier's tail makes, which only
# captioners in training have.
_OF_FEATURES = "head.first.weight"
# What an older captioner may lack.
_MAY_BE_NEW = ("head.gate",)
# Words that are new begin as improbable as this share of those known.
_NEW_WORD_QUANTILE = 0.1


@torch.no_grad()
def carry_over(old: Network, new: Network) -> None:
    """Take the weights of one captioner into another; rows of words that it lacks stay as drawn.

    The classifier is the backbone's and is not touched. Raises ValueError where the networks
    have other sizes.
    """
    before, after = old.state_dict(), new.state_dict()
    places = {word: row for row, word in enumerate(old.vocabulary.words)}
    pairs = [(row, places[word]) for row, word in enumerate(new.vocabulary.words) if word in places]
    mine, theirs = (torch.tensor(rows) for rows in zip(*pairs, strict=True))
    for name, tensor in after.items():
        is_new = name in _MAY_BE_NEW and name not in before
        if is_new or name in _MADE_LATER or name.startswith("encoder.classifier."):
            continue
        if name in _OF_WORDS:
            tensor[mine] = before[name][theirs]
        elif name == _OF_FEATURES and name in before and len(tensor) == len(before[name]):
            _widen(before[name], tensor)
        elif name not in before or before[name].shape != tensor.shape:
            raise ValueError(f"the captioner to start from has another {name}; choose its sizes")
        else:
            tensor.copy_(before[name])
    _seldom(after["decoder.word_bias"], before["decoder.word_bias"], mine)


def _widen(before: Tensor, after: Tensor) -> None:
    """Take a layer's weights over, of as many inputs as both have; others say nothing at first."""
    shared = min(before.shape[1], after.shape[1])
    after.zero_()
    after[:, :shared] = before[:, :shared]


def _seldom(bias: Tensor, before: Tensor, known: Tensor) -> None:
    """Let words that are new begin improbable."""
    is_new = torch.ones(len(bias), dtype=torch.bool, device=bias.device)
    is_new[known] = False
    bias[is_new] = before[len(SPECIAL_WORDS) :].quantile(_NEW_WORD_QUANTILE)
