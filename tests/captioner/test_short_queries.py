"""Short queries are made from what a photo's captions share, and fit other photos, too."""

import numpy as np

from captioner.training.short_queries import ShortQueries, singular

_CAPTIONS = (
    ("two dogs on a red sofa", "a dog sleeps on the sofa", "dogs lie on a sofa"),
    ("a dog runs", "a cat runs", "an animal runs"),
    ("a traffic light", "the traffic light is red", "a street"),
    ("a sofa",),
)


def _queries() -> ShortQueries:
    return ShortQueries(_CAPTIONS, min_count=1, seed=0)


def test_words_that_two_captions_share_become_queries() -> None:
    queries = _queries()
    of_first = {queries.texts[number] for number in queries.of_photo[0]}
    assert {"dog", "sofa"} <= of_first
    assert "red" not in of_first
    assert any(set(text.split()) == {"dog", "sofa"} for text in of_first)
    assert "traffic light" in {queries.texts[number] for number in queries.of_photo[2]}


def test_one_mention_is_neither_right_nor_wrong() -> None:
    queries = _queries()
    numbers = np.array([queries.texts.index(text) for text in ("dog", "sofa")])
    fits = queries.fits(np.arange(4), numbers)
    assert fits.tolist() == [[1, 1], [-1, 0], [0, 0], [0, 1]]


def test_each_photo_with_queries_gives_one() -> None:
    drawn = _queries().draw(np.arange(4), 3, np.random.default_rng(0))
    assert 0 < len(drawn) <= 3
    assert len(set(drawn.tolist())) == len(drawn)


def test_plurals_are_read_as_their_singulars_where_those_are_known() -> None:
    known = {"dog", "bus", "puppy", "man"}
    read = [singular(word, known) for word in ("dogs", "buses", "puppies", "men", "glasses")]
    assert read == ["dog", "bus", "puppy", "man", "glasses"]
