"""Pages of any size, in every stage, are parts of one order of all photos."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.filters import PhotoFilter
from catalog.photos import remove_photos
from catalog.vectors import kinds
from catalog.vectors.kinds import IndexKind
from catalog.views import list_photos
from search.cascade import Cascade
from search.engine import SearchEngine
from search.limits import MAX_CANDIDATES, STAGES
from search.order import SearchOrder
from search.request import SearchRequest
from search.rerank import Ranked
from search.retrieval import Candidates
from search.weak_results import find_line, first_run
from tests.search.many_photos import COUNT, UNKNOWN, many_photos

QUERY = "a cat"
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
# Small pages, as (start, size): where the blocks of an order meet, and at its end.
SMALL = [(197, 7), (200, 1), (COUNT - 2, 7)]


@pytest.fixture(scope="module")
def many_by_lists(
    tmp_path_factory: pytest.TempPathFactory,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    engine: SearchEngine,
) -> Iterator[SearchEngine]:
    """The same with an inverted file, which looks through more lists where more are asked for."""
    folder = tmp_path_factory.mktemp("lists")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "FEWEST_TRAINED", 256)
        with many_photos(folder, captioner, embedder, engine, IndexKind.IVF) as made:
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


def test_pages_of_an_inverted_file_are_parts_of_one_order(many_by_lists: SearchEngine) -> None:
    for request in (REQUESTS["combined"], REQUESTS["filtered"]):
        whole = ids_of(many_by_lists, request, 0, COUNT + 1)
        assert sorted(whole) == expected_ids(many_by_lists, request)
        for start, size in ((0, 7), (100, 249), *SMALL):
            page = ids_of(many_by_lists, request, start, start + size)
            assert page == whole[start : start + size]
    some = whole[0]
    near = many_by_lists.similar_to(some, COUNT)
    assert len(near) == COUNT - 1
    assert many_by_lists.similar_to(some, 7, 197) == near[197:204]


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_the_order_has_every_photo_once_whatever_is_asked(
    many: SearchEngine, request_: SearchRequest
) -> None:
    whole = ids_of(many, request_, 0, COUNT + 1)
    assert sorted(whole) == expected_ids(many, request_)
    for start, size in SMALL:
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
    for start, size in SMALL:
        found = many.similar_to(some, size, start)
        assert [photo.photo_id for photo in found] == whole[start : start + size]
    state = many.state(some)
    found = many.similar(state, COUNT)
    assert many.similar(state, 7) == found[:7]


# Where an order stops being convincing


def flags_of(engine: SearchEngine, request: SearchRequest) -> list[bool]:
    """Which photos are weak, of the first 200 in their order."""
    return [result.weak for result in engine.search(replace(request, k=200)).results]


@pytest.mark.parametrize("stage", ["combined", "retrieve"])
def test_line_and_whether_nothing_fits_do_not_depend_on_the_page(
    many: SearchEngine, stage: str, captioner: Captioner
) -> None:
    ranking = captioner.provenance.ranking.for_words(len(QUERY.split()))
    before = captioner.provenance.ranking
    request = SearchRequest(QUERY, stage=stage)
    chances = sorted(result.probability for result in many.search(replace(request, k=200)).results)
    try:
        # A hundred of the first 200 are not weak.
        fit = replace(ranking.fit, weak_below=chances[-100])
        captioner.provenance.ranking = replace(ranking, fit=fit)
        line = first_run(flags_of(many, request))
        for start, size in ((max(line - 3, 0), 7), (line + 1, 5), (205, 20)):
            answer = many.search(replace(request, offset=start, k=size))
            assert answer.above == min(max(line - start, 0), size)
            assert not answer.nothing_fits
        captioner.provenance.ranking = replace(ranking, fit=replace(ranking.fit, weak_below=2.0))
        for start in (0, 205):
            assert many.search(replace(request, offset=start, k=20)).nothing_fits
    finally:
        captioner.provenance.ranking = before


def test_a_photo_that_is_removed_meanwhile_moves_only_those_behind_it(
    many: SearchEngine,
) -> None:
    whole = ids_of(many, SearchRequest(QUERY), 0, COUNT)
    gone = whole[-1]
    with many.database.write() as session:
        remove_photos(session, [gone])
    assert ids_of(many, SearchRequest(QUERY), 0, COUNT) == whole[:-1]


@pytest.mark.parametrize(
    ("weak", "above"),
    [
        ("", 0),
        ("....", 4),
        ("..www.", 2),
        (".w.ww.www.", 6),
        ("....w", 4),
        ("...ww", 3),
        ("www", 0),
    ],
)
def test_line_stands_before_three_weak_ones_in_a_row(weak: str, above: int) -> None:
    assert first_run([mark == "w" for mark in weak]) == above


def made_up_order(count: int) -> SearchOrder:
    """Photos 0, 1 and so on in this order, without a captioner."""

    def rank(ids: NDArray[np.int64]) -> Ranked:
        zeros = np.zeros(len(ids), np.float32)
        return Ranked(Candidates(ids, zeros, zeros), zeros, zeros, None)

    ids = np.arange(count)
    parts = (ids[start : start + 300] for start in range(200, count, 300))
    return SearchOrder(Cascade.of(rank(ids[:200])), parts, rank)


@pytest.mark.parametrize("line", [0, 3, 198, 199, 250, 599, 997])
def test_line_is_found_in_any_block_from_pages_of_any_size(line: int) -> None:
    def judge(page: Ranked) -> list[bool]:
        return [key >= line or key % 7 == 5 for key in page.found.ids.tolist()]

    true = first_run(judge(made_up_order(1100).page(0, 1100)))
    for size in (1, 7, 50, 249):
        for start in {*range(0, 1100, 249), max(line - 2, 0), line, line + 1}:
            found = find_line(made_up_order(1100), start + size, judge)
            assert min(max(found - start, 0), size) == min(max(true - start, 0), size)


def test_no_line_is_looked_for_far_down() -> None:
    order = made_up_order(1300)
    judged: list[int] = []

    def judge(page: Ranked) -> list[bool]:
        judged.extend(page.found.ids.tolist())
        return [key >= 1000 for key in page.found.ids.tolist()]

    assert find_line(order, 1250, judge) == 1250
    assert judged == list(range(1000))


def test_the_last_weak_photos_of_all_make_a_line() -> None:
    def judge(page: Ranked) -> list[bool]:
        return [key >= 298 for key in page.found.ids.tolist()]

    assert find_line(made_up_order(300), 300, judge) == 298
    assert find_line(made_up_order(300), 299, judge) == 298
    assert find_line(made_up_order(300), 1, judge) == 1
