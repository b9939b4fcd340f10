"""`not`, `rather than` and weights move photos as they say, in every stage."""

from pathlib import Path

import numpy as np
import pytest

from search.engine import SearchEngine
from search.query_modifiers import Scale, Support
from search.request import InvalidQuery, SearchRequest
from search.results import SearchAnswer
from search.retrieval import Candidates

STAGES = ["combined", "likelihood", "retrieve"]
CAT = "a cat"
GRASS = "grass in a field"


def _ask(engine: SearchEngine, query: str, **options: object) -> SearchAnswer:
    return engine.search(SearchRequest(query, k=50, **options))  # type: ignore[arg-type]


def _places(answer: SearchAnswer) -> dict[str, int]:
    return {Path(result.path).name: place for place, result in enumerate(answer.results)}


def _scores(answer: SearchAnswer) -> dict[int, float]:
    return {result.photo_id: result.score for result in answer.results}


@pytest.mark.parametrize("stage", STAGES)
def test_rather_than_flips_the_order(engine: SearchEngine, stage: str) -> None:
    one = _places(_ask(engine, "a photo", stage=stage, rather_than=CAT))
    other = _places(_ask(engine, "a photo", stage=stage, rather_than=GRASS))
    assert one["grass.png"] < one["cat.png"]
    assert other["cat.png"] < other["grass.png"]


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_excluded_falls_behind(engine: SearchEngine, stage: str) -> None:
    one = _places(_ask(engine, "a photo", stage=stage, excluded=(CAT,)))
    other = _places(_ask(engine, "a photo", stage=stage, excluded=(GRASS,)))
    assert one["grass.png"] < one["cat.png"]
    assert other["cat.png"] < other["grass.png"]


@pytest.mark.parametrize("stage", STAGES)
def test_an_exclusion_takes_most_from_what_shows_it_and_gives_to_none(
    engine: SearchEngine, stage: str
) -> None:
    plain = _scores(_ask(engine, "a photo", stage=stage))
    answer = _ask(engine, "a photo", stage=stage, excluded=("a cat",))
    lost = {Path(r.path).name: plain[r.photo_id] - r.score for r in answer.results}
    assert min(lost.values()) >= -1e-4
    assert max(lost, key=lambda name: lost[name]) == "cat.png"


def test_each_exclusion_counts(engine: SearchEngine) -> None:
    plain = _scores(_ask(engine, "a photo"))
    one = _scores(_ask(engine, "a photo", excluded=("a cat",)))
    other = _scores(_ask(engine, "a photo", excluded=("a cup of coffee",)))
    both = _scores(_ask(engine, "a photo", excluded=("a cat", "a cup of coffee")))
    for key, score in plain.items():
        assert both[key] == pytest.approx(one[key] + other[key] - score, abs=0.05)


def test_a_photo_that_does_not_fit_an_excluded_text_is_not_rewarded_without_end() -> None:
    ratios, similarities = np.array([-50, -5, 0, 5], np.float32), np.zeros(4, np.float32)
    found = Candidates(np.arange(4), similarities, similarities)
    penalty = Scale(1.0, 1.0, 1.0).penalty(Support(ratios, found))
    assert penalty.tolist() == pytest.approx([0, 0.0067, np.log(2), 5.0067], abs=1e-3)


def test_dropped_candidates_are_replaced(engine: SearchEngine) -> None:
    plain = engine.search(SearchRequest("a cat", k=1, candidates=1))
    assert Path(plain.results[0].path).name == "cat.png"
    for stage in ("combined", "retrieve"):
        answer = engine.search(
            SearchRequest("a cat", k=1, candidates=1, stage=stage, excluded=("cat^3",))
        )
        assert len(answer.results) == answer.candidates == 1
        assert Path(answer.results[0].path).name != "cat.png"


