"""Training losses: maximum likelihood and two contrastive losses (InfoNCE).

All losses are means, in nats.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from captioner.decoder import Decoder, PhotoFeatures
from captioner.vocabulary import PAD


def word_log_likelihood(logits: Tensor, targets: Tensor) -> Tensor:
    """Logits [N,T,V], targets [N,T] -> log-likelihood of each word [N,T], 0 at padding."""
    loss = F.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=PAD, reduction="none"
    )
    return -loss.view_as(targets)


def maximum_likelihood(word_scores: Tensor, targets: Tensor) -> Tensor:
    """Log-likelihoods [N,T] and targets [N,T] -> mean negative one of a word, without padding."""
    return -word_scores.sum() / (targets != PAD).sum()


def multi_caption_infonce(
    visual: Tensor,
    sentences: Tensor,
    temperature: Tensor,
) -> Tensor:
    """InfoNCE in both directions, several sentences to a photo (van den Oord et al. 2018, eq. 4).

    visual [B,E], sentences [B,K,E], all unit. In the photo -> sentence direction the
    positives' log-probabilities are averaged.
    """
    photos, captions, width = sentences.shape
    flat = sentences.reshape(-1, width)
    owner = torch.arange(photos, device=visual.device).repeat_interleave(captions)
    similarity = flat @ visual.T / temperature  # [B*K,B]
    to_photo = F.cross_entropy(similarity, owner)
    shares = similarity.T.log_softmax(dim=1)
    mine = owner[None] == torch.arange(photos, device=visual.device)[:, None]  # [B,B*K]
    to_sentence = -shares[mine].mean()
    return (to_photo + to_sentence) / 2


def short_query_infonce(
    visual: Tensor, queries: Tensor, fits: Tensor, temperature: Tensor
) -> Tensor:
    """InfoNCE from M short queries to B photos, of which several may fit (Khosla et al. 2020).

    visual [B,E], queries [M,E], all unit; fits [B,M] is 1, 0, or -1 for photos that count neither
    as right nor as wrong. The log-probabilities of all that fit are averaged.
    """
    logits = (queries @ visual.T / temperature).masked_fill(fits.T < 0, -1e4)  # [M,B]
    right = (fits.T > 0).float()
    shares = (logits.log_softmax(dim=1) * right).sum(dim=1) / right.sum(dim=1).clamp(min=1)
    return -shares.mean()


def contrastive_likelihood(
    decoder: Decoder,
    features: PhotoFeatures,
    inputs: Tensor,
    tokens: Tensor,
    groups: Tensor,
    temperature: Tensor,
) -> tuple[Tensor, Tensor]:
    """InfoNCE over log p(sentence_i | photo_j) inside groups of photos easily confused.

    tokens [N,T+1] are one sentence for each of N photos, inputs the same with some words
    hidden, groups [N/G,G] the photos' rows.
    Returns the contrastive loss and the maximum-likelihood loss of the true pairs. In the
    photo -> sentence direction each sentence's own prior is taken off (its likelihood
    without a photo), as otherwise short sentences would always win.
    """
    count, size = groups.shape
    sentence = groups.repeat_interleave(size, dim=1).flatten()  # [N*G]
    photo = groups.repeat(1, size).flatten()  # [N*G]
    targets = tokens[sentence, 1:]
    words = word_log_likelihood(decoder(features[photo], inputs[sentence, :-1]), targets)
    scores = words.sum(dim=1).view(count, size, size)  # [N/G, sentence, photo]
    truth = torch.arange(size, device=tokens.device).expand(count, size)
    to_photo = F.cross_entropy(scores.flatten(0, 1) / temperature, truth.flatten())
    prior = scores.detach().logsumexp(dim=2, keepdim=True)
    to_sentence = F.cross_entropy(
        ((scores - prior) / temperature).transpose(1, 2).flatten(0, 1), truth.flatten()
    )
    own = sentence == photo
    likelihood = maximum_likelihood(words[own], targets[own])
    return (to_photo + to_sentence) / 2, likelihood
