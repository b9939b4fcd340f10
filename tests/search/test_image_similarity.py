"""In a home with an image embedder its similarity counts: more candidates, another order."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from captioner.captioner import Captioner, Ranking
from captioner.embedder import SentenceEmbedder
from captioner.image_embedder import ImageEmbedder
from catalog.database import open_database
from catalog.home import open_home
from catalog.image_vectors import add_image_vectors, choose_image_embedder
from catalog.models import Photo
from indexer.pipeline import Indexer
from search.diagnosis import missing, probability
from search.engine import SearchEngine
from search.limits import LIKELIHOOD, RETRIEVE
from search.request import SearchRequest
from search.results import SearchAnswer
from tests.tiny_clip import make_tiny_clip

QUERY = "a cat on a sofa"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ImageEmbedder:
    return ImageEmbedder(make_tiny_clip(tmp_path_factory.mktemp("models") / "clip"), "cpu")


@pytest.fixture(scope="module")
def seen(
    tmp_path_factory: pytest.TempPathFactory,
    sample_photos: Path,
    captioner: Captioner,
    embedder: SentenceEmbedder,
    clip: ImageEmbedder,
) -> Iterator[SearchEngine]:
    """An engine over the sample photos in a home with an image embedder."""
    home = open_home(tmp_path_factory.mktemp("seen") / "home")
    database = open_database(home)
    Indexer(home, database, captioner, embedder, image_embedder=clip).index([sample_photos])
    yield SearchEngine(home, database, captioner, embedder, clip)
    database.close()


@pytest.fixture
def ranking(captioner: Captioner) -> Iterator[Ranking]:
    """The shipped weights; what a test puts in their place is taken back."""
    before = captioner.provenance.ranking
    yield before
    captioner.provenance.ranking = before


def weigh(engine: SearchEngine, ranking: Ranking, image: float) -> None:
    """Let the image embedder count so much in both stages."""
    changed = replace(ranking, image=image, image_in_retrieval=image, short=None)
    engine.captioner.provenance.ranking = changed


def names(answer: SearchAnswer) -> list[str]:
    return [os.path.basename(result.path) for result in answer.results]


def by_image_alone(engine: SearchEngine) -> list[str]:
    """The sample photos in the order of the image embedder's similarity to the query."""
    assert engine.image_embedder is not None
    with engine.database.read() as session:
        ids = session.scalars(select(Photo.id).order_by(Photo.id)).all()
    [question] = engine.read_plain([SearchRequest(QUERY)])
    found = engine.survey(np.array(ids)).measure(question.parsed, question.vector, question.image)
    assert found.image is not None
    views = engine.photos(ids)
    order = np.argsort(-found.image, kind="stable").tolist()
    return [os.path.basename(os.fsdecode(views[ids[row]].path)) for row in order]


def test_home_without_one_answers_as_if_there_were_no_image_embedders(
    engine: SearchEngine, seen: SearchEngine
) -> None:
    plain = SearchEngine(seen.home, seen.database, seen.captioner, seen.embedder)
    told, expected = (each.search(SearchRequest(QUERY)) for each in (plain, engine))
    assert names(told) == names(expected)
    assert [result.score for result in told.results] == [each.score for each in expected.results]
    assert "image_similarity" not in str(expected.to_json())


def test_similarity_is_one_more_summand_of_the_score(seen: SearchEngine, ranking: Ranking) -> None:
    request = SearchRequest(QUERY)
    weigh(seen, ranking, 0.0)
    without = {result.photo_id: result for result in seen.search(request).results}
    weigh(seen, ranking, 1.5)
    told = seen.search(request).results
    for result in told:
        assert result.image_similarity is not None
        gain = result.score - without[result.photo_id].score
        assert gain == pytest.approx(1.5 * result.image_similarity, abs=1e-4)
    values = [result.image_similarity for result in told]
    assert np.mean(values) == pytest.approx(0, abs=1e-3)
    assert np.std(values) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("stage", ["combined", RETRIEVE])
