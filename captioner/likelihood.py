"""log p(sentence | photo) in torch, word by word, for many photos (Vinyals et al. 2015, eq. 1).

Units are nats.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from captioner.captioner import Floats, pad_rows
from captioner.decoder import Decoder, PhotoFeatures
from captioner.device import fast
from captioner.network import Network
from captioner.scores import SentenceScore, like_lengths
from captioner.vocabulary import END, PAD, START

# Photos whose logits are computed together: 128 photos x 13 words x 3,000 logits are 10 MB in
# bfloat16; measured, more or fewer are slower.
_CHUNK = 128


@torch.inference_mode()
def score_words(network: Network, words: Sequence[str], features: PhotoFeatures) -> SentenceScore:
    """One tokenised sentence on every photo: its words' log-likelihoods [B,T+1], END last.

    Words must be in the vocabulary (others count as <unk>: map or drop them first). Where
    bfloat16 is faster it is used, which moves a sentence's score by less than 0.1 nats.
    """
    ids = torch.tensor([START, *network.vocabulary.encode(words), END], device=network.device)
    with fast(network.device):
        chunks = [
            _score_chunk(network, ids, features[slice(row, row + _CHUNK)])
            for row in range(0, len(features), _CHUNK)
        ]
    return SentenceScore(tuple(words), torch.cat(chunks).cpu().numpy())


def score_without_photo(network: Network, words: Sequence[str]) -> SentenceScore:
    """The same sentence on the learned "no photo", a batch of one: the language model alone."""
    with torch.inference_mode():
        return score_words(network, words, network.decoder.absent())


@torch.inference_mode()
def score_sentences(
    network: Network, sentences: Sequence[Sequence[str]], features: PhotoFeatures
) -> Floats:
    """S tokenised sentences on one photo (a batch of one): log-likelihoods [S,T+1], nats.

    Each row has its sentence's words, then END, then zeros. Words as for `score_words`.
    Sentences of like length go through the LSTM together, so that little is padding.
    """
    ids = [network.vocabulary.encode(words) for words in sentences]
    scores = torch.zeros(len(ids), max(map(len, ids), default=0) + 1)
    with fast(network.device):
        for rows in like_lengths([len(row) for row in ids]):
            part = _score_padded(network, [ids[row] for row in rows], features)
            scores[rows, : part.shape[1]] = part.cpu()
    padded: Floats = scores.numpy()
    return padded


@torch.inference_mode()
def read_prefix(
    network: Network, words: Sequence[str], features: PhotoFeatures
) -> tuple[Floats, Floats]:
    """Next-word distributions after every prefix of T words, on B photos.

    Returns log p(word | those before it, photo) [B,T] and log p(next word) [B,T+1,V], whose
    row t follows the first t words; nats.
    """
    decoder = network.decoder
    ids = torch.tensor([START, *network.vocabulary.encode(words)], device=network.device)
    with fast(network.device):
        vectors = decoder.embedding(ids)  # [T+1,E]
        outputs, _ = decoder.read(vectors[None], decoder.run(vectors, features), features)
        following = decoder.logits(outputs).float().log_softmax(dim=-1)  # [B,T+1,V]
    said = following[:, torch.arange(len(words)), ids[1:]]  # [B,T]
    return said.cpu().numpy(), following.cpu().numpy()


def _score_chunk(network: Network, ids: Tensor, features: PhotoFeatures) -> Tensor:
    decoder = network.decoder
    words = decoder.embedding(ids[:-1])  # [T+1,E]
    steps = decoder.run(words, features)  # [B,T+1,H]
    outputs, _ = decoder.read(words[None], steps, features)
    return _chosen_words(decoder, outputs, ids[1:])


def _chosen_words(decoder: Decoder, outputs: Tensor, targets: Tensor) -> Tensor:
    """Output vectors [...,T,E] and the words that followed -> their log-likelihoods [...,T].

    The one logit that is not averaged over the vocabulary is computed in full precision.
    """
    chosen = (outputs.float() * decoder.embedding(targets)).sum(dim=-1)
    chosen = chosen + decoder.word_bias[targets]
    scores: Tensor = chosen - decoder.logits(outputs).float().logsumexp(dim=-1)
    return scores


def _score_padded(
    network: Network, rows: Sequence[Sequence[int]], features: PhotoFeatures
) -> Tensor:
    decoder, device = network.decoder, network.device
    inputs = _pad([[START, *row] for row in rows]).to(device)  # [S,T+1]
    targets = _pad([[*row, END] for row in rows]).to(device)  # [S,T+1]
    many = features[torch.zeros(len(rows), dtype=torch.long, device=device)]
    words = decoder.embedding(inputs)  # [S,T+1,E]
    outputs, _ = decoder.read(words, decoder.run(words, many), many)
    return _chosen_words(decoder, outputs, targets).masked_fill(targets == PAD, 0.0)


def _pad(rows: Sequence[Sequence[int]]) -> Tensor:
    return torch.from_numpy(pad_rows(rows))
