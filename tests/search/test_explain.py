"""Explanations add up, look at the photo, and say what a word costs, on any photo."""

from pathlib import Path

import numpy as np
import pytest

from search.engine import SearchEngine, UnknownPhoto
from search.explain import Explanation, Map, WordMap, explain, maps_of, place_of
from search.request import InvalidQuery, SearchRequest

QUERY = "a man takes a picture in a field"


def _ids(engine: SearchEngine) -> dict[str, int]:
    results = engine.search(SearchRequest(QUERY, k=50)).results
    return {Path(result.path).name: result.photo_id for result in results}


def _explain(engine: SearchEngine, name: str, query: str) -> Explanation:
    state = engine.state(_ids(engine)[name])
    return explain(engine.captioner, engine.embedder, query, state)


def _even(side: int) -> np.ndarray:
    return np.full((side, side), 1 / side**2)


def _word(weights: np.ndarray) -> WordMap:
    return WordMap("cat", 1.0, tuple(map(tuple, (weights / weights.sum()).tolist())))


def _assert_map_or_none(seen: Map) -> None:
    if seen:
        assert [len(row) for row in seen] == [7] * 7
        assert sum(map(sum, seen)) == pytest.approx(1, abs=1e-4)
        assert min(map(min, seen)) >= 0


def test_search_shows_a_map_for_each_word_when_asked(engine: SearchEngine) -> None:
    for stage in ("combined", "likelihood", "retrieve"):
        request = SearchRequest(QUERY, k=3, stage=stage, explain=True)
        for result in engine.search(request).results:
            for word in result.words:
                assert isinstance(word, WordMap)
                _assert_map_or_none(word.map)


def test_maps_change_nothing_else_in_an_answer(engine: SearchEngine) -> None:
    plain = engine.search(SearchRequest(QUERY)).results
    told = engine.search(SearchRequest(QUERY, explain=True)).results
    assert [each.photo_id for each in plain] == [each.photo_id for each in told]
    for one, other in zip(plain, told, strict=True):
        assert [word.gain for word in one.words] == [word.gain for word in other.words]


def test_every_photo_can_be_explained_as_search_explains_it(engine: SearchEngine) -> None:
    for result in engine.search(SearchRequest(QUERY, k=50, explain=True)).results:
        state = engine.state(result.photo_id)
        found = explain(engine.captioner, engine.embedder, QUERY, state)
        assert found.evidence == pytest.approx(result.evidence, abs=0.1)
        assert sum(word.gain for word in found.words) == pytest.approx(found.evidence, abs=1e-3)
        assert [word.word for word in found.words] == QUERY.split()


def test_words_are_seen_at_different_places_of_a_photo(engine: SearchEngine) -> None:
    words = _explain(engine, "coffee.png", "coffee cup plate").words
    assert len({word.map for word in words} - {()}) == 3


def test_a_word_is_seen_where_it_is_whatever_stands_beside_it(engine: SearchEngine) -> None:
    alone = _explain(engine, "photographer.png", "tripod").words
    among = _explain(engine, "photographer.png", "a man holds a tripod").words
    assert alone[0].map
    assert np.allclose(alone[0].map, among[-1].map, atol=1e-4)


@pytest.mark.parametrize(
    ("photo", "word", "rows", "columns"),
    [
        ("photographer.png", "man", range(1, 6), range(1, 4)),
        ("photographer.png", "tripod", range(3, 6), range(7)),  # below the sky
        ("cat.png", "eyes", range(1, 4), range(1, 5)),
    ],
)
def test_a_word_is_seen_where_the_thing_is(
    engine: SearchEngine, photo: str, word: str, rows: range, columns: range
) -> None:
    [seen] = _explain(engine, photo, word).words
    row, column = np.unravel_index(np.argmax(seen.map), (7, 7))
    assert (row in rows, column in columns) == (True, True)


def test_what_a_photo_does_not_show_has_no_map(engine: SearchEngine) -> None:
    [dog] = _explain(engine, "astronaut.png", "dog").words
    assert (dog.map, place_of(dog)) == ((), "nowhere")