def test_heavy_similarity_changes_the_order(
    seen: SearchEngine, ranking: Ranking, stage: str
) -> None:
    request, wanted = SearchRequest(QUERY, stage=stage), by_image_alone(seen)
    weigh(seen, ranking, 0.0)
    before = names(seen.search(request))
    weigh(seen, ranking, 1e5)
    after = names(seen.search(request))
    assert before != wanted
    assert after == wanted


def test_likelihood_alone_ranks_without_it(seen: SearchEngine, ranking: Ranking) -> None:
    orders = []
    for weight in (0.0, 1e5):
        weigh(seen, ranking, weight)
        orders.append(names(seen.search(SearchRequest(QUERY, stage=LIKELIHOOD))))
    assert orders[0] == orders[1]


def test_nearest_photos_join_the_candidates(seen: SearchEngine, ranking: Ranking) -> None:
    first = by_image_alone(seen)[0]
    weigh(seen, ranking, 1e5)
    told = seen.search(SearchRequest(QUERY, k=1, candidates=1))
    assert (told.candidates, names(told)) == (1, [first])


def test_modifiers_and_filters_go_on_working(seen: SearchEngine, ranking: Ranking) -> None:
    weigh(seen, ranking, 1.0)
    request = SearchRequest("cat^2", excluded=("a rocket",), rather_than="a dog")
    assert sorted(names(seen.search(request))) == sorted(names(seen.search(SearchRequest("cat"))))


def test_all_pages_are_parts_of_one_order(seen: SearchEngine, ranking: Ranking) -> None:
    weigh(seen, ranking, 1.0)
    pages = [
        name
        for offset in range(0, 12, 4)
        for name in names(seen.search(SearchRequest(QUERY, k=4, offset=offset, candidates=3)))
    ]
    assert len(pages) == len(set(pages)) == 12


def test_photo_without_a_vector_counts_as_any_photo_does(
    seen: SearchEngine, ranking: Ranking, tmp_path: Path, clip: ImageEmbedder, album: Path
) -> None:
    home = open_home(tmp_path / "home")
    database = open_database(home)
    models = seen.captioner, seen.embedder
    Indexer(home, database, *models).index([album])
    engine = SearchEngine(home, database, *models, clip)
    with database.write() as session:
        chosen = choose_image_embedder(
            session, name="clip", sha256=clip.sha256, dimension=clip.dimension, folder=clip.folder
        )
    assert engine.search(SearchRequest(QUERY)).results[0].image_similarity is None
    with database.write() as session:
        content = session.scalars(select(Photo.content_hash)).first()
        assert content is not None
        vector = clip.encode_texts([QUERY])[0]
        add_image_vectors(session, chosen.model_id, {content: vector})
    again = SearchEngine(home, database, *models, clip)
    # One vector alone tells nothing of photos in general.
    assert again.search(SearchRequest(QUERY)).results[0].image_similarity is None
    database.close()


def test_diagnosis_counts_it_as_the_search_does(seen: SearchEngine, ranking: Ranking) -> None:
    fit = replace(ranking.fit, image=0.7)
    seen.captioner.provenance.ranking = replace(ranking, image=2.0, fit=fit)
    told = seen.search(SearchRequest(QUERY))
    for place, result in enumerate(told.results, start=1):
        chance = probability(seen, QUERY, result.photo_id)
        assert chance == pytest.approx(result.probability, abs=1e-3)
        if place in (1, 12):
            standing = missing(seen, QUERY, seen.photo(result.photo_id)).standing
            assert standing.rank == place


def test_rebuilding_makes_its_vector_file_anew(seen: SearchEngine) -> None:
    [file] = seen.home.vectors.glob("*-image/gen-*.faiss")
    file.unlink()
    assert seen.rebuild() == 3 * 12
    assert len(list(seen.home.vectors.glob("*-image/gen-*.faiss"))) == 1
