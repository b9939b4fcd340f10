"""Sentences are ranked for a photo, and scored as each would be alone."""

from pathlib import Path

import pytest

from captioner.captioner import PhotoState
from captioner.vocabulary import tokenise
from search.engine import SearchEngine
from search.image_to_text import captions_near, check_sentences, rank_sentences
from search.limits import MAX_SENTENCES
from search.request import InvalidQuery, SearchRequest

SENTENCES = ("a cup of coffee", "a cat", "a man takes a picture in a field", "two dogs")


def _state(engine: SearchEngine, name: str) -> PhotoState:
    results = engine.search(SearchRequest("a photo", k=50)).results
    (photo_id,) = (each.photo_id for each in results if Path(each.path).name == name)
    return engine.state(photo_id)


@pytest.mark.parametrize(
    ("name", "best"), [("cat.png", SENTENCES[1]), ("photographer.png", SENTENCES[2])]
)
def test_the_sentence_about_the_photo_comes_first(
    engine: SearchEngine, name: str, best: str
) -> None:
    ranked = rank_sentences(engine.captioner, engine.embedder, SENTENCES, _state(engine, name))
    assert ranked[0].sentence == best
    assert {each.sentence for each in ranked} == set(SENTENCES)
    assert [each.evidence for each in ranked] == sorted(
        (each.evidence for each in ranked), reverse=True
    )


def test_many_sentences_at_once_score_as_each_alone(engine: SearchEngine) -> None:
    captioner, state = engine.captioner, _state(engine, "cat.png")
    for each in rank_sentences(captioner, engine.embedder, SENTENCES, state):
        words = tokenise(each.sentence)
        alone = captioner.score_words(words, state).word_log_likelihood[0]
        without = captioner.score_without_photo(words).word_log_likelihood[0]
        gains = (alone - without).tolist()
        end = gains.pop()
        gains[-1] += end
        assert each.log_likelihood == pytest.approx(float(alone.sum()), abs=0.1)
        assert each.evidence == pytest.approx(float((alone - without).sum()), abs=0.1)
        assert [word.word for word in each.words] == words
        assert [word.gain for word in each.words] == pytest.approx(gains, abs=0.1)
        assert sum(word.gain for word in each.words) == pytest.approx(each.evidence, abs=1e-3)


def test_order_among_equals_is_that_of_asking(engine: SearchEngine) -> None:
    asked = ("qzxv", "a cat", "wxqk")
    ranked = rank_sentences(engine.captioner, engine.embedder, asked, _state(engine, "cat.png"))
    assert [each.sentence for each in ranked] == ["a cat", "qzxv", "wxqk"]


def test_unknown_words_are_named_and_sentences_of_them_alone_come_last(
    engine: SearchEngine,
) -> None:
    asked = ("qzxv", "two doggies on a qzxv", "a cat")
    ranked = rank_sentences(engine.captioner, engine.embedder, asked, _state(engine, "cat.png"))
    last, near = ranked[-1], next(each for each in ranked if each.sentence == asked[1])
    assert (last.sentence, last.evidence, last.words) == ("qzxv", 0, ())
    assert near.unknown_words == ("doggies", "qzxv")
    assert [word.word for word in near.words] == ["two", near.nearest_words["doggies"], "on", "a"]


def test_no_sentences_have_no_order(engine: SearchEngine) -> None:
    assert rank_sentences(engine.captioner, engine.embedder, (), _state(engine, "cat.png")) == []


def test_captions_of_the_collection_come_once_each_the_own_ones_first(
    engine: SearchEngine,
) -> None:
    results = engine.search(SearchRequest("a photo", k=50)).results
    views = [engine.photo(result.photo_id) for result in results]
    stored = {text for view in views for text, _ in view.captions}
    for view in views:
        found = captions_near(engine, engine.state(view.photo_id))
        assert len(found) == len(set(found))
        assert set(found) == stored


def test_a_photo_prefers_its_own_caption_to_those_of_most_others(engine: SearchEngine) -> None:
    state = _state(engine, "photographer.png")
    ranked = rank_sentences(engine.captioner, engine.embedder, captions_near(engine, state), state)
    own = captions_near(engine, state)[0]
    places = [each.sentence for each in ranked]
    assert places.index(own) < len(places) / 4


def test_too_much_or_nothing_is_refused() -> None:
    check_sentences(("a dog",) * MAX_SENTENCES)
    for wrong in (("a dog",) * (MAX_SENTENCES + 1), ("a dog", "?!"), ("dog " * 76,)):
        with pytest.raises(InvalidQuery) as caught:
            check_sentences(wrong)
        assert caught.value.field == "sentences"