def test_words_that_name_nothing_to_be_seen_have_no_map(engine: SearchEngine) -> None:
    words = _explain(engine, "cat.png", "a cat with the eyes").words
    assert [bool(word.map) for word in words] == [False, True, False, False, True]


def test_a_word_of_the_whole_photo_is_said_to_be_so() -> None:
    assert place_of(WordMap("indoors", 0.4, ())) == "as a whole"


def test_a_map_takes_both_a_place_and_a_photo_that_makes_the_word_likelier() -> None:
    one_place = np.zeros((1, 49), np.float32)
    one_place[0, 10] = 1
    for drops, gain, shown in (
        (one_place, 0.0, True), (one_place, -6.0, False),
        (one_place * 0.01, 0.0, False), (one_place * 0, 3.0, False),
    ):  # fmt: skip
        [seen] = maps_of(drops, np.array([gain], np.float32))
        assert bool(seen) == shown


def test_the_costliest_word_is_the_one_that_does_not_fit(engine: SearchEngine) -> None:
    found = _explain(engine, "photographer.png", "a man on a surfboard")
    assert found.costliest is not None
    assert found.costliest.word == "surfboard"
    assert found.costliest.gain == min(word.gain for word in found.words) < 0
    assert found.costliest.evidence > found.evidence


def test_the_query_without_its_costliest_word_scores_as_said(engine: SearchEngine) -> None:
    found = _explain(engine, "cat.png", "a cat surfs")
    assert found.costliest is not None
    again = _explain(engine, "cat.png", found.costliest.without)
    assert found.costliest.word not in found.costliest.without.split()
    assert found.costliest.evidence == pytest.approx(again.evidence, abs=0.1)
    assert found.costliest.log_likelihood == pytest.approx(again.log_likelihood, abs=0.1)


def test_one_known_word_has_no_costliest(engine: SearchEngine) -> None:
    for query in ("cat", "qzxv cat"):
        found = _explain(engine, "cat.png", query)
        assert [word.word for word in found.words] == ["cat"]
        assert found.costliest is None


def test_unknown_words_are_named_and_add_nothing(engine: SearchEngine) -> None:
    found = _explain(engine, "cat.png", "qzxv")
    assert found.unknown_words == ("qzxv",)
    assert (found.words, found.costliest, found.evidence) == ((), None, 0)
    near = _explain(engine, "cat.png", "two doggies")
    assert near.unknown_words == ("doggies",)
    assert [word.word for word in near.words] == ["two", near.nearest_words["doggies"]]


def test_weights_do_not_change_what_words_gain(engine: SearchEngine) -> None:
    plain, weighted = (_explain(engine, "cat.png", text) for text in ("a cat", "a cat^3"))
    assert (plain.words, plain.evidence) == (weighted.words, weighted.evidence)


def test_what_cannot_be_asked_is_refused(engine: SearchEngine) -> None:
    for query in ("", "?!", "dog " * 76, "a dog^11"):
        with pytest.raises(InvalidQuery) as caught:
            _explain(engine, "cat.png", query)
        assert caught.value.field == "q"
    with pytest.raises(UnknownPhoto):
        engine.state(10**9)


@pytest.mark.parametrize(
    ("row", "column", "name"),
    [
        (0, 0, "top left"), (1, 6, "top right"), (3, 3, "centre"), (0, 3, "top"),
        (6, 2, "bottom"), (3, 0, "left"), (4, 5, "right"), (6, 5, "bottom right"),
    ],
)  # fmt: skip
def test_a_look_in_one_place_is_named_by_it(row: int, column: int, name: str) -> None:
    weights = _even(7)
    weights[row, column] += 1
    assert place_of(_word(weights)).rpartition(" ")[0] == name


@pytest.mark.parametrize("side", [1, 2, 3, 7, 8])
def test_an_even_look_is_all_over(side: int) -> None:
    assert place_of(_word(_even(side))) == "all over"
