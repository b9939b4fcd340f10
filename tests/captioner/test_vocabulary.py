"""Sentences become the same words in training and in searching."""

import pytest

from captioner.vocabulary import END, START, UNKNOWN, Vocabulary, tokenise


def test_punctuation_and_case_make_no_difference() -> None:
    assert tokenise("A Dog, running!") == tokenise("a dog running") == ["a", "dog", "running"]


def test_the_possessive_is_a_word_however_it_is_typed() -> None:
    assert tokenise("girl 's dress") == tokenise("girl\u2019s dress") == ["girl", "'s", "dress"]


def test_words_of_any_alphabet_are_words() -> None:
    assert tokenise("Ein großer Hund, 犬!") == ["ein", "großer", "hund", "犬"]


def test_rare_words_are_left_out_and_order_is_by_frequency() -> None:
    vocabulary = Vocabulary.from_sentences(["a dog", "a cat", "a dog"], min_count=2)
    assert vocabulary.words[4:] == ("a", "dog")
    assert vocabulary.encode(["dog", "cat"]) == [5, UNKNOWN]


def test_special_words_are_never_known_words() -> None:
    vocabulary = Vocabulary.from_sentences(["a dog"], min_count=1)
    assert "<unk>" not in vocabulary
    assert "dog" in vocabulary


def test_a_sentence_ends_where_the_model_ended_it() -> None:
    vocabulary = Vocabulary.from_sentences(["a girl 's dog"], min_count=1)
    ids = [START, *vocabulary.encode(["a", "girl", "'s", "dog"]), END, *vocabulary.encode(["a"])]
    assert vocabulary.join(ids) == "a girl's dog"


def test_a_vocabulary_without_its_special_words_is_refused() -> None:
    with pytest.raises(ValueError, match="starts with"):
        Vocabulary(("a", "dog"))
