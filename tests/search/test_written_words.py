"""What people wrote about photos lifts them as names do; the model's own tags lift a little."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from captioner.tags import Tag
from catalog.database import open_database
from catalog.home import open_home
from indexer.pipeline import Indexer
from search.complete import complete
from search.engine import SearchEngine
from search.filters import read_filter
from search.lexical import NamedWord, TaggedPhrase, WordHits, find_words
from search.limits import STAGES
from search.parsed_query import parse_query
from search.request import SearchRequest
from search.results import SearchAnswer
from tests.indexer.annotated_photos import annotated, write_sidecar

WRITTEN = {
    "coins.png": annotated(["Harvest festival", "birthday"], rating=4),
    "brick-wall.png": annotated(["regatta", "cat"], rating=2, title="Old mill"),
    "gravel.png": annotated(description="The flood at the old mill"),
    "clock.png": annotated(["東京タワー"]),
}
PLACES = {"grass.png": "Regatta/a.png", "retina.jpg": "guessed/retina.jpg"}
PERSON = (
    b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description>'
    b'<i:PersonInImage xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><r:Bag>'
    b"<r:li>Ada Lovelace</r:li></r:Bag></i:PersonInImage></r:Description></r:RDF>"
)
TAGS = (Tag("Egyptian Mau", "Egyptian Mau cat", 0.5), Tag("traffic light", "traffic light", 0.25))


@pytest.fixture(scope="module")
def written_engine(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
) -> Iterator[SearchEngine]:
    """The sample photos, some with sidecars; those in `guessed` have tags."""
    album = tmp_path_factory.mktemp("written") / "album"
    for photo in sample_photos.iterdir():
        path = album / PLACES.get(photo.name, photo.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, path)
    for name, content in WRITTEN.items():
        write_sidecar(album / name, content)
    write_sidecar(album / "astronaut.png", PERSON)
    home = open_home(album.parent / "home")
    database = open_database(home)
    indexer = Indexer(home, database, captioner, embedder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.describe.tags_of", lambda _, state: [TAGS] * len(state))
        indexer.index([album / "guessed"])
    indexer.index([album])
    yield SearchEngine(home, database, captioner, embedder)
    database.close()


def ask(engine: SearchEngine, query: str, **options: object) -> SearchAnswer:
    return engine.search(SearchRequest(query, **options))  # type: ignore[arg-type]


def names(answer: SearchAnswer) -> list[str]:
    return [Path(result.path).name for result in answer.results]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("query", "first", "reasons"),
    [
        ("harvest festival", "coins.png", {"keyword": ("Harvest festival",)}),
        ("a photo of the birthday", "coins.png", {"keyword": ("birthday",)}),
        ("Ada", "astronaut.png", {"person": ("Ada Lovelace",)}),
        ("lovelace in a suit", "astronaut.png", {"person": ("Ada Lovelace",)}),
        ("flood", "gravel.png", {"description": ("flood",)}),
        ("mill regatta", "brick-wall.png", {"keyword": ("regatta",), "title": ("mill",)}),
        ("東京", "clock.png", {"keyword": ("東京タワー",)}),
    ],
)
def test_what_people_wrote_lifts_its_photo_and_is_the_reason(
    written_engine: SearchEngine, nothing_convinces: None, query: str, first: str,
    reasons: dict[str, tuple[str, ...]], stage: str,
) -> None:  # fmt: skip
    answer = ask(written_engine, query, stage=stage, candidates=1, k=2)
    assert names(answer)[0] == first
    assert answer.results[0].reasons == reasons
    assert not answer.results[0].weak
    assert not answer.nothing_fits


def test_json_says_the_matched_words_and_no_reasons(written_engine: SearchEngine) -> None:
    told = ask(written_engine, "harvest", k=1).to_json()["results"][0]  # type: ignore[index]
    assert told["matched"] == ("harvest",)
    assert "reasons" not in told


def test_keyword_is_as_strong_as_the_name_of_a_folder(written_engine: SearchEngine) -> None:
    for query in ("regatta", "a regatta on the sea", "regatta dog"):
        parsed = parse_query(query, written_engine.captioner, written_engine.embedder)
        with written_engine.database.read() as session:
            hits = find_words(session, parsed, few=5, photos=12)
        found = {Path(each.path).name: each.photo_id for each in ask(written_engine, query).results}
        ids = np.array([found["brick-wall.png"], found["a.png"]])
        keyword, folder = hits.bonus(ids)
        assert keyword == folder > 0
        assert len(set(hits.places(ids))) == 1
    reasons = {result.photo_id: result.reasons for result in ask(written_engine, "regatta").results}
    assert reasons[found["a.png"]] == {"named": ("regatta",)}


def test_photos_are_filtered_by_keyword_and_rating(written_engine: SearchEngine) -> None:
    def passing(**wanted: str) -> set[str]:
        return set(names(ask(written_engine, "a dog", filters=read_filter(**wanted))))

    assert passing(keyword="festival") == {"coins.png"}
    assert passing(rating="2") == {"coins.png", "brick-wall.png"}
    assert passing(rating="2", keyword="regatta") == {"brick-wall.png"}
    assert len(passing(rating="0")) == 12
    assert passing(rating="-1") == passing(keyword="nobody") == set()


def test_keywords_are_completed(written_engine: SearchEngine) -> None:
    completed = complete(written_engine, "at the harv", 50).completions
    assert ("at the harvest festival", "harvest festival", 1 / 12) in [
        (each.text, each.word, pytest.approx(each.probability)) for each in completed
    ]


# Tags


def test_tag_is_a_reason_and_no_certainty(
    written_engine: SearchEngine, nothing_convinces: None
) -> None:
    answer = ask(written_engine, "an egyptian mau runs")
    tagged = [result for result in answer.results if result.reasons]
    assert [(Path(each.path).name, each.reasons) for each in tagged] == [
        ("retina.jpg", {"tagged": ("egyptian mau",)})
    ]
    assert tagged[0].weak
    assert tagged[0].named == tagged[0].matched == ()
    assert answer.nothing_fits


def test_keyword_comes_before_a_tag(written_engine: SearchEngine) -> None:
    answer = ask(written_engine, "cat")
    assert names(answer)[0] in ("cat.png", "brick-wall.png")
    assert set(names(answer)[:2]) == {"cat.png", "brick-wall.png"}
    reasons = {Path(result.path).name: result.reasons for result in answer.results}
    assert reasons["retina.jpg"] == {"tagged": ("cat",)}
    assert reasons["brick-wall.png"] == {"keyword": ("cat",)}
    assert reasons["cat.png"] == {"named": ("cat",)}


def test_tag_proposes_its_photo(engine: SearchEngine, written_engine: SearchEngine) -> None:
    def candidates(asked: SearchEngine) -> list[str]:
        request = SearchRequest("an egyptian mau in the grass", k=1, candidates=4)
        ids = asked.rank(asked.read(request)).found.ids.tolist()
        return [view.full_path.name for view in asked.photos(ids).values()]

    assert "retina.jpg" not in candidates(engine)
    assert "retina.jpg" in candidates(written_engine)


def word(*named: int) -> NamedWord:
    return NamedWord("cat", True, np.array(named, np.int64), np.empty(0, np.int64))


def tag(*ids: int, chance: float = 1.0) -> TaggedPhrase:
    found = np.array(ids, np.int64)
    return TaggedPhrase("cat", ("cat",), found, np.full(len(ids), chance))


def bonus(words: tuple[NamedWord, ...], tagged: TaggedPhrase, key: int) -> float:
    hits = WordHits(np.empty(0, np.int64), words, (), 1000, (tagged,))
    assert not hits.are_named(np.array([9])).any()
    assert not hits.places(np.array([9])).any()
    return float(hits.bonus(np.array([key]))[0])


def test_tag_lifts_in_proportion_to_its_probability_and_rarity() -> None:
    absent = word()
    sure = bonus((absent,), tag(9), 9)
    assert sure == pytest.approx(0.3 * np.log(1000))
    assert bonus((absent,), tag(9, chance=0.25), 9) == pytest.approx(sure / 4)
    assert bonus((absent, absent), tag(9), 9) == pytest.approx(sure / 2)
    assert bonus((absent,), tag(*range(9, 509)), 9) == pytest.approx(0.3 * np.log(2))
    assert bonus((absent,), tag(*range(1, 1001)), 9) == 0
    assert bonus((absent,), tag(9), 8) == bonus((absent,), tag(7, 9), 8) == 0


@pytest.mark.parametrize("named", [(1,), tuple(range(10, 990)), tuple(range(10, 1010))])
@pytest.mark.parametrize("others", [(), (word(2),), (word(),)])
def test_sure_tag_adds_far_less_than_a_name_of_the_same_word(
    named: tuple[int, ...], others: tuple[NamedWord, ...]
) -> None:
    words = (word(*named), *(replace(each, word="other") for each in others))
    assert bonus(words, tag(9), 9) <= 0.1001 * bonus(words, tag(9), named[0])
