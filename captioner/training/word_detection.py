"""Trains the word detector on pooled features that hold still, and brings it to a small rank.

Each word is a question of its own, answered by binary cross-entropy with the share of a photo's
captions that have it. A plain linear layer does better than one with a hidden layer, or than a
small rank from the start (docs/lab.md); its rank is cut afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captioner.config import DetectorConfig
from captioner.network import Network
from captioner.training.batches import in_steps
from captioner.training.class_layer import LEAST_DEVIATION
from captioner.training.schedule import half_cosine, warm_up
from captioner.vocabulary import tokenise
from captioner.word_forms import singular

LEAST_PHOTOS = 15
_EPOCHS, _PHOTOS_PER_STEP, _WARM_STEPS = 8, 128, 50
_LEARNING_RATE, _WEIGHT_DECAY, _DROPOUT = 5e-4, 0.3, 0.5
_LEAST_RATE = 1e-4  # of a word, where the layer begins


@dataclass(frozen=True)
class WordLabels:
    """Words in the singular, and the share of each of N photos' captions that have them [N,W]."""

    words: tuple[str, ...]
    shares: Tensor


def word_labels(
    captions: Sequence[Sequence[str]], known: Collection[str], least: int = LEAST_PHOTOS
) -> WordLabels:
    """Labels of N photos by their captions, of words that at least so many photos have.

    `known`: words that a plural may be one of.
    """
    known = set(known)
    said = [
        [{singular(word, known) for word in tokenise(text)} for text in own] for own in captions
    ]
    photos = Counter(word for own in said for word in set().union(*own))
    words = sorted(word for word, count in photos.items() if count >= least)
    numbers = {word: number for number, word in enumerate(words)}
    shares = torch.zeros(len(captions), len(words))
    for row, own in enumerate(said):
        for word in (word for text in own for word in text if word in numbers):
            shares[row, numbers[word]] += 1 / len(own)
    return WordLabels(tuple(words), shares)


def with_word_detector(
    network: Network, pooled: Tensor, labels: WordLabels, weights: np.ndarray, seed: int
) -> Network:
    """The network, in eval mode, with a word detector; itself where there is no word to tell.

    `pooled` [L,N,F]: mean and maximum of the grids of L looks at N photos, on the CPU; `weights`
    [N]: how much each photo counts.
    """
    if not labels.words:
        return network
    mean = pooled.mean(dim=(0, 1))
    deviation = pooled.std(dim=(0, 1)).clamp(min=LEAST_DEVIATION)
    standard = (pooled - mean) / deviation
    layer = _learn(standard, labels.shares, torch.from_numpy(weights).float(), seed)
    rank = min(DetectorConfig.rank, len(labels.words), pooled.shape[-1])
    basis, level = _main_directions(layer, standard[0], rank)
    made = _with_untrained_detector(network, labels.words, rank)
    detector = made.detector
    assert detector is not None
    reduce = basis @ layer.weight / deviation  # [R,F]
    offset = layer.bias + level - basis.T @ (basis @ level)
    detector.reduce.weight.copy_(reduce)
    detector.output.weight.copy_(basis.T)
    detector.output.bias.copy_(offset - basis.T @ (reduce @ mean))
    detector.rates.copy_(labels.shares.mean(dim=0))
    return made.eval()


def _learn(looks: Tensor, shares: Tensor, weights: Tensor, seed: int) -> nn.Linear:
    """A linear layer on standardised features [L,N,F] that tells shares [N,W]."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    layer = nn.Linear(looks.shape[-1], shares.shape[1])
    nn.init.normal_(layer.weight, std=1e-3)
    with torch.no_grad():
        layer.bias.copy_(shares.mean(dim=0).clamp(_LEAST_RATE, 1 - _LEAST_RATE).logit())
    optimizer = torch.optim.AdamW(layer.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    epochs = [generator.permutation(len(shares)) for _ in range(_EPOCHS)]
    steps = [torch.from_numpy(rows) for each in epochs for rows in in_steps(each, _PHOTOS_PER_STEP)]
    for step, rows in enumerate(steps):
        share = warm_up(step, _WARM_STEPS) * half_cosine(step, len(steps))
        optimizer.param_groups[0]["lr"] = _LEARNING_RATE * share
        views = torch.from_numpy(generator.integers(len(looks), size=len(rows)))
        logits = layer(F.dropout(looks[views, rows], _DROPOUT))
        loss = F.binary_cross_entropy_with_logits(logits, shares[rows], reduction="none")
        optimizer.zero_grad()
        (loss.sum(dim=1) * weights[rows]).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return layer.requires_grad_(False)


def _main_directions(layer: nn.Linear, features: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The directions [R,W] in which a layer's logits of photos [N,F] vary most, and their mean."""
    logits = features @ layer.weight.T
    level = logits.mean(dim=0)
    _, directions = torch.linalg.eigh(torch.cov((logits - level).T))  # ascending
    return directions[:, -rank:].T, level


def _with_untrained_detector(network: Network, words: tuple[str, ...], rank: int) -> Network:
    config = replace(network.config, detector=DetectorConfig(len(words), rank))
    provenance = replace(network.provenance, detected_words=words)
    made = Network(config, network.vocabulary, provenance).to(network.device)
    kept = {
        name: each
        for name, each in network.state_dict().items()
        if not name.startswith("detector.")
    }
    made.load_state_dict(kept, strict=False)
    return made
