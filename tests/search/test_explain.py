"""Explanations add up, look at the photo, and say what a word costs, on any photo."""

from pathlib import Path

import numpy as np
import pytest

from search.engine import SearchEngine, UnknownPhoto
from search.explain import Explanation, Map, WordMap, explain, place_of
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


def _map(weights: np.ndarray) -> Map:
    return tuple(map(tuple, (weights / weights.sum()).tolist()))


def test_search_shows_a_map_for_each_word_when_asked(engine: SearchEngine) -> None:
    for stage in ("combined", "likelihood", "retrieve"):
        request = SearchRequest(QUERY, k=3, stage=stage, explain=True)
        for result in engine.search(request).results:
            for word in result.words:
                assert isinstance(word, WordMap)
                assert [len(row) for row in word.map] == [7] * 7
                assert sum(map(sum, word.map)) == pytest.approx(1, abs=1e-4)
                assert min(map(min, word.map)) >= 0


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


def test_words_look_at_different_places_of_a_photo(engine: SearchEngine) -> None:
    words = _explain(engine, "photographer.png", QUERY).words
    assert len({word.map for word in words}) == len(words)


def test_a_map_is_where_the_word_was_foretold_from(engine: SearchEngine) -> None:
    """So it depends on the words before it, and neither on itself nor on those after it."""
    man, other = (
        _explain(engine, "photographer.png", f"a {word} takes") for word in ("man", "cat")
    )
    assert np.allclose(man.words[1].map, other.words[1].map, atol=1e-3)
    assert not np.allclose(man.words[2].map, other.words[2].map, atol=1e-3)


def test_the_costliest_word_is_the_one_that_does_not_fit(engine: SearchEngine) -> None:
    found = _explain(engine, "photographer.png", "a man on a surfboard takes a picture")
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
    assert place_of(_map(weights)).rpartition(" ")[0] == name


@pytest.mark.parametrize("side", [1, 2, 3, 7, 8])
def test_an_even_look_is_all_over(side: int) -> None:
    assert place_of(_map(_even(side))) == "all over"
