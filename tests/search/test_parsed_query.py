"""Queries are parsed into known words, and unknown words are never silently dropped."""

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from search.parsed_query import parse_query


def test_known_words_are_read_as_they_stand(
    captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    parsed = parse_query("A dog, running!", captioner, embedder)
    assert parsed.words == ("a", "dog", "running")
    assert parsed.unknown == ()


def test_an_unknown_word_is_named_and_read_as_its_nearest(
    captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    assert "doggies" not in captioner.vocabulary
    parsed = parse_query("doggies run", captioner, embedder)
    assert parsed.unknown == ("doggies",)
    assert parsed.nearest["doggies"] in {"dog", "dogs", "puppy", "puppies", "doggy"}
    assert parsed.words == (parsed.nearest["doggies"], "run")


def test_a_word_far_from_all_known_ones_is_left_out(
    captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    parsed = parse_query("a qzxv dog", captioner, embedder)
    assert parsed.unknown == ("qzxv",)
    assert parsed.words == ("a", "dog")
