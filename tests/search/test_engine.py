"""Sentences find real photos with the shipped captioner, and answers add up."""

from pathlib import Path

import numpy as np
import pytest

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from captioner.image_file import decode_photo, to_tensor
from catalog import photos
from catalog.database import Database
from catalog.home import Home
from search.engine import SearchEngine, UnknownPhoto
from search.parsed_query import parse_query
from search.request import SearchRequest
from search.rerank import score_photos
from search.results import SearchResult


def _found(engine: SearchEngine, query: str, **options: object) -> tuple[SearchResult, ...]:
    return engine.search(SearchRequest(query, **options)).results  # type: ignore[arg-type]


@pytest.mark.parametrize("stage", ["combined", "likelihood", "retrieve"])
def test_every_stage_puts_the_cat_first(engine: SearchEngine, stage: str) -> None:
    assert Path(_found(engine, "a cat", stage=stage)[0].path).name == "cat.png"


def test_scores_fall_and_every_photo_comes_once(engine: SearchEngine) -> None:
    results = _found(engine, "a woman is smiling", k=50)
    scores = [result.score for result in results]
    assert scores == sorted(scores, reverse=True)
    assert len({result.photo_id for result in results}) == len(results) == 12


def test_word_gains_add_up_to_the_evidence(engine: SearchEngine) -> None:
    for result in _found(engine, "a cat looks at the camera"):
        assert [word.word for word in result.words] == ["a", "cat", "looks", "at", "the", "camera"]
        assert sum(word.gain for word in result.words) == pytest.approx(result.evidence, abs=1e-3)


def test_pages_continue_each_other(engine: SearchEngine) -> None:
    whole = [result.photo_id for result in _found(engine, "a man", k=6)]
    pages = [
        result.photo_id
        for offset in (0, 2, 4)
        for result in _found(engine, "a man", k=2, offset=offset)
    ]
    assert pages == whole
    assert _found(engine, "a man", offset=100) == ()


def test_few_candidates_are_still_the_best_of_the_first_stage(engine: SearchEngine) -> None:
    answer = engine.search(SearchRequest("a cat", k=1, candidates=1))
    assert answer.candidates == 1
    assert Path(answer.results[0].path).name == "cat.png"


def test_ranking_from_stored_states_equals_ranking_from_pixels(
    engine: SearchEngine, sample_photos: Path
) -> None:
    captioner = engine.captioner
    results = _found(engine, "a cat on a table", stage="likelihood", k=50)
    words = parse_query("a cat on a table", captioner, engine.embedder).words
    for result in results:
        pixels = to_tensor(decode_photo(Path(result.path).read_bytes()))
        again = score_photos(captioner, words, captioner.look(np.stack([pixels])))
        assert again.log_likelihood[0] == pytest.approx(result.log_likelihood, abs=0.3)


def test_a_query_of_unknown_words_alone_is_answered_by_the_first_stage(
    engine: SearchEngine,
) -> None:
    answer = engine.search(SearchRequest("qzxv"))
    assert answer.unknown_words == ("qzxv",)
    assert len(answer.results) == 12
    assert answer.results[0].words == ()


def test_a_photo_is_most_like_itself(engine: SearchEngine, sample_photos: Path) -> None:
    pixels = to_tensor(decode_photo((sample_photos / "rocket.jpg").read_bytes()))
    found = engine.similar(engine.captioner.look(np.stack([pixels])), k=3)
    assert Path(found[0].path).name == "rocket.jpg"
    assert found[0].similarity == pytest.approx(1, abs=0.01)


def test_photos_like_a_stored_one_leave_it_out(engine: SearchEngine, sample_photos: Path) -> None:
    pixels = to_tensor(decode_photo((sample_photos / "rocket.jpg").read_bytes()))
    [itself, *others] = engine.similar(engine.captioner.look(np.stack([pixels])), k=12)
    found = engine.similar_to(itself.photo_id, k=12)
    assert [photo.photo_id for photo in found] == [photo.photo_id for photo in others]
    assert [photo.similarity for photo in found] == pytest.approx(
        [photo.similarity for photo in others], abs=0.01
    )
    assert engine.similar_to(itself.photo_id, k=2) == found[:2]
    with pytest.raises(UnknownPhoto):
        engine.similar_to(10**9)


def test_an_id_out_of_range_is_unknown(engine: SearchEngine) -> None:
    for photo_id in (0, -1, 10**12):
        with pytest.raises(UnknownPhoto):
            engine.photo(photo_id)


def test_an_empty_home_answers_with_nothing(
    home: Home, database: Database, captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    empty = SearchEngine(home, database, captioner, embedder)
    assert _found(empty, "a dog") == ()
    assert empty.status().photos == 0
    assert empty.rebuild() == 0


def test_a_running_engine_sees_what_was_indexed_and_removed_later(
    home: Home,
    database: Database,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    sample_photos: Path,
    tmp_path: Path,
) -> None:
    from indexer.pipeline import Indexer

    engine = SearchEngine(home, database, captioner, embedder)
    album = tmp_path / "album"
    album.mkdir()
    assert _found(engine, "a cat") == ()
    for name in ("cat.png", "coffee.png"):
        (album / name).write_bytes((sample_photos / name).read_bytes())
    Indexer(home, database, captioner, embedder).index([album])
    results = _found(engine, "a cat")
    assert [Path(result.path).name for result in results] == ["cat.png", "coffee.png"]
    with database.write() as session:
        photos.remove_photos(session, [results[0].photo_id])
    assert [Path(result.path).name for result in _found(engine, "a cat")] == ["coffee.png"]


def test_status_counts_what_is_there(engine: SearchEngine, sample_photos: Path) -> None:
    status = engine.status()
    assert (status.photos, status.vectors, status.failures) == (12, 24, 0)
    assert [(root.path, root.online) for root in status.roots] == [(str(sample_photos), True)]


def test_measuring_a_sentence_agrees_with_searching_it(engine: SearchEngine) -> None:
    results = _found(engine, "a cat", k=50)
    ids = np.array([result.photo_id for result in results])
    measured = engine.measure("a cat", ids)
    assert measured.log_likelihood.tolist() == pytest.approx(
        [result.log_likelihood for result in results], abs=0.1
    )
    with pytest.raises(UnknownPhoto):
        engine.measure("a cat", np.array([10**9]))
