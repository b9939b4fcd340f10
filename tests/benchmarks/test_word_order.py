"""Captions with their words in another order."""

from benchmarks.word_order import reorder_captions, swap_roles
from captioner.vocabulary import tokenise


def _swap(text: str) -> str | None:
    words = swap_roles(tuple(tokenise(text)))
    return words and " ".join(words)


def test_roles_are_exchanged() -> None:
    assert _swap("The boy chases the dog") == "the dog chases the boy"


def test_nothing_is_exchanged_where_the_meaning_would_stay_or_grammar_break() -> None:
    assert _swap("a man and a woman walk") is None
    assert _swap("a dog chases a dog") is None
    assert _swap("people watch a dog") is None
    assert _swap("a dog runs") is None


def test_half_are_swaps_and_the_rest_are_shuffled() -> None:
    captions = [
        ("a boy holds a dog", "a red car"),
        ("a man throws a child",),
        ("a cat sees a bird",),
    ]
    pairs = reorder_captions(captions, 4)
    assert [pair.swapped for pair in pairs] == [True, True, False, False]
    for pair in pairs:
        assert sorted(pair.original) == sorted(pair.reordered)
        assert pair.original != pair.reordered
        assert " ".join(pair.original) in captions[pair.photo]
    assert pairs == reorder_captions(captions, 4)
