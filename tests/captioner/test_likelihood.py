"""The shipped captioner's likelihoods are those of a probability model, and see the photo."""

from pathlib import Path

import numpy as np
import pytest
import torch

from captioner.captioner import Captioner, PhotoState
from captioner.image_file import decode_photo, to_tensor
from captioner.network import Network, features_of
from captioner.vocabulary import tokenise


@pytest.fixture(scope="module")
def state(captioner: Captioner, sample_photos: Path) -> PhotoState:
    """The cat, the coffee and the rocket, in this order."""
    files = [sample_photos / name for name in ("cat.png", "coffee.png", "rocket.jpg")]
    return captioner.look(np.stack([to_tensor(decode_photo(file.read_bytes())) for file in files]))


def test_next_word_probabilities_sum_to_one(network: Network, state: PhotoState) -> None:
    logits = network.decoder(features_of(state), torch.ones(3, 1, dtype=torch.long))
    assert torch.allclose(logits.softmax(dim=-1).sum(dim=-1), torch.ones(3, 1), atol=1e-4)


def test_scoring_in_one_pass_equals_decoding_word_by_word(
    captioner: Captioner, state: PhotoState
) -> None:
    for photo, captions in enumerate(captioner.generate_captions(state, beam_size=2)):
        scored = captioner.score_words(tokenise(captions[0].text), state[photo : photo + 1])
        assert float(scored.log_likelihood[0]) == pytest.approx(captions[0].log_likelihood, abs=0.1)


def test_many_photos_at_once_score_as_each_alone(captioner: Captioner, state: PhotoState) -> None:
    words = ["a", "cup", "of", "coffee"]
    together = captioner.score_words(words, state).word_log_likelihood
    for photo in range(3):
        alone = captioner.score_words(words, state[photo : photo + 1])
        assert np.allclose(together[photo], alone.word_log_likelihood[0], atol=0.05)


def test_the_right_photo_makes_a_sentence_likelier_than_no_photo(
    captioner: Captioner, state: PhotoState
) -> None:
    words = ["a", "cat"]
    with_photo = captioner.score_words(words, state).log_likelihood
    without = captioner.score_without_photo(words).log_likelihood
    assert with_photo[0] > without[0]
    assert with_photo[0] == with_photo.max()


def test_word_order_changes_the_likelihood(captioner: Captioner, state: PhotoState) -> None:
    told = captioner.score_words(tokenise("a dog chases a boy"), state)
    swapped = captioner.score_words(tokenise("a boy chases a dog"), state)
    assert not np.allclose(told.log_likelihood, swapped.log_likelihood, atol=1e-3)


def test_an_enlarged_photo_keeps_its_places_in_the_decoders_grid(network: Network) -> None:
    encoder = network.encoder
    enlarged = encoder.enlarge(torch.zeros(1, 3, 224, 224, dtype=torch.uint8))
    assert enlarged.shape == (1, 3, 288, 288)
    grid = torch.zeros(1, 81, 2)
    grid[0, 8, 0] = 1.0  # the upper right corner
    grid[0, 40, 1] = 1.0  # the middle
    small = encoder.shrink(grid)
    assert small.shape == (1, 49, 2)
    assert small[0].argmax(dim=0).tolist() == [6, 24]


def test_a_state_survives_being_packed(captioner: Captioner, state: PhotoState) -> None:
    blobs = state.pack(captioner.config)
    again = PhotoState.unpack(blobs, captioner.config)
    assert max(map(len, blobs)) <= 10 * 1024
    assert np.array_equal(again.memory, state.memory)
    assert np.array_equal(again.seed, state.seed)
    assert np.array_equal(again.visual, state.visual)


def test_a_state_of_another_captioner_is_refused(captioner: Captioner, state: PhotoState) -> None:
    with pytest.raises(ValueError, match="another captioner"):
        PhotoState.unpack([state.pack(captioner.config)[0][:-1]], captioner.config)


def test_beams_come_best_first_and_say_something(captioner: Captioner, state: PhotoState) -> None:
    for captions in captioner.generate_captions(state, beam_size=3, length_penalty=0.0):
        scores = [caption.log_likelihood for caption in captions]
        assert scores == sorted(scores, reverse=True)
        assert all(caption.text and "<" not in caption.text for caption in captions)


def test_no_three_words_are_said_twice(captioner: Captioner, state: PhotoState) -> None:
    for captions in captioner.generate_captions(state, beam_size=5, length_penalty=3.0):
        for caption in captions:
            words = caption.text.split()
            threes = list(zip(words, words[1:], words[2:], strict=False))
            assert len(threes) == len(set(threes)), caption.text


def test_a_beam_of_no_width_is_refused(captioner: Captioner, state: PhotoState) -> None:
    with pytest.raises(ValueError, match="beam_size"):
        captioner.generate_captions(state, beam_size=0)
