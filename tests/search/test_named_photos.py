"""Names of files and folders lift their photos, in every script, and whatever is known of them."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import open_database
from catalog.home import open_home
from indexer.pipeline import Indexer
from search.diagnosis import stand
from search.engine import SearchEngine
from search.lexical import NamedWord, WordHits
from search.limits import STAGES
from search.request import SearchRequest
from search.rerank import combined_scores
from search.results import SearchAnswer
from search.retrieval import Candidates

PLACES = {
    "coins.png": "Birthday/IMG_1.png",
    "cat.png": "Birthday/IMG_2.png",
    "photographer.png": "IMG_3.png",
    "astronaut.png": "IMG_4.png",
    "galaxies.jpg": "IMG_5.jpg",
    "gravel.png": "दिल्ली.png",
    "clock.png": "दाल.png",
    "rocket.jpg": "東京タワー2019.jpg",
    "coffee.png": "🎂 party.png",
    "grass.png": "Schaeferhund.png",
    "brick-wall.png": "Hund/a_4.png",
    "retina.jpg": normalize("NFD", "İstanbul Zürich.jpg"),
}


@pytest.fixture(scope="module")
def named_engine(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[SearchEngine]:
    """The sample photos under other names, all of them in a folder `dog`."""
    album = tmp_path_factory.mktemp("names") / "dog"
    for sample, place in PLACES.items():
        path = album / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample_photos / sample, path)
    home = open_home(album.parent / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder).index([album])
    yield SearchEngine(home, database, captioner, embedder)
    database.close()


def ask(engine: SearchEngine, query: str, **options: object) -> SearchAnswer:
    return engine.search(SearchRequest(query, **options))  # type: ignore[arg-type]


def names(answer: SearchAnswer) -> list[str]:
    return [normalize("NFC", Path(result.path).name) for result in answer.results]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("query", ["birthday", "a photo of the Birthday"])
def test_word_of_a_folder_lifts_its_photos_though_the_captioner_knows_it(
    named_engine: SearchEngine, query: str, stage: str
) -> None:
    assert "birthday" in named_engine.captioner.vocabulary
    for candidates in (1, 200):
        answer = ask(named_engine, query, stage=stage, candidates=candidates, k=2)
        assert set(names(answer)) == {"IMG_1.png", "IMG_2.png"}
        assert [result.named for result in answer.results] == [("birthday",)] * 2


@pytest.mark.parametrize(
    "query", ["birthday", "a birthday cake with candles", "दिल्ली", "東京 gold"]
)
def test_named_photo_is_never_weak(
    named_engine: SearchEngine, nothing_convinces: None, query: str
) -> None:
    answer = ask(named_engine, query)
    assert not answer.nothing_fits
    assert {bool(result.named) for result in answer.results} == {True, False}
    for result in answer.results:
        assert result.weak == (not result.named)
        assert set(result.named) <= set(result.matched)
        assert stand(named_engine, query, result.photo_id).weak == result.weak


def test_likelihood_orders_photos_of_one_name(named_engine: SearchEngine) -> None:
    assert names(ask(named_engine, "a cat on a birthday"))[0] == "IMG_2.png"
    assert names(ask(named_engine, "birthday coins"))[0] == "IMG_1.png"


def test_word_of_every_path_changes_nothing(
    named_engine: SearchEngine, nothing_convinces: None
) -> None:
    query = "a dog runs on the grass"
    answer = ask(named_engine, query)
    ids = np.array([result.photo_id for result in answer.results])
    measured = named_engine.measure(query, ids)
    found = Candidates(ids, measured.visual, measured.caption)
    ranking = named_engine.captioner.provenance.ranking
    expected = combined_scores(
        ranking, found, measured.log_likelihood, measured.bias, measured.detected
    )
    assert [each.score for each in answer.results] == pytest.approx(expected.tolist(), abs=0.1)
    assert answer.nothing_fits
    assert {result.named for result in answer.results} == {()}


@pytest.mark.parametrize("name", PLACES.values())
def test_photo_comes_first_by_its_own_name_however_it_is_typed(
    named_engine: SearchEngine, name: str
) -> None:
    file = name.rpartition("/")[2]
    stem = file.rpartition(".")[0]
    for typed in (file, stem.upper(), normalize("NFD", stem), stem.replace("_", "-"), file.lower()):
        answer = ask(named_engine, typed, k=1, candidates=1)
        assert names(answer) == [normalize("NFC", file)], typed


@pytest.mark.parametrize(
    ("query", "first", "matched"),
    [
        ("東京", "東京タワー2019.jpg", ("東京",)),
        ("タワー 2019", "東京タワー2019.jpg", ("タワー", "2019")),
        ("istanbul", "İstanbul Zürich.jpg", ("istanbul",)),
        ("ISTANBUL zurich", "İstanbul Zürich.jpg", ("istanbul", "zurich")),
        ("🎂", "🎂 party.png", ("🎂",)),
        ("a cup of coffee 🎂", "🎂 party.png", ("🎂",)),
        ("schaefer", "Schaeferhund.png", ("schaefer",)),
    ],
)
def test_part_of_a_name_finds_its_photo(
    named_engine: SearchEngine, query: str, first: str, matched: tuple[str, ...]
) -> None:
    for stage in STAGES:
        answer = ask(named_engine, query, k=1, candidates=1, stage=stage)
        assert names(answer) == [first]
        assert answer.results[0].named == matched
        assert set(matched) <= set(answer.results[0].matched)


def test_word_of_its_own_comes_before_one_inside_a_longer_word(named_engine: SearchEngine) -> None:
    answer = ask(named_engine, "hund")
    assert names(answer)[:2] == ["a_4.png", "Schaeferhund.png"]
    assert [bool(result.named) for result in answer.results] == [True, True, *[False] * 10]


def test_other_word_with_the_same_letters_is_not_found(named_engine: SearchEngine) -> None:
    assert ask(named_engine, "दिल्ली").results[1].named == ()
    assert [result.named for result in ask(named_engine, "दल").results] == [()] * 12


def test_named_is_for_people_and_not_in_the_json(named_engine: SearchEngine) -> None:
    told = ask(named_engine, "birthday", k=1).to_json()
    assert told["results"][0]["matched"] == ("birthday",)  # type: ignore[index]
    assert "named" not in told["results"][0]  # type: ignore[index]


# Names weighed


def ids(*keys: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(keys, np.int64)


def word(*named: int, known: bool = True, inside: tuple[int, ...] = ()) -> NamedWord:
    return NamedWord("word", known, ids(*named), ids(*inside))


def hits(*words: NamedWord, files: tuple[int, ...] = (), photos: int = 1000) -> WordHits:
    return WordHits(ids(*files), words, (), photos)


EVERY = tuple(range(1, 1001))


def test_bonus_grows_with_the_rarity_of_the_name_and_its_share_of_the_query() -> None:
    rare, common, absent = word(1), word(*range(1, 501)), word()
    assert hits(rare).bonus(ids(1, 2)).tolist() == [pytest.approx(3 * np.log(1000)), 0]
    assert hits(rare, absent).bonus(ids(1))[0] == pytest.approx(3 * np.log(1000) / 2)
    assert hits(rare, absent, absent).bonus(ids(1))[0] == pytest.approx(np.log(1000))
    assert hits(common).bonus(ids(1))[0] == pytest.approx(3 * np.log(2))
    only_common, both = hits(rare, common).bonus(ids(2, 1))
    assert only_common < 0.3 < 20 < both
    for everywhere in (word(*EVERY), replace(word(), common=True)):
        assert hits(everywhere, absent).bonus(ids(1)) == 0
        assert hits(everywhere).bonus(ids(1, 2)).tolist() == [0, 0]
    assert hits().bonus(ids(1)) == 0


def test_known_words_take_places_only_all_together() -> None:
    both = hits(word(1, 2), word(2, 3))
    assert both.places(ids(1, 2, 3, 4)).tolist() == [0, 1, 0, 0]
    assert [tier.tolist() for tier in both.tiers] == [[2]]
    assert both.are_named(ids(1, 2, 3, 4)).tolist() == [True, True, True, False]


def test_names_of_most_photos_take_no_places_from_what_the_captioner_reads() -> None:
    known, everywhere = word(), word(*EVERY[:700], known=False)
    assert hits(everywhere, known).places(ids(1, 999)).tolist() == [0, 0]
    assert hits(everywhere).places(ids(1, 999)).tolist() == [2, 0]  # nothing else to order by
    assert hits(word(*EVERY[:700])).places(ids(1, 999)).tolist() == [0, 0]
    assert hits(word(*EVERY[:600])).places(ids(1, 999)).tolist() == [1, 0]


def test_file_of_that_name_comes_before_all_words() -> None:
    found = hits(word(1, 2, known=False), word(1, known=False), word(4), files=(3,))
    assert found.places(ids(1, 2, 3, 4)).tolist() == [4, 2, 8, 0]
    assert [tier.tolist() for tier in found.tiers] == [[3], [1], [2]]
    assert found.are_named(ids(3)).tolist() == [True]


def test_word_inside_a_longer_one_counts_half() -> None:
    found = hits(word(1, known=False, inside=(2,)))
    assert found.places(ids(1, 2, 3)).tolist() == [2 + 1, 1 + 1, 0]
    bonus = found.bonus(ids(1, 2, 3))
    assert bonus.tolist() == pytest.approx([3 * np.log(500), 3 * np.log(500) / 4, 0])


@pytest.mark.parametrize("query", ["東京の写真", "去年の東京タワー", "東京"])
def test_name_within_a_text_without_spaces_finds_its_photo(
    named_engine: SearchEngine, query: str
) -> None:
    answer = ask(named_engine, query, k=2)
    assert names(answer)[0] == "東京タワー2019.jpg"
    assert answer.results[0].named[0] in query
    assert answer.results[0].named[0] in answer.results[0].matched
    assert not answer.results[1].named
    assert not answer.not_english


def test_text_without_spaces_finds_nothing_by_chance(named_engine: SearchEngine) -> None:
    answer = ask(named_engine, "京都の写真")
    assert {result.named for result in answer.results} == {()}
    assert answer.not_english
