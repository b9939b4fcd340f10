"""Requests are checked, and unknown words are never silently dropped."""

import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from search.parsed_query import read_query
from search.request import InvalidQuery, SearchRequest


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"query": ""}, "q"),
        ({"query": "  ?! "}, "q"),
        ({"query": "dog " * 76}, "q"),
        ({"k": 0}, "k"),
        ({"k": 201}, "k"),
        ({"offset": -1}, "offset"),
        ({"candidates": 0}, "candidates"),
        ({"stage": "guess"}, "stage"),
    ],
)
def test_a_wrong_request_names_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        SearchRequest(**({"query": "a dog"} | change))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_known_words_are_read_as_they_stand(
    captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    reading = read_query("A dog, running!", captioner, embedder)
    assert reading.words == ("a", "dog", "running")
    assert reading.unknown == ()


def test_an_unknown_word_is_named_and_read_as_its_nearest(
    captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    assert "doggies" not in captioner.vocabulary
    reading = read_query("doggies run", captioner, embedder)
    assert reading.unknown == ("doggies",)
    assert reading.nearest["doggies"] in {"dog", "dogs", "puppy", "puppies", "doggy"}
    assert reading.words == (reading.nearest["doggies"], "run")


def test_a_word_far_from_all_known_ones_is_left_out(
    captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    reading = read_query("a qzxv dog", captioner, embedder)
    assert reading.unknown == ("qzxv",)
    assert reading.words == ("a", "dog")
