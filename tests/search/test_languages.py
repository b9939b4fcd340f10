"""A query in another language is told from English, and no word stands in for its words."""

import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from captioner.vocabulary import tokenise_query
from search.engine import SearchEngine
from search.languages import is_not_english
from search.parsed_query import parse_query
from search.request import SearchRequest


@pytest.mark.parametrize(
    "query",
    [
        "Ein Hund im Schnee", "un chien dans la neige", "dos perros en la playa", "hund", "a praia",
        "tre cani sulla spiaggia", "een hond op het strand", "två barn i snön", "pies na plaży",
        "karda bir köpek", "koira ja kissa", "東京の写真", "собака бежит", "σκύλος", "강아지",
    ],
)  # fmt: skip
def test_query_in_another_language_is_seen(
    captioner: Captioner, embedder: SentenceEmbedder, query: str
) -> None:
    parsed = parse_query(query, captioner, embedder)
    assert parsed.not_english
    assert parsed.nearest == {}


@pytest.mark.parametrize(
    "query",
    [
        "a man in a den", "los angeles", "las vegas at night", "la la land", "rio de janeiro",
        "mona lisa", "el paso", "die hard", "a photo of der spiegel", "doggies", "東京 gold",
        "a dog in de la cruz", "dgo", "qzxv", "🐕", "2019", "café", "a paella",
    ],
)  # fmt: skip
def test_names_and_misspelled_words_are_no_other_language(
    captioner: Captioner, embedder: SentenceEmbedder, query: str
) -> None:
    learned = set(captioner.vocabulary.words)
    assert not is_not_english(tokenise_query(query), learned, embedder.english_words)


def test_no_word_stands_in_for_one_of_another_script(
    captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    parsed = parse_query("a dog in Αθήνα", captioner, embedder)
    assert (parsed.words, parsed.nearest) == (("a", "dog", "in"), {})


def test_other_embedder_may_know_other_languages(
    captioner: Captioner, embedder: SentenceEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(embedder), "is_english", False)
    assert not parse_query("ein hund im schnee", captioner, embedder).not_english


def test_answer_says_so_where_no_photo_is_named_by_it(engine: SearchEngine) -> None:
    assert engine.search(SearchRequest("ein hund im schnee")).not_english
    assert not engine.search(SearchRequest("a dog in the snow")).not_english