def test_rather_than_adds_the_difference_of_the_evidences(engine: SearchEngine) -> None:
    plain = _ask(engine, GRASS, stage="likelihood")
    score = _scores(_ask(engine, GRASS, stage="likelihood", rather_than=CAT))
    ids = np.array([result.photo_id for result in plain.results])
    other = engine.measure(CAT, ids).evidence
    for result, evidence in zip(plain.results, other, strict=True):
        expected = result.score + result.evidence - evidence
        assert score[result.photo_id] == pytest.approx(expected, abs=0.1)


def test_a_weight_multiplies_the_gain_of_its_word(engine: SearchEngine) -> None:
    plain = _ask(engine, "a cat looks", stage="likelihood")
    for weight in (0, 0.5, 3):
        score = _scores(_ask(engine, f"a cat^{weight} looks", stage="likelihood"))
        for result in plain.results:
            expected = result.score + (weight - 1) * result.words[1].gain
            assert score[result.photo_id] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("stage", STAGES)
def test_a_weight_moves_photos_towards_its_word(engine: SearchEngine, stage: str) -> None:
    def lead_of_the_cat(query: str) -> float:
        results = _ask(engine, query, stage=stage).results
        score = {Path(result.path).name: result.score for result in results}
        return score["cat.png"] - score["photographer.png"]

    plain = lead_of_the_cat("a cat and a man with a camera")
    assert lead_of_the_cat("a cat^3 and a man with a camera") > plain
    assert lead_of_the_cat('a cat and a "man with a camera"^3') < plain


@pytest.mark.parametrize("stage", STAGES)
def test_a_weight_of_one_changes_nothing(engine: SearchEngine, stage: str) -> None:
    plain, weighted = (_ask(engine, text, stage=stage) for text in ("a cat", "a cat^1"))
    assert plain.results == weighted.results


@pytest.mark.parametrize("stage", STAGES)
def test_scores_fall_from_result_to_result(engine: SearchEngine, stage: str) -> None:
    answer = _ask(engine, "a man^2 smiles", stage=stage, excluded=("a cat",), rather_than="a woman")
    scores = [result.score for result in answer.results]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 12


def test_evidence_and_similarity_stay_those_of_the_plain_query(engine: SearchEngine) -> None:
    plain = {r.photo_id: r for r in _ask(engine, "a cat").results}
    for result in _ask(engine, "a cat^3", excluded=("a cup",), rather_than="a dog").results:
        assert result.evidence == pytest.approx(plain[result.photo_id].evidence, abs=0.1)
        assert result.similarity == pytest.approx(plain[result.photo_id].similarity, abs=1e-5)


def test_unknown_words_of_every_text_are_named(engine: SearchEngine) -> None:
    answer = _ask(engine, "a qzxv", excluded=("wxqk", "doggies"), rather_than="qzxv vwkx")
    assert answer.unknown_words == ("qzxv", "wxqk", "doggies", "vwkx")
    assert "doggies" in answer.nearest_words


@pytest.mark.parametrize("stage", STAGES)
def test_texts_of_unknown_words_alone_are_answered(engine: SearchEngine, stage: str) -> None:
    options = {"stage": stage, "excluded": ("wxqk",), "rather_than": "vwkx"}
    assert len(_ask(engine, "a cat", **options).results) == 12
    assert len(_ask(engine, "qzxv^2", **options).results) == 12
    assert len(_ask(engine, "qzxv", stage=stage, excluded=("a cat",)).results) == 12


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"excluded": ("?!",)}, "not"),
        ({"excluded": ("dog " * 76,)}, "not"),
        ({"excluded": ("dog^11",)}, "not"),
        ({"excluded": ("dog",) * 9}, "not"),
        ({"rather_than": "?!"}, "rather_than"),
        ({"rather_than": "dog^-1"}, "rather_than"),
        ({"query": "a dog^99"}, "q"),
        ({"query": '"..."^2'}, "q"),
    ],
)
def test_a_wrong_contrast_names_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        SearchRequest(**({"query": "a dog"} | change))  # type: ignore[arg-type]
    assert caught.value.field == field
