"""`word^2` is read, everything else stays as it was typed, and no weight goes astray."""

import random

import pytest

from captioner.vocabulary import tokenise
from search.limits import MAX_WEIGHT
from search.request import InvalidWeight, parse_weights


@pytest.mark.parametrize(
    ("text", "words", "weights"),
    [
        ("a red car", "a red car", (1, 1, 1)),
        ("a red^2 car", "a red car", (1, 2, 1)),
        ("a red^0.5 car^0", "a red car", (1, 0.5, 0)),
        ('two "brown dogs"^3 run', "two brown dogs run", (1, 3, 3, 1)),
        ("a dog^2's ball", "a dog 's ball", (1, 2, 1, 1)),
        ("a dog^2, please", "a dog please", (1, 2, 1)),
        ("black-and-white^2", "black and white", (2, 2, 2)),
    ],
)
def test_weights_belong_to_their_words(text: str, words: str, weights: tuple[float, ...]) -> None:
    read = parse_weights(text)
    assert list(read.words) == words.split()
    assert read.weights == weights


@pytest.mark.parametrize("text", ["^_^ a dog", "a dog ^2", "a dog^", "a dog^2x", "dog^^2"])
def test_a_hat_without_word_or_number_is_punctuation(text: str) -> None:
    read = parse_weights(text)
    assert read.plain == text
    assert set(read.weights) == {1.0}


@pytest.mark.parametrize("weight", ["-1", "11", "1000000"])
def test_a_weight_out_of_range_is_refused(weight: str) -> None:
    with pytest.raises(InvalidWeight, match=f"0 to {MAX_WEIGHT:g}"):
        parse_weights(f"a dog^{weight}")


def test_every_text_gets_one_weight_a_word() -> None:
    chance = random.Random(5)
    for _ in range(2000):
        text = "".join(chance.choices("ab \"^2.-_'s", k=chance.randrange(25)))
        try:
            read = parse_weights(text)
        except InvalidWeight:
            continue
        assert len(read.weights) == len(read.words) == len(tokenise(read.plain))
