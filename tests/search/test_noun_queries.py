"""Noun queries are made of a test set's own captions, and their report says what is true."""

from pathlib import Path

import numpy as np
import pytest

from captioner.dataset import CaptionedPhoto
from search.evaluation.noun_queries import absent_nouns, noun_queries, shows_all_things
from search.evaluation.reliability import reliability

_CAPTIONS = (
    ("a black dog on a sofa", "the black dog sleeps", "dogs"),
    ("a black dog on a sofa", "a black dog lies on a sofa", "an animal"),
    ("a sofa by the window", "a room", "a room"),
    ("traffic lights", "the traffic light is red", "a street"),
)
_PHOTOS = [CaptionedPhoto(Path(f"{row}.jpg"), texts) for row, texts in enumerate(_CAPTIONS)]


def test_queries_know_which_photos_fit_them() -> None:
    fits = {query.text: query.fits.tolist() for query in noun_queries(_PHOTOS, least=1)}
    assert fits["dog"] == [1, 1, 0, 0]
    assert fits["sofa"] == [-1, 1, -1, 0]
    assert fits["black dog"] == [1, 1, 0, 0]
    assert fits["traffic light"] == [0, 0, 0, 1]


def test_queries_that_too_few_photos_fit_are_not_asked() -> None:
    assert {query.text for query in noun_queries(_PHOTOS, least=2)} == {"dog", "black dog"}


def test_absent_nouns_are_in_no_caption() -> None:
    absent = absent_nouns(_PHOTOS)
    assert {"giraffe", "pizza"} <= set(absent)
    assert not {"dog", "sofa", "street", "traffic light"} & set(absent)


def test_photos_show_a_sentence_that_name_all_its_things() -> None:
    sentences = ["a black dog sleeps on the sofa", "it is a lovely day", "dogs"]
    shows = shows_all_things(sentences, _PHOTOS).tolist()
    assert shows == [[-1, 1, 0, 0], [-1, -1, -1, -1], [1, 1, 0, 0]]


def test_honest_claims_have_no_calibration_error() -> None:
    claimed = np.repeat([0.2, 0.8], 1000).astype(np.float32)
    true = np.arange(2000) % 1000 < 1000 * claimed
    found = reliability(claimed, true)
    assert found.expected_error == pytest.approx(0, abs=0.01)
    assert found.claimed == pytest.approx(found.true, abs=0.01)


def test_boasting_shows_as_calibration_error() -> None:
    found = reliability(np.full(100, 0.9, np.float32), np.arange(100) < 30)
    assert found.expected_error == pytest.approx(0.6, abs=1e-5)
    assert found.claimed - found.true == pytest.approx(0.6, abs=1e-5)
    assert found.bins == ((100, pytest.approx(0.9, abs=1e-5), pytest.approx(0.3)),)
