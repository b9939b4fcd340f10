"""Where in a photo a word is seen: what the word loses when a part of the photo is hidden.

Occlusion (Zeiler and Fergus 2014, section 4.2) on the photo's stored grid instead of its pixels, so
that no photo is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor

from captioner.captioner import Captioner
from captioner.decoder import PhotoFeatures
from captioner.vocabulary import START

# What is said before a word: after it a noun may come, and nothing is told of the photo yet.
_FRAME = ("there", "is", "a")
# Photos that are occluded together: 4 x 50 grids of 49 x 160 numbers are 6 MB.
_CHUNK = 4


@dataclass(frozen=True)
class Occlusion:
    """What T words, each after "there is a", owe to B photos and to the places in them: nats."""

    drops: Tensor  # [B,T,P], what a word loses where a place and its neighbours are hidden
    gain: Tensor  # [B,T], how much likelier the photo makes a word than no photo does

    def __getitem__(self, rows: list[int]) -> Occlusion:
        return Occlusion(self.drops[rows], self.gain[rows])


@torch.inference_mode()
def occlude(captioner: Captioner, words: Sequence[str], features: PhotoFeatures) -> Occlusion:
    """Hide every place of B photos in turn, for T known words.

    A place is hidden by the mean of all the photo's, and its neighbours (3x3) with it. The words
    share one frame, so that they cost no more than one does. Float32 always: drops are small.
    """
    decoder = captioner.decoder
    frame = [word for word in _FRAME if word in captioner.vocabulary]
    said = torch.tensor([START, *captioner.vocabulary.encode(frame)], device=captioner.device)
    wanted = torch.tensor(captioner.vocabulary.encode(words), device=captioner.device)

    def likely(features: PhotoFeatures, copies: int) -> Tensor:
        """Log-likelihoods of the words after the frame [B,T]; `copies`: rows of one photo."""
        vectors = decoder.embedding(said)  # [F,E]
        hidden = decoder.run(vectors, features[slice(None, None, copies)])[:, -1:]  # [B,1,H]
        rows = hidden.repeat_interleave(copies, dim=0)
        outputs, _ = decoder.read(vectors[None, -1:], rows, features)
        return decoder.logits(outputs)[:, 0].log_softmax(dim=-1)[:, wanted]

    places = features.memory.shape[1]
    parts = [
        likely(_with_hidden_parts(features[slice(row, row + _CHUNK)]), 1 + places)
        for row in range(0, len(features), _CHUNK)
    ]
    scores = torch.cat(parts).view(-1, 1 + places, len(words))  # [B,1+P,T]
    drops = (scores[:, :1] - scores[:, 1:]).transpose(1, 2)
    return Occlusion(drops.cpu(), (scores[:, 0] - likely(decoder.absent(), 1)).cpu())


def _with_hidden_parts(features: PhotoFeatures) -> PhotoFeatures:
    """Each of B photos as it is, then with each of its P places hidden: B*(1+P) in a row."""
    memory = features.memory  # [B,P,M]
    count = memory.shape[1]
    around = _neighbours(isqrt(count)).to(memory.device)[None, :, :, None]  # [1,P,P,1]
    mean = memory.mean(dim=1, keepdim=True)[:, None]  # [B,1,1,M]
    hidden = torch.where(around, mean, memory[:, None])  # [B,P,P,M]
    every = torch.cat([memory[:, None], hidden], dim=1).flatten(0, 1)
    seed, visual = (
        part.repeat_interleave(1 + count, dim=0) for part in (features.seed, features.visual)
    )
    return PhotoFeatures(every, seed, visual)


def _neighbours(side: int) -> Tensor:
    """Which positions of a square grid touch each other, diagonally too: bool [P,P]."""
    places = torch.cartesian_prod(torch.arange(side), torch.arange(side))  # [P,2]
    distance: Tensor = (places[:, None] - places[None]).abs().amax(dim=-1)
    return distance <= 1
