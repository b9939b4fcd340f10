"""Sentences become the same words in training and in searching."""

import pytest

from captioner.vocabulary import (
    END,
    START,
    UNKNOWN,
    Vocabulary,
    start_of_last_word,
    tokenise,
    tokenise_query,
)


def test_punctuation_and_case_make_no_difference() -> None:
    assert tokenise("A Dog, running!") == tokenise("a dog running") == ["a", "dog", "running"]


def test_the_possessive_is_a_word_however_it_is_typed() -> None:
    assert tokenise("girl 's dress") == tokenise("girl\u2019s dress") == ["girl", "'s", "dress"]


def test_words_of_any_alphabet_are_words() -> None:
    assert tokenise("Ein großer Hund, 犬!") == ["ein", "großer", "hund", "犬"]


@pytest.mark.parametrize(
    "word",
    ["दिल्ली", "กรุงเทพ", "مُحَمَّد", "שָׁלוֹם", "தமிழ்", "বাংলা", "i\N{COMBINING DOT ABOVE}stanbul", "น้ำ"],
)
def test_marks_stay_in_their_word(word: str) -> None:
    assert tokenise(f"a {word}, {word}!") == ["a", word, word]


def test_accents_that_are_written_apart_make_no_difference() -> None:
    assert tokenise("Zu\N{COMBINING DIAERESIS}rich") == tokenise("Zürich") == ["zürich"]
    assert tokenise("İstanbul") == ["i\N{COMBINING DOT ABOVE}stanbul"]


def test_other_forms_of_letters_are_the_letters() -> None:
    assert tokenise("ａ Ｄｏｇ ﬁsh co\N{SOFT HYPHEN}op") == ["a", "dog", "fish", "coop"]
    assert tokenise("Lego™ ½ a_b") == ["lego", "½", "a", "b"]


def test_symbols_are_words_of_queries_alone() -> None:
    query = "a 🎂 party♥👩🏽\N{ZERO WIDTH JOINER}🚀 \U0001fae8, girl's ❤️ + $"
    assert tokenise(query) == ["a", "party", "girl", "'s"]
    assert tokenise_query(query) == [
        "a", "🎂", "party", "♥👩🏽🚀", "\U0001fae8", "girl", "'s", "❤",
    ]  # fmt: skip
    assert tokenise_query("\0🎂\0 a\0b") == ["🎂", "a", "b"]


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("a man", "man"), ("a girl's", "'s"), ("a girl\u2019s", "\u2019s"), ("a girl'", ""),
        ("", ""), ("a ", ""), ("s", "s"),
        ("zu\N{COMBINING DIAERESIS}", "zu\N{COMBINING DIAERESIS}"),
        ("a दिल्", "दिल्"), ("a 🎂", ""), ("it'd", "d"), ("a x_", ""),
    ],
)  # fmt: skip
def test_last_word_is_found_whole(sentence: str, word: str) -> None:
    assert sentence[start_of_last_word(sentence) :] == word


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
