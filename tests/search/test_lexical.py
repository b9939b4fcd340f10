"""Words of names and captions find photos, and never disturb what the captioner understands."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog import photos
from search.engine import SearchEngine
from search.filters import read_filter
from search.lexical import find_words, lifted
from search.limits import STAGES
from search.parsed_query import parse_query
from search.request import SearchRequest
from search.rerank import combined_scores
from search.results import SearchResult
from search.retrieval import Candidates

PLACES = {
    "cat.png": "Lisbon/IMG_2041.PNG",
    "astronaut.png": "Lisbon/IMG_2042.png",
    "rocket.jpg": "IMG_2043.jpg",
    "coins.png": "umbrella/coins.png",
}


@pytest.fixture(scope="module")
def named_engine(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[SearchEngine]:
    """The sample photos, some of them named as cameras and travellers name them."""
    from catalog.database import open_database
    from catalog.home import open_home
    from indexer.pipeline import Indexer

    album = tmp_path_factory.mktemp("named") / "album"
    for photo in sample_photos.iterdir():
        path = album / PLACES.get(photo.name, photo.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo.read_bytes())
    home = open_home(album.parent / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder).index([album])
    yield SearchEngine(home, database, captioner, embedder)
    database.close()


def find(engine: SearchEngine, query: str, **options: object) -> tuple[SearchResult, ...]:
    return engine.search(SearchRequest(query, **options)).results  # type: ignore[arg-type]


def names(results: tuple[SearchResult, ...]) -> list[str]:
    return [Path(result.path).name for result in results]


@pytest.mark.parametrize("stage", STAGES)
def test_an_unknown_word_in_a_folders_name_lifts_its_photos_to_the_top(
    named_engine: SearchEngine, stage: str
) -> None:
    results = find(named_engine, "a man with a camera in Lisbon", stage=stage)
    assert set(names(results)[:2]) == {"IMG_2041.PNG", "IMG_2042.png"}
    assert names(results)[2] == "photographer.png"  # the best of those that are not of Lisbon
    scores = [result.score for result in results]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("query", ["IMG_2041", "img_2041.png", "2041", "a man IMG_2041"])
def test_a_file_is_found_by_its_name(named_engine: SearchEngine, query: str, stage: str) -> None:
    results = find(named_engine, query, stage=stage, k=1, candidates=1)
    assert names(results) == ["IMG_2041.PNG"]


def test_more_of_the_unknown_words_come_first(named_engine: SearchEngine) -> None:
    results = find(named_engine, "IMG_2041")
    assert names(results)[0] == "IMG_2041.PNG"
    assert set(names(results)[1:3]) == {"IMG_2042.png", "IMG_2043.jpg"}
    assert [result.matched for result in results[:4]] == [
        ("img", "2041"), ("img",), ("img",), (),
    ]  # fmt: skip


def test_a_sentence_orders_photos_of_the_same_place(named_engine: SearchEngine) -> None:
    assert names(find(named_engine, "a cat in Lisbon"))[0] == "IMG_2041.PNG"
    assert names(find(named_engine, "a person in an orange suit in Lisbon"))[0] == "IMG_2042.png"


def test_matched_names_the_querys_words_in_path_and_captions(named_engine: SearchEngine) -> None:
    for result in find(named_engine, "a Lisbon umbrella, and a qzxv"):
        written = f"{result.path} {result.caption}".lower()
        for word in result.matched:
            assert word in {"a", "lisbon", "umbrella", "and"}
        assert ("lisbon" in result.matched) == ("Lisbon" in result.path)
        assert ("umbrella" in result.matched) >= ("umbrella" in written)


@pytest.mark.parametrize("query", ["a man and a cat", "a dog on a table", "two rocks and a cat"])
def test_known_words_of_captions_alone_leave_the_order_to_the_captioner(
    named_engine: SearchEngine, query: str
) -> None:
    results = find(named_engine, query)
    ids = np.array([result.photo_id for result in results])
    measured = named_engine.measure(query, ids)
    found = Candidates(ids, measured.visual, measured.caption)
    ranking = named_engine.captioner.provenance.ranking
    expected = combined_scores(
        ranking, found, measured.log_likelihood, measured.bias, measured.detected
    )
    assert [result.score for result in results] == pytest.approx(expected.tolist(), abs=0.1)


def candidates(engine: SearchEngine, query: str) -> set[str]:
    """Names of four candidates."""
    request = SearchRequest(query, k=1, candidates=4)
    ranked = engine.rank(engine.read(request))
    return {view.full_path.name for view in engine.photos(ranked.found.ids.tolist()).values()}


def test_a_known_word_in_a_path_proposes_its_photo(named_engine: SearchEngine) -> None:
    assert "umbrella" in named_engine.captioner.vocabulary
    plain, worded = (
        candidates(named_engine, query) for query in ("a dog runs", "a dog runs umbrella")
    )
    assert "coins.png" not in plain
    assert "coins.png" in worded
    assert len(plain) == len(worded) == 4


def test_words_that_many_photos_have_propose_none(named_engine: SearchEngine) -> None:
    parsed = parse_query("a", named_engine.captioner, named_engine.embedder)
    with named_engine.database.read() as session:
        [having] = find_words(session, parsed, 12, 12).known
        assert len(having) > 6
        assert len(find_words(session, parsed, len(having), 12).known) == 1
        assert not find_words(session, parsed, len(having) - 1, 12).known


def test_words_take_no_more_places_than_there_are(named_engine: SearchEngine) -> None:
    for query in ("png", "umbrella", "IMG png umbrella", "cat coffee rocket grass"):
        for count in (1, 2, 5, 12, 50):
            answer = named_engine.search(SearchRequest(query, k=1, candidates=count))
            assert answer.candidates == min(count, 12)


def test_words_find_only_what_passes_the_filters(named_engine: SearchEngine) -> None:
    [first, *_] = find(named_engine, "Lisbon", k=1)
    root = Path(first.path).parent.parent
    wanted = read_filter(folder=str(root / "umbrella"))
    results = find(named_engine, "IMG_2041 Lisbon", filters=wanted)
    assert names(results) == ["coins.png"]
    assert results[0].matched == ()


def test_words_follow_a_photo_that_moves_and_one_that_goes(
    sample_photos: Path, captioner: Captioner, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    from catalog.database import open_database
    from catalog.home import open_home
    from indexer.pipeline import Indexer

    home = open_home(tmp_path / "home")
    database = open_database(home)
    album, indexer = tmp_path / "album", Indexer(home, database, captioner, embedder)
    (album / "Lisbon").mkdir(parents=True)
    for name in ("cat.png", "coins.png"):
        (album / "Lisbon" / name).write_bytes((sample_photos / name).read_bytes())
    indexer.index([album])
    engine = SearchEngine(home, database, captioner, embedder)
    (album / "Porto").mkdir()
    (album / "Lisbon" / "coins.png").rename(album / "Porto" / "coins.png")
    indexer.index([album])
    [porto, lisbon] = find(engine, "Porto")
    assert (Path(porto.path).name, porto.matched) == ("coins.png", ("porto",))
    assert (Path(lisbon.path).name, lisbon.matched) == ("cat.png", ())
    with database.write() as session:
        photos.remove_photos(session, [porto.photo_id])
    assert [result.matched for result in find(engine, "Porto")] == [()]
    database.close()


def test_hostile_queries_are_only_words(named_engine: SearchEngine) -> None:
    for query in ('a" OR "b', "dog* NEAR(cat)", "'); DROP TABLE photo; --", "a:b -c ^d", "½ \0 a"):
        assert len(find(named_engine, query, k=50)) == 12


def test_unknown_words_of_each_photo_count_for_its_place(named_engine: SearchEngine) -> None:
    query = "IMG 2041 umbrella"
    parsed = parse_query(query, named_engine.captioner, named_engine.embedder)
    with named_engine.database.read() as session:
        hits = find_words(session, parsed, few=5, photos=12)
    ids = np.array([result.photo_id for result in find(named_engine, query)])
    assert hits.places(ids).tolist()[:4] == [4, 2, 2, 0]
    assert [set(tier) for tier in hits.tiers] == [{ids[0]}, {ids[1], ids[2]}]
    assert [len(having) for having in hits.known] == [1]


def test_lifting_keeps_the_order_of_equals_and_beats_any_score() -> None:
    score = np.array([500.0, -500.0, 0.0, 1.0], np.float32)
    raised = lifted(score, np.array([0, 2, 1, 1]))
    assert np.argsort(-raised).tolist() == [1, 3, 2, 0]
    same = np.zeros(3, np.float32)
    assert np.argsort(-lifted(same, np.array([0, 1, 0])), kind="stable").tolist() == [1, 0, 2]
