"""A photo whose description is damaged is in no answer, until it is described again."""

import logging
from pathlib import Path

import pytest
from sqlalchemy import select, text

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog.database import Database, DatabaseUnavailable
from catalog.home import Home
from catalog.models import Photo, State
from indexer.pipeline import Indexer
from search.engine import SearchEngine
from search.request import SearchRequest
from tests.catalog.damage import HARMS, harm


def cat_of(database: Database) -> tuple[int, int]:
    """The ids of the cat's photo and of its model."""
    query = select(State.photo_id, State.model_id).join(Photo, Photo.id == State.photo_id)
    with database.read() as session:
        return tuple(session.execute(query.where(Photo.path == b"cat.png")).one())  # type: ignore[return-value]


@pytest.mark.parametrize("stage", ["combined", "retrieve", "likelihood"])
@pytest.mark.parametrize("what", HARMS)
def test_damaged_photo_is_in_no_answer_and_named_once(
    own_home: Home,
    own_database: Database,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    caplog: pytest.LogCaptureFixture,
    what: str,
    stage: str,
) -> None:
    cat, model = cat_of(own_database)
    with own_database.write() as session:
        harm(session, what, cat, model)
    engine = SearchEngine(own_home, own_database, captioner, embedder)
    with caplog.at_level(logging.WARNING):
        for query in ("a cat", "a cat lying down"):
            found = engine.search(SearchRequest(query, stage=stage)).results
            assert found
            assert cat not in {result.photo_id for result in found}
    [told] = caplog.messages
    assert "cat.png" in told
    assert engine.similar_to(cat) == ()
    other = found[0].photo_id
    assert cat not in {each.photo_id for each in engine.similar_to(other, 50)}
    assert engine.photo(cat).captions == ()


def test_damage_while_a_server_runs_is_not_shown(
    own_home: Home, own_database: Database, captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    cat, model = cat_of(own_database)
    engine = SearchEngine(own_home, own_database, captioner, embedder)
    assert engine.search(SearchRequest("a cat")).results[0].photo_id == cat
    with own_database.write() as session:
        harm(session, "text", cat, model)
    assert cat not in {each.photo_id for each in engine.search(SearchRequest("a cat")).results}


def test_indexing_describes_damaged_photos_again_and_only_them(
    own_home: Home,
    own_database: Database,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    sample_photos: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cat, model = cat_of(own_database)
    engine = SearchEngine(own_home, own_database, captioner, embedder)
    before = engine.search(SearchRequest("a cat")).results[0]
    with own_database.write() as session:
        harm(session, "state", cat, model)
        harm(session, "text", cat, model)
    with caplog.at_level(logging.WARNING):
        report = Indexer(own_home, own_database, captioner, embedder).index([sample_photos])
    assert report.indexed == 1
    assert "changed_originals" not in report.to_json()
    assert any("cat.png" in message for message in caplog.messages)
    after = engine.search(SearchRequest("a cat")).results[0]
    assert (after.photo_id, after.caption) == (cat, before.caption)
    assert after.score == pytest.approx(before.score, abs=1e-3)


def test_words_that_are_no_text_are_told_in_a_sentence(
    own_home: Home, own_database: Database, captioner: Captioner, embedder: SentenceEmbedder
) -> None:
    cat, _ = cat_of(own_database)
    engine = SearchEngine(own_home, own_database, captioner, embedder)
    assert engine.search(SearchRequest("a cat")).results
    with own_database.write() as session:
        # What a page of another table in this one's place looks like.
        session.execute(
            text("UPDATE photo_text SET names = x'00ff' WHERE photo_id = :cat"), {"cat": cat}
        )
    with pytest.raises(DatabaseUnavailable, match="damaged"):
        engine.search(SearchRequest("a cat"))
