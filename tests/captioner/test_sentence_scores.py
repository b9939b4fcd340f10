"""Many sentences on one photo, and what may follow a prefix, agree with scoring one by one."""

from pathlib import Path

import pytest
import torch

from captioner import likelihood
from captioner.captioner import Captioner
from captioner.decoder import PhotoFeatures
from captioner.image_file import decode_photo, to_tensor
from captioner.likelihood import read_prefix, score_sentences, score_words
from captioner.vocabulary import END

SENTENCES = [["a", "cat"], ["a", "man", "takes", "a", "picture", "in", "a", "field"], ["dogs"]]


@pytest.fixture(scope="module")
def features(captioner: Captioner, sample_photos: Path) -> PhotoFeatures:
    """The cat and the photographer, in this order."""
    files = [sample_photos / name for name in ("cat.png", "photographer.png")]
    pixels = [to_tensor(decode_photo(file.read_bytes())) for file in files]
    return captioner.look(torch.stack(pixels)).features()


@pytest.mark.parametrize("most_words", [2048, 10])
def test_many_sentences_score_as_each_alone(
    captioner: Captioner,
    features: PhotoFeatures,
    most_words: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether they go through the LSTM together or in several groups."""
    monkeypatch.setattr(likelihood, "_TOKENS", most_words)
    photo = features[slice(0, 1)]
    together = score_sentences(captioner, SENTENCES, photo)
    assert together.shape == (3, 9)
    for row, words in enumerate(SENTENCES):
        alone = score_words(captioner, words, photo).word_log_likelihood[0]
        assert torch.allclose(together[row, : len(alone)], alone, atol=0.05)
        assert not together[row, len(alone) :].any()


def test_no_sentences_have_no_scores(captioner: Captioner, features: PhotoFeatures) -> None:
    assert score_sentences(captioner, [], features[slice(0, 1)]).shape[0] == 0


def test_a_prefix_is_as_likely_as_in_a_whole_sentence(
    captioner: Captioner, features: PhotoFeatures
) -> None:
    words = SENTENCES[1]
    said, following = read_prefix(captioner, words, features)
    scored = score_words(captioner, words, features).word_log_likelihood
    assert torch.allclose(said, scored[:, :-1], atol=0.1)
    assert torch.allclose(following[:, -1, END], scored[:, -1], atol=0.1)


def test_what_follows_a_prefix_is_a_distribution(
    captioner: Captioner, features: PhotoFeatures
) -> None:
    for words in ([], ["a"], SENTENCES[1]):
        said, following = read_prefix(captioner, words, features)
        assert said.shape == (2, len(words))
        assert following.shape == (2, len(words) + 1, len(captioner.vocabulary))
        total = following.exp().sum(dim=-1)
        assert torch.allclose(total, torch.ones_like(total), atol=1e-3)
