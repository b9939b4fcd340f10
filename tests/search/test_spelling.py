"""A word that nobody knows is offered in the spelling of one that is known."""

import pytest

from captioner.captioner import Captioner
from search.engine import SearchEngine
from search.request import SearchRequest
from search.spelling import corrected, edit_distance, nearest_spelling

KNOWN = ("a", "the", "dog", "man", "cat", "coat", "beach", "umbrella", "hands", "motorcycle")
NAMES = ("lisbon", "bench")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("dgo", "dog"),
        ("caat", "cat"),
        ("baech", "beach"),
        ("lisbn", "lisbon"),
        ("umberlla", "umbrella"),
        ("motorcicel", "motorcycle"),
        ("hand", None),
        ("zebra", None),
        ("dgoo", None),
        ("xx", None),
        ("d0g", None),
        ("🐕", None),
    ],
)
def test_misspelled_word_is_nearest_to_the_one_that_was_meant(word: str, meant: str | None) -> None:
    assert nearest_spelling(word, KNOWN, NAMES) == meant


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("dog", "dog", 0),
        ("dgo", "dog", 1),
        ("ca", "abc", 3),
        ("", "dog", 3),
        ("kitten", "sitting", 3),
    ],
)
def test_distance_counts_swapped_neighbours_once(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == distance


def test_all_else_of_the_query_stays_as_it_was_typed() -> None:
    asked = 'A "black Dgo"^2, dgos on the baech!'
    meant = 'A "black dog"^2, dgos on the beach!'
    assert corrected(asked, ["dgo", "baech"], KNOWN, NAMES) == meant
    assert corrected("a zebra", ["zebra"], KNOWN, NAMES) is None


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("a dgo^2 runs", "a dog^2 runs"),
        ("galaxeis", "galaxies"),  # the name of a photo
        ("a dog runs", None),
        ("retina", None),  # a name, too
        ("tiramisu", None),
    ],
)
def test_engine_says_how_a_query_was_meant(
    engine: SearchEngine, query: str, meant: str | None
) -> None:
    answer = engine.search(SearchRequest(query, k=1))
    assert answer.did_you_mean == meant
    assert answer.to_json()["did_you_mean"] == meant


def test_english_word_that_the_captioner_never_learned_is_not_corrected(
    engine: SearchEngine, captioner: Captioner
) -> None:
    assert "beech" not in captioner.vocabulary
    assert "beach" in captioner.vocabulary
    answer = engine.search(SearchRequest("beech", k=1))
    assert answer.unknown_words == ("beech",)
    assert answer.did_you_mean is None
