"""Beam search in torch: photos in, captions with their log-likelihoods out.

All photos of a batch are searched together. Hypotheses are compared by log-likelihood divided by
length ** penalty (length normalisation as in Wu et al. 2016, section 7), and no three words in a
row come twice (Paulus et al. 2018, section 2.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from captioner.decoder import Decoder, PhotoFeatures
from captioner.network import Network
from captioner.scores import MAX_CAPTION_WORDS, Caption
from captioner.vocabulary import END, PAD, START, UNKNOWN

_NEVER = float("-inf")


@dataclass
class _Beams:
    """K hypotheses for each of B photos; rows are photo-major, B*K of them."""

    tokens: Tensor  # [B*K,T]
    scores: Tensor  # [B,K], log-likelihoods
    lengths: Tensor  # [B,K], words so far, END included
    done: Tensor  # [B,K]
    hidden: Tensor  # [B*K,H]
    cell: Tensor  # [B*K,H]


@torch.inference_mode()
def generate_captions(
    network: Network, features: PhotoFeatures, beam_size: int = 3, length_penalty: float = 0.7
) -> list[list[Caption]]:
    """Up to `beam_size` captions of each of B photos, best first; B lists.

    The order is by log-likelihood / length ** length_penalty. Raises ValueError for a
    `beam_size` below 1.
    """
    if beam_size < 1:
        raise ValueError("beam_size must be at least 1")
    beams = _start(network.decoder, features, beam_size)
    wide = features[torch.arange(len(features), device=network.device).repeat_interleave(beam_size)]
    for _ in range(MAX_CAPTION_WORDS):
        beams = _extend(network.decoder, wide, beams)
        if bool(beams.done.all()):
            break
    return _finish(network, wide, beams, length_penalty)


def _start(decoder: Decoder, features: PhotoFeatures, beam_size: int) -> _Beams:
    count, device = len(features), features.seed.device
    hidden, cell = (part.repeat_interleave(beam_size, 0) for part in decoder.start(features))
    scores = torch.full((count, beam_size), _NEVER, device=device)
    scores[:, 0] = 0.0  # the other hypotheses are born at the first step
    lengths = torch.zeros(count, beam_size, dtype=torch.long, device=device)
    tokens = torch.full((count * beam_size, 1), START, device=device)
    return _Beams(tokens, scores, lengths, lengths.bool(), hidden, cell)


def _step(
    decoder: Decoder, features: PhotoFeatures, beams: _Beams
) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities of the next word [B*K,V], and the LSTM's new state."""
    words = decoder.embedding(beams.tokens[:, -1:])  # [B*K,1,E]
    steps, (hidden, cell) = decoder.lstm(words, (beams.hidden[None], beams.cell[None]))
    outputs, _ = decoder.read(words, steps, features)
    return decoder.logits(outputs)[:, 0].log_softmax(dim=-1), hidden[0], cell[0]


def _extend(decoder: Decoder, features: PhotoFeatures, beams: _Beams) -> _Beams:
    count, width = beams.scores.shape
    log_probs, hidden, cell = _step(decoder, features, beams)
    log_probs[:, [PAD, START, UNKNOWN]] = _NEVER
    log_probs.scatter_(1, beams.tokens[:, -1:].clamp(min=UNKNOWN), _NEVER)  # never a word twice
    log_probs.scatter_(1, _repeats(beams.tokens), _NEVER)
    finished = beams.done.flatten()
    log_probs[finished] = _NEVER
    log_probs[finished, PAD] = 0.0  # a finished hypothesis goes on at no cost
    totals = (beams.scores.view(-1, 1) + log_probs).view(count, -1)  # [B,K*V]
    scores, choice = totals.topk(width, dim=1)
    parent, word = choice // log_probs.shape[1], choice % log_probs.shape[1]  # [B,K]
    rows = (torch.arange(count, device=word.device)[:, None] * width + parent).flatten()
    was_done = beams.done.gather(1, parent)
    return _Beams(
        torch.cat([beams.tokens[rows], word.view(-1, 1)], dim=1),
        scores,
        beams.lengths.gather(1, parent) + (~was_done),
        was_done | (word == END),
        hidden[rows],
        cell[rows],
    )


def _repeats(tokens: Tensor) -> Tensor:
    """Words that would repeat three in a row said before: [B*K,T-2] ids, UNKNOWN for none.

    Blocked as Paulus et al. 2018 do (section 2.5).
    """
    before, last = tokens[:, -2:-1], tokens[:, -1:]
    again = (tokens[:, :-2] == before) & (tokens[:, 1:-1] == last)  # [B*K,T-2]
    return tokens[:, 2:].where(again, UNKNOWN)


def _finish(
    network: Network, features: PhotoFeatures, beams: _Beams, length_penalty: float
) -> list[list[Caption]]:
    """End what is unfinished, then sort each photo's hypotheses."""
    log_probs, _, _ = _step(network.decoder, features, beams)
    ending = log_probs[:, END].view_as(beams.scores)
    scores = torch.where(beams.done, beams.scores, beams.scores + ending)
    order = (scores / beams.lengths.clamp(min=1) ** length_penalty).argsort(dim=1, descending=True)
    tokens = beams.tokens.view(*beams.scores.shape, -1)
    # Lists of the whole: asked one by one, a GPU would be waited for once a hypothesis.
    return [
        [
            Caption(network.vocabulary.join(said[best]), likely[best])
            for best in ranked
            if likely[best] > _NEVER
        ]
        for said, likely, ranked in zip(
            tokens.tolist(), scores.tolist(), order.tolist(), strict=True
        )
    ]
