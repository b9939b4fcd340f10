"""Where in a photo a word is seen: what the word loses when a part of the photo is hidden.

Occlusion (Zeiler and Fergus 2014, section 4.2) on the photo's stored grid instead of its pixels, so
that no photo is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import torch
from torch import Tensor

from captioner.decoder import PhotoFeatures
from captioner.network import Network
from captioner.scores import OCCLUSION_CHUNK, OCCLUSION_FRAME, Occlusion, neighbours
from captioner.vocabulary import START


@torch.inference_mode()
def occlude(network: Network, words: Sequence[str], features: PhotoFeatures) -> Occlusion:
    """Hide every place of B photos in turn, for T known words.

    A place is hidden by the mean of all the photo's, and its neighbours (3x3) with it. The words
    share one frame, so that they cost no more than one does. Float32 always: drops are small.
    """
    decoder = network.decoder
    frame = [word for word in OCCLUSION_FRAME if word in network.vocabulary]
    said = torch.tensor([START, *network.vocabulary.encode(frame)], device=network.device)
    wanted = torch.tensor(network.vocabulary.encode(words), device=network.device)

    def likely(features: PhotoFeatures, copies: int) -> Tensor:
        """Log-likelihoods of the words after the frame [B,T]; `copies`: rows of one photo."""
        vectors = decoder.embedding(said)  # [F,E]
        hidden = decoder.run(vectors, features[slice(None, None, copies)])[:, -1:]  # [B,1,H]
        rows = hidden.repeat_interleave(copies, dim=0)
        outputs, _ = decoder.read(vectors[None, -1:], rows, features)
        return decoder.logits(outputs)[:, 0].log_softmax(dim=-1)[:, wanted]

    places = features.memory.shape[1]
    parts = [
        likely(_with_hidden_parts(features[slice(row, row + OCCLUSION_CHUNK)]), 1 + places)
        for row in range(0, len(features), OCCLUSION_CHUNK)
    ]
    scores = torch.cat(parts).view(-1, 1 + places, len(words))  # [B,1+P,T]
    drops = (scores[:, :1] - scores[:, 1:]).transpose(1, 2)
    gain = scores[:, 0] - likely(decoder.absent(), 1)
    return Occlusion(drops.cpu().numpy(), gain.cpu().numpy())


def _with_hidden_parts(features: PhotoFeatures) -> PhotoFeatures:
    """Each of B photos as it is, then with each of its P places hidden: B*(1+P) in a row."""
    memory = features.memory  # [B,P,M]
    count = memory.shape[1]
    touching = torch.from_numpy(neighbours(isqrt(count))).to(memory.device)
    around = touching[None, :, :, None]
    mean = memory.mean(dim=1, keepdim=True)[:, None]  # [B,1,1,M]
    hidden = torch.where(around, mean, memory[:, None])  # [B,P,P,M]
    every = torch.cat([memory[:, None], hidden], dim=1).flatten(0, 1)
    seed, visual = (
        part.repeat_interleave(1 + count, dim=0) for part in (features.seed, features.visual)
    )
    return PhotoFeatures(every, seed, visual)
