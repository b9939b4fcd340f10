"""Pages of any size, in every stage, are parts of one order of all photos."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.filters import PhotoFilter
from catalog.photos import remove_photos
from catalog.vectors import kinds
from catalog.vectors.kinds import IndexKind
from catalog.views import list_photos
from search.engine import SearchEngine
from search.limits import MAX_CANDIDATES, STAGES
from search.request import SearchRequest
from tests.search.many_photos import COUNT, UNKNOWN, many_photos

QUERY = "a cat on a table"
REQUESTS = {
    "combined": SearchRequest(QUERY),
    "likelihood": SearchRequest(QUERY, stage="likelihood"),
    "retrieve": SearchRequest(QUERY, stage="retrieve"),
    "few candidates": SearchRequest(QUERY, candidates=3),
    "many candidates": SearchRequest(QUERY, candidates=5000),
    "an unknown word": SearchRequest(f"a cat {UNKNOWN}"),
    "unknown words alone": SearchRequest(UNKNOWN),
    "unknown, by vectors": SearchRequest(f"a cat {UNKNOWN}", stage="retrieve"),
    "excluded": SearchRequest(QUERY, excluded=("a rocket",), candidates=40),
    "weighted and unknown": SearchRequest(f"a cat^3 {UNKNOWN}", rather_than="a man"),
    "filtered": SearchRequest(QUERY, filters=PhotoFilter(orientation="landscape")),
}
SIZES = [50, 100, 200, 249, 300]
# Pages of 1 and 7 photos begin here: where the blocks of an order meet, and at its end.
STARTS = [198, 397, COUNT - 2]


@pytest.fixture(scope="module", params=[IndexKind.FLAT, IndexKind.IVF])
def many(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    engine: SearchEngine,
) -> Iterator[SearchEngine]:
    """An engine over more photos than are re-ranked at once, once with each kind of index."""
    folder = tmp_path_factory.mktemp("many")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "FEWEST_TRAINED", 256)
        with many_photos(folder, captioner, embedder, engine, request.param) as made:
            yield made


def ids_of(engine: SearchEngine, request: SearchRequest, start: int, stop: int) -> list[int]:
    """The photos of one page, as a visitor who comes anew asks for it."""
    return engine.order(engine.read(request)).page(start, stop).found.ids.tolist()


def expected_ids(engine: SearchEngine, request: SearchRequest) -> list[int]:
    """All photos that a request may find, by id."""
    with engine.database.read() as session:
        photos = list_photos(session)
    landscape = request.filters.orientation is not None
    return [each.photo_id for each in photos if not landscape or each.width > each.height]


@pytest.mark.parametrize("size", SIZES)
def test_pages_of_any_size_are_parts_of_one_order(many: SearchEngine, size: int) -> None:
    request = SearchRequest(f"a cat {UNKNOWN}")
    whole = ids_of(many, request, 0, COUNT + 1)
    pages = [ids_of(many, request, start, start + size) for start in range(0, COUNT, size)]
    assert [key for page in pages for key in page] == whole


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_the_order_has_every_photo_once_whatever_is_asked(
    many: SearchEngine, request_: SearchRequest
) -> None:
    whole = ids_of(many, request_, 0, COUNT + 1)
    assert sorted(whole) == expected_ids(many, request_)
    for start in STARTS:
        for size in (1, 7):
            assert ids_of(many, request_, start, start + size) == whole[start : start + size]


def test_answers_are_pages_of_that_order_and_say_whether_more_come(many: SearchEngine) -> None:
    whole = ids_of(many, SearchRequest(QUERY), 0, COUNT)
    found: list[int] = []
    more = True
    while more:
        answer = many.search(SearchRequest(QUERY, k=150, offset=len(found)))
        found += [result.photo_id for result in answer.results]
        more = answer.more
        assert answer.candidates == 200
    assert found == whole
    assert not many.search(SearchRequest(QUERY, k=200, offset=MAX_CANDIDATES)).more


@pytest.mark.parametrize("stage", STAGES)
def test_a_page_reads_likelihoods_of_the_blocks_it_touches_alone(
    many: SearchEngine, stage: str
) -> None:
    order = many.order(many.read(SearchRequest(QUERY, stage=stage)))
    page = order.page(395, 405)
    assert page.likelihoods is not None
    assert page.likelihoods.evidence.shape == (10,)
    assert np.isfinite(page.score).all()


def test_photos_with_an_unknown_word_come_before_all_others(many: SearchEngine) -> None:
    for request in (REQUESTS["an unknown word"], REQUESTS["weighted and unknown"]):
        whole = ids_of(many, request, 0, COUNT)
        paths = [many.photo(key).path for key in whole]
        named = [UNKNOWN.encode() in path for path in paths]
        assert named == sorted(named, reverse=True)
        assert sum(named) > 200


def test_pages_of_similar_photos_continue_each_other(many: SearchEngine) -> None:
    some = many.sample(1)[0]
    whole = [photo.photo_id for photo in many.similar_to(some, COUNT)]
    assert sorted([*whole, some]) == expected_ids(many, SearchRequest(QUERY))
    for size in (100, 200, 249, 300):
        pages = [many.similar_to(some, size, start) for start in range(0, COUNT, size)]
        assert [photo.photo_id for page in pages for photo in page] == whole
    for start in STARTS:
        found = many.similar_to(some, 7, start)
        assert [photo.photo_id for photo in found] == whole[start : start + 7]
    assert [photo.photo_id for photo in many.similar(many.state(some), 7)][:1] == [some]


def test_a_photo_that_is_removed_meanwhile_moves_only_those_behind_it(
    many: SearchEngine,
) -> None:
    whole = ids_of(many, SearchRequest(QUERY), 0, COUNT)
    gone = whole[-1]
    with many.database.write() as session:
        remove_photos(session, [gone])
    assert ids_of(many, SearchRequest(QUERY), 0, COUNT) == whole[:-1]


# Where an order stops being convincing


@pytest.fixture
def weak_below(captioner: Captioner) -> Iterator[Callable[[float], None]]:
    """Sets the probability where weak begins, for one test."""
    ranking = captioner.provenance.ranking

    def set_to(value: float) -> None:
        captioner.provenance.ranking = replace(ranking, fit=replace(ranking.fit, weak_below=value))

    yield set_to
    captioner.provenance.ranking = ranking
