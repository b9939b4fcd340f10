"""Answers say how probable each photo is, and where they stop being convincing."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from captioner.captioner import Captioner
from search.engine import SearchEngine
from search.request import SearchRequest

_FITS = "a cat looks at the camera"


@pytest.fixture
def weak_below(captioner: Captioner) -> Iterator[Callable[[float], None]]:
    """Sets the probability where weak begins, for one test."""
    ranking = captioner.provenance.ranking

    def set_to(value: float) -> None:
        fit = replace(ranking.fit, weak_below=value)
        captioner.provenance.ranking = replace(ranking, fit=fit)

    yield set_to
    captioner.provenance.ranking = ranking


@pytest.mark.parametrize("stage", ["combined", "likelihood", "retrieve"])
def test_the_right_photo_is_more_probable_than_the_wrong_ones(
    engine: SearchEngine, stage: str
) -> None:
    results = engine.search(SearchRequest(_FITS, stage=stage)).results
    assert all(0 <= result.probability <= 1 for result in results)
    assert max(results, key=lambda result: result.probability).path.endswith("cat.png")


def test_results_are_weak_below_the_threshold(
    engine: SearchEngine, weak_below: Callable[[float], None]
) -> None:
    results = engine.search(SearchRequest(_FITS)).results
    chances = sorted(result.probability for result in results)
    weak_below((chances[-1] + chances[-2]) / 2)
    answer = engine.search(SearchRequest(_FITS))
    assert [result.weak for result in answer.results] == [
        result.probability < max(chances) for result in answer.results
    ]
    assert not answer.nothing_fits


def test_an_answer_says_when_nothing_fits(
    engine: SearchEngine, weak_below: Callable[[float], None]
) -> None:
    weak_below(1.1)
    answer = engine.search(SearchRequest("a dog runs through the snow", k=3))
    assert answer.nothing_fits
    assert all(result.weak for result in answer.results)
    assert answer.to_json()["nothing_fits"] is True


def test_a_photo_that_is_named_is_never_weak(
    engine: SearchEngine, weak_below: Callable[[float], None]
) -> None:
    weak_below(1.1)
    for query, word in (("astronaut png", "png"), (_FITS, "cat")):
        answer = engine.search(SearchRequest(query))
        named = [result for result in answer.results if word in result.named]
        assert named
        assert (word in answer.unknown_words) == (word == "png")
        assert not any(result.weak for result in named)
        assert not answer.nothing_fits
