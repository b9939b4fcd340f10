"""Where a photo stands for a sentence, and what would bring it to the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from search.diagnosis import missing, photo_beside, stand
from search.request import InvalidQuery, SearchRequest

if TYPE_CHECKING:
    from search.engine import SearchEngine

QUERY = "a cat looks at the camera"


def ids_of(engine: SearchEngine, request: SearchRequest) -> list[int]:
    return [result.photo_id for result in engine.search(request).results]


def test_rank_is_the_place_in_the_search(engine: SearchEngine) -> None:
    found = ids_of(engine, SearchRequest(QUERY))
    standings = [stand(engine, QUERY, key) for key in found]
    assert [each.rank for each in standings] == list(range(1, len(found) + 1))
    assert {each.considered for each in standings} == {len(found)}


def test_weak_is_what_the_search_calls_weak(engine: SearchEngine) -> None:
    results = engine.search(SearchRequest(QUERY)).results
    assert [stand(engine, QUERY, each.photo_id).weak for each in results] == [
        each.weak for each in results
    ]
    assert len({each.weak for each in results}) == 2


def test_weights_are_ignored(engine: SearchEngine) -> None:
    assert stand(engine, "a cat^3 sits", 1).rank == stand(engine, "a cat sits", 1).rank


def test_dropped_photo_says_where_the_first_stage_put_it(engine: SearchEngine) -> None:
    by_vectors = ids_of(engine, SearchRequest(QUERY, stage="retrieve"))
    dropped = stand(engine, QUERY, by_vectors[-1], candidates=3)
    assert (dropped.rank, dropped.considered) == (None, 3)
    assert dropped.proposed == len(by_vectors)


def test_dropped_photo_says_which_rank_its_score_deserves(engine: SearchEngine) -> None:
    by_both = ids_of(engine, SearchRequest(QUERY))
    few = ids_of(engine, SearchRequest(QUERY, k=3, candidates=3))
    (dropped,) = [key for key in by_both if key not in few][:1]
    before = sum(by_both.index(key) < by_both.index(dropped) for key in few)
    assert stand(engine, QUERY, dropped, candidates=3).deserved == before + 1


def test_costliest_word_is_left_out_where_it_speaks_against(engine: SearchEngine) -> None:
    (cat,) = ids_of(engine, SearchRequest(QUERY, k=1))
    told = missing(engine, "a cat rides a motorcycle", engine.photo(cat))
    costliest = told.explanation.costliest
    assert costliest is not None
    assert costliest.gain < 0
    assert told.costliest == stand(engine, costliest.without, cat)


def test_no_word_is_left_out_where_nothing_would_be_left(engine: SearchEngine) -> None:
    assert missing(engine, "motorcycle", engine.photo(1)).costliest is None


def test_nearest_caption_is_one_of_the_photo(engine: SearchEngine) -> None:
    view = engine.photo(1)
    for text, _ in view.captions:
        told = missing(engine, text, view)
        assert told.caption is not None
        assert told.caption.sentence == text


def test_photos_beside_one_are_those_of_the_search_with_its_contrast(
    engine: SearchEngine,
) -> None:
    request = SearchRequest(QUERY, excluded=("a cat",), k=12)
    found = ids_of(engine, request)
    assert found != ids_of(engine, SearchRequest(QUERY, k=12))
    for place, key in enumerate(found[:-1]):
        assert photo_beside(engine, request, key, 1) == (found[place + 1], place + 1)
        assert photo_beside(engine, request, found[place + 1], -1) == (key, place)
    assert photo_beside(engine, request, found[0], -1) is None
    assert photo_beside(engine, request, found[-1], 1) is None
    assert photo_beside(engine, request, 10**9, 1) is None


@pytest.mark.parametrize("sentence", ["", "...", "a" * 301])
def test_sentence_that_cannot_be_searched_is_refused(engine: SearchEngine, sentence: str) -> None:
    with pytest.raises(InvalidQuery):
        stand(engine, sentence, 1)
