"""Sentences are read where photos are seen."""

import numpy as np
import pytest
import torch

from captioner.captioner import Captioner, PhotoState
from captioner.config import HeadConfig
from captioner.embedder import SentenceEmbedder
from captioner.head import Head
from captioner.network import Network
from captioner.vocabulary import PAD, UNKNOWN


@pytest.fixture
def head() -> Head:
    """An untrained head whose word vectors already count."""
    torch.manual_seed(0)
    head = Head(HeadConfig(dimension=8, hidden=16, word=4), channels=12, words=20).eval()
    torch.nn.init.normal_(head.from_words.weight)
    return head


def test_training_starts_from_the_embedders_own_space() -> None:
    head = Head(HeadConfig(dimension=8, hidden=16, word=4), channels=12, words=20).eval()
    sentences = torch.nn.functional.normalize(torch.randn(3, 8), dim=-1)
    assert torch.allclose(head.read(sentences, torch.full((3, 5), 7)), sentences, atol=1e-6)


def test_words_count_and_padding_and_unknown_ones_do_not(head: Head) -> None:
    sentence = torch.randn(1, 8)
    told = head.read(sentence, torch.tensor([[5, 6]]))
    padded = head.read(sentence, torch.tensor([[5, 6, PAD, UNKNOWN]]))
    assert torch.allclose(told, padded, atol=1e-6)
    assert not torch.allclose(told, head.read(sentence, torch.tensor([[5, 7]])), atol=1e-3)


def test_the_order_of_words_is_left_to_the_decoder(head: Head) -> None:
    sentence = torch.randn(1, 8)
    told, turned = (head.read(sentence, torch.tensor([ids])) for ids in ([5, 6, 9], [9, 5, 6]))
    assert torch.allclose(told, turned, atol=1e-6)


def test_a_photo_near_many_sentences_has_the_higher_bias(captioner: Captioner) -> None:
    references = captioner._tables.references
    mean = references.mean(axis=0)
    hub, loner = mean / np.linalg.norm(mean), -mean / np.linalg.norm(mean)
    visual = np.stack([hub, loner]).astype(np.float16)
    state = PhotoState(np.zeros((2, 49, 160), np.int8), np.zeros((2, 512), np.float16), visual)
    biases = captioner.hub_bias(state)
    assert biases[0] > biases[1] + 0.1
    similarity = references @ hub
    assert similarity.mean() < biases[0] < similarity.max()


def test_photos_and_sentences_are_unit_vectors(
    captioner: Captioner, network: Network, embedder: SentenceEmbedder
) -> None:
    sentences = ["a dog runs", "two zzyzx qwrt", "a man in a red shirt sits on a bench"]
    read = captioner.read(sentences, embedder.encode(sentences))
    assert np.allclose(np.linalg.norm(read, axis=1), 1, atol=1e-4)
    channels = network.encoder.channels
    seen = network.head(torch.randn(2, 49, channels), torch.randn(2, channels))
    assert torch.allclose(seen.norm(dim=1), torch.ones(2), atol=1e-4)


def test_a_sentence_is_read_alike_alone_and_among_longer_ones(
    captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    sentences = ["a dog", "a man in a red shirt sits on a bench in front of a house"]
    embeddings = embedder.encode(sentences)
    together, alone = (
        captioner.read(sentences, embeddings),
        captioner.read(["a dog"], embeddings[:1]),
    )
    assert np.allclose(together[0], alone[0], atol=1e-5)
