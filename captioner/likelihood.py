"""log p(sentence | photo), word by word, for many photos at once (Vinyals et al. 2015, eq. 1).

Units are nats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from captioner.captioner import Captioner
from captioner.decoder import Decoder, PhotoFeatures
from captioner.device import fast
from captioner.vocabulary import END, PAD, START

# Photos whose logits are computed together: 128 photos x 13 words x 3,000 logits are 10 MB in
# bfloat16; measured, more or fewer are slower.
_CHUNK = 128
# Words of many sentences whose logits are computed together: 2,048 x 3,000 logits are 25 MB.
_TOKENS = 2048


@dataclass
class SentenceScore:
    """One sentence on B photos: log-likelihood of each word, END last."""

    words: tuple[str, ...]  # T words, without END
    word_log_likelihood: Tensor  # [B,T+1], the last column is END

    @property
    def log_likelihood(self) -> Tensor:
        """Sum over words and END: [B]."""
        return self.word_log_likelihood.sum(dim=1)

    def take(self, rows: list[int]) -> SentenceScore:
        """The scores of some of the photos, in the order given."""
        return SentenceScore(self.words, self.word_log_likelihood[rows])

    @classmethod
    def joined(cls, parts: Sequence[SentenceScore]) -> SentenceScore:
        """The same sentence on the photos of all parts, at least one."""
        return cls(parts[0].words, torch.cat([part.word_log_likelihood for part in parts]))


@torch.inference_mode()
def score_words(
    captioner: Captioner, words: Sequence[str], features: PhotoFeatures
) -> SentenceScore:
    """One tokenised sentence on every photo: its words' log-likelihoods [B,T+1], END last.

    Words must be in the vocabulary (others count as <unk>: map or drop them first). Where
    bfloat16 is faster it is used, which moves a sentence's score by less than 0.1 nats.
    """
    ids = torch.tensor([START, *captioner.vocabulary.encode(words), END], device=captioner.device)
    with fast(captioner.device):
        chunks = [
            _score_chunk(captioner, ids, features[slice(row, row + _CHUNK)])
            for row in range(0, len(features), _CHUNK)
        ]
    return SentenceScore(tuple(words), torch.cat(chunks).cpu())


def score_without_photo(captioner: Captioner, words: Sequence[str]) -> SentenceScore:
    """The same sentence on the learned "no photo", a batch of one: the language model alone."""
    with torch.inference_mode():
        return score_words(captioner, words, captioner.decoder.absent())


@torch.inference_mode()
def score_sentences(
    captioner: Captioner, sentences: Sequence[Sequence[str]], features: PhotoFeatures
) -> Tensor:
    """S tokenised sentences on one photo (a batch of one): log-likelihoods [S,T+1], nats.

    Each row has its sentence's words, then END, then zeros. Words as for `score_words`.
    Sentences of like length go through the LSTM together, so that little is padding.
    """
    ids = [captioner.vocabulary.encode(words) for words in sentences]
    scores = torch.zeros(len(ids), max(map(len, ids), default=0) + 1)
    with fast(captioner.device):
        for rows in _like_lengths([len(row) for row in ids]):
            part = _score_padded(captioner, [ids[row] for row in rows], features)
            scores[rows, : part.shape[1]] = part.cpu()
    return scores


@torch.inference_mode()
def read_prefix(
    captioner: Captioner, words: Sequence[str], features: PhotoFeatures
) -> tuple[Tensor, Tensor]:
    """Next-word distributions after every prefix of T words, on B photos.

    Returns log p(word | those before it, photo) [B,T] and log p(next word) [B,T+1,V], whose
    row t follows the first t words; nats.
    """
    decoder = captioner.decoder
    ids = torch.tensor([START, *captioner.vocabulary.encode(words)], device=captioner.device)
    with fast(captioner.device):
        vectors = decoder.embedding(ids)  # [T+1,E]
        outputs, _ = decoder.read(vectors[None], decoder.run(vectors, features), features)
        following = decoder.logits(outputs).float().log_softmax(dim=-1)  # [B,T+1,V]
    said = following[:, torch.arange(len(words)), ids[1:]]  # [B,T]
    return said.cpu(), following.cpu()


def _score_chunk(captioner: Captioner, ids: Tensor, features: PhotoFeatures) -> Tensor:
    decoder = captioner.decoder
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


def _like_lengths(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows in groups of like length, each of at most _TOKENS words when padded (or one row)."""
    group: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (len(group) + 1) * (lengths[row] + 1) > _TOKENS:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _score_padded(
    captioner: Captioner, rows: Sequence[Sequence[int]], features: PhotoFeatures
) -> Tensor:
    decoder, device = captioner.decoder, captioner.device
    inputs = _pad([[START, *row] for row in rows]).to(device)  # [S,T+1]
    targets = _pad([[*row, END] for row in rows]).to(device)  # [S,T+1]
    many = features[torch.zeros(len(rows), dtype=torch.long, device=device)]
    words = decoder.embedding(inputs)  # [S,T+1,E]
    outputs, _ = decoder.read(words, decoder.run(words, many), many)
    return _chosen_words(decoder, outputs, targets).masked_fill(targets == PAD, 0.0)


def _pad(rows: Sequence[Sequence[int]]) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)
