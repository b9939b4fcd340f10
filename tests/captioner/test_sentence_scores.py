"""Many sentences on one photo, and what may follow a prefix, agree with scoring one by one."""

from pathlib import Path

import numpy as np
import pytest

from captioner import scores
from captioner.captioner import Captioner, PhotoState
from captioner.image_file import decode_photo, to_tensor
from captioner.vocabulary import END

SENTENCES = [["a", "cat"], ["a", "man", "takes", "a", "picture", "in", "a", "field"], ["dogs"]]


@pytest.fixture(scope="module")
def state(captioner: Captioner, sample_photos: Path) -> PhotoState:
    """The cat and the photographer, in this order."""
    files = [sample_photos / name for name in ("cat.png", "photographer.png")]
    pixels = [to_tensor(decode_photo(file.read_bytes())) for file in files]
    return captioner.look(np.stack(pixels))


@pytest.mark.parametrize("most_words", [2048, 10])
def test_many_sentences_score_as_each_alone(
    captioner: Captioner,
    state: PhotoState,
    most_words: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether they go through the LSTM together or in several groups."""
    monkeypatch.setattr(scores, "MOST_TOKENS", most_words)
    photo = state[:1]
    together = captioner.score_sentences(SENTENCES, photo)
    assert together.shape == (3, 9)
    for row, words in enumerate(SENTENCES):
        alone = captioner.score_words(words, photo).word_log_likelihood[0]
        assert np.allclose(together[row, : len(alone)], alone, atol=0.05)
        assert not together[row, len(alone) :].any()


def test_no_sentences_have_no_scores(captioner: Captioner, state: PhotoState) -> None:
    assert captioner.score_sentences([], state[:1]).shape[0] == 0


def test_a_prefix_is_as_likely_as_in_a_whole_sentence(
    captioner: Captioner, state: PhotoState
) -> None:
    words = SENTENCES[1]
    said, following = captioner.read_prefix(words, state)
    scored = captioner.score_words(words, state).word_log_likelihood
    assert np.allclose(said, scored[:, :-1], atol=0.1)
    assert np.allclose(following[:, END], scored[:, -1], atol=0.1)


def test_what_follows_a_prefix_is_a_distribution(captioner: Captioner, state: PhotoState) -> None:
    for words in ([], ["a"], SENTENCES[1]):
        said, following = captioner.read_prefix(words, state)
        assert said.shape == (2, len(words))
        assert following.shape == (2, len(captioner.vocabulary))
        total = np.exp(following).sum(axis=-1)
        assert np.allclose(total, 1, atol=1e-3)
