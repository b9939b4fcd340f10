"""Photos are indexed and found by captioners whose states have four bits a number, or eight."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from captioner.checkpoint import read_checkpoint
from captioner.embedder import SentenceEmbedder
from captioner.onnx_captioner import OnnxCaptioner
from catalog.database import open_database
from catalog.home import open_home
from catalog.models import State
from indexer.pipeline import Indexer
from search.engine import SearchEngine
from search.request import SearchRequest
from tests.catalog.damage import harm

# Places of 160 numbers; then seed, vector, classes and what tells words in 16 bits.
REST = 2 * (512 + 384 + 2 * 16 + 256)


@pytest.mark.parametrize(("bits", "places"), [(4, 3920), (8, 7840)])
def test_photos_are_indexed_and_found_by_states_of_these_bits(
    bits: int, places: int, album: Path, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    shipped = read_checkpoint()
    captioner = OnnxCaptioner(replace(shipped, config=replace(shipped.config, state_bits=bits)))
    home = open_home(tmp_path / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder).index([album])
    with database.read() as session:
        assert session.scalars(select(func.length(State.blob))).all() == [places + REST] * 2
        first, model = session.execute(select(State.photo_id, State.model_id)).first() or (0, 0)
    for query, name in (("a cat", "cat.png"), ("a rocket", "rocket.jpg")):
        answer = SearchEngine(home, database, captioner, embedder).search(SearchRequest(query))
        assert answer.results[0].path.endswith(name)
        assert len(answer.results) == 2
    with database.write() as session:
        harm(session, "state", first, model)
    answer = SearchEngine(home, database, captioner, embedder).search(SearchRequest("a cat"))
    assert first not in {result.photo_id for result in answer.results}
    assert len(answer.results) == 1
    database.close()
