"""Occlusion: what a word loses where a place of the stored grid is hidden."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captioner.captioner import Captioner, PhotoState
from captioner.image_file import decode_photo, to_tensor

WORDS = ["camera", "man", "tripod"]


@pytest.fixture(scope="module")
def state(captioner: Captioner, sample_photos: Path) -> PhotoState:
    names = ["photographer.png", "cat.png"]
    photos = [decode_photo((sample_photos / name).read_bytes()) for name in names]
    return captioner.look(np.stack([to_tensor(photo, 224) for photo in photos]))


def test_every_word_of_every_photo_has_a_drop_for_each_place(
    captioner: Captioner, state: PhotoState
) -> None:
    hidden = captioner.occlude(WORDS, state)
    assert hidden.drops.shape == (2, 3, 49)
    assert hidden.gain.shape == (2, 3)


def test_photos_and_words_together_are_as_each_alone(
    captioner: Captioner, state: PhotoState
) -> None:
    together = captioner.occlude(WORDS, state)
    for photo in range(2):
        alone = captioner.occlude(WORDS[2:], state[photo : photo + 1])
        assert np.allclose(together.drops[photo, 2], alone.drops[0, 0], atol=1e-4)
        assert np.allclose(together.gain[photo, 2], alone.gain[0, 0], atol=1e-4)


def test_a_drop_is_what_likelihood_loses_without_the_place(
    captioner: Captioner, state: PhotoState
) -> None:
    photo = state[:1]
    grid = photo.memory.reshape(1, 7, 7, -1).copy()
    grid[:, 3:6, 2:5] = np.rint(photo.memory.mean(axis=1))  # around row 4, column 3
    without = replace(photo, memory=grid.reshape(1, 49, -1))
    sentence = ["there", "is", "a", "tripod"]
    told, rest = (
        captioner.score_words(sentence, each).word_log_likelihood[0, 3] for each in (photo, without)
    )
    hidden = captioner.occlude(["tripod"], photo)
    assert float(hidden.drops[0, 0, 4 * 7 + 3]) == pytest.approx(float(told - rest), abs=0.05)
    none = captioner.score_without_photo(sentence).word_log_likelihood[0, 3]
    assert float(hidden.gain[0, 0]) == pytest.approx(float(told - none), abs=0.1)


def test_a_grid_that_is_the_same_everywhere_has_nothing_to_lose(
    captioner: Captioner, state: PhotoState
) -> None:
    photo = state[:1]
    even = replace(photo, memory=np.repeat(photo.memory[:, :1], 49, axis=1))
    assert abs(captioner.occlude(WORDS, even).drops).max() < 1e-4
