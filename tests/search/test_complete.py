"""The next word is a word, fits what was typed, and is as likely as the photos make it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, select

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from captioner.vocabulary import SPECIAL_WORDS
from catalog.database import Database, open_database
from catalog.home import Home, open_home
from catalog.models import PhotoTag, State
from catalog.records import NewTag
from catalog.tags import tag_ids
from search.complete import Completion, complete
from search.engine import SearchEngine
from search.limits import MAX_COMPLETIONS
from search.request import InvalidQuery


def _found(engine: SearchEngine, query: str, k: int = 8) -> tuple[Completion, ...]:
    return complete(engine, query, k).completions


@pytest.mark.parametrize("query", ["", "a", "a ", "a ma", "a man is ", "The dog's ", "two, "])
def test_completions_are_words_and_come_likeliest_first(engine: SearchEngine, query: str) -> None:
    found = _found(engine, query, MAX_COMPLETIONS)
    chances = [each.probability for each in found]
    assert found
    assert chances == sorted(chances, reverse=True)
    assert 0 <= min(chances) <= sum(chances) <= 1 + 1e-3
    assert len({each.word for each in found}) == len(found)
    assert not {each.word for each in found} & set(SPECIAL_WORDS)


def test_text_goes_on_as_it_was_typed(engine: SearchEngine) -> None:
    for each in _found(engine, "A Man, "):
        assert each.text in {f"A Man, {each.word}", f"A Man,{each.word}"}
    for each in _found(engine, "A Man,"):
        assert each.text.startswith("A Man,")
        assert each.text.endswith(each.word)


def test_a_word_that_is_still_being_typed_is_completed(engine: SearchEngine) -> None:
    found = _found(engine, "A Ma", 3)
    assert found[0].word.startswith("ma")
    assert all(each.text == f"A {each.word}" for each in found)
    assert "A man" in {each.text for each in found}


def test_a_whole_word_is_never_offered_as_its_own_completion(engine: SearchEngine) -> None:
    assert "a man" not in {each.text for each in _found(engine, "a man", MAX_COMPLETIONS)}


def test_no_word_comes_twice_in_a_row(engine: SearchEngine) -> None:
    for word in ("a", "the", "man", "is"):
        found = _found(engine, f"a {word} ", MAX_COMPLETIONS)
        assert word not in {each.word for each in found}


def test_a_sentence_begins_as_sentences_begin(engine: SearchEngine) -> None:
    assert "a" in {each.word for each in _found(engine, "", 3)}


def test_chances_are_those_of_the_photos_weighted_by_how_well_the_prefix_fits(
    engine: SearchEngine,
) -> None:
    """By the rule of product, on all of the few photos there are."""
    state = engine.states(engine.sample(48))
    assert state is not None
    assert len(state) == 12

    def prefix(words: list[str]) -> np.ndarray:
        scored = engine.captioner.score_words(words, state)
        return np.exp(scored.word_log_likelihood[:, :-1].sum(axis=1))

    for each in _found(engine, "a man in a ", 5):
        words = ["a", "man", "in", "a"]
        expected = prefix([*words, each.word]).sum() / prefix(words).sum()
        assert each.probability == pytest.approx(expected, rel=0.1)


def test_unknown_words_are_named_and_passed_over(engine: SearchEngine) -> None:
    answer = complete(engine, "a qzxv man ")
    assert answer.unknown_words == ("qzxv",)
    assert answer.completions
    assert all(each.text.startswith("a qzxv man ") for each in answer.completions)
    assert complete(engine, "two doggies ").nearest_words.keys() == {"doggies"}
    assert complete(engine, "a doggies").unknown_words == ()  # still being typed


@pytest.mark.parametrize("word", ["दिल्ली", "zu\N{COMBINING DIAERESIS}rich", "กรุงเทพ"])
def test_word_in_any_script_is_passed_over_whole(engine: SearchEngine, word: str) -> None:
    assert len(complete(engine, f"a {word} man ").unknown_words) == 1
    assert complete(engine, f"a {word}").completions == ()  # none of its parts is being typed


def test_weights_are_no_words(engine: SearchEngine) -> None:
    plain, weighted = _found(engine, "a man "), _found(engine, "a man^2 ")
    assert [each.word for each in plain] == [each.word for each in weighted]
    assert weighted[0].text.startswith("a man^2 ")


def test_what_no_word_continues_gets_nothing(engine: SearchEngine) -> None:
    assert _found(engine, "a qzxv") == ()
    assert _found(engine, "a " * 45) == ()


def test_an_empty_collection_completes_nothing(
    home: Home, database: Database, captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    empty = SearchEngine(home, database, captioner, embedder)
    for query in ("", "a dog "):
        assert _found(empty, query) == ()


@pytest.mark.parametrize(
    ("query", "k", "field"),
    [("a" * 301, 8, "q"), ("a dog^11 ", 8, "q"), ("a ", 0, "k"), ("a ", 51, "k")],
)
def test_a_wrong_request_names_its_field(
    engine: SearchEngine, query: str, k: int, field: str
) -> None:
    with pytest.raises(InvalidQuery) as caught:
        complete(engine, query, k)
    assert caught.value.field == field


def test_tag_of_the_photos_is_offered_with_the_share_that_have_it(
    indexed_home: Home, captioner: Captioner, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    at_rest = shutil.ignore_patterns("catalog.db-*")
    home = open_home(shutil.copytree(indexed_home.path, tmp_path / "home", ignore=at_rest))
    database = open_database(home)
    with database.write() as session:
        name = "mountain xylophone"
        [tag] = tag_ids(session, [NewTag(name, name, 0.9)]).values()
        for photo, model in session.execute(select(State.photo_id, State.model_id).limit(3)).all():
            given = {"photo_id": photo, "model_id": model, "tag_id": tag, "probability": 0.9}
            session.execute(insert(PhotoTag).values(given))
    engine = SearchEngine(home, database, captioner, embedder)
    assert _found(engine, "A xylo") == (Completion(f"A {name}", name, 0.25),)
    assert name in {each.word for each in _found(engine, "mount")}
    assert not _found(engine, "a xylophonist")
    database.close()
